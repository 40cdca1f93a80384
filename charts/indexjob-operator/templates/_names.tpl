{{/* Names, labels and images: what several templates say alike. No rule is in here. */}}

{{/* What all names begin with, room left for what they end with: cut off, two releases would have one name. */}}
{{- define "indexjob.base" -}}
{{- $name := .Values.fullnameOverride | default .Release.Name -}}
{{- if or (gt (len $name) 40) (contains "." $name) -}}
{{- fail (printf "the release's name %q has a dot or more than 40 characters: set fullnameOverride to a name without." $name) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{/* Of what is there once in a cluster: two releases may have the same name. */}}
{{- define "indexjob.clusterBase" -}}
{{- printf "%s:%s" .Release.Namespace (include "indexjob.base" .) -}}
{{- end -}}

{{- define "indexjob.runNamespace" -}}
{{- .Values.runNamespace | default .Release.Namespace -}}
{{- end -}}

{{- define "indexjob.labels" -}}
app.kubernetes.io/name: indexjob-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: indexjob
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* The operator's pods. */}}
{{- define "indexjob.operatorLabels" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{/* The workers' pods, as the operator labels them. */}}
{{- define "indexjob.workerLabels" -}}
app.kubernetes.io/managed-by: indexjob
app.kubernetes.io/component: worker
{{- end -}}

{{/* The pods of the throw-away Postgres. */}}
{{- define "indexjob.trialLabels" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: trial-database
{{- end -}}

{{- define "indexjob.operatorServiceAccount" -}}
{{- .Values.operator.serviceAccount.name | default (printf "%s-operator" (include "indexjob.base" .)) -}}
{{- end -}}

{{- define "indexjob.workerServiceAccount" -}}
{{- .Values.worker.serviceAccount.name | default (printf "%s-worker" (include "indexjob.base" .)) -}}
{{- end -}}

{{- define "indexjob.operatorImage" -}}
{{- .Values.operator.image | default (printf "%sindexjob-operator:%s" (include "indexjob.registry" .) .Chart.AppVersion) -}}
{{- end -}}

{{- define "indexjob.workerImage" -}}
{{- .Values.worker.image | default (printf "%sindexjob-worker:%s" (include "indexjob.registry" .) .Chart.AppVersion) -}}
{{- end -}}

{{- define "indexjob.registry" -}}
{{- with .Values.imageRegistry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- end -}}

{{/* The Secret with the database's URLs; refuses values that name none or two. */}}
{{- define "indexjob.databaseSecret" -}}
{{- with .Values.database -}}
{{- if .trial.enabled -}}
{{- if .existingSecret -}}
{{- fail "database: set either existingSecret or trial.enabled, not both." -}}
{{- end -}}
{{- if not .trial.image -}}
{{- fail "database.trial.image is missing: name an image that has Postgres, such as postgres:18." -}}
{{- end -}}
{{- printf "%s-trial-database" (include "indexjob.base" $) -}}
{{- else if .existingSecret -}}
{{- .existingSecret -}}
{{- else -}}
{{- fail "database.existingSecret is missing: name a Secret with the keys migrate-url, operator-url and worker-url, or one key url. For a throw-away Postgres instead, set database.trial.enabled=true and database.trial.image." -}}
{{- end -}}
{{- end -}}
{{- end -}}
