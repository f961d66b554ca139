# What stands before the pods: security groups, certificates and names of the two load balancers, which the chart's
# Ingresses make. TLS ends there and is begun anew towards the pods.

locals {
  # TLS 1.3 preferred, 1.2 with forward secrecy and AEAD for who cannot.
  tls_policy = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  pod_ports  = { public = 8443, operators = 8443 }
}

resource "aws_security_group" "load_balancer" {
  #checkov:skip=CKV2_AWS_5:the chart's Ingresses attach them to the load balancers that they make
  for_each    = { public = "Everybody, HTTPS and the redirect to it", operators = "Operators, HTTPS" }
  name        = "${var.name}-${each.key}"
  description = each.value
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-${each.key}" }
}

resource "aws_vpc_security_group_ingress_rule" "https" {
  security_group_id = aws_security_group.load_balancer["public"].id
  description       = "HTTPS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_ingress_rule" "redirect" {
  #checkov:skip=CKV_AWS_260:port 80 answers with a redirect to HTTPS and nothing else
  security_group_id = aws_security_group.load_balancer["public"].id
  description       = "Redirect to HTTPS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 80
  to_port           = 80
}

resource "aws_vpc_security_group_ingress_rule" "operators" {
  for_each          = toset(var.operator_cidrs)
  security_group_id = aws_security_group.load_balancer["operators"].id
  description       = "HTTPS from the operators' network"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "pods" {
  for_each          = { for pair in setproduct(["public", "operators"], var.pod_cidrs) : "${pair[0]} ${pair[1]}" => pair }
  security_group_id = aws_security_group.load_balancer[each.value[0]].id
  description       = "TLS to the pods"
  cidr_ipv4         = each.value[1]
  ip_protocol       = "tcp"
  from_port         = local.pod_ports[each.value[0]]
  to_port           = local.pod_ports[each.value[0]]
}

# SLUG.DOMAIN and SLUG-staff.DOMAIN are both one label below the domain, so one wildcard serves every clinic.
resource "aws_acm_certificate" "wildcard" {
  domain_name       = "*.${var.domain}"
  validation_method = "DNS"
  key_algorithm     = "EC_prime256v1"
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_acm_certificate" "operators" {
  domain_name       = var.operators_host
  validation_method = "DNS"
  key_algorithm     = "EC_prime256v1"
  lifecycle {
    create_before_destroy = true
  }
}

locals {
  validations = { for kind, certificate in { wildcard = aws_acm_certificate.wildcard, operators = aws_acm_certificate.operators } :
    kind => one(certificate.domain_validation_options)
  }
}

resource "aws_route53_record" "validation" {
  for_each        = var.hosted_zone_id == "" ? toset([]) : toset(["wildcard", "operators"])
  zone_id         = var.hosted_zone_id
  name            = local.validations[each.key].resource_record_name
  type            = local.validations[each.key].resource_record_type
  records         = [local.validations[each.key].resource_record_value]
  ttl             = 300
  allow_overwrite = true
}

# Nobody else's authority may issue for the domain.
resource "aws_route53_record" "authorities" {
  count   = var.hosted_zone_id == "" ? 0 : 1
  zone_id = var.hosted_zone_id
  name    = var.domain
  type    = "CAA"
  ttl     = 3600
  records = ["0 issue \"amazon.com\"", "0 issuewild \"amazon.com\""]
}

data "aws_lb" "public" {
  count = var.load_balancer_name == "" ? 0 : 1
  name  = var.load_balancer_name
}

resource "aws_route53_record" "clinics" {
  count   = var.hosted_zone_id == "" || var.load_balancer_name == "" ? 0 : 1
  zone_id = var.hosted_zone_id
  name    = "*.${var.domain}"
  type    = "A"
  alias {
    name                   = data.aws_lb.public[0].dns_name
    zone_id                = data.aws_lb.public[0].zone_id
    evaluate_target_health = true
  }
}
