{{/* Values that contradict each other about the pods: what the API server would refuse. */}}
{{- define "submission-exporter.checkPod" -}}
{{- $kind := include "submission-exporter.workloadKind" . -}}
{{- $strategy := .Values.strategy | default dict -}}
{{- if and (eq $kind "Deployment") (eq ($strategy.type | default "") "Recreate") $strategy.rollingUpdate -}}
{{- fail "submission-exporter: strategy.type Recreate takes no strategy.rollingUpdate; remove it, or set the type to RollingUpdate" -}}
{{- end -}}
{{- $update := .Values.updateStrategy | default dict -}}
{{- $rolling := $update.rollingUpdate | default dict -}}
{{- if and (eq $kind "StatefulSet") (hasKey $rolling "maxSurge") -}}
{{- fail "submission-exporter: updateStrategy.rollingUpdate.maxSurge is a DaemonSet's and this is a StatefulSet; remove it" -}}
{{- end -}}
{{- if and (eq $kind "DaemonSet") (hasKey $rolling "partition") -}}
{{- fail "submission-exporter: updateStrategy.rollingUpdate.partition is a StatefulSet's and this is a DaemonSet; remove it" -}}
{{- end -}}
{{- if and (ne $kind "Deployment") (eq ($update.type | default "") "OnDelete") $rolling -}}
{{- fail "submission-exporter: updateStrategy.type OnDelete takes no updateStrategy.rollingUpdate; remove it, or set the type to RollingUpdate" -}}
{{- end -}}
{{- if and (eq $kind "Deployment") (ge (int .Values.minReadySeconds) 600) -}}
{{- fail "submission-exporter: minReadySeconds is longer than Kubernetes waits for a Deployment (600 s); shorten it" -}}
{{- end -}}
{{- if and (eq (.Values.dnsPolicy | default "") "None") (not (.Values.dnsConfig | default dict).nameservers) -}}
{{- fail "submission-exporter: with dnsPolicy None the pods know no name server; list some in dnsConfig.nameservers" -}}
{{- end -}}
{{- end -}}
