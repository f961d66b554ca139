# Sessions, ceremonies and rate limits. One shard with replicas, not cluster mode: the service's client speaks to one
# primary and follows no MOVED answers (crates/ephemeral), and its scripts touch several keys at once.

resource "aws_elasticache_subnet_group" "this" {
  name        = var.name
  description = "Data subnets of ${var.name}"
  subnet_ids  = var.subnet_ids
}

resource "aws_security_group" "this" {
  name        = "${var.name}-redis"
  description = "Redis, from the pods alone"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-redis" }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each                     = var.client_security_group_ids
  security_group_id            = aws_security_group.this.id
  description                  = "Redis over TLS from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
}

resource "aws_elasticache_parameter_group" "this" {
  name        = "${var.name}-redis7"
  family      = "redis7"
  description = "Refuses writes when full instead of ending sessions early"

  # A session that was evicted is a person who was signed out, a counter that was evicted is a limit that was lifted.
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/${var.name}/redis"
  retention_in_days = 400
  kms_key_id        = var.logs_key_arn
}

resource "aws_elasticache_replication_group" "this" {
  replication_group_id = var.name
  description          = "Sessions and rate limits of ${var.name}"
  engine               = "redis"
  engine_version       = "7.1"
  node_type            = var.node_type
  port                 = 6379
  parameter_group_name = aws_elasticache_parameter_group.this.name
  cluster_mode         = "disabled"
  num_cache_clusters   = var.nodes

  automatic_failover_enabled = true
  multi_az_enabled           = true
  subnet_group_name          = aws_elasticache_subnet_group.this.name
  security_group_ids         = [aws_security_group.this.id]

  #checkov:skip=CKV_AWS_31:the password is given by auth_token_wo, which stays out of the state; the rule knows only auth_token
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  auth_token_wo              = var.auth_token
  auth_token_wo_version      = var.auth_token_version
  at_rest_encryption_enabled = true
  kms_key_id                 = var.key_arn

  # Nothing in Redis is worth a backup: restored sessions would bring back what was ended.
  snapshot_retention_limit   = 0
  auto_minor_version_upgrade = true
  maintenance_window         = "sun:09:30-sun:10:30"
  apply_immediately          = false

  log_delivery_configuration {
    destination      = aws_cloudwatch_log_group.this.name
    destination_type = "cloudwatch-logs"
    log_format       = "json"
    log_type         = "engine-log"
  }
}

locals {
  alarms = {
    memory    = { metric = "DatabaseMemoryUsagePercentage", threshold = 80, says = "Redis is over 80 % full; full, it refuses sign-ins" }
    evictions = { metric = "Evictions", threshold = 0, says = "Redis threw something away, which its policy forbids" }
    processor = { metric = "EngineCPUUtilization", threshold = 80, says = "Redis is over 80 % busy" }
    lag       = { metric = "ReplicationLag", threshold = 10, says = "The replica is ten seconds behind" }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-redis-${each.key}"
  alarm_description   = each.value.says
  namespace           = "AWS/ElastiCache"
  metric_name         = each.value.metric
  dimensions          = { ReplicationGroupId = aws_elasticache_replication_group.this.id }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 2
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
}
