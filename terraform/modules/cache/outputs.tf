output "endpoint" {
  description = "Host of the primary; it stays when a replica takes over. Its certificate is Amazon's, which the machine's roots know."
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "port" {
  description = "Its port, TLS alone."
  value       = aws_elasticache_replication_group.this.port
}

output "log_group_name" {
  description = "The log group of Redis's own log."
  value       = aws_cloudwatch_log_group.this.name
}
