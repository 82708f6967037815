{{/* Names, labels, images and versions. */}}

{{- define "submission-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimAll "-_." -}}
{{- end -}}

{{/* 52 characters leave room for the ordinal and the revision that a StatefulSet puts into labels.  Releases and
     aliases of the chart may be called what no Service may: with dots, or in capitals. */}}
{{- define "submission-exporter.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $whole := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $whole | lower | replace "." "-" | replace "_" "-" | trunc 52 | trimAll "-" -}}
{{- end -}}

{{- define "submission-exporter.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- define "submission-exporter.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "submission-exporter.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "submission-exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "submission-exporter.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* Of the pod of `helm test`: not the selector's, since the Service and the NetworkPolicy mean the exporter. */}}
{{- define "submission-exporter.testLabels" -}}
app.kubernetes.io/name: {{ printf "%s-test" (include "submission-exporter.name" .) | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* Everything but what commonLabels says, as a mapping in JSON: merging never makes a key twice. */}}
{{- define "submission-exporter.labels" -}}
{{- $labels := include "submission-exporter.selectorLabels" . | fromYaml -}}
{{- $_ := set $labels "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") -}}
{{- $_ := set $labels "app.kubernetes.io/version" .Chart.AppVersion -}}
{{- $_ := set $labels "app.kubernetes.io/managed-by" .Release.Service -}}
{{- $_ := set $labels "app.kubernetes.io/part-of" .Chart.Name -}}
{{- toYaml (merge $labels (.Values.commonLabels | default dict)) -}}
{{- end -}}

{{/* metadata: of an object.  Takes root, and as wanted name, namespace, labels and annotations. */}}
{{- define "submission-exporter.metadata" -}}
{{- $root := .root -}}
name: {{ .name | default (include "submission-exporter.fullname" $root) | quote }}
namespace: {{ .namespace | default (include "submission-exporter.namespace" $root) | quote }}
labels:
  {{- toYaml (merge (include "submission-exporter.labels" $root | fromYaml) (.labels | default dict)) | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) ($root.Values.commonAnnotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Takes root and image. */}}
{{- define "submission-exporter.image" -}}
{{- $registry := (.root.Values.global | default dict).imageRegistry | default .image.registry | default "" | trimSuffix "/" -}}
{{- $name := .image.repository -}}
{{- if $registry -}}{{- $name = printf "%s/%s" $registry $name -}}{{- end -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $name .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (.image.tag | default .root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "submission-exporter.pullSecrets" -}}
{{- $names := list -}}
{{- range concat ((.Values.global | default dict).imagePullSecrets | default list) (.Values.image.pullSecrets | default list) -}}
{{- /* Some charts take names here and some take references; a parent hands both to everybody. */}}
{{- if kindIs "map" . -}}{{- $names = append $names .name -}}{{- else -}}{{- $names = append $names . -}}{{- end -}}
{{- end -}}
{{- range $names | uniq }}
- name: {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "submission-exporter.kubeVersion" -}}
{{- default .Capabilities.KubeVersion.Version .Values.kubeVersionOverride -}}
{{- end -}}

{{- define "submission-exporter.workloadKind" -}}
{{- ternary "StatefulSet" .Values.kind .Values.sharding.enabled -}}
{{- end -}}

{{- define "submission-exporter.scheme" -}}
{{- if .Values.webConfig.tls.enabled -}}https{{- else -}}http{{- end -}}
{{- end -}}

{{/* The name under which the Service is reached, also the one that its certificate has to carry. */}}
{{- define "submission-exporter.serviceHost" -}}
{{- printf "%s.%s.svc" (include "submission-exporter.fullname" .) (include "submission-exporter.namespace" .) -}}
{{- end -}}

{{- define "submission-exporter.hasWebConfig" -}}
{{- if or .Values.webConfig.existingSecret .Values.webConfig.tls.enabled .Values.webConfig.basicAuth.enabled -}}true{{- end -}}
{{- end -}}

{{- define "submission-exporter.webConfigSecret" -}}
{{- .Values.webConfig.existingSecret | default (printf "%s-web" (include "submission-exporter.fullname" .)) -}}
{{- end -}}

{{- define "submission-exporter.webConfigFile" -}}
/etc/submission-exporter/web/{{ if .Values.webConfig.existingSecret }}{{ .Values.webConfig.existingSecretKey }}{{ else }}web.yml{{ end }}
{{- end -}}

{{- define "submission-exporter.configName" -}}
{{- .Values.configExistingSecret | default (printf "%s-config" (include "submission-exporter.fullname" .)) -}}
{{- end -}}

{{- define "submission-exporter.configKey" -}}
{{- if .Values.configExistingSecret -}}{{- .Values.configExistingSecretKey -}}{{- else -}}submission-exporter.yml{{- end -}}
{{- end -}}

{{/* A text of the project, its links to the documentation led to where it lies. */}}
{{- define "submission-exporter.linked" -}}
{{- .text | replace "https://github.com/submission-exporter/submission-exporter/blob/main/docs" .root.Values.documentationUrl -}}
{{- end }}
