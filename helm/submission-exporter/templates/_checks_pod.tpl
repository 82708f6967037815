{{/* Values that contradict each other about the pods: what the API server would refuse. */}}
{{- define "submission-exporter.checkPod" -}}
{{- $kind := include "submission-exporter.workloadKind" . -}}
{{- $strategy := .Values.strategy | default dict -}}
{{- if and (eq $kind "Deployment") (eq ($strategy.type | default "") "Recreate") $strategy.rollingUpdate -}}
{{- fail "submission-exporter: strategy.type Recreate takes no strategy.rollingUpdate; remove it, or set the type to RollingUpdate" -}}
{{- end -}}
{{- if and (eq $kind "Deployment") (not (has ($strategy.type | default "RollingUpdate") (list "RollingUpdate" "Recreate"))) -}}
{{- fail (printf "submission-exporter: strategy.type %s is none of a Deployment's; set it to RollingUpdate or Recreate" $strategy.type) -}}
{{- end -}}
{{- $update := .Values.updateStrategy | default dict -}}
{{- $rolling := $update.rollingUpdate | default dict -}}
{{- if and (ne $kind "Deployment") (not (has ($update.type | default "RollingUpdate") (list "RollingUpdate" "OnDelete"))) -}}
{{- fail (printf "submission-exporter: updateStrategy.type %s is none of a %s's; set it to RollingUpdate or OnDelete" $update.type $kind) -}}
{{- end -}}
{{- /* Which of the two numbers are above nothing; what is left out counts by the default of Kubernetes. */}}
{{- $numbers := ternary ($strategy.rollingUpdate | default dict) $rolling (eq $kind "Deployment") -}}
{{- $usual := ternary "25%" "0" (eq $kind "Deployment") -}}
{{- $surge := not (regexMatch "^0*%?$" (include "submission-exporter.given" $numbers.maxSurge | default $usual)) -}}
{{- $unavailable := not (regexMatch "^0*%?$" (include "submission-exporter.given" $numbers.maxUnavailable | default "1")) -}}
{{- if and (ne $kind "StatefulSet") (not $surge) (not $unavailable) -}}
{{- fail (printf "submission-exporter: %s.rollingUpdate moves no pod with maxSurge and maxUnavailable both 0; raise one of them" (ternary "strategy" "updateStrategy" (eq $kind "Deployment"))) -}}
{{- end -}}
{{- if and (eq $kind "DaemonSet") $surge $unavailable -}}
{{- fail "submission-exporter: updateStrategy.rollingUpdate of a DaemonSet takes maxSurge or maxUnavailable (by default 1), not both; set one of them to 0" -}}
{{- end -}}
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
