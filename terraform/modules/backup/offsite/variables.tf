variable "name" {
  description = "Name of the environment, such as cloister-production: names of resources begin with it."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "The name is lower case letters, digits and hyphens, 3 to 31 of them, beginning with a letter."
  }
}

variable "source_account_id" {
  description = "The account that may copy into this vault, and do nothing else with it."
  type        = string
  validation {
    condition     = can(regex("^[0-9]{12}$", var.source_account_id))
    error_message = "An account id is twelve digits."
  }
}

variable "account_id" {
  description = "This account: the second one, with people and credentials of its own."
  type        = string
  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id)) && var.account_id != var.source_account_id
    error_message = "Twelve digits, and another account than the environment's."
  }
}

variable "least_days" {
  description = "Days before which nobody can delete a recovery point."
  type        = number
  default     = 35
  validation {
    condition     = var.least_days >= 35
    error_message = "At least 35 days."
  }
}
