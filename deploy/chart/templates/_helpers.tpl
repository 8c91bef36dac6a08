{{/* Names are fixed: rights, policies and runbooks name them, and two installs in one cluster share the CRDs. */}}
{{- define "trunkline.labels" -}}
app.kubernetes.io/part-of: trunkline
app.kubernetes.io/name: trunkline
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "trunkline.selector" -}}
app.kubernetes.io/name: trunkline
{{- end }}
