{{/* Egress rules that several policies have. */}}

{{- define "indexjob.toDns" -}}
{{- with .Values.networkPolicy.dns -}}
- to:
    {{- if not (or .podLabels .namespaceLabels .cidrs) }}
    {{- fail "networkPolicy.dns: name the cluster's DNS by podLabels, namespaceLabels or cidrs; with none of them port 53 of any address would be open." }}
    {{- end }}
    {{- if or .podLabels .namespaceLabels }}
    - namespaceSelector:
        matchLabels:
          {{- toYaml (.namespaceLabels | default dict) | nindent 10 }}
      podSelector:
        matchLabels:
          {{- toYaml (.podLabels | default dict) | nindent 10 }}
    {{- end }}
    {{- range .cidrs }}
    - ipBlock:
        cidr: {{ . }}
    {{- end }}
  ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- end -}}
{{- end -}}

{{- define "indexjob.toDatabase" -}}
{{- if .Values.database.trial.enabled -}}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ .Release.Namespace }}
      podSelector:
        matchLabels:
          {{- include "indexjob.trialLabels" . | nindent 10 }}
  ports:
    - port: 5432
{{- else -}}
{{- with .Values.networkPolicy.database -}}
{{- if or .cidr .podLabels .namespaceLabels -}}
- to:
    {{- with .cidr }}
    - ipBlock:
        cidr: {{ . }}
    {{- end }}
    {{- if or .podLabels .namespaceLabels }}
    - podSelector:
        matchLabels:
          {{- toYaml .podLabels | nindent 10 }}
      {{- with .namespaceLabels }}
      namespaceSelector:
        matchLabels:
          {{- toYaml . | nindent 10 }}
      {{- end }}
    {{- end }}
  ports:
    - port: {{ .port }}
{{- else -}}
- ports:
    - port: {{ .port }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
