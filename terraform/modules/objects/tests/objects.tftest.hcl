mock_provider "aws" {}

variables {
  name             = "cloister-test"
  region           = "us-east-1"
  replica_region   = "us-west-2"
  account_id       = "111122223333"
  key_arns         = { objects = "arn:aws:kms:us-east-1:111122223333:key/objects", archive = "arn:aws:kms:us-east-1:111122223333:key/archive" }
  replica_key_arns = { objects = "arn:aws:kms:us-west-2:111122223333:key/objects", archive = "arn:aws:kms:us-west-2:111122223333:key/archive" }
}

run "no_bucket_is_public_and_each_is_encrypted" {
  command = plan
  assert {
    condition     = !anytrue([module.documents.public, module.documents_copy.public, module.archive.public, module.archive_copy.public, module.logs.public])
    error_message = "A bucket could be made public."
  }
  assert {
    condition     = alltrue([for bucket in [module.documents, module.documents_copy, module.archive, module.archive_copy] : bucket.encryption == "aws:kms"])
    error_message = "A bucket is not encrypted under a key of ours."
  }
  assert {
    condition     = module.logs.encryption == "AES256"
    error_message = "Load balancers write logs to buckets with AES256 only."
  }
}

run "plain_http_and_old_tls_are_refused" {
  command = plan
  assert {
    condition = alltrue([for bucket in [module.documents, module.documents_copy, module.archive, module.archive_copy, module.logs] :
      contains([for statement in jsondecode(bucket.policy).Statement : statement.Sid if statement.Effect == "Deny"], "OverTlsOnly") &&
    contains([for statement in jsondecode(bucket.policy).Statement : statement.Sid if statement.Effect == "Deny"], "NoOldTls")])
    error_message = "A bucket takes plain HTTP or an old TLS."
  }
}

run "nobody_can_delete_from_the_archive_for_six_years" {
  command = plan
  assert {
    condition     = alltrue([for bucket in [module.archive, module.archive_copy] : one(bucket.retention).mode == "COMPLIANCE" && one(bucket.retention).years >= 6])
    error_message = "The archive is not locked for six years."
  }
  assert {
    condition     = alltrue([for copy in aws_s3_bucket_replication_configuration.this : copy.rule[0].status == "Enabled" && copy.rule[0].delete_marker_replication[0].status == "Disabled"])
    error_message = "Something is not copied, or deletions are."
  }
}

run "five_years_are_refused" {
  command = plan
  variables {
    archive_years = 5
  }
  expect_failures = [var.archive_years]
}
