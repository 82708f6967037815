{{/* Likely slips in the configuration that the schema cannot see and the exporter would refuse, or that leave it without
     a file.  The rest is for `submission-exporter validate`. */}}
{{- define "submission-exporter.checkConfiguration" -}}
{{- if not .Values.configExistingSecret -}}
{{- $global := .Values.config.global | default dict -}}
{{- $modules := .Values.config.modules | default dict -}}
{{- include "submission-exporter.checkScrape" (dict "key" "timeout" "where" "config.global" "timeout" $global.timeout "interval" $global.interval) -}}
{{- $names := list -}}
{{- range $index, $endpoint := .Values.config.endpoints -}}
{{- $where := printf "config.endpoints[%d]" $index -}}
{{- $names = append $names (toString ($endpoint.name | default $endpoint.target)) -}}
{{- $module := dict -}}
{{- with $endpoint.module -}}
{{- if not (hasKey $modules .) -}}
{{- fail (printf "submission-exporter: %s asks for the module %q, which config.modules does not have; add it there, or correct the name" $where .) -}}
{{- end -}}
{{- $module = get $modules . | default dict -}}
{{- end -}}
{{- include "submission-exporter.checkScrape" (dict "key" "timeout" "where" $where "timeout" ($endpoint.timeout | default $module.timeout) "interval" ($endpoint.interval | default $global.interval | default "60s")) -}}
{{- end -}}
{{- include "submission-exporter.checkOnce" (dict "names" $names "what" "config.endpoints: the name" "remedy" "give each endpoint a name of its own") -}}
{{- include "submission-exporter.checkSecretFiles" . -}}
{{- end -}}
{{- end -}}

{{/* Files of Secrets that nothing mounts. */}}
{{- define "submission-exporter.checkSecretFiles" -}}
{{- $folder := "/etc/submission-exporter/secrets/" -}}
{{- $mounted := list -}}
{{- range .Values.credentials -}}{{- $mounted = append $mounted (printf "%s%s/" $folder .secretName) -}}{{- end -}}
{{- range .Values.extraVolumeMounts -}}{{- $mounted = append $mounted .mountPath -}}{{- end -}}
{{- range $where, $way := include "submission-exporter.ways" . | fromJson -}}
{{- range regexFindAll (printf "\"%s[^/\"]+/" $folder) (list $way.auth $way.tls_config | toJson) -1 -}}
{{- $path := trimPrefix "\"" . -}}
{{- $found := false -}}
{{- range $mounted -}}{{- if hasPrefix . $path -}}{{- $found = true -}}{{- end -}}{{- end -}}
{{- if not $found -}}
{{- fail (printf "submission-exporter: %s names a file below %s, and credentials does not list that Secret; add {secretName: %s}" $where $path (trimPrefix $folder $path | trimSuffix "/")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
