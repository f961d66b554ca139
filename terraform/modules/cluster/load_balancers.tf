# The AWS Load Balancer Controller makes the two load balancers from the chart's Ingresses. It may change only what carries
# this cluster's tag; looking and making cannot be bound to a resource.

locals {
  of_cluster = { StringEquals = { "aws:ResourceTag/elbv2.k8s.aws/cluster" = var.name } }
}

resource "aws_iam_role_policy" "load_balancers" {
  #checkov:skip=CKV_AWS_290:making a load balancer names no resource yet; the condition on the request's tag binds it to this cluster
  #checkov:skip=CKV_AWS_355:looking at load balancers, networks and certificates takes no resource in IAM
  #checkov:skip=CKV_AWS_289:rules of security groups and web ACLs are changed on resources of this cluster's tag or this account's ACLs
  name = "manage"
  role = aws_iam_role.pods["load-balancers"].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Look"
        Effect = "Allow"
        Action = [
          "acm:DescribeCertificate", "acm:ListCertificates", "ec2:DescribeAccountAttributes", "ec2:DescribeAddresses",
          "ec2:DescribeAvailabilityZones", "ec2:DescribeInstances", "ec2:DescribeInternetGateways",
          "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeTags",
          "ec2:DescribeVpcs", "ec2:GetSecurityGroupsForVpc", "elasticloadbalancing:Describe*", "wafv2:GetWebACL",
          "wafv2:GetWebACLForResource",
        ]
        Resource = ["*"]
      },
      {
        Sid       = "Make"
        Effect    = "Allow"
        Action    = ["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"]
        Resource  = ["*"]
        Condition = { StringEquals = { "aws:RequestTag/elbv2.k8s.aws/cluster" = var.name } }
      },
      {
        Sid    = "TagWhatIsMade"
        Effect = "Allow"
        Action = ["elasticloadbalancing:AddTags"]
        Resource = [for kind in ["loadbalancer/app", "targetgroup"] :
        "arn:aws:elasticloadbalancing:${var.region}:${var.account_id}:${kind}/*"]
        Condition = { StringEquals = {
          "elasticloadbalancing:CreateAction"    = ["CreateLoadBalancer", "CreateTargetGroup"]
          "aws:RequestTag/elbv2.k8s.aws/cluster" = var.name
        } }
      },
      {
        Sid    = "ChangeItsOwn"
        Effect = "Allow"
        Action = [
          "elasticloadbalancing:DeleteLoadBalancer", "elasticloadbalancing:DeleteTargetGroup", "elasticloadbalancing:DeregisterTargets",
          "elasticloadbalancing:ModifyLoadBalancerAttributes", "elasticloadbalancing:ModifyTargetGroup",
          "elasticloadbalancing:ModifyTargetGroupAttributes", "elasticloadbalancing:RegisterTargets",
          "elasticloadbalancing:SetIpAddressType", "elasticloadbalancing:SetSecurityGroups", "elasticloadbalancing:SetSubnets",
          "elasticloadbalancing:SetWebAcl", "wafv2:AssociateWebACL", "wafv2:DisassociateWebACL",
        ]
        Resource  = ["arn:aws:elasticloadbalancing:${var.region}:${var.account_id}:*"]
        Condition = local.of_cluster
      },
      {
        Sid    = "Listeners"
        Effect = "Allow"
        Action = [
          "elasticloadbalancing:AddListenerCertificates", "elasticloadbalancing:AddTags", "elasticloadbalancing:CreateListener",
          "elasticloadbalancing:CreateRule", "elasticloadbalancing:DeleteListener", "elasticloadbalancing:DeleteRule",
          "elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyListenerAttributes", "elasticloadbalancing:ModifyRule",
          "elasticloadbalancing:RemoveListenerCertificates", "elasticloadbalancing:RemoveTags", "elasticloadbalancing:SetRulePriorities",
        ]
        Resource = [for kind in ["listener/app", "listener-rule/app", "loadbalancer/app"] :
        "arn:aws:elasticloadbalancing:${var.region}:${var.account_id}:${kind}/k8s-*"]
      },
      {
        Sid      = "UseTheWebAcl"
        Effect   = "Allow"
        Action   = ["wafv2:AssociateWebACL", "wafv2:DisassociateWebACL"]
        Resource = ["arn:aws:wafv2:${var.region}:${var.account_id}:regional/webacl/${var.name}/*"]
      },
      {
        Sid      = "MakeTheGroupThatPodsLetIn"
        Effect   = "Allow"
        Action   = ["ec2:CreateSecurityGroup"]
        Resource = ["arn:aws:ec2:${var.region}:${var.account_id}:vpc/${var.vpc_id}"]
      },
      {
        Sid       = "MakeItWithThisClustersTag"
        Effect    = "Allow"
        Action    = ["ec2:CreateSecurityGroup", "ec2:CreateTags"]
        Resource  = ["arn:aws:ec2:${var.region}:${var.account_id}:security-group/*"]
        Condition = { StringEquals = { "aws:RequestTag/elbv2.k8s.aws/cluster" = var.name } }
      },
      {
        Sid       = "LoadBalancingsOwnRole"
        Effect    = "Allow"
        Action    = ["iam:CreateServiceLinkedRole"]
        Resource  = ["arn:aws:iam::${var.account_id}:role/aws-service-role/elasticloadbalancing.amazonaws.com/*"]
        Condition = { StringEquals = { "iam:AWSServiceName" = "elasticloadbalancing.amazonaws.com" } }
      },
      {
        Sid       = "LetTheLoadBalancersReachThePods"
        Effect    = "Allow"
        Action    = ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"]
        Resource  = ["arn:aws:ec2:${var.region}:${var.account_id}:security-group/*"]
        Condition = { StringEquals = { "aws:ResourceTag/kubernetes.io/cluster/${var.name}" = "owned" } }
      },
    ]
  })
}
