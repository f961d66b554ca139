# The whole environment against made-up values of AWS: that the parts fit, and what this environment has chosen.

mock_provider "aws" {
  source          = "../../tests/mocks"
  override_during = plan
}
mock_provider "aws" {
  alias           = "offsite"
  source          = "../../tests/mocks"
  override_during = plan
}
# Each another, so that one taken for the other shows.
override_resource {
  target          = module.cloister.module.cluster.aws_iam_role.pods["serve"]
  override_during = plan
  values          = { arn = "arn:aws:iam::111122223333:role/cloister-production-serve" }
}
override_resource {
  target          = module.cloister.module.cluster.aws_iam_role.pods["work"]
  override_during = plan
  values          = { arn = "arn:aws:iam::111122223333:role/cloister-production-work" }
}
override_resource {
  target          = module.cloister.module.cluster.aws_iam_role.pods["admin"]
  override_during = plan
  values          = { arn = "arn:aws:iam::111122223333:role/cloister-production-admin" }
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

run "the_parts_fit_together" {
  command = plan
  assert {
    condition     = [for process in ["portal", "worker", "tenantAdmin"] : element(split("-", output.helm.aws.roles[process]), 2)] == ["serve", "work", "admin"]
    error_message = "The chart would give a process another's role."
  }
  assert {
    condition     = length(setintersection(output.helm.network.operators, output.helm.network.loadBalancers)) == 0
    error_message = "The operators' API would take calls from the public load balancer."
  }
  assert {
    condition     = output.helm.ingress.sslPolicy == "ELBSecurityPolicy-TLS13-1-2-2021-06" && output.helm.ingress.webAcl != ""
    error_message = "The public load balancer has no TLS policy or no WAF."
  }
}
