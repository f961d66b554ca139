variable "name" {
  description = "What the roles of the processes begin with, such as cloister-production."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "The name is lower case letters, digits and hyphens, 3 to 31 of them, beginning with a letter."
  }
}

variable "account_id" {
  description = "The AWS account that holds the keys."
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

variable "regions" {
  description = "Regions in which the processes may use keys: the environment's own, then the one that it would fail over to."
  type        = list(string)
  validation {
    condition     = length(var.regions) > 0 && alltrue([for region in var.regions : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])
    error_message = "Give at least one region, spelt like us-east-1."
  }
}

variable "clinic_key_arns" {
  description = "Keys that clinics keep in accounts of their own (and whose policies admit the roles here). No wildcards."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for arn in var.clinic_key_arns : can(regex("^arn:aws(-us-gov)?:kms:[a-z0-9-]+:[0-9]{12}:key/[0-9a-zA-Z-]+$", arn))])
    error_message = "Each is the full ARN of one key."
  }
}

variable "administrator_arns" {
  description = "Roles that may administer keys and never use them: they deploy this configuration."
  type        = list(string)
  validation {
    condition     = length(var.administrator_arns) > 0 && alltrue([for arn in var.administrator_arns : can(regex("^arn:aws(-us-gov)?:iam::[0-9]{12}:role/[^*]+$", arn))])
    error_message = "Give at least one role by its full ARN, without wildcards."
  }
}
