mock_provider "aws" {
  mock_resource "aws_backup_vault" {
    defaults = { arn = "arn:aws:backup:us-east-1:111122223333:backup-vault:cloister-test" }
  }
}

variables {
  name                 = "cloister-test"
  account_id           = "111122223333"
  offsite_vault_arn    = "arn:aws:backup:us-west-2:444455556666:backup-vault:cloister-test-offsite"
  resource_arns        = { database = "arn:aws:rds:us-east-1:111122223333:db:cloister-test", documents = "arn:aws:s3:::documents" }
  database_arn         = "arn:aws:rds:us-east-1:111122223333:db:cloister-test"
  restore_subnet_group = "cloister-test"
  alarm_topic_arn      = "arn:aws:sns:us-east-1:111122223333:alarms"
  key_arn              = "arn:aws:kms:us-east-1:111122223333:key/backup"
}

run "every_backup_is_locked_here_and_copied_to_the_second_account" {
  command = plan
  assert {
    condition     = alltrue([for rule in aws_backup_plan.this.rule : alltrue([for copy in rule.copy_action : copy.destination_vault_arn == var.offsite_vault_arn]) && length(rule.copy_action) == 1])
    error_message = "A backup has no copy in the second account."
  }
  assert {
    condition     = aws_backup_vault_lock_configuration.this.changeable_for_days == 3 && aws_backup_vault_lock_configuration.this.min_retention_days >= 35
    error_message = "Backups can be deleted early."
  }
  assert {
    condition     = anytrue([for rule in aws_backup_plan.this.rule : rule.schedule == "cron(0 5 * * ? *)"]) && aws_backup_vault.this.kms_key_arn == var.key_arn
    error_message = "There is no daily backup, or the vault is not under our key."
  }
  assert {
    condition     = length(aws_backup_selection.this.resources) == 2 && aws_backup_restore_testing_selection.database.protected_resource_type == "RDS"
    error_message = "Something is left out, or no restore is tried."
  }
  assert {
    condition     = length(aws_cloudwatch_event_target.this) == 2 && aws_cloudwatch_metric_alarm.late.treat_missing_data == "breaching"
    error_message = "A failed or missing backup goes unnoticed."
  }
}

run "the_copy_is_in_another_account" {
  command = plan
  variables {
    offsite_vault_arn = "arn:aws:backup:us-west-2:111122223333:backup-vault:near"
  }
  expect_failures = [var.offsite_vault_arn]
}

run "the_second_account_takes_copies_and_gives_nothing_back" {
  command = plan
  module {
    source = "./offsite"
  }
  variables {
    source_account_id = "111122223333"
    account_id        = "444455556666"
  }
  assert {
    condition     = alltrue([for statement in output.statements : statement.Action == "backup:CopyIntoBackupVault"])
    error_message = "The environment's account may do more than copy."
  }
  assert {
    condition     = output.lock.least_days >= 35 && output.lock.changeable_for_days == 3
    error_message = "The copies can be deleted early."
  }
}
