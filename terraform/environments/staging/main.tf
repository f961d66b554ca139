# Staging: the whole of production, smaller.

module "cloister" {
  source      = "../../modules/environment"
  providers   = { aws = aws, aws.offsite = aws.offsite }
  environment = "staging"

  # What the bill depends on. Prices are us-east-1's list prices a month, rounded, and change.
  size = {
    nat_per_zone      = false       # one NAT gateway: 33 USD. Its zone's loss stops outgoing mail, nothing else
    instance_type     = "m7i.large" # 74 USD a node
    nodes             = { least = 2, most = 4 }
    database_class    = "db.t4g.medium" # 47 USD
    database_multi_az = false           # no standby: a lost zone is a restore. Production has one
    storage_gib       = 50
    most_storage_gib  = 200
    redis_node        = "cache.t4g.small" # 23 USD a node
    redis_nodes       = 2
  }
  # Besides: the EKS control plane 73, eleven VPC endpoints in two zones 160, WAF 10, KMS keys 1 each and for each clinic 2.

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
