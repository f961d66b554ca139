{{/* Every helper takes (dict "root" $ "process" "portal"). Names are RELEASE-PROCESS. */}}

{{- define "cloister.name" -}}
{{ printf "%s-%s" .root.Release.Name .process | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "cloister.selector" -}}
app.kubernetes.io/name: cloister
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .process }}
{{- end }}

{{- define "cloister.labels" -}}
{{ include "cloister.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "cloister.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag }}{{ end }}
{{- end }}
{{- end }}

{{/* The Secret with a process's passwords. */}}
{{- define "cloister.secret" -}}
{{- $values := .root.Values.secrets -}}
{{- if eq $values.source "existing" -}}
{{ index $values.existing .key }}
{{- else -}}
{{ include "cloister.name" . }}
{{- end }}
{{- end }}

{{/* The Secret with a process's certificate. */}}
{{- define "cloister.certificate" -}}
{{ index .root.Values.tls.existing .key | default (printf "%s-tls" (include "cloister.name" .)) }}
{{- end }}
