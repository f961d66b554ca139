variable "name" {
  description = "Name of the environment, such as cloister-production: aliases and roles begin with it."
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

variable "replica_region" {
  description = "The region that keys are replicated to, for restoring there. Another one than region."
  type        = string
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.replica_region)) && var.replica_region != var.region
    error_message = "Spell the region like us-west-2, and choose another than the environment's own."
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

variable "partition" {
  description = "The AWS partition: aws, or aws-us-gov."
  type        = string
  default     = "aws"
  validation {
    condition     = contains(["aws", "aws-us-gov"], var.partition)
    error_message = "Use aws or aws-us-gov."
  }
}

variable "administrator_arns" {
  description = "Roles that administer keys and never use them."
  type        = list(string)
  validation {
    condition     = length(var.administrator_arns) > 0
    error_message = "Without an administrator a key could never be mended."
  }
}

variable "clinic_key_arns" {
  description = "Keys that clinics keep in accounts of their own."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for arn in var.clinic_key_arns : startswith(arn, "arn:") && !strcontains(arn, "*")])
    error_message = "Each is the full ARN of one key, without wildcards."
  }
}

variable "deletion_window_days" {
  description = "Days in which a key whose deletion was scheduled can be saved."
  type        = number
  default     = 30
  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "AWS allows 7 to 30 days."
  }
}
