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
    error_message = "A standby needs a subnet in a second zone."
  }
}

variable "client_security_group_ids" {
  description = "Security groups that may connect, by a name for each: the cluster's nodes."
  type        = map(string)
}

variable "instance_class" {
  description = "Size of the instance and of its standby, which costs the same again."
  type        = string
  validation {
    condition     = startswith(var.instance_class, "db.")
    error_message = "Spell it like db.m7g.large."
  }
}

variable "storage_gib" {
  description = "Storage at first, in GiB."
  type        = number
  validation {
    condition     = var.storage_gib >= 20
    error_message = "PostgreSQL on gp3 needs at least 20 GiB."
  }
}

variable "most_storage_gib" {
  description = "Storage up to which it grows by itself, in GiB."
  type        = number
}

variable "multi_az" {
  description = "A synchronous standby in another zone. Without it a lost zone is a restore: for staging only."
  type        = bool
  default     = true
}

variable "engine_version" {
  description = "PostgreSQL, as AWS numbers it: major version and minor one."
  type        = string
  default     = "17.6"
  validation {
    condition     = can(regex("^1[5-9][.][0-9]+$", var.engine_version))
    error_message = "PostgreSQL 15 or newer, with the minor version."
  }
}

variable "backup_days" {
  description = "Days back to any second of which the database can be restored."
  type        = number
  default     = 35
  validation {
    condition     = var.backup_days >= 7 && var.backup_days <= 35
    error_message = "7 to 35 days: AWS keeps no more, and AWS Backup holds the older ones."
  }
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete the database."
  type        = bool
  default     = true
}

variable "alarm_topic_arn" {
  description = "Where alarms go."
  type        = string
}

variable "most_connections" {
  description = "Connections at which somebody is told. Keep it below what the instance class takes."
  type        = number
  default     = 400
}

variable "certificate_authority" {
  description = "The authority of the server's certificate; the pods verify it with the bundle at truststore.pki.rds.amazonaws.com."
  type        = string
  default     = "rds-ca-rsa2048-g1"
  validation {
    condition     = contains(["rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1"], var.certificate_authority)
    error_message = "Use one of RDS's present authorities."
  }
}

variable "key_arn" {
  description = "Key of storage, snapshots and Performance Insights."
  type        = string
  validation {
    condition     = can(regex("^arn:aws(-us-gov)?:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.key_arn))
    error_message = "Give the ARN of a KMS key: nothing here is kept unencrypted."
  }
}
variable "secrets_key_arn" {
  description = "Key of the master user's password."
  type        = string
  validation {
    condition     = can(regex("^arn:aws(-us-gov)?:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.secrets_key_arn))
    error_message = "Give the ARN of a KMS key: nothing here is kept unencrypted."
  }
}
variable "logs_key_arn" {
  description = "Key of the database's logs."
  type        = string
  validation {
    condition     = can(regex("^arn:aws(-us-gov)?:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.logs_key_arn))
    error_message = "Give the ARN of a KMS key: nothing here is kept unencrypted."
  }
}

variable "replica_region" {
  description = "Another region that backups are copied to as they are made, restorable there to any second."
  type        = string
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.replica_region))
    error_message = "Spell the region like us-west-2."
  }
}

variable "replica_key_arn" {
  description = "The key's replica there."
  type        = string
  validation {
    condition     = can(regex("^arn:aws(-us-gov)?:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.replica_key_arn))
    error_message = "Give the ARN of a KMS key: nothing here is kept unencrypted."
  }
}
