output "vault_arn" {
  description = "The vault that the environment's backups are copied to."
  value       = aws_backup_vault.this.arn
}

output "lock" {
  description = "Least days, and days after which the lock can no longer be taken off."
  value       = { least_days = aws_backup_vault_lock_configuration.this.min_retention_days, changeable_for_days = aws_backup_vault_lock_configuration.this.changeable_for_days }
}

output "statements" {
  description = "Who may do what with the vault."
  value       = jsondecode(aws_backup_vault_policy.this.policy).Statement
}
