variable "name" {
  description = "Name of the environment, such as cloister-production: names of resources begin with it."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "The name is lower case letters, digits and hyphens, 3 to 31 of them, beginning with a letter."
  }
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "subnet_ids" {
  description = "Data subnets, in at least two zones."
  type        = list(string)
  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "A replica needs a subnet in a second zone."
  }
}

variable "client_security_group_ids" {
  description = "Security groups that may connect, by a name for each: the cluster's nodes."
  type        = map(string)
}

variable "node_type" {
  description = "Size of each node; every node costs the same."
  type        = string
  validation {
    condition     = startswith(var.node_type, "cache.")
    error_message = "Spell it like cache.t4g.small."
  }
}

variable "nodes" {
  description = "The primary and its replicas: two at least, so that a lost zone ends no session for longer than a failover."
  type        = number
  default     = 2
  validation {
    condition     = var.nodes >= 2 && var.nodes <= 6
    error_message = "Two to six nodes."
  }
}

variable "auth_token" {
  description = "The password of Redis, 32 to 128 letters and digits. It is used and forgotten: it never stands in the state."
  type        = string
  sensitive   = true
  ephemeral   = true
  validation {
    condition     = can(regex("^[A-Za-z0-9]{32,128}$", var.auth_token))
    error_message = "32 to 128 letters and digits, so that it can stand in a URL."
  }
}

variable "auth_token_version" {
  description = "Count it up to have a changed auth_token set; until then a changed one is ignored."
  type        = number
  default     = 1
}

variable "alarm_topic_arn" {
  description = "Where alarms go."
  type        = string
}

variable "key_arn" {
  description = "Key of what Redis writes to disk."
  type        = string
  validation {
    condition     = can(regex("^arn:aws(-us-gov)?:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.key_arn))
    error_message = "Give the ARN of a KMS key: nothing here is kept unencrypted."
  }
}
variable "logs_key_arn" {
  description = "Key of Redis's own logs."
  type        = string
  validation {
    condition     = can(regex("^arn:aws(-us-gov)?:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.logs_key_arn))
    error_message = "Give the ARN of a KMS key: nothing here is kept unencrypted."
  }
}
