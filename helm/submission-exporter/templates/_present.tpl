{{/* A value that was set to null is gone, and so is one that a newer chart has added under --reuse-values.  What cannot
     do without is asked for here, before a template stumbles over it. */}}
{{- define "submission-exporter.present" -}}
{{- $needed := list
  "config" "configExistingSecretKey" "configStorage" "containerPort" "documentationUrl" "enableServiceLinks" "image" "kind" "log"
  "minReadySeconds" "replicas" "revisionHistoryLimit" "terminationGracePeriodSeconds" "configReloader"
  "configReloader.containerPort" "configReloader.image" "configReloader.image.pullPolicy"
  "configReloader.image.repository" "configReloader.image.tag" "dashboards" "httpRoute" "image.pullPolicy"
  "image.repository" "ingress" "livenessProbe" "livenessProbe.enabled" "log.format" "log.level" "networkPolicy"
  "networkPolicy.egress" "networkPolicy.egress.dnsPorts" "networkPolicy.egress.enabled"
  "networkPolicy.egress.followUp" "networkPolicy.ingress" "networkPolicy.ingress.enabled" "podDisruptionBudget"
  "podMonitoring" "podMonitoring.interval" "podMonitoring.timeout" "probe" "probe.interval" "probe.jobName"
  "probe.scrapeTimeout" "prometheusRule" "prometheusRule.recordingRules" "readinessProbe" "readinessProbe.enabled" "service"
  "service.port" "service.type" "serviceAccount" "serviceAccount.automountToken" "serviceAccount.create"
  "serviceMonitor" "sharding" "sharding.enabled" "startupProbe" "startupProbe.enabled" "tests" "tests.enabled"
  "verticalPodAutoscaler" "verticalPodAutoscaler.updateMode" "webConfig" "webConfig.basicAuth"
  "webConfig.basicAuth.scrapePasswordKey" "webConfig.basicAuth.scrapeUsernameKey" "webConfig.existingSecretKey"
  "webConfig.tls" "webConfig.tls.certKey" "webConfig.tls.clientAuthType" "webConfig.tls.keyKey"
  "webConfig.tls.minVersion" -}}
{{- range $path := $needed -}}
{{- $here := $.Values -}}
{{- range splitList "." $path -}}{{- $here = index ($here | default dict) . -}}{{- end -}}
{{- if kindIs "invalid" $here -}}
{{- fail (printf "submission-exporter: %s is null; give it a value, or leave it out for the default (with helm upgrade: --reset-then-reuse-values instead of --reuse-values)" $path) -}}
{{- end -}}
{{- end -}}
{{- end -}}
