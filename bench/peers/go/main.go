// A controller on controller-runtime as kubebuilder lays one out, doing the work of Trunkline's PhoneNumber controller at
// the API server: typed objects, the manager's cache and client, merge patches with an optimistic lock.
//
// Everything that costs and that this work does not need is off: client-side rate limits, metrics, probes, leader
// election, managedFields in the cache, and wake-ups by our own writes (GenerationChangedPredicate).
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

var (
	kubeconfig   = flag.String("kubeconfig-file", "", "path of the kubeconfig")
	workers      = flag.Int("workers", 10, "MaxConcurrentReconciles")
	writes       = flag.Int("writes", 4, "writes for one create and delete: 4 as Trunkline, 3 as usual")
	latency      = flag.Duration("latency", 0, "of one call to a provider")
	createRounds = flag.Int("create-rounds", 0, "calls to providers, one after the other, for a create")
	deleteRounds = flag.Int("delete-rounds", 0, "the same for a delete")
)

func main() {
	flag.Parse()
	ctrl.SetLogger(zap.New())
	if err := run(ctrl.SetupSignalHandler()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	config.QPS = -1
	scheme := runtime.NewScheme()
	addToScheme(scheme)
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:         scheme,
		MapperProvider: staticMapper,
		Metrics:        server.Options{BindAddress: "0"},
		Cache:          cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
	})
	if err != nil {
		return err
	}
	err = ctrl.NewControllerManagedBy(manager).
		For(&PhoneNumber{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: *workers}).
		Complete(&reconciler{manager.GetClient()})
	if err != nil {
		return err
	}
	// Only what is asked for before the start is waited for.
	if _, err := manager.GetCache().GetInformer(ctx, &PhoneNumber{}); err != nil {
		return err
	}
	go func() {
		if manager.GetCache().WaitForCacheSync(ctx) {
			event, _ := json.Marshal(map[string]any{"event": "synced", "at": time.Now().UnixMilli()})
			fmt.Println(string(event))
		}
	}()
	return manager.Start(ctx)
}

func staticMapper(*rest.Config, *http.Client) (meta.RESTMapper, error) {
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(groupVersion.WithKind("PhoneNumber"), meta.RESTScopeNamespace)
	return mapper, nil
}

type reconciler struct{ client.Client }

func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	object := &PhoneNumber{}
	if err := r.Get(ctx, request.NamespacedName, object); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	held := slices.Contains(object.Finalizers, finalizer)
	switch {
	case object.DeletionTimestamp != nil && held:
		return ctrl.Result{}, r.takeDown(ctx, object)
	case object.DeletionTimestamp == nil && object.Status.Phase != "Ready":
		return ctrl.Result{}, r.bringUp(ctx, object, held)
	}
	return ctrl.Result{}, nil
}

func (r *reconciler) bringUp(ctx context.Context, object *PhoneNumber, held bool) error {
	if !held {
		if err := r.write(ctx, object, hold); err != nil {
			return err
		}
	}
	provide(*createRounds)
	return r.writeStatus(ctx, object, setReady)
}

func (r *reconciler) takeDown(ctx context.Context, object *PhoneNumber) error {
	if *writes == 4 && object.Status.Phase != "Deleting" {
		if err := r.writeStatus(ctx, object, setDeleting); err != nil {
			return err
		}
	}
	provide(*deleteRounds)
	return r.write(ctx, object, func(object *PhoneNumber) {
		object.Finalizers = slices.DeleteFunc(object.Finalizers, func(name string) bool { return name == finalizer })
	})
}

func (r *reconciler) write(ctx context.Context, object *PhoneNumber, change func(*PhoneNumber)) error {
	if *writes == 3 {
		change(object)
		return r.Update(ctx, object)
	}
	before := object.DeepCopy()
	change(object)
	return r.Patch(ctx, object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}

func (r *reconciler) writeStatus(ctx context.Context, object *PhoneNumber, change func(*PhoneNumber)) error {
	if *writes == 3 {
		change(object)
		return r.Status().Update(ctx, object)
	}
	before := object.DeepCopy()
	change(object)
	return r.Status().Patch(ctx, object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}

// The calls to both providers that Trunkline makes one after the other.
func provide(rounds int) {
	if *latency > 0 {
		time.Sleep(time.Duration(rounds) * *latency)
	}
}
