{{/* What the processes are told. Names are the services' own: `cloister settings`, `cloister-admin settings`; the
     settings check compares. Secrets are files, named by the settings that end in _FILE. */}}

{{- define "cloister.settings.platform" -}}
CLOISTER_SIZE: production
CLOISTER_INTERNAL_LISTEN: "0.0.0.0:9090"
CLOISTER_DATABASE__URL_FILE: /etc/cloister/secrets/database-url
CLOISTER_REDIS__URL_FILE: /etc/cloister/secrets/redis-url
{{- if .Values.redis.authority }}
CLOISTER_REDIS__AUTHORITY: /etc/cloister/authorities/redis.pem
{{- end }}
CLOISTER_KEYS__SERVICE: {{ .Values.keys.service }}
CLOISTER_KEYS__REGION: {{ .Values.aws.region | quote }}
{{- if .Values.aws.kmsEndpoint }}
CLOISTER_KEYS__ENDPOINT: {{ .Values.aws.kmsEndpoint | quote }}
{{- end }}
{{- end }}

{{- define "cloister.settings.portal" -}}
{{ include "cloister.settings.platform" . }}
CLOISTER_TRANSPORT: tls
CLOISTER_LISTEN: "0.0.0.0:8443"
CLOISTER_TLS__CERTIFICATE: /etc/cloister/tls/tls.crt
CLOISTER_TLS__KEY: /etc/cloister/tls/tls.key
CLOISTER_TLS__OLDEST: {{ .Values.tls.oldest | quote }}
CLOISTER_DATABASE__CONNECTIONS: {{ .Values.portal.databaseConnections | quote }}
CLOISTER_SHUTDOWN__NOTICE: {{ .Values.portal.notice | quote }}
CLOISTER_PROXY__NETWORKS: {{ join "," .Values.network.loadBalancers | quote }}
CLOISTER_PROXY__HOPS: "1"
{{- with .Values.portal.appOrigins }}
CLOISTER_APP_ORIGINS: {{ join "," . | quote }}
{{- end }}
{{- with .Values.portal.limits }}
{{- range $name, $setting := dict "anonymous" "ANONYMOUS" "flowPages" "FLOW_PAGES" "signedIn" "SIGNED_IN" "bearer" "BEARER" "machine" "MACHINE" }}
{{- with index $.Values.portal.limits $name }}
CLOISTER_LIMITS__{{ $setting }}: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}
CLOISTER_LOG: {{ .Values.portal.log | quote }}
{{- end }}

{{- define "cloister.settings.worker" -}}
{{ include "cloister.settings.platform" . }}
# It answers nobody: with these two it needs no certificate, and so no private key of the portal's.
CLOISTER_TRANSPORT: loopback
CLOISTER_LISTEN: "127.0.0.1:8443"
CLOISTER_DATABASE__CONNECTIONS: {{ .Values.worker.databaseConnections | quote }}
CLOISTER_WORK__AT_ONCE: {{ .Values.worker.atOnce | quote }}
CLOISTER_MAIL__CARRIER: smtp
CLOISTER_MAIL__HOST: {{ .Values.mail.host | quote }}
CLOISTER_MAIL__PORT: {{ .Values.mail.port | quote }}
CLOISTER_MAIL__SECURITY: {{ .Values.mail.security }}
CLOISTER_MAIL__USER: {{ .Values.mail.user | quote }}
CLOISTER_MAIL__PASSWORD_FILE: /etc/cloister/secrets/mail-password
CLOISTER_MAIL__FROM: {{ .Values.mail.from | quote }}
CLOISTER_MAIL__VENDOR: {{ .Values.mail.vendor | quote }}
CLOISTER_MAIL__AGREEMENT__FROM: {{ .Values.mail.agreement.from | quote }}
CLOISTER_MAIL__AGREEMENT__UNTIL: {{ .Values.mail.agreement.until | quote }}
CLOISTER_LOG: {{ .Values.worker.log | quote }}
{{- end }}

{{- define "cloister.settings.tenant-admin" -}}
CLOISTER_ADMIN_LISTEN: "0.0.0.0:8443"
CLOISTER_ADMIN_INTERNAL_LISTEN: "0.0.0.0:9090"
CLOISTER_ADMIN_ORIGIN: {{ .Values.tenantAdmin.origin | quote }}
CLOISTER_ADMIN_DOMAIN: {{ .Values.domain | quote }}
CLOISTER_ADMIN_TRANSPORT: tls
CLOISTER_ADMIN_TLS__CERTIFICATE: /etc/cloister/tls/tls.crt
CLOISTER_ADMIN_TLS__KEY: /etc/cloister/tls/tls.key
{{- if .Values.network.operatorsBehindProxy }}
CLOISTER_ADMIN_PROXY__NETWORKS: {{ join "," .Values.network.operators | quote }}
CLOISTER_ADMIN_PROXY__HOPS: "1"
{{- end }}
CLOISTER_ADMIN_DATABASE__URL_FILE: /etc/cloister/secrets/database-url
CLOISTER_ADMIN_DATABASE__CONNECTIONS: {{ .Values.tenantAdmin.databaseConnections | quote }}
CLOISTER_ADMIN_REDIS__URL_FILE: /etc/cloister/secrets/redis-url
{{- if .Values.redis.authority }}
CLOISTER_ADMIN_REDIS__AUTHORITY: /etc/cloister/authorities/redis.pem
{{- end }}
CLOISTER_ADMIN_KEYS__SERVICE: {{ .Values.keys.service }}
CLOISTER_ADMIN_KEYS__REGION: {{ .Values.aws.region | quote }}
{{- if .Values.aws.kmsEndpoint }}
CLOISTER_ADMIN_KEYS__ENDPOINT: {{ .Values.aws.kmsEndpoint | quote }}
{{- end }}
CLOISTER_ADMIN_KEYS__MULTI_REGION: {{ .Values.keys.multiRegion | quote }}
{{- if .Values.keys.policies.tenant }}
CLOISTER_ADMIN_KEYS__POLICIES: /etc/cloister/keys/policies.json
{{- end }}
CLOISTER_ADMIN_CALLS_PER_MINUTE: {{ .Values.tenantAdmin.callsPerMinute | quote }}
CLOISTER_ADMIN_LOG: {{ .Values.tenantAdmin.log | quote }}
{{- end }}

{{- define "cloister.settings.migrate" -}}
CLOISTER_SIZE: production
CLOISTER_DATABASE__URL_FILE: /etc/cloister/secrets/database-url
{{- end }}
