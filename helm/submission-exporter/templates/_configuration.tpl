{{/* The exporter's configuration, and that of its page. */}}

{{- define "submission-exporter.followUpOff" -}}
{{- $policy := .Values.networkPolicy -}}
{{- if and $policy.enabled $policy.egress.enabled (not $policy.egress.followUp) -}}true{{- end -}}
{{- end -}}

{{- define "submission-exporter.configuration" -}}
{{- $config := deepCopy .Values.config -}}
{{- if include "submission-exporter.followUpOff" . -}}
{{- $config = mergeOverwrite $config (dict "global" (dict "follow_up" (dict "enabled" false))) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "submission-exporter.webConfiguration" -}}
{{- $web := .Values.webConfig -}}
{{- $config := dict -}}
{{- if $web.tls.enabled -}}
{{- $folder := "/etc/submission-exporter/web-tls" -}}
{{- $server := dict "cert_file" (printf "%s/%s" $folder $web.tls.certKey) "key_file" (printf "%s/%s" $folder $web.tls.keyKey) "min_version" $web.tls.minVersion "client_auth_type" $web.tls.clientAuthType -}}
{{- if $web.tls.clientCaKey -}}
{{- $_ := set $server "client_ca_file" (printf "%s/%s" $folder $web.tls.clientCaKey) -}}
{{- end -}}
{{- $_ := set $config "tls_server_config" $server -}}
{{- end -}}
{{- if $web.basicAuth.enabled -}}
{{- $_ := set $config "basic_auth_users" $web.basicAuth.users -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}
