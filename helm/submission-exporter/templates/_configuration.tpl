{{/* The exporter's configuration, and the ports that it makes the exporter reach. */}}

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

{{/* The ports of mail servers and of whatever follow-ups try, as {"ports": [...]}. */}}
{{- define "submission-exporter.smtpPorts" -}}
{{- $values := .Values -}}
{{- $ports := list -}}
{{- range $values.networkPolicy.egress.ports -}}{{- $ports = append $ports (int .) -}}{{- end -}}
{{- $targets := list -}}
{{- range $values.probe.groups -}}{{- $targets = concat $targets .targets -}}{{- end -}}
{{- if not $values.configExistingSecret -}}
{{- $config := $values.config -}}
{{- $ways := concat (values ($config.modules | default dict)) ($config.endpoints | default list) -}}
{{- range $ways -}}
{{- if . -}}
{{- $targets = concat $targets (.allowed_targets | default list) -}}
{{- if .target -}}{{- $targets = append $targets .target -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- $followUp := ($config.global | default dict).follow_up | default dict -}}
{{- if and $values.networkPolicy.egress.followUp (ne (toString $followUp.enabled) "false") -}}
{{- range $followUp.ports | default (list 587 465) -}}{{- $ports = append $ports (int .) -}}{{- end -}}
{{- $targets = concat $targets ($followUp.control_targets | default list) -}}
{{- end -}}
{{- else if $values.networkPolicy.egress.followUp -}}
{{- $ports = concat $ports (list 587 465) -}}
{{- end -}}
{{- range $targets -}}
{{- if regexMatch ":[0-9]+$" . -}}
{{- $ports = append $ports (regexFind "[0-9]+$" . | int) -}}
{{- end -}}
{{- end -}}
{{- dict "ports" ($ports | uniq) | toJson -}}
{{- end -}}

{{/* The ports of OAuth2 token endpoints, likewise: they are seldom where the mail servers are. */}}
{{- define "submission-exporter.tokenPorts" -}}
{{- $ports := list -}}
{{- if not .Values.configExistingSecret -}}
{{- range concat (values (.Values.config.modules | default dict)) (.Values.config.endpoints | default list) -}}
{{- with (((. | default dict).auth | default dict).oauth2 | default dict).token_url -}}
{{- $address := urlParse . -}}
{{- if regexMatch ":[0-9]+$" $address.host -}}
{{- $ports = append $ports (regexFind "[0-9]+$" $address.host | int) -}}
{{- else -}}
{{- $ports = append $ports (ternary 80 443 (eq $address.scheme "http")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- dict "ports" ($ports | uniq) | toJson -}}
{{- end -}}

{{- define "submission-exporter.dnsPorts" -}}
{{- $ports := list -}}
{{- range .Values.networkPolicy.egress.dnsPorts -}}{{- $ports = append $ports (int .) -}}{{- end -}}
{{- if not .Values.configExistingSecret -}}
{{- range ((.Values.config.global | default dict).resolver | default dict).nameservers -}}
{{- if or (regexMatch "^[^:]+:[0-9]+$" .) (regexMatch "^\\[.*\\]:[0-9]+$" .) -}}
{{- $ports = append $ports (regexFind "[0-9]+$" . | int) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- dict "ports" ($ports | uniq) | toJson -}}
{{- end -}}
