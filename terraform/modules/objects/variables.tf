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

variable "replica_region" {
  description = "The region of the copies. Another one than region."
  type        = string
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.replica_region)) && var.replica_region != var.region
    error_message = "Spell the region like us-west-2, and choose another than the environment's own."
  }
}

variable "account_id" {
  description = "The environment's AWS account; it ends buckets' names, which are unique in all of AWS."
  type        = string
  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account id is twelve digits."
  }
}

variable "archive_years" {
  description = "Years that the audit archive is locked. It cannot be shortened afterwards, and the bucket cannot be deleted until then."
  type        = number
  default     = 6
  validation {
    condition     = var.archive_years >= 6
    error_message = "HIPAA asks for six years."
  }
}

variable "key_arns" {
  description = "Keys of the kinds objects and archive in the environment's region."
  type        = object({ objects = string, archive = string })
}

variable "replica_key_arns" {
  description = "Their replicas in the other region."
  type        = object({ objects = string, archive = string })
}
