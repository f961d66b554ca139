variable "name" {
  description = "Name of the environment, such as cloister-production: names of resources begin with it."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "The name is lower case letters, digits and hyphens, 3 to 31 of them, beginning with a letter."
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

variable "offsite_vault_arn" {
  description = "The vault in the second account that every recovery point is copied to."
  type        = string
  validation {
    condition     = can(regex("^arn:aws(-us-gov)?:backup:[a-z0-9-]+:[0-9]{12}:backup-vault:.+$", var.offsite_vault_arn))
    error_message = "Give the ARN of a backup vault."
  }
  validation {
    condition     = !strcontains(var.offsite_vault_arn, ":${var.account_id}:")
    error_message = "The copy must be in another account: whoever takes this one over must not reach it."
  }
}

variable "resource_arns" {
  description = "What is backed up, by a name for each: the database and the documents' bucket."
  type        = map(string)
  validation {
    condition     = length(var.resource_arns) > 0
    error_message = "There is nothing to back up."
  }
}

variable "database_arn" {
  description = "The database, whose recovery points are restored each week to see that they can be."
  type        = string
}

variable "restore_subnet_group" {
  description = "Subnet group that test restores start in."
  type        = string
}

variable "retention" {
  description = "Days that daily and monthly recovery points are kept here; the copy offsite keeps the monthly ones."
  type        = object({ daily = number, monthly = number })
  default     = { daily = 35, monthly = 400 }
  validation {
    condition     = var.retention.daily >= 35 && var.retention.monthly >= 365
    error_message = "Daily ones at least 35 days, monthly ones at least a year."
  }
}

variable "alarm_topic_arn" {
  description = "Where failed and late backups are told."
  type        = string
}

variable "key_arn" {
  description = "Key of the vault."
  type        = string
  validation {
    condition     = can(regex("^arn:aws(-us-gov)?:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.key_arn))
    error_message = "Give the ARN of a KMS key: nothing here is kept unencrypted."
  }
}
