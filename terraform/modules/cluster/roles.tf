# One role for each process (IRSA): a pod gets the role of its service account and no other. migrate has none, as it calls
# no part of AWS.

locals {
  issuer = replace(aws_eks_cluster.this.identity[0].oidc[0].issuer, "https://", "")

  processes = { serve = "portal", work = "worker", admin = "tenant-admin" }
  # Role: the one service account that may take it.
  accounts = merge(
    { for process, suffix in local.processes : process => "${var.namespace}:${var.release}-${suffix}" },
    {
      secrets        = "external-secrets:external-secrets"
      load-balancers = "kube-system:aws-load-balancer-controller"
      logs           = "amazon-cloudwatch:cloudwatch-agent"
      network        = "kube-system:aws-node"
    },
  )
}

resource "aws_iam_openid_connect_provider" "cluster" {
  url            = aws_eks_cluster.this.identity[0].oidc[0].issuer
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "pods" {
  for_each = local.accounts
  name     = lookup(var.role_names, each.key, "${var.name}-${each.key}")
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = aws_iam_openid_connect_provider.cluster.arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = {
        "${local.issuer}:sub" = "system:serviceaccount:${each.value}"
        "${local.issuer}:aud" = "sts.amazonaws.com"
      } }
    }]
  })
}

resource "aws_iam_role_policy" "processes" {
  for_each = local.processes
  name     = "keys"
  role     = aws_iam_role.pods[each.key].id
  policy   = var.process_policies[each.key]
}

resource "aws_iam_role_policy_attachment" "managed" {
  for_each = {
    logs    = "arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy"
    network = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
  }
  role       = aws_iam_role.pods[each.key].name
  policy_arn = each.value
}

# Reads the release's secrets, and nothing else.
resource "aws_iam_role_policy" "secrets" {
  name = "read"
  role = aws_iam_role.pods["secrets"].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
        Resource = [for secret in aws_secretsmanager_secret.this : secret.arn]
      },
      { Effect = "Allow", Action = ["kms:Decrypt"], Resource = [var.key_arns.secrets] },
    ]
  })
}

# A person, with a second factor, for an hour: verifies the audit log and opens what it has sealed.
resource "aws_iam_role" "auditor" {
  count                = length(var.auditor_arns) > 0 ? 1 : 0
  name                 = var.role_names["auditor"]
  max_session_duration = 3600
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = var.auditor_arns }
      Action    = "sts:AssumeRole"
      Condition = { Bool = { "aws:MultiFactorAuthPresent" = "true" } }
    }]
  })
}

resource "aws_iam_role_policy" "auditor" {
  count  = length(var.auditor_arns) > 0 ? 1 : 0
  name   = "logs"
  role   = aws_iam_role.auditor[0].id
  policy = var.process_policies["auditor"]
}
