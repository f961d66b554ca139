output "name" {
  description = "The cluster's name, for aws eks update-kubeconfig."
  value       = aws_eks_cluster.this.name
}

output "endpoint" {
  description = "The Kubernetes API, inside the network alone."
  value       = aws_eks_cluster.this.endpoint
}

output "node_security_group_id" {
  description = "Security group of the nodes and so of the pods: what database and Redis let in."
  value       = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}

output "role_arns" {
  description = "Roles of the pods: serve, work, admin, secrets (External Secrets Operator), load-balancers (AWS Load Balancer Controller), logs, network."
  value       = { for process, role in aws_iam_role.pods : process => role.arn }
}

output "auditor_role_arn" {
  description = "The auditor's role; null while nobody may take it."
  value       = one([for role in aws_iam_role.auditor : role.arn])
}

output "secret_names" {
  description = "Secrets by what reads them: portal, worker, tenant-admin, migrate, redis, mail."
  value       = { for kind, secret in aws_secretsmanager_secret.this : kind => secret.name }
}

output "secret_arns" {
  description = "Their ARNs."
  value       = { for kind, secret in aws_secretsmanager_secret.this : kind => secret.arn }
}

output "image_repository" {
  description = "Where the release workflow pushes the image."
  value       = aws_ecr_repository.this.repository_url
}
