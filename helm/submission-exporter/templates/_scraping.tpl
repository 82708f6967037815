{{/* How Prometheus reaches the exporter.  Takes root and tlsConfig; scheme, TLS and login of an endpoint. */}}
{{- define "submission-exporter.access" -}}
{{- $root := .root -}}
{{- $web := $root.Values.webConfig -}}
{{- if $web.tls.enabled }}
{{- if .withScheme }}
scheme: https
{{- end }}
tlsConfig:
  {{- $tls := merge (dict) (.tlsConfig | default dict) (dict "serverName" (include "submission-exporter.serviceHost" $root)) }}
  {{- if and $web.tls.caKey $web.tls.secretName (not $tls.ca) (not $tls.caFile) (not $tls.insecureSkipVerify) }}
  {{- $_ := set $tls "ca" (dict "secret" (dict "name" $web.tls.secretName "key" $web.tls.caKey)) }}
  {{- end }}
  {{- toYaml $tls | nindent 2 }}
{{- end }}
{{- if $web.basicAuth.enabled }}
basicAuth:
  username:
    name: {{ $web.basicAuth.scrapeSecretName | quote }}
    key: {{ $web.basicAuth.scrapeUsernameKey | quote }}
  password:
    name: {{ $web.basicAuth.scrapeSecretName | quote }}
    key: {{ $web.basicAuth.scrapePasswordKey | quote }}
{{- end }}
{{- end -}}
