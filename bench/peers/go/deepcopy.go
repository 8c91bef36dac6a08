package main

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
)

func (in *PhoneNumber) DeepCopyInto(out *PhoneNumber) {
	*out = *in
	in.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	trunk := &out.Spec.Voice.SipTrunk
	trunk.OriginationUris = slices.Clone(trunk.OriginationUris)
	trunk.Inbound.AllowedAddresses = slices.Clone(trunk.Inbound.AllowedAddresses)
	trunk.Inbound.HeadersToAttributes = maps.Clone(trunk.Inbound.HeadersToAttributes)
	trunk.Outbound.AllowedCidrs = slices.Clone(trunk.Outbound.AllowedCidrs)
	trunk.Dispatch.Agents = slices.Clone(trunk.Dispatch.Agents)
	trunk.Dispatch.Attributes = maps.Clone(trunk.Dispatch.Attributes)
	in.Status.DeepCopyInto(&out.Status)
}

func (in *PhoneNumberStatus) DeepCopyInto(out *PhoneNumberStatus) {
	*out = *in
	out.Conditions = slices.Clone(in.Conditions)
	out.Pinned = clone(in.Pinned)
	if in.FirstReadyTime != nil {
		out.FirstReadyTime = in.FirstReadyTime.DeepCopy()
	}
	out.Twilio = clone(in.Twilio)
	if in.Twilio != nil {
		out.Twilio.OriginationURLSids = slices.Clone(in.Twilio.OriginationURLSids)
	}
	out.LiveKit = clone(in.LiveKit)
	out.Leftovers = slices.Clone(in.Leftovers)
	out.Deletion = clone(in.Deletion)
}

func (in *PhoneNumber) DeepCopy() *PhoneNumber {
	out := new(PhoneNumber)
	in.DeepCopyInto(out)
	return out
}

func (in *PhoneNumber) DeepCopyObject() runtime.Object { return in.DeepCopy() }

func (in *PhoneNumberList) DeepCopyObject() runtime.Object {
	out := &PhoneNumberList{TypeMeta: in.TypeMeta}
	in.ListMeta.DeepCopyInto(&out.ListMeta)
	out.Items = make([]PhoneNumber, len(in.Items))
	for i := range in.Items {
		in.Items[i].DeepCopyInto(&out.Items[i])
	}
	return out
}

func clone[T any](in *T) *T {
	if in == nil {
		return nil
	}
	out := *in
	return &out
}
