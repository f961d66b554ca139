output "tls_policy" {
  description = "The load balancers' TLS policy: 1.3, and 1.2 with forward secrecy."
  value       = local.tls_policy
}

output "certificate_arns" {
  description = "Certificates for the public load balancer: the wildcard's first, then clinics' own."
  value       = concat([aws_acm_certificate.wildcard.arn], [for host in var.custom_domains : aws_acm_certificate.custom[host].arn])
}

output "operators_certificate_arn" {
  description = "Certificate of the operators' host."
  value       = aws_acm_certificate.operators.arn
}

output "validation_records" {
  description = "DNS records that prove the hosts are ours or the clinic's, by host, for those whose zone is elsewhere."
  value = { for host, certificate in merge({ wildcard = aws_acm_certificate.wildcard, operators = aws_acm_certificate.operators }, aws_acm_certificate.custom) :
    host => certificate.domain_validation_options
  }
}

output "web_acl_arn" {
  description = "WAF's rules for the public load balancer."
  value       = aws_wafv2_web_acl.this.arn
}

output "security_group_ids" {
  description = "Security groups of the load balancers: public, operators."
  value       = { for kind, group in aws_security_group.load_balancer : kind => group.id }
}

output "log_group_name" {
  description = "WAF's log, refusals alone."
  value       = aws_cloudwatch_log_group.waf.name
}
