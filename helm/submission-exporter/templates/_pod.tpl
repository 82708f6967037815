{{/* The pod template, the same for every kind of workload. */}}

{{/* A probe.  Takes root, probe (its values) and path.  Neither path asks for a login.  The kubelet has no client
     certificate to show: where one is demanded, the exporter asks itself, and learns no more than that somebody answers. */}}
{{- define "submission-exporter.probe" -}}
{{- $web := .root.Values.webConfig -}}
{{- if and $web.tls.enabled (has $web.tls.clientAuthType (list "RequireAnyClientCert" "RequireAndVerifyClientCert")) -}}
exec:
  command:
    - submission-exporter
    - healthcheck
    - --web.listen-address=:{{ int .root.Values.containerPort }}
    - --web.config.file={{ include "submission-exporter.webConfigFile" .root }}
{{- else -}}
httpGet:
  path: {{ .path | quote }}
  port: http
  scheme: {{ include "submission-exporter.scheme" .root | upper | quote }}
{{- end }}
{{ toYaml (omit .probe "enabled") }}
{{- end -}}

{{- define "submission-exporter.arguments" -}}
- serve
- --config.file=/etc/submission-exporter/config/{{ include "submission-exporter.configKey" . }}
- --web.listen-address=:{{ int .Values.containerPort }}
{{- if include "submission-exporter.hasWebConfig" . }}
- --web.config.file={{ include "submission-exporter.webConfigFile" . }}
{{- end }}
- --log.level={{ .Values.log.level }}
- --log.format={{ .Values.log.format }}
{{- if .Values.sharding.enabled }}
- --shard.index=$(SHARD_INDEX)
- --shard.count={{ int .Values.replicas }}
{{- end }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "submission-exporter.exporterMounts" -}}
- name: config
  mountPath: /etc/submission-exporter/config
  readOnly: true
{{- if include "submission-exporter.hasWebConfig" . }}
- name: web-config
  mountPath: /etc/submission-exporter/web
  readOnly: true
{{- end }}
{{- if and .Values.webConfig.tls.enabled .Values.webConfig.tls.secretName }}
- name: web-tls
  mountPath: /etc/submission-exporter/web-tls
  readOnly: true
{{- end }}
{{- if .Values.rulesFiles }}
- name: rules
  mountPath: /etc/submission-exporter/rules
  readOnly: true
{{- end }}
{{- range $index, $credential := .Values.credentials }}
- name: credentials-{{ $index }}
  mountPath: /etc/submission-exporter/secrets/{{ $credential.secretName }}
  readOnly: true
{{- end }}
{{- range $index, $authority := .Values.certificateAuthorities }}
- name: ca-{{ $index }}
  mountPath: /etc/submission-exporter/ca/{{ $authority.configMapName }}
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* For the group of the pod alone; where nobody says which that is (OpenShift does, others may not), for everybody in
     the pod: a file of a Secret belongs to root. */}}
{{- define "submission-exporter.secretMode" -}}
{{- ternary "0440" "0444" (hasKey (.Values.podSecurityContext | default dict) "fsGroup") -}}
{{- end -}}

{{- define "submission-exporter.volumes" -}}
- name: config
  {{- if or .Values.configExistingSecret (eq .Values.configStorage "Secret") }}
  secret:
    secretName: {{ include "submission-exporter.configName" . | quote }}
    defaultMode: {{ include "submission-exporter.secretMode" $ }}
  {{- else }}
  configMap:
    name: {{ include "submission-exporter.configName" . | quote }}
  {{- end }}
{{- if include "submission-exporter.hasWebConfig" . }}
- name: web-config
  secret:
    secretName: {{ include "submission-exporter.webConfigSecret" . | quote }}
    defaultMode: {{ include "submission-exporter.secretMode" $ }}
{{- end }}
{{- if and .Values.webConfig.tls.enabled .Values.webConfig.tls.secretName }}
- name: web-tls
  secret:
    secretName: {{ .Values.webConfig.tls.secretName | quote }}
    defaultMode: {{ include "submission-exporter.secretMode" $ }}
{{- end }}
{{- if .Values.rulesFiles }}
- name: rules
  configMap:
    name: {{ printf "%s-rules" (include "submission-exporter.fullname" .) | quote }}
{{- end }}
{{- range $index, $credential := .Values.credentials }}
- name: credentials-{{ $index }}
  secret:
    {{- toYaml $credential | nindent 4 }}
    defaultMode: {{ include "submission-exporter.secretMode" $ }}
{{- end }}
{{- range $index, $authority := .Values.certificateAuthorities }}
- name: ca-{{ $index }}
  configMap:
    name: {{ $authority.configMapName | quote }}
    {{- with omit $authority "configMapName" }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "submission-exporter.exporter" -}}
name: exporter
image: {{ include "submission-exporter.image" (dict "root" . "image" .Values.image) | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy | quote }}
args:
  {{- include "submission-exporter.arguments" . | nindent 2 }}
{{- if or .Values.sharding.enabled .Values.extraEnv }}
env:
  {{- if .Values.sharding.enabled }}
  # The name of a StatefulSet's pod ends in its number.
  - name: SHARD_INDEX
    valueFrom:
      fieldRef:
        fieldPath: metadata.name
  {{- end }}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- with .Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  - name: http
    containerPort: {{ int .Values.containerPort }}
    protocol: TCP
    {{- if .Values.hostPort }}
    hostPort: {{ int .Values.hostPort }}
    {{- end }}
{{- if .Values.startupProbe.enabled }}
startupProbe:
  {{- include "submission-exporter.probe" (dict "root" . "probe" .Values.startupProbe "path" "/-/healthy") | nindent 2 }}
{{- end }}
{{- if .Values.livenessProbe.enabled }}
livenessProbe:
  {{- include "submission-exporter.probe" (dict "root" . "probe" .Values.livenessProbe "path" "/-/healthy") | nindent 2 }}
{{- end }}
{{- if .Values.readinessProbe.enabled }}
readinessProbe:
  {{- include "submission-exporter.probe" (dict "root" . "probe" .Values.readinessProbe "path" "/-/ready") | nindent 2 }}
{{- end }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  {{- include "submission-exporter.exporterMounts" . | nindent 2 }}
{{- end -}}

{{- define "submission-exporter.reloader" -}}
name: config-reloader
image: {{ include "submission-exporter.image" (dict "root" . "image" .Values.configReloader.image) | quote }}
imagePullPolicy: {{ .Values.configReloader.image.pullPolicy | quote }}
args:
  - --watched-dir=/etc/submission-exporter/config
  - --reload-url=http://127.0.0.1:{{ int .Values.containerPort }}/-/reload
  - --listen-address=:{{ int .Values.configReloader.containerPort }}
  - --log-format={{ .Values.log.format }}
ports:
  - name: reloader
    containerPort: {{ int .Values.configReloader.containerPort }}
    protocol: TCP
{{- with .Values.configReloader.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.configReloader.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - name: config
    mountPath: /etc/submission-exporter/config
    readOnly: true
{{- end -}}

{{- define "submission-exporter.podAnnotations" -}}
{{- $annotations := dict -}}
{{- if .Values.rolloutOnConfigChange -}}
{{- if not .Values.configExistingSecret -}}
{{- $_ := set $annotations "checksum/config" (include "submission-exporter.configuration" . | sha256sum) -}}
{{- end -}}
{{- with .Values.rulesFiles -}}
{{- $_ := set $annotations "checksum/rules" (toYaml . | sha256sum) -}}
{{- end -}}
{{- end -}}
{{- /* A web configuration is read anew with each request; a changed certificate needs no restart either. */ -}}
{{- with merge (dict) (.Values.podAnnotations | default dict) $annotations -}}
{{- toYaml . -}}
{{- end -}}
{{- end -}}

{{- define "submission-exporter.podTemplate" -}}
metadata:
  labels:
    {{- /* Without the chart's version: a new chart alone restarts nothing. */}}
    {{- toYaml (merge (include "submission-exporter.selectorLabels" . | fromYaml) (.Values.podLabels | default dict) (.Values.commonLabels | default dict)) | nindent 4 }}
  {{- with include "submission-exporter.podAnnotations" . }}
  annotations:
    {{- . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "submission-exporter.serviceAccountName" . | quote }}
  automountServiceAccountToken: {{ .Values.serviceAccount.automountToken }}
  enableServiceLinks: {{ .Values.enableServiceLinks }}
  terminationGracePeriodSeconds: {{ int .Values.terminationGracePeriodSeconds }}
  {{- with include "submission-exporter.pullSecrets" . }}
  imagePullSecrets:
    {{- . | trim | nindent 4 }}
  {{- end }}
  {{- if .Values.hostNetwork }}
  hostNetwork: true
  {{- end }}
  {{- if or .Values.dnsPolicy .Values.hostNetwork }}
  dnsPolicy: {{ .Values.dnsPolicy | default "ClusterFirstWithHostNet" | quote }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  {{- with .Values.runtimeClassName }}
  runtimeClassName: {{ . | quote }}
  {{- end }}
  {{- with .Values.schedulerName }}
  schedulerName: {{ . | quote }}
  {{- end }}
  {{- range $field := list "dnsConfig" "hostAliases" "nodeSelector" "tolerations" "affinity" }}
  {{- with index $.Values $field }}
  {{ $field }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- /* Without a selector a constraint counts no pods. */}}
    {{- $own := include "submission-exporter.selectorLabels" $ | fromYaml }}
    {{- range . }}
    - {{- ternary . (set (deepCopy .) "labelSelector" (dict "matchLabels" $own)) (hasKey . "labelSelector") | toYaml | nindent 6 }}
    {{- end }}
  {{- end }}
  {{- with .Values.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.extraInitContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - {{ include "submission-exporter.exporter" . | nindent 6 | trim }}
    {{- if .Values.configReloader.enabled }}
    - {{ include "submission-exporter.reloader" . | nindent 6 | trim }}
    {{- end }}
    {{- with .Values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "submission-exporter.volumes" . | nindent 4 }}
{{- end -}}
