# A clinic's own host. The clinic makes two records in its DNS: the validation record of this certificate (an output here),
# and a CNAME to the public load balancer. Then the host goes into the chart's ingress.customHosts.
#
# Limits. A listener takes 25 certificates beside its default one; AWS raises that on request, to 100 as a rule, and the
# account's own quota is 2,500 certificates. Two hosts (portal and staff) can share one certificate. Beyond a hundred, a
# second load balancer is made by an Ingress of another group. The end of that road (a load balancer for every hundred
# clinics, about 25 USD a month each) is to end TLS in the pods behind a network load balancer with certificates by ACME.
# ACM renews by itself as long as the validation record stands: a clinic that removes it loses its host after 395 days,
# and the alarm below tells 30 days before.

resource "aws_acm_certificate" "custom" {
  for_each          = toset(var.custom_domains)
  domain_name       = each.key
  validation_method = "DNS"
  key_algorithm     = "EC_prime256v1"
  lifecycle {
    create_before_destroy = true
  }
}

locals {
  certificates = merge(
    { wildcard = aws_acm_certificate.wildcard.arn, operators = aws_acm_certificate.operators.arn },
    { for host, certificate in aws_acm_certificate.custom : host => certificate.arn },
  )
}

resource "aws_cloudwatch_metric_alarm" "certificates" {
  for_each            = local.certificates
  alarm_name          = "${var.name}-certificate-${each.key}"
  alarm_description   = "A certificate is not being renewed: look at its validation record"
  namespace           = "AWS/CertificateManager"
  metric_name         = "DaysToExpiry"
  dimensions          = { CertificateArn = each.value }
  statistic           = "Minimum"
  period              = 86400
  evaluation_periods  = 1
  comparison_operator = "LessThanThreshold"
  threshold           = 30
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
}
