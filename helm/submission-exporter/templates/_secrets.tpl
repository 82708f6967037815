{{/* Where something secret stands within a part of the configuration, one path a line.  Takes path, key and value. */}}
{{- define "submission-exporter.secretsWithin" -}}
{{- $path := .path -}}
{{- if kindIs "map" .value -}}
{{- range $key, $value := .value -}}
{{- include "submission-exporter.secretsWithin" (dict "path" (printf "%s.%s" $path $key) "key" $key "value" $value) -}}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- $key := .key -}}
{{- range $index, $value := .value -}}
{{- include "submission-exporter.secretsWithin" (dict "path" (printf "%s[%d]" $path $index) "key" $key "value" $value) -}}
{{- end -}}
{{- else if and .value (has .key (list "password" "client_secret" "refresh_token")) -}}
{{- printf "%s\n" $path -}}
{{- else if kindIs "string" .value -}}
{{- /* User and password within a URL, or before a host. */}}
{{- $targets := list "target" "allowed_targets" "control_targets" -}}
{{- if or (regexMatch "^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*@" .value) (and (has .key $targets) (contains "@" .value)) -}}
{{- printf "%s\n" $path -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "submission-exporter.checkSecrets" -}}
{{- if and (eq .Values.configStorage "ConfigMap") (not .Values.configExistingSecret) -}}
{{- with include "submission-exporter.secretsWithin" (dict "path" "config" "key" "" "value" .Values.config) | trim -}}
{{- fail (printf "submission-exporter: a ConfigMap is no place for secrets: %s; keep them in a Secret that credentials mounts and name its file there (password_file, client_secret_file, refresh_token_file), or set configStorage to Secret" (splitList "\n" . | join ", ")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
