output "log_group_names" {
  description = "Log groups of the pods, the nodes and the control plane."
  value       = { for kind, group in aws_cloudwatch_log_group.this : kind => group.name }
}

output "alarm_topic_arn" {
  description = "Where alarms go."
  value       = aws_sns_topic.alarms.arn
}

output "delivery_stream_arn" {
  description = "The stream into the archive."
  value       = aws_kinesis_firehose_delivery_stream.archive.arn
}
