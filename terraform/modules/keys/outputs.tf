output "arns" {
  description = "ARNs of the storage keys by kind: database, cache, objects, archive, secrets, cluster, images, backup, logs, alarms."
  value       = { for kind, key in aws_kms_key.storage : kind => key.arn }
}

output "replica_arns" {
  description = "ARNs of their replicas in the other region."
  value       = { for kind, key in aws_kms_replica_key.storage : kind => key.arn }
}

output "platform_arns" {
  description = "ARNs of the keys platform, platform-log and checkpoints."
  value = merge(
    { for name, key in aws_kms_key.platform : name => key.arn },
    { checkpoints = aws_kms_key.checkpoints.arn },
  )
}

output "alias_names" {
  description = "Aliases of all of them by kind."
  value = merge(
    { for kind, alias in aws_kms_alias.storage : kind => alias.name },
    { for kind, alias in aws_kms_alias.platform : kind => alias.name },
    { checkpoints = aws_kms_alias.checkpoints.name },
  )
}

output "process_policies" {
  description = "What each process may do with KMS, as a JSON policy for its role."
  value       = module.policies.identity
}

output "role_names" {
  description = "The names that the processes' roles must have, as the key policies name them."
  value       = module.policies.role_names
}

output "clinic_key_policies" {
  description = "The policies that tenant-admin gives to the keys of clinics, tenant and tenant-log, as JSON."
  value       = module.policies.clinic_key
}

output "guardrail" {
  description = "A service control policy, as JSON, for the organisation to attach to this account: it keeps the account's own administrators from clinics' keys."
  value       = module.policies.guardrail
}
