output "endpoint" {
  description = "Host of the database; it stays when the standby takes over."
  value       = aws_db_instance.this.address
}

output "port" {
  description = "Its port."
  value       = aws_db_instance.this.port
}

output "database_name" {
  description = "Name of the database."
  value       = aws_db_instance.this.db_name
}

output "arn" {
  description = "ARN of the instance, for backups."
  value       = aws_db_instance.this.arn
}

output "resource_id" {
  description = "What IAM policies for rds-db:connect name it by."
  value       = aws_db_instance.this.resource_id
}

output "master_secret_arn" {
  description = "Secret with the master user's password, which only the first setup and emergencies need."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}

output "log_group_names" {
  description = "Log groups of the database."
  value       = { for kind, group in aws_cloudwatch_log_group.this : kind => group.name }
}

output "master_user" {
  description = "The master user's name."
  value       = aws_db_instance.this.username
}

output "subnet_group_name" {
  description = "Its subnet group, for restores."
  value       = aws_db_subnet_group.this.name
}
