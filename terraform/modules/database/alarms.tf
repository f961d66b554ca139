locals {
  alarms = {
    storage-low     = { metric = "FreeStorageSpace", comparison = "LessThanThreshold", threshold = 5 * 1024 * 1024 * 1024, says = "Less than 5 GiB of storage is left" }
    processor       = { metric = "CPUUtilization", comparison = "GreaterThanThreshold", threshold = 80, says = "The processor is over 80 % busy" }
    connections     = { metric = "DatabaseConnections", comparison = "GreaterThanThreshold", threshold = var.most_connections, says = "More connections than planned" }
    memory-low      = { metric = "FreeableMemory", comparison = "LessThanThreshold", threshold = 256 * 1024 * 1024, says = "Less than 256 MiB of memory is free" }
    transaction-ids = { metric = "MaximumUsedTransactionIDs", comparison = "GreaterThanThreshold", threshold = 1000000000, says = "Vacuum does not keep up" }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-database-${each.key}"
  alarm_description   = each.value.says
  namespace           = "AWS/RDS"
  metric_name         = each.value.metric
  dimensions          = { DBInstanceIdentifier = aws_db_instance.this.identifier }
  statistic           = "Average"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  treat_missing_data  = "breaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
}

# Failovers, failed backups and storage that is running out, as RDS itself reports them.
resource "aws_db_event_subscription" "this" {
  name             = "${var.name}-database"
  sns_topic        = var.alarm_topic_arn
  source_type      = "db-instance"
  source_ids       = [aws_db_instance.this.identifier]
  event_categories = ["availability", "backup", "deletion", "failover", "failure", "low storage", "recovery"]
}
