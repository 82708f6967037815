{{/* The groups of the PrometheusRule, as {"groups": [...], "missing": [...]}: missing are the alerts that are left out
     because nothing records what they read. */}}
{{- define "submission-exporter.rules" -}}
{{- $wanted := .Values.prometheusRule -}}
{{- $files := list -}}
{{- $records := list -}}
{{- range $path, $_ := .Files.Glob "files/rules/*.yml" -}}
{{- range (include "submission-exporter.linked" (dict "root" $ "text" ($.Files.Get $path)) | fromYaml).groups -}}
{{- $files = append $files . -}}
{{- range .rules -}}{{- with .record -}}{{- $records = append $records . -}}{{- end -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- $groups := list -}}
{{- $missing := list -}}
{{- range $files -}}
{{- $rules := list -}}
{{- range .rules -}}
{{- if .record -}}
{{- if eq (toString $wanted.recordingRules) "true" -}}{{- $rules = append $rules . -}}{{- end -}}
{{- else if ne (toString (get (get ($wanted.alerts | default dict) .alert | default dict) "enabled")) "false" -}}
{{- $expression := .expr -}}
{{- $reads := false -}}
{{- range $records -}}{{- if contains . $expression -}}{{- $reads = true -}}{{- end -}}{{- end -}}
{{- if and $reads (eq (toString $wanted.recordingRules) "false") -}}
{{- $missing = append $missing .alert -}}
{{- else -}}
{{- $rules = append $rules (include "submission-exporter.alert" (dict "root" $ "rule" .) | fromJson) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $rules -}}
{{- $groups = append $groups (merge (dict "rules" $rules) (omit . "rules")) -}}
{{- end -}}
{{- end -}}
{{- dict "groups" (concat $groups ($wanted.additionalGroups | default list)) "missing" $missing | toJson -}}
{{- end -}}

{{/* An alert as the values change it.  Takes root and rule. */}}
{{- define "submission-exporter.alert" -}}
{{- $wanted := .root.Values.prometheusRule -}}
{{- $rule := deepCopy .rule -}}
{{- $mine := get ($wanted.alerts | default dict) $rule.alert | default dict -}}
{{- $labels := merge (dict) ($mine.labels | default dict) ($wanted.alertLabels | default dict) ($rule.labels | default dict) -}}
{{- with $mine.severity -}}{{- $_ := set $labels "severity" . -}}{{- end -}}
{{- $annotations := merge (dict) ($mine.annotations | default dict) ($rule.annotations | default dict) -}}
{{- if and $wanted.runbookUrl (not (hasKey ($mine.annotations | default dict) "runbook_url")) -}}
{{- $address := ternary $wanted.runbookUrl (printf "%s/{alert}" (trimSuffix "/" $wanted.runbookUrl)) (contains "{alert}" $wanted.runbookUrl) -}}
{{- $_ := set $annotations "runbook_url" (replace "{alert}" $rule.alert $address) -}}
{{- end -}}
{{- if and $wanted.grafanaUrl (hasKey $annotations "dashboard_url") (not (hasKey ($mine.annotations | default dict) "dashboard_url")) -}}
{{- $_ := set $annotations "dashboard_url" (printf "%s%s" (trimSuffix "/" $wanted.grafanaUrl) (regexReplaceAll "^[a-z]+://[^/]*" $annotations.dashboard_url "")) -}}
{{- end -}}
{{- with $mine.for -}}{{- $_ := set $rule "for" . -}}{{- end -}}
{{- with $mine.keepFiringFor -}}{{- $_ := set $rule "keep_firing_for" . -}}{{- end -}}
{{- $_ := set $rule "labels" $labels -}}
{{- $_ := set $rule "annotations" $annotations -}}
{{- /* Where Prometheus asks for /probe alone, it never sees the exporter's own metrics: the exporter is there as long
       as one of the probes is answered. */}}
{{- if and (eq $rule.alert "SubmissionExporterAbsent") (include "submission-exporter.probesAlone" .root) -}}
{{- $_ := set $rule "expr" (printf "absent(up{job=%q} == 1)" .root.Values.probe.jobName) -}}
{{- end -}}
{{- toJson $rule -}}
{{- end -}}

{{/* Of all that scrapes, this release has Probes alone. */}}
{{- define "submission-exporter.probesAlone" -}}
{{- if and .Values.probe.enabled (not .Values.serviceMonitor.enabled) (not .Values.podMonitoring.enabled) -}}true{{- end -}}
{{- end -}}
