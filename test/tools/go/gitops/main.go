// Reads a JSON array of objects and writes what a GitOps tool says of each, as {"status", "message"}.
//
//	gitops kstatus              the status that kstatus computes
//	gitops health SCRIPT.lua    what Argo CD's health script SCRIPT returns
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	wholenumbers "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type verdict struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	var objects []any
	// Kubernetes' own decoder, which keeps a generation a whole number.
	if err := wholenumbers.Unmarshal(input, &objects); err != nil {
		return err
	}
	verdicts := []verdict{}
	for _, one := range objects {
		object, ok := one.(map[string]any)
		if !ok {
			return fmt.Errorf("not an object: %v", one)
		}
		found, err := judge(args, object)
		if err != nil {
			return err
		}
		verdicts = append(verdicts, found)
	}
	return json.NewEncoder(os.Stdout).Encode(verdicts)
}

func judge(args []string, object map[string]any) (verdict, error) {
	switch {
	case len(args) == 1 && args[0] == "kstatus":
		result, err := status.Compute(&unstructured.Unstructured{Object: object})
		if err != nil {
			return verdict{}, err
		}
		return verdict{Status: string(result.Status), Message: result.Message}, nil
	case len(args) == 2 && args[0] == "health":
		return health(args[1], object)
	default:
		return verdict{}, fmt.Errorf("usage: gitops kstatus | gitops health SCRIPT.lua")
	}
}

// As Argo CD does it: the object is the global obj, and the script returns a table.
func health(script string, object map[string]any) (verdict, error) {
	state := lua.NewState()
	defer state.Close()
	state.SetGlobal("obj", valueOf(state, object))
	if err := state.DoFile(script); err != nil {
		return verdict{}, err
	}
	returned, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return verdict{}, fmt.Errorf("%s returns no table", script)
	}
	return verdict{
		Status:  lua.LVAsString(returned.RawGetString("status")),
		Message: lua.LVAsString(returned.RawGetString("message")),
	}, nil
}

func valueOf(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case map[string]any:
		table := state.NewTable()
		for key, each := range value {
			table.RawSetString(key, valueOf(state, each))
		}
		return table
	case []any:
		table := state.NewTable()
		for _, each := range value {
			table.Append(valueOf(state, each))
		}
		return table
	case string:
		return lua.LString(value)
	case int64:
		return lua.LNumber(value)
	case float64:
		return lua.LNumber(value)
	case bool:
		return lua.LBool(value)
	default:
		return lua.LNil
	}
}
