output "helm" {
  description = "Values of the chart that are known here (helm/cloister/values.yaml): terraform output -json helm > terraform-values.json."
  value = {
    environment = var.environment
    domain      = var.domain
    image       = { repository = module.cluster.image_repository }
    aws = {
      region = var.region
      roles = {
        portal      = module.cluster.role_arns["serve"]
        worker      = module.cluster.role_arns["work"]
        tenantAdmin = module.cluster.role_arns["admin"]
      }
    }
    database = { host = module.database.endpoint, port = module.database.port, name = module.database.database_name }
    redis    = { host = module.cache.endpoint, port = module.cache.port }
    secrets = { remote = {
      portal      = module.cluster.secret_names["portal"]
      worker      = module.cluster.secret_names["worker"]
      tenantAdmin = module.cluster.secret_names["tenant-admin"]
      migrate     = module.cluster.secret_names["migrate"]
      redis       = module.cluster.secret_names["redis"]
      mail        = module.cluster.secret_names["mail"]
    } }
    tenantAdmin = { origin = "https://${var.operators_host}" }
    keys = {
      multiRegion = true
      policies = {
        tenant    = module.keys.clinic_key_policies["tenant"]
        tenantLog = module.keys.clinic_key_policies["tenant-log"]
      }
    }
    network = {
      loadBalancers = module.network.public_subnet_cidrs
      operators     = module.network.operator_subnet_cidrs
      data          = module.network.data_subnet_cidrs
      endpoints     = module.network.private_subnet_cidrs
    }
    ingress = {
      certificates   = module.edge.certificate_arns
      customHosts    = var.custom_domains
      webAcl         = module.edge.web_acl_arn
      sslPolicy      = module.edge.tls_policy
      subnets        = module.network.public_subnet_ids
      securityGroups = [module.edge.security_group_ids["public"]]
      accessLogs     = { bucket = module.objects.bucket_names["logs"], prefix = "portal" }
      operators = {
        certificate    = module.edge.operators_certificate_arn
        subnets        = module.network.operator_subnet_ids
        securityGroups = [module.edge.security_group_ids["operators"]]
      }
    }
  }
}

output "cluster_name" {
  description = "For aws eks update-kubeconfig."
  value       = module.cluster.name
}

output "vpc_id" {
  description = "The network, which the AWS Load Balancer Controller is told (vpcId): pods cannot ask the node."
  value       = module.network.vpc_id
}

output "database_host" {
  description = "Host of the database."
  value       = module.database.endpoint
}

output "database_user" {
  description = "The master user, for the first setup."
  value       = module.database.master_user
}

output "database_secret_arn" {
  description = "The master user's password, in Secrets Manager."
  value       = module.database.master_secret_arn
}

output "redis_host" {
  description = "Host of Redis's primary."
  value       = module.cache.endpoint
}

output "role_arns" {
  description = "Roles by who takes them: serve, work, admin, secrets, load-balancers, logs, network, auditor."
  value       = merge(module.cluster.role_arns, { auditor = module.cluster.auditor_role_arn })
}

output "secret_arns" {
  description = "Secrets by who reads them."
  value       = module.cluster.secret_arns
}

output "key_arns" {
  description = "KMS keys of storage by kind, and platform, platform-log, checkpoints."
  value       = merge(module.keys.arns, module.keys.platform_arns)
}

output "key_alias_names" {
  description = "Their aliases."
  value       = module.keys.alias_names
}

output "key_guardrail" {
  description = "A service control policy for the organisation to attach to this account (aws organizations create-policy): it keeps the account's own administrators from clinics' keys."
  value       = module.keys.guardrail
}

output "log_group_names" {
  description = "Log groups of pods, nodes and control plane."
  value       = module.logs.log_group_names
}

output "bucket_names" {
  description = "Buckets by kind."
  value       = module.objects.bucket_names
}

output "certificate_arns" {
  description = "Certificates of the public load balancer."
  value       = module.edge.certificate_arns
}

output "validation_records" {
  description = "DNS records that certificates wait for, by host."
  value       = module.edge.validation_records
}

output "backup_vaults" {
  description = "The vault here and the one offsite."
  value       = { here = module.backup.vault_name, offsite = module.offsite.vault_arn }
}
