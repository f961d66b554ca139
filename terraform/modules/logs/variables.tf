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
  description = "The environment's AWS account. Trail, GuardDuty and Config are the account's, so each environment has an account of its own."
  type        = string
  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account id is twelve digits."
  }
}

variable "archive_bucket_name" {
  description = "The locked bucket that logs end in."
  type        = string
}

variable "archive_key_arn" {
  description = "Its key."
  type        = string
}

variable "alarms_key_arn" {
  description = "Key of the topic that alarms go to."
  type        = string
}

variable "retention_days" {
  description = "Days that logs stay searchable in CloudWatch; the archive keeps them for years."
  type        = number
  default     = 400
  validation {
    condition     = contains([365, 400, 545, 731, 1096], var.retention_days)
    error_message = "A year at least: 365, 400, 545, 731 or 1096 days."
  }
}

variable "alarm_emails" {
  description = "Who is told of alarms. Each confirms a mail once. A pager's own HTTPS endpoint is subscribed by hand."
  type        = list(string)
  validation {
    condition     = length(var.alarm_emails) > 0 && alltrue([for address in var.alarm_emails : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "An alarm that nobody hears is none: give at least one address."
  }
}

variable "other_log_groups" {
  description = "Further log groups to archive, by a name for each, such as the database's."
  type        = map(string)
  default     = {}
}

variable "logs_key_arn" {
  description = "Key of the log groups."
  type        = string
  validation {
    condition     = can(regex("^arn:aws(-us-gov)?:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.logs_key_arn))
    error_message = "Give the ARN of a KMS key: nothing here is kept unencrypted."
  }
}
