# 3-2-1: the live data with its standby, recovery points in a locked vault here, and a copy of each in a locked vault of a
# second account (./offsite), whose credentials nobody here has. The second account's vault is in the same region: AWS Backup
# copies an RDS snapshot to another account or to another region, not both at once. For a lost region, the database module
# has RDS copy its own backups there, and the buckets have copies.

resource "aws_backup_vault" "this" {
  name        = var.name
  kms_key_arn = var.key_arn
}

# Compliance: after three days nobody, the account's root included, can shorten it or delete a recovery point early.
resource "aws_backup_vault_lock_configuration" "this" {
  backup_vault_name   = aws_backup_vault.this.name
  min_retention_days  = var.retention.daily
  max_retention_days  = 2557
  changeable_for_days = 3
}

resource "aws_iam_role" "this" {
  name = "${var.name}-backup"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "backup.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = toset([
    "service-role/AWSBackupServiceRolePolicyForBackup", "service-role/AWSBackupServiceRolePolicyForRestores",
    "AWSBackupServiceRolePolicyForS3Backup", "AWSBackupServiceRolePolicyForS3Restore",
  ])
  role       = aws_iam_role.this.name
  policy_arn = "arn:aws:iam::aws:policy/${each.key}"
}

resource "aws_backup_plan" "this" {
  name = var.name

  rule {
    rule_name                = "daily"
    target_vault_name        = aws_backup_vault.this.name
    schedule                 = "cron(0 5 * * ? *)"
    start_window             = 60
    completion_window        = 360
    enable_continuous_backup = false # RDS itself keeps 35 days to the second
    lifecycle {
      delete_after = var.retention.daily
    }
    copy_action {
      destination_vault_arn = var.offsite_vault_arn
      lifecycle {
        delete_after = var.retention.daily
      }
    }
  }

  rule {
    rule_name         = "monthly"
    target_vault_name = aws_backup_vault.this.name
    schedule          = "cron(0 6 1 * ? *)"
    start_window      = 60
    completion_window = 720
    lifecycle {
      delete_after = var.retention.monthly
    }
    copy_action {
      destination_vault_arn = var.offsite_vault_arn
      lifecycle {
        delete_after = var.retention.monthly
      }
    }
  }
}

resource "aws_backup_selection" "this" {
  name         = "data"
  plan_id      = aws_backup_plan.this.id
  iam_role_arn = aws_iam_role.this.arn
  resources    = [for kind, arn in var.resource_arns : arn]
}

# A backup that was never restored is a hope. Each week AWS restores one of the last week's, and deletes it a day later;
# whether the data in it is good is what `cloister`'s restore drill looks at.
resource "aws_backup_restore_testing_plan" "this" {
  name                = replace(var.name, "-", "_")
  schedule_expression = "cron(0 9 ? * SUN *)"
  start_window_hours  = 4
  recovery_point_selection {
    algorithm             = "RANDOM_WITHIN_WINDOW"
    include_vaults        = [aws_backup_vault.this.arn]
    recovery_point_types  = ["SNAPSHOT"]
    selection_window_days = 7
  }
}

resource "aws_backup_restore_testing_selection" "database" {
  name                      = "database"
  restore_testing_plan_name = aws_backup_restore_testing_plan.this.name
  iam_role_arn              = aws_iam_role.this.arn
  protected_resource_type   = "RDS"
  protected_resource_arns   = [var.database_arn]
  validation_window_hours   = 24
  restore_metadata_overrides = {
    dbSubnetGroupName = var.restore_subnet_group
    multiAz           = "false"
  }
}

locals {
  events = {
    failed  = { detail-type = ["Backup Job State Change", "Copy Job State Change", "Restore Job State Change"], detail = { state = ["FAILED", "EXPIRED", "ABORTED", "PARTIAL"] } }
    changed = { detail-type = ["Backup Vault State Change", "Recovery Point State Change"], detail = { state = ["DELETED", "MODIFIED", "EXPIRED"] } }
  }
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each      = local.events
  name          = "${var.name}-backup-${each.key}"
  description   = "A backup, copy or restore ${each.key}"
  event_pattern = jsonencode(merge({ source = ["aws.backup"] }, each.value))
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.events
  rule     = aws_cloudwatch_event_rule.this[each.key].name
  arn      = var.alarm_topic_arn
}

# Also when nothing fails because nothing runs.
resource "aws_cloudwatch_metric_alarm" "late" {
  alarm_name          = "${var.name}-backup-late"
  alarm_description   = "No backup was completed for a day and a half"
  namespace           = "AWS/Backup"
  metric_name         = "NumberOfBackupJobsCompleted"
  dimensions          = { BackupVaultName = aws_backup_vault.this.name }
  statistic           = "Sum"
  period              = 43200
  evaluation_periods  = 3
  datapoints_to_alarm = 3
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [var.alarm_topic_arn]
}
