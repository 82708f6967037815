{{/* What the schema cannot say: values that contradict each other.  Every message names the values and the remedy. */}}
{{- define "submission-exporter.checks" -}}
{{- $web := .Values.webConfig -}}
{{- if and .Values.sharding.enabled (eq .Values.kind "DaemonSet") -}}
{{- fail "submission-exporter: sharding.enabled runs a StatefulSet and kind is DaemonSet; set kind to StatefulSet, or sharding.enabled to false" -}}
{{- end -}}
{{- if and $web.tls.enabled (not $web.tls.secretName) (not $web.existingSecret) -}}
{{- fail "submission-exporter: webConfig.tls.enabled needs a certificate; name its Secret in webConfig.tls.secretName" -}}
{{- end -}}
{{- if and (has $web.tls.clientAuthType (list "VerifyClientCertIfGiven" "RequireAndVerifyClientCert")) (not $web.tls.clientCaKey) (not $web.existingSecret) $web.tls.enabled -}}
{{- fail "submission-exporter: webConfig.tls.clientAuthType verifies client certificates; name the key with their authority in webConfig.tls.clientCaKey" -}}
{{- end -}}
{{- if and $web.basicAuth.enabled (not $web.basicAuth.users) (not $web.existingSecret) -}}
{{- fail "submission-exporter: webConfig.basicAuth.enabled lets nobody in; give webConfig.basicAuth.users a name and a bcrypt hash" -}}
{{- end -}}
{{- if and $web.basicAuth.enabled (not $web.basicAuth.scrapeSecretName) (or .Values.serviceMonitor.enabled .Values.probe.enabled) -}}
{{- fail "submission-exporter: with webConfig.basicAuth Prometheus needs a user to scrape; name a Secret with user and password in webConfig.basicAuth.scrapeSecretName" -}}
{{- end -}}
{{- if and .Values.podMonitoring.enabled (include "submission-exporter.hasWebConfig" .) -}}
{{- fail "submission-exporter: podMonitoring scrapes in the clear and cannot be used with webConfig; switch one of them off" -}}
{{- end -}}
{{- if and .Values.configReloader.enabled (include "submission-exporter.hasWebConfig" .) -}}
{{- fail "submission-exporter: configReloader asks for reloads in the clear and cannot be used with webConfig; switch one of them off" -}}
{{- end -}}
{{- if and .Values.probe.enabled (not .Values.probe.groups) -}}
{{- fail "submission-exporter: probe.enabled probes nothing; list targets in probe.groups" -}}
{{- end -}}
{{- $budget := .Values.podDisruptionBudget -}}
{{- if and $budget.enabled (ne (toString $budget.minAvailable) "") (ne (toString $budget.maxUnavailable) "") -}}
{{- fail "submission-exporter: podDisruptionBudget takes minAvailable or maxUnavailable, not both; empty one of them" -}}
{{- end -}}
{{- if and .Values.hostPort .Values.hostNetwork (ne (int .Values.hostPort) (int .Values.containerPort)) -}}
{{- fail "submission-exporter: with hostNetwork the port of the node is the one of the pod; give hostPort and containerPort the same number, or set hostPort to 0" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}
{{- fail "submission-exporter: ingress.enabled needs at least one of ingress.hosts" -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) -}}
{{- fail "submission-exporter: httpRoute.enabled needs a Gateway; name it in httpRoute.parentRefs" -}}
{{- end -}}
{{- if and .Values.configReloader.enabled (eq (int .Values.configReloader.containerPort) (int .Values.containerPort)) -}}
{{- fail "submission-exporter: configReloader.containerPort and containerPort are the same; change one of them" -}}
{{- end -}}
{{- end -}}
