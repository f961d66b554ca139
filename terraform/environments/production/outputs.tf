output "helm" {
  description = "Values of the chart that are known here (helm/cloister/values.yaml): terraform output -json helm > terraform-values.json."
  value       = module.cloister.helm
}

output "cluster_name" {
  description = "For aws eks update-kubeconfig."
  value       = module.cloister.cluster_name
}

output "vpc_id" {
  description = "The network, which the AWS Load Balancer Controller is told (vpcId): pods cannot ask the node."
  value       = module.cloister.vpc_id
}

output "database_host" {
  description = "Host of the database."
  value       = module.cloister.database_host
}

output "database_user" {
  description = "The master user, for the first setup."
  value       = module.cloister.database_user
}

output "database_secret_arn" {
  description = "The master user's password, in Secrets Manager."
  value       = module.cloister.database_secret_arn
}

output "redis_host" {
  description = "Host of Redis's primary."
  value       = module.cloister.redis_host
}

output "role_arns" {
  description = "Roles by who takes them: serve, work, admin, secrets, load-balancers, logs, network, auditor."
  value       = module.cloister.role_arns
}

output "secret_arns" {
  description = "Secrets by who reads them."
  value       = module.cloister.secret_arns
}

output "key_arns" {
  description = "KMS keys of storage by kind, and platform, platform-log, checkpoints."
  value       = module.cloister.key_arns
}

output "key_alias_names" {
  description = "Their aliases."
  value       = module.cloister.key_alias_names
}

output "key_guardrail" {
  description = "A service control policy for the organisation to attach to this account (aws organizations create-policy): it keeps the account's own administrators from clinics' keys."
  value       = module.cloister.key_guardrail
}

output "log_group_names" {
  description = "Log groups of pods, nodes and control plane."
  value       = module.cloister.log_group_names
}

output "bucket_names" {
  description = "Buckets by kind."
  value       = module.cloister.bucket_names
}

output "certificate_arns" {
  description = "Certificates of the public load balancer."
  value       = module.cloister.certificate_arns
}

output "validation_records" {
  description = "DNS records that certificates wait for, by host."
  value       = module.cloister.validation_records
}

output "backup_vaults" {
  description = "The vault here and the one offsite."
  value       = module.cloister.backup_vaults
}
