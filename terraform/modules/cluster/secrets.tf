# Where the processes' passwords are kept. Terraform makes the places and never sees what is in them, but for Redis's
# password, which the cache needs too; docs/deploy.md puts the others in.

locals {
  environment = trimprefix(var.name, "cloister-")
  secrets = {
    portal       = "database/portal"
    worker       = "database/worker"
    tenant-admin = "database/tenant-admin"
    migrate      = "database/migrate"
    redis        = "redis"
    mail         = "mail"
  }
}

resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:rotated by docs/deploy.md's command and a restart: a function with rights on the database would be one more holder of them
  for_each                = local.secrets
  name                    = "cloister/${local.environment}/${each.value}"
  description             = "Cloister ${local.environment}: ${each.value}"
  kms_key_id              = var.key_arns.secrets
  recovery_window_in_days = 30
}
