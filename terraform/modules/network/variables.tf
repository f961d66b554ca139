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

variable "cidr" {
  description = "The network's addresses, a /16: it is cut into public, private and data subnets for each zone."
  type        = string
  validation {
    condition     = can(cidrnetmask(var.cidr)) && endswith(var.cidr, "/16")
    error_message = "Give an IPv4 /16, such as 10.20.0.0/16."
  }
}

variable "zones" {
  description = "Availability zones, at least two; three where the loss of one must not halve what is left."
  type        = list(string)
  validation {
    condition     = length(var.zones) >= 2 && length(var.zones) <= 4 && length(distinct(var.zones)) == length(var.zones)
    error_message = "Give two to four different zones."
  }
}

variable "nat_per_zone" {
  description = "A NAT gateway in each zone (about 33 USD a month each), or one for all, whose zone takes outgoing mail with it when it is lost."
  type        = bool
}

variable "flow_log_days" {
  description = "Days that flow logs stay in CloudWatch. They hold addresses and ports, nothing of a request."
  type        = number
  default     = 365
  validation {
    condition     = contains([365, 400, 545, 731, 1096, 1827, 2192], var.flow_log_days)
    error_message = "CloudWatch knows 365, 400, 545, 731, 1096, 1827 and 2192 days."
  }
}

variable "logs_key_arn" {
  description = "Key of the flow logs."
  type        = string
  validation {
    condition     = can(regex("^arn:aws(-us-gov)?:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.logs_key_arn))
    error_message = "Give the ARN of a KMS key: nothing here is kept unencrypted."
  }
}
