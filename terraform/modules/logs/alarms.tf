resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.alarms_key_arn
}

resource "aws_sns_topic_policy" "alarms" {
  arn = aws_sns_topic.alarms.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "ServicesOfThisAccount"
        Effect    = "Allow"
        Principal = { Service = ["cloudwatch.amazonaws.com", "events.amazonaws.com", "events.rds.amazonaws.com", "backup.amazonaws.com"] }
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.alarms.arn
        Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
      },
      {
        Sid       = "OverTlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.alarms.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "alarms" {
  for_each  = toset(var.alarm_emails)
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

# Nothing reaches the archive any more: the oldest record waits for more than an hour.
resource "aws_cloudwatch_metric_alarm" "archive_behind" {
  alarm_name          = "${var.name}-archive-behind"
  alarm_description   = "Logs do not reach the archive: look at ${aws_cloudwatch_log_group.delivery.name}"
  namespace           = "AWS/Firehose"
  metric_name         = "DeliveryToS3.DataFreshness"
  dimensions          = { DeliveryStreamName = aws_kinesis_firehose_delivery_stream.archive.name }
  statistic           = "Maximum"
  period              = 900
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 3600
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

locals {
  # Calls that nobody should make on a quiet day.
  watched = {
    clinics-key-policy = {
      says    = "Somebody changed who may use a key, or handed it on"
      pattern = { source = ["aws.kms"], detail = { eventName = ["PutKeyPolicy", "CreateGrant", "DisableKey", "ScheduleKeyDeletion"] } }
    }
    trail = {
      says    = "Somebody changed or stopped the trail"
      pattern = { source = ["aws.cloudtrail"], detail = { eventName = ["StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors"] } }
    }
    root = {
      says    = "Somebody signed in as the account's root"
      pattern = { detail-type = ["AWS Console Sign In via CloudTrail"], detail = { userIdentity = { type = ["Root"] } } }
    }
    findings = {
      says    = "GuardDuty found something of medium severity or worse"
      pattern = { source = ["aws.guardduty"], detail = { severity = [{ numeric = [">=", 4] }] } }
    }
    rules = {
      says    = "Something no longer keeps a HIPAA rule of AWS Config"
      pattern = { source = ["aws.config"], detail-type = ["Config Rules Compliance Change"], detail = { newEvaluationResult = { complianceType = ["NON_COMPLIANT"] } } }
    }
  }
}

resource "aws_cloudwatch_event_rule" "watched" {
  for_each      = local.watched
  name          = "${var.name}-${each.key}"
  description   = each.value.says
  event_pattern = jsonencode(each.value.pattern)
}

resource "aws_cloudwatch_event_target" "watched" {
  for_each = local.watched
  rule     = aws_cloudwatch_event_rule.watched[each.key].name
  arn      = aws_sns_topic.alarms.arn
}
