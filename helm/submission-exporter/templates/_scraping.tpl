{{/* How Prometheus reaches the exporter.  Takes root and tlsConfig; scheme, TLS and login of an endpoint. */}}
{{- define "submission-exporter.access" -}}
{{- $root := .root -}}
{{- $web := $root.Values.webConfig -}}
{{- if $web.tls.enabled }}
{{- if .withScheme }}
scheme: https
{{- end }}
tlsConfig:
  {{- if .tlsConfig }}
  {{- toYaml .tlsConfig | nindent 2 }}
  {{- else }}
  serverName: {{ include "submission-exporter.serviceHost" $root | quote }}
  {{- if and $web.tls.caKey $web.tls.secretName }}
  ca:
    secret:
      name: {{ $web.tls.secretName | quote }}
      key: {{ $web.tls.caKey | quote }}
  {{- end }}
  {{- end }}
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
