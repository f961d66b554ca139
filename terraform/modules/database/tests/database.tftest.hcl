mock_provider "aws" {}

variables {
  name                      = "cloister-test"
  vpc_id                    = "vpc-1"
  subnet_ids                = ["subnet-1", "subnet-2"]
  client_security_group_ids = { nodes = "sg-1" }
  instance_class            = "db.m7g.large"
  storage_gib               = 100
  most_storage_gib          = 500
  alarm_topic_arn           = "arn:aws:sns:us-east-1:111122223333:alarms"
  key_arn                   = "arn:aws:kms:us-east-1:111122223333:key/database"
  secrets_key_arn           = "arn:aws:kms:us-east-1:111122223333:key/secrets"
  replica_region            = "us-west-2"
  replica_key_arn           = "arn:aws:kms:us-west-2:111122223333:key/database"
  logs_key_arn              = "arn:aws:kms:us-east-1:111122223333:key/logs"
}

run "it_is_encrypted_private_and_has_a_standby" {
  command = plan
  assert {
    condition     = aws_db_instance.this.storage_encrypted && aws_db_instance.this.kms_key_id == var.key_arn
    error_message = "The storage is not encrypted under our key."
  }
  assert {
    condition     = !aws_db_instance.this.publicly_accessible && aws_db_instance.this.multi_az && aws_db_instance.this.deletion_protection
    error_message = "It is public, alone or can be deleted."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.clients : rule.referenced_security_group_id == "sg-1" && rule.from_port == 5432 && rule.to_port == 5432])
    error_message = "Somebody else than the pods can connect."
  }
  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.master_user_secret_kms_key_id == var.secrets_key_arn && aws_db_instance.this.iam_database_authentication_enabled
    error_message = "The master's password is not RDS's own secret, or IAM cannot sign in."
  }
}

run "tls_is_forced_and_no_value_reaches_a_log" {
  command = plan
  assert {
    condition = {
      for parameter in aws_db_parameter_group.this.parameter : parameter.name => parameter.value
      if contains(["rds.force_ssl", "ssl_min_protocol_version", "pgaudit.log_parameter", "log_statement", "log_parameter_max_length_on_error"], parameter.name)
      } == {
      "rds.force_ssl"                   = "1", ssl_min_protocol_version = "TLSv1.2", "pgaudit.log_parameter" = "0", log_statement = "none"
      log_parameter_max_length_on_error = "0"
    }
    error_message = "Connections without TLS are taken, or logs show values."
  }
  assert {
    condition = anytrue([for parameter in aws_db_parameter_group.this.parameter :
    parameter.name == "shared_preload_libraries" && strcontains(parameter.value, "pgaudit")])
    error_message = "pgaudit is not loaded."
  }
  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : group.kms_key_id == var.logs_key_arn])
    error_message = "The database's logs are not encrypted under our key."
  }
}

run "it_can_be_restored_to_any_second_of_35_days" {
  command = plan
  assert {
    condition     = aws_db_instance.this.backup_retention_period == 35 && !aws_db_instance.this.delete_automated_backups && !aws_db_instance.this.skip_final_snapshot
    error_message = "Backups are short or go with the instance."
  }
  assert {
    condition     = aws_db_instance_automated_backups_replication.this.region == "us-west-2" && aws_db_instance_automated_backups_replication.this.kms_key_id == var.replica_key_arn
    error_message = "Losing the region would lose every backup to the second."
  }
}

run "what_is_not_encrypted_is_refused" {
  command = plan
  variables {
    key_arn = ""
  }
  expect_failures = [var.key_arn]
}
