output "vault_name" {
  description = "The vault in this account."
  value       = aws_backup_vault.this.name
}

output "plan_id" {
  description = "The plan of daily and monthly backups."
  value       = aws_backup_plan.this.id
}
