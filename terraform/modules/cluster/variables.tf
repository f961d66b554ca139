variable "name" {
  description = "Name of the environment, such as cloister-production: names of resources begin with it."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "The name is lower case letters, digits and hyphens, 3 to 31 of them, beginning with a letter."
  }
}

variable "region" {
  description = "The environment's region."
  type        = string
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "Spell the region like us-east-1."
  }
}

variable "account_id" {
  description = "The environment's AWS account."
  type        = string
  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account id is twelve digits."
  }
}

variable "kubernetes_version" {
  description = "Kubernetes, as EKS numbers it."
  type        = string
  validation {
    condition     = can(regex("^1[.][0-9]{2}$", var.kubernetes_version))
    error_message = "Spell it like 1.33."
  }
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, in at least two zones."
  type        = list(string)
  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "Pods are spread over two zones at least."
  }
}

variable "instance_type" {
  description = "Size of a node: what most of the bill is, times nodes.least."
  type        = string
}

variable "nodes" {
  description = "Least and most nodes. Two zones with one node each is the least that survives one."
  type        = object({ least = number, most = number })
  validation {
    condition     = var.nodes.least >= 2 && var.nodes.most >= var.nodes.least
    error_message = "At least two nodes, and no more than the most."
  }
}

variable "operator_cidrs" {
  description = "Networks inside the VPN that may call the Kubernetes API, which has no public address."
  type        = list(string)
  validation {
    condition     = alltrue([for cidr in var.operator_cidrs : can(cidrnetmask(cidr)) && !startswith(cidr, "0.0.0.0/")])
    error_message = "Give IPv4 networks, never the whole Internet."
  }
}

variable "administrator_arns" {
  description = "Roles that administer the cluster. Whoever administers pods can act as them: keep it as short as the list of key administrators, and different from it."
  type        = list(string)
  validation {
    condition     = length(var.administrator_arns) > 0 && alltrue([for arn in var.administrator_arns : can(regex(":role/[^*]+$", arn))])
    error_message = "Give at least one role by its full ARN."
  }
}

variable "auditor_arns" {
  description = "Who may take the auditor's role, with a second factor: roles or users by their full ARN."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for arn in var.auditor_arns : startswith(arn, "arn:") && !strcontains(arn, "*")])
    error_message = "Full ARNs, without wildcards."
  }
}

variable "namespace" {
  description = "Namespace of the release."
  type        = string
  default     = "cloister"
  validation {
    condition     = can(regex("^[a-z0-9-]{1,63}$", var.namespace))
    error_message = "Lower case letters, digits and hyphens."
  }
}

variable "release" {
  description = "Name of the Helm release: service accounts are RELEASE-portal, RELEASE-worker, RELEASE-tenant-admin."
  type        = string
  default     = "cloister"
  validation {
    condition     = can(regex("^[a-z0-9-]{1,53}$", var.release))
    error_message = "Lower case letters, digits and hyphens."
  }
}

variable "process_policies" {
  description = "What serve, work, admin and auditor may do with KMS, from the keys module."
  type        = map(string)
}

variable "role_names" {
  description = "Names of the processes' roles, from the keys module, whose key policies name them."
  type        = map(string)
}

variable "key_arns" {
  description = "Keys of the kinds cluster, images and secrets."
  type        = object({ cluster = string, images = string, secrets = string })
}

variable "log_group_names" {
  description = "Log groups of the pods and of the control plane; they must stand before the cluster writes to them."
  type        = map(string)
}
