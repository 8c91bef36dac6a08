package main

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What every peer writes; the same fields and bytes as in bench/phone-numbers.ts.

const (
	finalizer        = "telephony.trunkline.dev/cleanup"
	intentAnnotation = "telephony.trunkline.dev/intent"
)

func pinOf(object *PhoneNumber) *Pin {
	account := object.Spec.AccountRef.Name
	sum := md5.Sum([]byte(account))
	return &Pin{
		Account:     account,
		AccountSid:  "AC" + hex.EncodeToString(sum[:]),
		LivekitURL:  "https://" + account + ".livekit.example",
		OwnerID:     "bench",
		PhoneNumber: object.Spec.PhoneNumber,
	}
}

func hold(object *PhoneNumber) {
	object.Finalizers = append(object.Finalizers, finalizer)
	intent, err := json.Marshal(pinOf(object))
	if err != nil {
		panic(err)
	}
	if object.Annotations == nil {
		object.Annotations = map[string]string{}
	}
	object.Annotations[intentAnnotation] = string(intent)
}

func setReady(object *PhoneNumber) {
	index, _ := strconv.Atoi(object.Name[strings.Index(object.Name, "-")+1:])
	sid, id := fmt.Sprintf("%032x", index), fmt.Sprintf("%012d", index)
	now := metav1.NewTime(time.Now().Truncate(time.Second))
	status := &object.Status
	status.ObservedGeneration = object.Generation
	status.Phase = "Ready"
	status.Conditions = []metav1.Condition{
		condition(object, now, "Ready", "Ready", metav1.ConditionTrue, "Calls to "+object.Spec.PhoneNumber+" reach LiveKit."),
		condition(object, now, "Synced", "Ready", metav1.ConditionTrue, "Everything outside is as the spec says"),
		condition(object, now, "Stalled", "Ready", metav1.ConditionFalse, ""),
		condition(object, now, "Corrupted", "Ready", metav1.ConditionFalse, ""),
	}
	status.Pinned = pinOf(object)
	status.Routing = "Attached"
	status.FirstReadyTime = &now
	status.Twilio = &TwilioStatus{
		PhoneNumberSid:         "PN" + sid,
		TrunkSid:               "TK" + sid,
		TrunkDomainName:        "t" + sid[12:] + ".pstn.twilio.com",
		OriginationURLSids:     []string{"OU" + sid, "OU" + sid},
		CredentialListSid:      "CL" + sid,
		CredentialSid:          "CR" + sid,
		IPAccessControlListSid: "AL" + sid,
	}
	status.LiveKit = &LiveKitStatus{InboundTrunkID: "ST_" + id, OutboundTrunkID: "ST_" + id, DispatchRuleID: "SDR_" + id}
	status.Leftovers = []Leftover{}
}

func setDeleting(object *PhoneNumber) {
	const message = "The number is being detached and everything behind it removed"
	now := metav1.NewTime(time.Now().Truncate(time.Second))
	status := &object.Status
	status.ObservedGeneration = object.Generation
	status.Phase = "Deleting"
	status.Conditions = []metav1.Condition{
		condition(object, now, "Ready", "Deleting", metav1.ConditionFalse, message),
		condition(object, now, "Synced", "Deleting", metav1.ConditionFalse, message),
		condition(object, now, "Stalled", "Deleting", metav1.ConditionFalse, ""),
		condition(object, now, "Corrupted", "Deleting", metav1.ConditionFalse, ""),
	}
	status.Deletion = &DeletionStatus{Policy: object.Spec.DeletionPolicy}
	status.Leftovers = []Leftover{}
}

func condition(object *PhoneNumber, now metav1.Time, kind, reason string, status metav1.ConditionStatus, message string) metav1.Condition {
	return metav1.Condition{
		Type:               kind,
		Status:             status,
		Reason:             reason,
		Message:            message,
		ObservedGeneration: object.Generation,
		LastTransitionTime: now,
	}
}
