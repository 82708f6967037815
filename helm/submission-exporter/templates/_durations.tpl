{{/* Milliseconds of a duration as Prometheus writes it. */}}
{{- define "submission-exporter.milliseconds" -}}
{{- $units := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000 "w" 604800000 "y" 31536000000 -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+(ms|[smhdwy])" . -1 -}}
{{- $sum = add $sum (mul (regexFind "^[0-9]+" . | atoi) (get $units (regexFind "[a-z]+$" .))) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}

{{/* Prometheus refuses a scrape that may take longer than its interval, and the exporter such a probe.  Takes where (the path of the values), interval,
     timeout and key (the timeout's name); either may be empty: then it is the default. */}}
{{- define "submission-exporter.checkScrape" -}}
{{- if and .interval .timeout -}}
{{- if gt (include "submission-exporter.milliseconds" .timeout | atoi) (include "submission-exporter.milliseconds" .interval | atoi) -}}
{{- fail (printf "submission-exporter: %s.%s (%s) is longer than the interval (%s); shorten the one or lengthen the other" .where .key .timeout .interval) -}}
{{- end -}}
{{- end -}}
{{- end -}}
