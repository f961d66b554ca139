mock_provider "aws" {
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:us-east-1:111122223333:alarms" }
  }
}

variables {
  name                = "cloister-test"
  region              = "us-east-1"
  account_id          = "111122223333"
  archive_bucket_name = "cloister-test-archive-111122223333"
  archive_key_arn     = "arn:aws:kms:us-east-1:111122223333:key/archive"
  alarms_key_arn      = "arn:aws:kms:us-east-1:111122223333:key/alarms"
  logs_key_arn        = "arn:aws:kms:us-east-1:111122223333:key/logs"
  alarm_emails        = ["on-call@cloister.example"]
  other_log_groups    = { database = "/aws/rds/instance/cloister-test/postgresql" }
}

run "every_log_group_goes_to_the_archive_encrypted" {
  command = plan
  assert {
    condition     = length(setsubtract(["application", "cluster", "dataplane", "host", "database"], keys(aws_cloudwatch_log_subscription_filter.archive))) == 0
    error_message = "A log group is not archived."
  }
  assert {
    condition     = alltrue([for filter in aws_cloudwatch_log_subscription_filter.archive : filter.filter_pattern == ""])
    error_message = "Something is filtered out on its way to the archive."
  }
  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : group.kms_key_id == var.logs_key_arn && group.retention_in_days >= 365])
    error_message = "A log group is unencrypted or forgets within a year."
  }
  assert {
    condition = (aws_kinesis_firehose_delivery_stream.archive.server_side_encryption[0].enabled
      && aws_kinesis_firehose_delivery_stream.archive.extended_s3_configuration[0].kms_key_arn == var.archive_key_arn
    && aws_kinesis_firehose_delivery_stream.archive.extended_s3_configuration[0].bucket_arn == "arn:aws:s3:::cloister-test-archive-111122223333")
    error_message = "The stream is unencrypted or ends elsewhere than in the archive."
  }
}

run "the_account_is_watched" {
  command = plan
  assert {
    condition     = aws_cloudtrail.this.enable_log_file_validation && aws_cloudtrail.this.is_multi_region_trail && aws_cloudtrail.this.kms_key_id == var.archive_key_arn
    error_message = "The trail is unsigned, of one region or unencrypted."
  }
  assert {
    condition     = aws_s3_account_public_access_block.this.restrict_public_buckets && aws_s3_account_public_access_block.this.block_public_policy && aws_ebs_encryption_by_default.this.enabled
    error_message = "The account allows public buckets or unencrypted disks."
  }
  assert {
    condition     = aws_guardduty_detector.this.enable && aws_config_configuration_recorder_status.this.is_enabled && strcontains(aws_config_conformance_pack.hipaa.template_body, "RDS_STORAGE_ENCRYPTED")
    error_message = "GuardDuty or AWS Config is off."
  }
  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == var.alarms_key_arn && length(aws_cloudwatch_event_target.watched) == length(local.watched)
    error_message = "Alarms are unencrypted or go nowhere."
  }
}

run "somebody_hears_alarms" {
  command = plan
  variables {
    alarm_emails = []
  }
  expect_failures = [var.alarm_emails]
}
