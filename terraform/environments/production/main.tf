# Production: what clinics use.

module "cloister" {
  source      = "../../modules/environment"
  providers   = { aws = aws, aws.offsite = aws.offsite }
  environment = "production"

  # What the bill depends on. Prices are us-east-1's list prices a month, rounded, and change.
  size = {
    nat_per_zone      = true         # three NAT gateways: 99 USD
    instance_type     = "m7i.xlarge" # 147 USD a node
    nodes             = { least = 3, most = 9 }
    database_class    = "db.m7g.large" # 247 USD with its standby
    database_multi_az = true
    storage_gib       = 100 # 23 USD with the standby's
    most_storage_gib  = 1000
    redis_node        = "cache.m7g.large" # 115 USD a node
    redis_nodes       = 3
  }
  # Besides: the EKS control plane 73, eleven VPC endpoints in three zones 240, WAF 10, KMS keys 1 each and for each clinic 2,
  # GuardDuty, Config, logs and backups by use.

  account_id                 = var.account_id
  offsite_account_id         = var.offsite_account_id
  region                     = var.region
  replica_region             = var.replica_region
  cidr                       = var.cidr
  zones                      = var.zones
  operator_cidrs             = var.operator_cidrs
  domain                     = var.domain
  operators_host             = var.operators_host
  hosted_zone_id             = var.hosted_zone_id
  custom_domains             = var.custom_domains
  load_balancer_name         = var.load_balancer_name
  key_administrator_arns     = var.key_administrator_arns
  cluster_administrator_arns = var.cluster_administrator_arns
  auditor_arns               = var.auditor_arns
  clinic_key_arns            = var.clinic_key_arns
  alarm_emails               = var.alarm_emails
  redis_auth_token           = var.redis_auth_token
  redis_auth_token_version   = var.redis_auth_token_version
  kubernetes_version         = var.kubernetes_version
}
