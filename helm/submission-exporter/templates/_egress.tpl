{{/* The ports and addresses that the configuration makes the exporter reach. */}}

{{/* The port at the end of an address, empty without one.  Takes text and where it stands. */}}
{{- define "submission-exporter.portOf" -}}
{{- if regexMatch "(^[^:]*|\\]):[0-9]+$" .text -}}
{{- $port := regexFind "[0-9]+$" .text | trimPrefix "0000" | trimPrefix "000" | trimPrefix "00" | trimPrefix "0" -}}
{{- if or (not $port) (gt (len $port) 5) (gt (atoi $port) 65535) -}}
{{- fail (printf "submission-exporter: %s: %q names no port from 1 to 65535; correct it" $.where $.text) -}}
{{- end -}}
{{- $port -}}
{{- end -}}
{{- end -}}

{{/* Modules and endpoints of the configuration, by their path in the values. */}}
{{- define "submission-exporter.ways" -}}
{{- $ways := dict -}}
{{- if not .Values.configExistingSecret -}}
{{- range $name, $module := .Values.config.modules -}}
{{- $_ := set $ways (printf "config.modules.%s" $name) ($module | default dict) -}}
{{- end -}}
{{- range $index, $endpoint := .Values.config.endpoints -}}
{{- $_ := set $ways (printf "config.endpoints[%d]" $index) ($endpoint | default dict) -}}
{{- end -}}
{{- end -}}
{{- toJson $ways -}}
{{- end -}}

{{/* What the follow-up may try, as {"ports": [...], "targets": [...]}: nothing where it is off. */}}
{{- define "submission-exporter.followUp" -}}
{{- $ports := list -}}
{{- $targets := list -}}
{{- if .Values.networkPolicy.egress.followUp -}}
{{- $ports = list 587 465 -}}
{{- if not .Values.configExistingSecret -}}
{{- $own := (.Values.config.global | default dict).follow_up | default dict -}}
{{- if hasKey $own "ports" -}}{{- $ports = $own.ports -}}{{- end -}}
{{- $targets = $own.control_targets | default list -}}
{{- if eq (toString $own.enabled) "false" -}}{{- $ports = list -}}{{- $targets = list -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- dict "ports" $ports "targets" $targets | toJson -}}
{{- end -}}

{{/* The ports of mail servers and of the experiments at them, as {"ports": [...]}. */}}
{{- define "submission-exporter.smtpPorts" -}}
{{- $ports := list -}}
{{- range concat (.Values.networkPolicy.egress.ports | default list) (include "submission-exporter.followUp" . | fromJson).ports -}}
{{- $ports = append $ports (int .) -}}
{{- end -}}
{{- $places := dict -}}
{{- range .Values.probe.groups -}}
{{- range .targets -}}{{- $_ := set $places . "probe.groups" -}}{{- end -}}
{{- end -}}
{{- range $path, $way := include "submission-exporter.ways" . | fromJson -}}
{{- range concat ($way.allowed_targets | default list) (ternary (list $way.target) list (not (not $way.target))) -}}
{{- $_ := set $places . $path -}}
{{- end -}}
{{- end -}}
{{- range $text, $where := $places -}}
{{- with include "submission-exporter.portOf" (dict "text" $text "where" $where) -}}{{- $ports = append $ports (atoi .) -}}{{- end -}}
{{- end -}}
{{- dict "ports" ($ports | uniq) | toJson -}}
{{- end -}}

{{/* The ports of the follow-up's control targets, likewise: they are on purpose where the mail servers are not. */}}
{{- define "submission-exporter.controlPorts" -}}
{{- $ports := list -}}
{{- range (include "submission-exporter.followUp" . | fromJson).targets -}}
{{- with include "submission-exporter.portOf" (dict "text" . "where" "config.global.follow_up.control_targets") -}}
{{- $ports = append $ports (atoi .) -}}
{{- end -}}
{{- end -}}
{{- dict "ports" ($ports | uniq) | toJson -}}
{{- end -}}

{{/* The ports of OAuth2 token endpoints, likewise: they are seldom where the mail servers are. */}}
{{- define "submission-exporter.tokenPorts" -}}
{{- $ports := list -}}
{{- range $path, $way := include "submission-exporter.ways" . | fromJson -}}
{{- with (($way.auth | default dict).oauth2 | default dict).token_url -}}
{{- $host := regexReplaceAll "^[A-Za-z]+://([^/?#]*).*$" . "${1}" -}}
{{- $port := include "submission-exporter.portOf" (dict "text" $host "where" (printf "%s.auth.oauth2.token_url" $path)) -}}
{{- $ports = append $ports (ternary (atoi $port) (ternary 80 443 (hasPrefix "http:" (lower .))) (ne $port "")) -}}
{{- end -}}
{{- end -}}
{{- dict "ports" ($ports | uniq) | toJson -}}
{{- end -}}

{{/* The name servers that `config` names, and what ports all of them have: {"ports": [...], "networks": [...]}. */}}
{{- define "submission-exporter.nameServers" -}}
{{- $ports := list -}}
{{- $networks := list -}}
{{- range .Values.networkPolicy.egress.dnsPorts -}}{{- $ports = append $ports (int .) -}}{{- end -}}
{{- if not .Values.configExistingSecret -}}
{{- range ((.Values.config.global | default dict).resolver | default dict).nameservers -}}
{{- $address := . -}}
{{- if or (regexMatch "^[^:]+:[0-9]+$" .) (regexMatch "^\\[.*\\]:[0-9]+$" .) -}}
{{- $ports = append $ports (include "submission-exporter.portOf" (dict "text" . "where" "config.global.resolver.nameservers") | atoi) -}}
{{- $address = regexReplaceAll ":[0-9]+$" . "" -}}
{{- else -}}
{{- $ports = append $ports 53 -}}
{{- end -}}
{{- $address = regexReplaceAll "%.*$" ($address | trimPrefix "[" | trimSuffix "]") "" -}}
{{- $networks = append $networks (printf "%s/%d" $address (ternary 128 32 (contains ":" $address))) -}}
{{- end -}}
{{- end -}}
{{- dict "ports" ($ports | uniq) "networks" ($networks | uniq) | toJson -}}
{{- end -}}

{{/* A list of ports within a NetworkPolicy.  Takes ports and protocols. */}}
{{- define "submission-exporter.policyPorts" -}}
{{- range $port := .ports -}}
{{- range $.protocols }}
- port: {{ int $port }}
  protocol: {{ . }}
{{- end }}
{{- end }}
{{- end -}}
