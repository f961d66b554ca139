# EKS: no public endpoint, secrets encrypted under our key, the control plane's audit log on, nodes without SSH.

locals {
  # What a node needs to join, and to pull images. Nothing of the application: that is each pod's own role.
  node_policies = ["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"]
  # Without these two no node gets ready.
  addons_of_nodes = {
    vpc-cni    = { role = "network", values = jsonencode({ enableNetworkPolicy = "true", env = { ENABLE_PREFIX_DELEGATION = "true" } }) }
    kube-proxy = { role = null, values = null }
  }
  addons = {
    coredns                         = { role = null, values = null }
    amazon-cloudwatch-observability = { role = "logs", values = null }
  }
}

resource "aws_iam_role" "cluster" {
  name = "${var.name}-cluster"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "eks.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy_attachment" "cluster" {
  role       = aws_iam_role.cluster.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
}

resource "aws_security_group" "api" {
  name        = "${var.name}-kubernetes-api"
  description = "Kubernetes API, from the operators' network"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-kubernetes-api" }
}

resource "aws_vpc_security_group_ingress_rule" "api" {
  for_each          = toset(var.operator_cidrs)
  security_group_id = aws_security_group.api.id
  description       = "Operators"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_eks_cluster" "this" {
  name                          = var.name
  version                       = var.kubernetes_version
  role_arn                      = aws_iam_role.cluster.arn
  enabled_cluster_log_types     = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
  bootstrap_self_managed_addons = false
  deletion_protection           = true

  vpc_config {
    subnet_ids              = var.subnet_ids
    security_group_ids      = [aws_security_group.api.id]
    endpoint_private_access = true
    endpoint_public_access  = false
  }
  encryption_config {
    resources = ["secrets"]
    provider {
      key_arn = var.key_arns.cluster
    }
  }
  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = false
  }
  upgrade_policy {
    support_type = "STANDARD"
  }
  tags       = { cloister-log-group = var.log_group_names["cluster"] }
  depends_on = [aws_iam_role_policy_attachment.cluster]
}

resource "aws_eks_access_entry" "administrators" {
  for_each      = toset(var.administrator_arns)
  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.key
}

resource "aws_eks_access_policy_association" "administrators" {
  for_each      = aws_eks_access_entry.administrators
  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.value.principal_arn
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
  access_scope {
    type = "cluster"
  }
}

resource "aws_eks_addon" "of_nodes" {
  for_each                    = local.addons_of_nodes
  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  configuration_values        = each.value.values
  service_account_role_arn    = each.value.role == null ? null : aws_iam_role.pods[each.value.role].arn
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
}

resource "aws_eks_addon" "this" {
  for_each                    = local.addons
  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  configuration_values        = each.value.values
  service_account_role_arn    = each.value.role == null ? null : aws_iam_role.pods[each.value.role].arn
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
  depends_on                  = [aws_eks_node_group.this]
}

# Images of the release, pushed by its workflow: by digest, never overwritten, scanned as they arrive.
resource "aws_ecr_repository" "this" {
  name                 = "cloister"
  image_tag_mutability = "IMMUTABLE"
  image_scanning_configuration {
    scan_on_push = true
  }
  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.key_arns.images
  }
}
