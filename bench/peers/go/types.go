package main

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The PhoneNumber as Go types, as controller-gen would have them. Deep copies stand in deepcopy.go.

var groupVersion = schema.GroupVersion{Group: "telephony.trunkline.dev", Version: "v1alpha1"}

type PhoneNumber struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              PhoneNumberSpec   `json:"spec"`
	Status            PhoneNumberStatus `json:"status,omitempty"`
}

type PhoneNumberList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []PhoneNumber `json:"items"`
}

type PhoneNumberSpec struct {
	PhoneNumber    string     `json:"phoneNumber"`
	AccountRef     AccountRef `json:"accountRef"`
	DeletionPolicy string     `json:"deletionPolicy,omitempty"`
	Voice          Voice      `json:"voice"`
}

type AccountRef struct {
	Name string `json:"name"`
}

type Voice struct {
	SipTrunk SipTrunk `json:"sipTrunk"`
}

type SipTrunk struct {
	OriginationUris []string `json:"originationUris,omitempty"`
	TransferMode    string   `json:"transferMode,omitempty"`
	Inbound         Inbound  `json:"inbound,omitempty"`
	Outbound        Outbound `json:"outbound,omitempty"`
	Dispatch        Dispatch `json:"dispatch,omitempty"`
}

type Inbound struct {
	AllowedAddresses    []string          `json:"allowedAddresses,omitempty"`
	KrispEnabled        bool              `json:"krispEnabled,omitempty"`
	HeadersToAttributes map[string]string `json:"headersToAttributes,omitempty"`
	MaxCallDuration     string            `json:"maxCallDuration,omitempty"`
	RingingTimeout      string            `json:"ringingTimeout,omitempty"`
}

type Outbound struct {
	Enabled      bool     `json:"enabled,omitempty"`
	AllowedCidrs []string `json:"allowedCidrs,omitempty"`
}

type Dispatch struct {
	RoomPrefix      string            `json:"roomPrefix,omitempty"`
	Agents          []Agent           `json:"agents,omitempty"`
	HidePhoneNumber bool              `json:"hidePhoneNumber,omitempty"`
	Attributes      map[string]string `json:"attributes,omitempty"`
}

type Agent struct {
	AgentName string `json:"agentName"`
	Metadata  string `json:"metadata,omitempty"`
}

type PhoneNumberStatus struct {
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Phase              string             `json:"phase,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
	Pinned             *Pin               `json:"pinned,omitempty"`
	Routing            string             `json:"routing,omitempty"`
	FirstReadyTime     *metav1.Time       `json:"firstReadyTime,omitempty"`
	Twilio             *TwilioStatus      `json:"twilio,omitempty"`
	LiveKit            *LiveKitStatus     `json:"livekit,omitempty"`
	Leftovers          []Leftover         `json:"leftovers"`
	Deletion           *DeletionStatus    `json:"deletion,omitempty"`
}

type Pin struct {
	Account     string `json:"account"`
	AccountSid  string `json:"accountSid"`
	LivekitURL  string `json:"livekitUrl"`
	OwnerID     string `json:"ownerId"`
	PhoneNumber string `json:"phoneNumber"`
}

type TwilioStatus struct {
	PhoneNumberSid         string   `json:"phoneNumberSid,omitempty"`
	TrunkSid               string   `json:"trunkSid,omitempty"`
	TrunkDomainName        string   `json:"trunkDomainName,omitempty"`
	OriginationURLSids     []string `json:"originationUrlSids,omitempty"`
	CredentialListSid      string   `json:"credentialListSid,omitempty"`
	CredentialSid          string   `json:"credentialSid,omitempty"`
	IPAccessControlListSid string   `json:"ipAccessControlListSid,omitempty"`
}

type LiveKitStatus struct {
	InboundTrunkID  string `json:"inboundTrunkId,omitempty"`
	OutboundTrunkID string `json:"outboundTrunkId,omitempty"`
	DispatchRuleID  string `json:"dispatchRuleId,omitempty"`
}

type Leftover struct {
	Kind string `json:"kind"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
}

type DeletionStatus struct {
	Policy string `json:"policy"`
}

func addToScheme(scheme *runtime.Scheme) {
	scheme.AddKnownTypes(groupVersion, &PhoneNumber{}, &PhoneNumberList{})
	metav1.AddToGroupVersion(scheme, groupVersion)
}
