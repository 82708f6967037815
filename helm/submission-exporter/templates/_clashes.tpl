{{/* Lists in which Kubernetes takes no name twice. */}}

{{/* Takes names, what (they name, in which values) and remedy. */}}
{{- define "submission-exporter.checkOnce" -}}
{{- $seen := dict -}}
{{- range .names -}}
{{- if hasKey $seen . -}}
{{- fail (printf "submission-exporter: %s %q stands there twice; %s" $.what . $.remedy) -}}
{{- end -}}
{{- $_ := set $seen . true -}}
{{- end -}}
{{- end -}}

{{/* The values of a key.  Takes list and key; gives {"names": [...]}. */}}
{{- define "submission-exporter.namesIn" -}}
{{- $key := .key -}}
{{- $names := list -}}
{{- range .list -}}{{- $names = append $names (toString (get . $key)) -}}{{- end -}}
{{- dict "names" $names | toJson -}}
{{- end -}}

{{- define "submission-exporter.checkClashes" -}}
{{- $values := .Values -}}
{{- $volumes := include "submission-exporter.volumes" . | fromYamlArray -}}
{{- $mounts := include "submission-exporter.exporterMounts" . | fromYamlArray -}}
{{- $containers := concat (list (dict "name" "exporter")) ($values.extraInitContainers | default list) ($values.extraContainers | default list) -}}
{{- if $values.configReloader.enabled -}}
{{- $containers = append $containers (dict "name" "config-reloader") -}}
{{- end -}}
{{- $variables := $values.extraEnv | default list -}}
{{- if $values.sharding.enabled -}}
{{- $variables = append $variables (dict "name" "SHARD_INDEX") -}}
{{- end -}}
{{- range list
  (list $values.credentials "secretName" "credentials: the Secret" "list it once, with all its items")
  (list $values.certificateAuthorities "configMapName" "certificateAuthorities: the ConfigMap" "list it once, with all its items")
  (list $volumes "name" "extraVolumes: the volume" "call yours something else (config, web-config, web-tls, rules, credentials-N and ca-N are the chart's)")
  (list $mounts "mountPath" "extraVolumeMounts: the path" "mount yours elsewhere")
  (list $containers "name" "extraContainers and extraInitContainers: the container" "call yours something else")
  (list $variables "name" "extraEnv: the variable" "name it once (SHARD_INDEX is the chart's with sharding.enabled)")
  (list $values.hostAliases "ip" "hostAliases: the address" "list it once, with all its hostnames")
  (list $values.probe.groups "name" "probe.groups: the name" "give each group a name of its own") -}}
{{- $names := (include "submission-exporter.namesIn" (dict "list" (index . 0) "key" (index . 1)) | fromJson).names -}}
{{- include "submission-exporter.checkOnce" (dict "names" $names "what" (index . 2) "remedy" (index . 3)) -}}
{{- end -}}
{{- $spread := list -}}
{{- range $values.topologySpreadConstraints -}}
{{- $spread = append $spread (printf "%s, %s" .topologyKey .whenUnsatisfiable) -}}
{{- end -}}
{{- include "submission-exporter.checkOnce" (dict "names" $spread "what" "topologySpreadConstraints: the pair" "remedy" "keep one of them") -}}
{{- $there := (include "submission-exporter.namesIn" (dict "list" $volumes "key" "name") | fromJson).names -}}
{{- range $values.extraVolumeMounts -}}
{{- if not (has .name $there) -}}
{{- fail (printf "submission-exporter: extraVolumeMounts mounts the volume %q, which is not there; add it to extraVolumes" .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
