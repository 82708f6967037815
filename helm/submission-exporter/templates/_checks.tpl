{{/* What the schema cannot say: values that contradict each other.  Every message names the values and the remedy. */}}
{{/* A number or text, 0 included; nothing for what is empty or null. */}}
{{- define "submission-exporter.given" -}}
{{- if not (kindIs "invalid" .) -}}{{- toString . -}}{{- end -}}
{{- end -}}

{{- define "submission-exporter.checks" -}}
{{- include "submission-exporter.present" . -}}
{{- $name := include "submission-exporter.fullname" . -}}
{{- if not (regexMatch "^[a-z][a-z0-9-]*$" $name) -}}
{{- fail (printf "submission-exporter: no Service may be called %q: a letter comes first, then letters, digits and dashes; set fullnameOverride" $name) -}}
{{- end -}}
{{- include "submission-exporter.checkSecrets" . -}}
{{- include "submission-exporter.checkClashes" . -}}
{{- include "submission-exporter.checkPod" . -}}
{{- include "submission-exporter.checkConfiguration" . -}}
{{- include "submission-exporter.checkScraping" . -}}
{{- range list "smtpPorts" "controlPorts" "tokenPorts" "nameServers" -}}
{{- $_ := include (printf "submission-exporter.%s" .) $ -}}
{{- end -}}
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
{{- if and $web.tls.enabled $web.tls.clientCaKey (eq $web.tls.clientAuthType "NoClientCert") (not $web.existingSecret) -}}
{{- fail "submission-exporter: webConfig.tls.clientCaKey names an authority and webConfig.tls.clientAuthType asks for no certificate; set it to RequireAndVerifyClientCert, or empty webConfig.tls.clientCaKey" -}}
{{- end -}}
{{- if and $web.basicAuth.enabled (not $web.basicAuth.users) (not $web.existingSecret) -}}
{{- fail "submission-exporter: webConfig.basicAuth.enabled lets nobody in; give webConfig.basicAuth.users a name and a bcrypt hash" -}}
{{- end -}}
{{- if and .Values.configReloader.enabled (include "submission-exporter.hasWebConfig" .) -}}
{{- fail "submission-exporter: configReloader asks for reloads in the clear and cannot be used with webConfig; switch one of them off" -}}
{{- end -}}
{{- $budget := .Values.podDisruptionBudget -}}
{{- $least := include "submission-exporter.given" $budget.minAvailable -}}
{{- if and $budget.enabled $least (include "submission-exporter.given" $budget.maxUnavailable) -}}
{{- fail "submission-exporter: podDisruptionBudget takes minAvailable or maxUnavailable, not both; empty one of them" -}}
{{- end -}}
{{- if and $budget.enabled (eq (include "submission-exporter.workloadKind" .) "DaemonSet") (not (regexMatch "^[0-9]+$" $least)) -}}
{{- fail "submission-exporter: of a DaemonSet's pods podDisruptionBudget counts none but minAvailable as a whole number; set that, or switch the budget off: a drain passes them by" -}}
{{- end -}}
{{- $service := .Values.service -}}
{{- if and (gt (len ($service.ipFamilies | default list)) 1) (not (has $service.ipFamilyPolicy (list "PreferDualStack" "RequireDualStack"))) -}}
{{- fail "submission-exporter: service.ipFamilies names two families; set service.ipFamilyPolicy to PreferDualStack or RequireDualStack" -}}
{{- end -}}
{{- if and (eq ($service.clusterIP | default "") "None") (ne $service.type "ClusterIP") -}}
{{- fail (printf "submission-exporter: a Service without an address (service.clusterIP None) cannot be of type %s; set service.type to ClusterIP" $service.type) -}}
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
