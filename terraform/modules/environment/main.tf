# One whole environment, put together of the modules beside this one. The environments differ in what they pass in.

locals {
  name = "cloister-${var.environment}"
}

module "keys" {
  source             = "../keys"
  name               = local.name
  region             = var.region
  replica_region     = var.replica_region
  account_id         = var.account_id
  administrator_arns = var.key_administrator_arns
  clinic_key_arns    = var.clinic_key_arns
}

module "network" {
  source       = "../network"
  name         = local.name
  region       = var.region
  cidr         = var.cidr
  zones        = var.zones
  nat_per_zone = var.size.nat_per_zone
  logs_key_arn = module.keys.arns["logs"]
}

module "objects" {
  source           = "../objects"
  name             = local.name
  region           = var.region
  replica_region   = var.replica_region
  account_id       = var.account_id
  key_arns         = { objects = module.keys.arns["objects"], archive = module.keys.arns["archive"] }
  replica_key_arns = { objects = module.keys.replica_arns["objects"], archive = module.keys.replica_arns["archive"] }
}

module "logs" {
  source              = "../logs"
  name                = local.name
  region              = var.region
  account_id          = var.account_id
  archive_bucket_name = module.objects.bucket_names["archive"]
  archive_key_arn     = module.keys.arns["archive"]
  alarms_key_arn      = module.keys.arns["alarms"]
  logs_key_arn        = module.keys.arns["logs"]
  alarm_emails        = var.alarm_emails
  other_log_groups = merge(
    { for kind, name in module.database.log_group_names : "database-${kind}" => name },
    { redis = module.cache.log_group_name, network = module.network.flow_log_group_name, waf = module.edge.log_group_name },
  )
}

module "cluster" {
  source             = "../cluster"
  name               = local.name
  region             = var.region
  account_id         = var.account_id
  kubernetes_version = var.kubernetes_version
  vpc_id             = module.network.vpc_id
  subnet_ids         = module.network.private_subnet_ids
  instance_type      = var.size.instance_type
  nodes              = var.size.nodes
  operator_cidrs     = var.operator_cidrs
  administrator_arns = var.cluster_administrator_arns
  auditor_arns       = var.auditor_arns
  process_policies   = module.keys.process_policies
  role_names         = module.keys.role_names
  key_arns           = { cluster = module.keys.arns["cluster"], images = module.keys.arns["images"], secrets = module.keys.arns["secrets"] }
  log_group_names    = module.logs.log_group_names
}

module "database" {
  source                    = "../database"
  name                      = local.name
  vpc_id                    = module.network.vpc_id
  subnet_ids                = module.network.data_subnet_ids
  client_security_group_ids = { pods = module.cluster.node_security_group_id }
  instance_class            = var.size.database_class
  multi_az                  = var.size.database_multi_az
  storage_gib               = var.size.storage_gib
  most_storage_gib          = var.size.most_storage_gib
  alarm_topic_arn           = module.logs.alarm_topic_arn
  key_arn                   = module.keys.arns["database"]
  secrets_key_arn           = module.keys.arns["secrets"]
  logs_key_arn              = module.keys.arns["logs"]
  replica_region            = var.replica_region
  replica_key_arn           = module.keys.replica_arns["database"]
}

module "cache" {
  source                    = "../cache"
  name                      = local.name
  vpc_id                    = module.network.vpc_id
  subnet_ids                = module.network.data_subnet_ids
  client_security_group_ids = { pods = module.cluster.node_security_group_id }
  node_type                 = var.size.redis_node
  nodes                     = var.size.redis_nodes
  auth_token                = var.redis_auth_token
  auth_token_version        = var.redis_auth_token_version
  alarm_topic_arn           = module.logs.alarm_topic_arn
  key_arn                   = module.keys.arns["cache"]
  logs_key_arn              = module.keys.arns["logs"]
}

# The chart reads Redis's password from here. Write-only: the value is not in the state.
resource "aws_secretsmanager_secret_version" "redis" {
  secret_id                = module.cluster.secret_arns["redis"]
  secret_string_wo         = jsonencode({ password = var.redis_auth_token })
  secret_string_wo_version = var.redis_auth_token_version
}

module "edge" {
  source             = "../edge"
  name               = local.name
  vpc_id             = module.network.vpc_id
  pod_cidrs          = module.network.private_subnet_cidrs
  operator_cidrs     = var.operator_cidrs
  domain             = var.domain
  operators_host     = var.operators_host
  hosted_zone_id     = var.hosted_zone_id
  custom_domains     = var.custom_domains
  load_balancer_name = var.load_balancer_name
  alarm_topic_arn    = module.logs.alarm_topic_arn
  logs_key_arn       = module.keys.arns["logs"]
}

module "offsite" {
  source            = "../backup/offsite"
  providers         = { aws = aws.offsite }
  name              = local.name
  source_account_id = var.account_id
  account_id        = var.offsite_account_id
}

module "backup" {
  source               = "../backup"
  name                 = local.name
  account_id           = var.account_id
  offsite_vault_arn    = module.offsite.vault_arn
  resource_arns        = { database = module.database.arn, documents = module.objects.bucket_arns["documents"] }
  database_arn         = module.database.arn
  restore_subnet_group = module.database.subnet_group_name
  alarm_topic_arn      = module.logs.alarm_topic_arn
  key_arn              = module.keys.arns["backup"]
}
