# Against made-up values of AWS. That the parts fit together is tested once, for production.

mock_provider "aws" {
  source = "../../tests/mocks"
}
mock_provider "aws" {
  alias  = "offsite"
  source = "../../tests/mocks"
}

variables {
  account_id                 = "111122223333"
  offsite_account_id         = "444455556666"
  offsite_role_arn           = "arn:aws:iam::444455556666:role/cloister-offsite"
  domain                     = "portal.example"
  operators_host             = "admin.portal.example"
  operator_cidrs             = ["10.250.0.0/24"]
  key_administrator_arns     = ["arn:aws:iam::111122223333:role/deploy"]
  cluster_administrator_arns = ["arn:aws:iam::111122223333:role/cluster-admin"]
  auditor_arns               = ["arn:aws:iam::111122223333:role/security"]
  alarm_emails               = ["on-call@portal.example"]
  redis_auth_token           = "0123456789abcdef0123456789abcdef"
}

run "who_administers_keys_does_not_administer_pods" {
  command = plan
  variables {
    cluster_administrator_arns = ["arn:aws:iam::111122223333:role/deploy"]
  }
  expect_failures = [var.cluster_administrator_arns]
}
