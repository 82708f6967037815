{{/* Values that contradict each other about how Prometheus comes to its figures. */}}
{{- define "submission-exporter.checkScraping" -}}
{{- $web := .Values.webConfig -}}
{{- if and $web.basicAuth.enabled (not $web.basicAuth.scrapeSecretName) (or .Values.serviceMonitor.enabled .Values.probe.enabled) -}}
{{- fail "submission-exporter: with webConfig.basicAuth Prometheus needs a user to scrape; name a Secret with user and password in webConfig.basicAuth.scrapeSecretName" -}}
{{- end -}}
{{- if and .Values.podMonitoring.enabled (include "submission-exporter.hasWebConfig" .) -}}
{{- fail "submission-exporter: podMonitoring scrapes in the clear and cannot be used with webConfig; switch one of them off" -}}
{{- end -}}
{{- if and .Values.probe.enabled (not .Values.probe.groups) -}}
{{- fail "submission-exporter: probe.enabled probes nothing; list targets in probe.groups" -}}
{{- end -}}
{{- $modules := .Values.config.modules | default dict -}}
{{- range .Values.probe.groups -}}
{{- $where := printf "probe.groups (%s)" .name -}}
{{- include "submission-exporter.checkScrape" (dict "where" $where "key" "scrapeTimeout" "interval" (.interval | default $.Values.probe.interval) "timeout" (.scrapeTimeout | default $.Values.probe.scrapeTimeout)) -}}
{{- if and .module (not $.Values.configExistingSecret) (not (hasKey $modules .module)) -}}
{{- fail (printf "submission-exporter: %s asks for the module %q, which config.modules does not have; add it there, or correct the name" $where .module) -}}
{{- end -}}
{{- $module := get $modules (.module | default "") | default dict -}}
{{- $shows := or $module.auth ($module.tls_config | default dict).cert_file (has $module.until (list "mail" "rcpt" "data")) -}}
{{- if and $shows (not $module.allowed_targets) (not $.Values.configExistingSecret) -}}
{{- fail (printf "submission-exporter: %s asks for the module %q, which logs in, shows a client certificate or sends: /probe would answer 403 to every scrape; list the targets in config.modules.%s.allowed_targets" $where .module .module) -}}
{{- end -}}
{{- end -}}
{{- if .Values.serviceMonitor.enabled -}}
{{- $own := list "port" "path" "interval" "scrapeTimeout" "relabelings" "metricRelabelings" -}}
{{- if $web.tls.enabled -}}{{- $own = concat $own (list "scheme" "tlsConfig") -}}{{- end -}}
{{- if $web.basicAuth.enabled -}}{{- $own = append $own "basicAuth" -}}{{- end -}}
{{- range $key, $_ := .Values.serviceMonitor.extra -}}
{{- if has $key $own -}}
{{- fail (printf "submission-exporter: serviceMonitor.extra repeats %q, which the chart writes itself; use the value of that name, or remove it" $key) -}}
{{- end -}}
{{- end -}}
{{- include "submission-exporter.checkScrape" (dict "where" "serviceMonitor" "key" "scrapeTimeout" "interval" .Values.serviceMonitor.interval "timeout" .Values.serviceMonitor.scrapeTimeout) -}}
{{- end -}}
{{- include "submission-exporter.checkScrape" (dict "where" "podMonitoring" "key" "timeout" "interval" .Values.podMonitoring.interval "timeout" .Values.podMonitoring.timeout) -}}
{{- range $name := list "serviceMonitor" "probe" -}}
{{- $scrape := get $.Values $name -}}
{{- if and $scrape.enabled $web.tls.enabled -}}
{{- $tls := $scrape.tlsConfig | default dict -}}
{{- if and (has $web.tls.clientAuthType (list "RequireAnyClientCert" "RequireAndVerifyClientCert")) (not $tls.cert) (not $tls.certFile) -}}
{{- fail (printf "submission-exporter: webConfig.tls.clientAuthType demands a certificate of Prometheus; name it in %s.tlsConfig (cert and keySecret)" $name) -}}
{{- end -}}
{{- $elsewhere := ne ($scrape.namespace | default (include "submission-exporter.namespace" $)) (include "submission-exporter.namespace" $) -}}
{{- if and $elsewhere $web.tls.caKey $web.tls.secretName (not $tls.ca) (not $tls.caFile) (not $tls.insecureSkipVerify) -}}
{{- fail (printf "submission-exporter: the Operator looks for Secrets in the namespace of %s (%s), where webConfig.tls.secretName is not; name the authority there in %s.tlsConfig.ca, or empty webConfig.tls.caKey" $name $scrape.namespace $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
