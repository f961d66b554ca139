mock_provider "aws" {}

variables {
  name               = "cloister-test"
  region             = "us-east-1"
  replica_region     = "us-west-2"
  account_id         = "111122223333"
  administrator_arns = ["arn:aws:iam::111122223333:role/deploy"]
}

run "every_storage_key_rotates_and_has_a_replica" {
  command = plan
  assert {
    condition     = alltrue([for key in aws_kms_key.storage : key.enable_key_rotation && key.multi_region])
    error_message = "A storage key does not rotate or is bound to one region."
  }
  assert {
    condition     = keys(aws_kms_replica_key.storage) == keys(aws_kms_key.storage)
    error_message = "A storage key has no replica."
  }
  assert {
    condition     = alltrue([for key in aws_kms_key.platform : key.enable_key_rotation && key.multi_region]) && length(aws_kms_key.platform) == 2
    error_message = "The platform's keys do not rotate or are bound to one region."
  }
}

run "storage_keys_work_through_their_service_in_this_account_only" {
  command = plan
  assert {
    condition = alltrue(flatten([for key in aws_kms_key.storage : [
      for statement in jsondecode(key.policy).Statement : [
        statement.Condition.StringEquals["kms:CallerAccount"] == "111122223333",
        length(statement.Condition.StringEquals["kms:ViaService"]) > 0,
      ] if try(statement.Principal.AWS == "*", false)
    ]]))
    error_message = "A storage key opens to everybody."
  }
  assert {
    condition = alltrue(flatten([for key in aws_kms_key.storage : [
      for statement in jsondecode(key.policy).Statement : [
        for action in statement.Action : !contains(["*", "kms:*", "kms:Decrypt", "kms:GenerateDataKey*"], action)
      ] if statement.Sid == "AdministerWithoutUse"
    ]]))
    error_message = "An administrator of keys may use one."
  }
}

run "checkpoints_are_signed_with_ed25519" {
  command = plan
  assert {
    condition     = aws_kms_key.checkpoints.key_usage == "SIGN_VERIFY" && aws_kms_key.checkpoints.customer_master_key_spec == "ECC_NIST_EDWARDS25519"
    error_message = "Checkpoints are C2SP signed notes, which are Ed25519."
  }
}

run "tenant_admin_finds_the_platforms_keys_by_their_tag" {
  command = plan
  assert {
    condition     = alltrue([for owner, key in aws_kms_key.platform : key.tags["cloister-owner"] == owner])
    error_message = "The tag is what crates/vault looks for."
  }
}

run "a_replica_stands_in_another_region" {
  command = plan
  variables {
    replica_region = "us-east-1"
  }
  expect_failures = [var.replica_region]
}

run "clinics_keys_are_named_without_wildcards" {
  command = plan
  variables {
    clinic_key_arns = ["arn:aws:kms:us-east-1:444455556666:key/*"]
  }
  expect_failures = [var.clinic_key_arns]
}
