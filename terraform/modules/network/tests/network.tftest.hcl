mock_provider "aws" {}

variables {
  name         = "cloister-test"
  region       = "us-east-1"
  cidr         = "10.20.0.0/16"
  zones        = ["us-east-1a", "us-east-1b", "us-east-1c"]
  nat_per_zone = true
  logs_key_arn = "arn:aws:kms:us-east-1:111122223333:key/logs"
}

run "data_subnets_have_no_way_out_and_nothing_gets_a_public_address" {
  command = plan
  assert {
    condition     = length(aws_route.private) == 3 && aws_route.public.destination_cidr_block == "0.0.0.0/0"
    error_message = "The routes out are not those of the public and private subnets."
  }
  assert {
    condition     = alltrue([for subnet in aws_subnet.public : !subnet.map_public_ip_on_launch])
    error_message = "What starts in a public subnet gets a public address by itself."
  }
  assert {
    condition = length(distinct(concat(
      [for subnet in aws_subnet.public : subnet.cidr_block], [for subnet in aws_subnet.private : subnet.cidr_block],
      [for subnet in aws_subnet.data : subnet.cidr_block], [for subnet in aws_subnet.operators : subnet.cidr_block],
    ))) == 12
    error_message = "Subnets overlap."
  }
  assert {
    condition     = length(aws_default_security_group.closed.ingress) == 0 || aws_default_security_group.closed.ingress == null
    error_message = "The default security group is open."
  }
}

run "aws_is_called_from_inside_and_every_connection_is_logged" {
  command = plan
  assert {
    condition     = alltrue([for service in ["kms", "secretsmanager", "logs", "sts"] : aws_vpc_endpoint.interface[service].private_dns_enabled])
    error_message = "A service that carries secrets has no endpoint of its own."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.endpoints.cidr_ipv4 == var.cidr && aws_vpc_security_group_ingress_rule.endpoints.from_port == 443
    error_message = "The endpoints are open to more than the network."
  }
  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_cloudwatch_log_group.flow.kms_key_id == var.logs_key_arn
    error_message = "Flow logs are missing or unencrypted."
  }
}

run "one_zone_is_none" {
  command = plan
  variables {
    zones = ["us-east-1a"]
  }
  expect_failures = [var.zones]
}
