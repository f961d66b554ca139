mock_provider "aws" {
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:111122223333:log-group:waf" }
  }
}

variables {
  name            = "cloister-test"
  vpc_id          = "vpc-1"
  pod_cidrs       = ["10.20.16.0/20", "10.20.32.0/20"]
  operator_cidrs  = ["10.20.250.0/24"]
  domain          = "portal.example"
  operators_host  = "admin.portal.example"
  custom_domains  = ["portal.lakeside.example"]
  alarm_topic_arn = "arn:aws:sns:us-east-1:111122223333:alarms"
  logs_key_arn    = "arn:aws:kms:us-east-1:111122223333:key/logs"
}

run "tls_is_1_2_or_newer_and_operators_are_inside" {
  command = plan
  assert {
    condition     = output.tls_policy == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    error_message = "The TLS policy is not the one that prefers 1.3 and ends at 1.2."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.operators : contains(var.operator_cidrs, rule.cidr_ipv4) && rule.from_port == 443])
    error_message = "Others than operators reach the operators' API."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.https.from_port == 443 && aws_vpc_security_group_ingress_rule.https.to_port == 443
    error_message = "More than HTTPS is open."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_egress_rule.pods : contains(var.pod_cidrs, rule.cidr_ipv4) && rule.from_port == 8443 && rule.to_port == 8443])
    error_message = "A load balancer reaches more than the pods' TLS port."
  }
}

run "one_wildcard_serves_all_and_each_custom_host_has_its_own" {
  command = plan
  assert {
    condition     = aws_acm_certificate.wildcard.domain_name == "*.portal.example" && keys(aws_acm_certificate.custom)[0] == "portal.lakeside.example"
    error_message = "A host has no certificate."
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.certificates) == 3
    error_message = "A certificate may run out unnoticed."
  }
}

run "floods_are_refused_and_nothing_secret_is_logged" {
  command = plan
  assert {
    condition     = anytrue([for rule in aws_wafv2_web_acl.this.rule : length(rule.action[0].block) == 1 && rule.statement[0].rate_based_statement[0].limit == 6000 if rule.name == "flood"])
    error_message = "A flood is let through."
  }
  assert {
    condition     = anytrue([for rule in aws_wafv2_web_acl.this.rule : rule.name == "AWSManagedRulesKnownBadInputsRuleSet"])
    error_message = "Known bad inputs are let through."
  }
  assert {
    condition     = length(aws_wafv2_web_acl_logging_configuration.this.redacted_fields) == 3 && aws_cloudwatch_log_group.waf.kms_key_id == var.logs_key_arn
    error_message = "Cookies, tokens or queries are logged, or the log is unencrypted."
  }
}

run "more_custom_hosts_than_a_load_balancer_takes_are_refused" {
  command = plan
  variables {
    custom_domains = [for number in range(96) : "portal${number}.example"]
  }
  expect_failures = [var.custom_domains]
}
