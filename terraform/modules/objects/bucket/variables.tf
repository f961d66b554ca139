variable "bucket" {
  description = "Name of the bucket, unique in all of AWS."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{2,62}$", var.bucket))
    error_message = "Lower case letters, digits and hyphens, 3 to 63 of them."
  }
}

variable "region" {
  description = "The bucket's region."
  type        = string
}

variable "key_arn" {
  description = "Key of everything in it. Empty only for logs of load balancers, which know no KMS keys: then AES-256 under S3's own."
  type        = string
  validation {
    condition     = var.key_arn == "" || can(regex("^arn:aws(-us-gov)?:kms:", var.key_arn))
    error_message = "Give the ARN of a KMS key."
  }
}

variable "lock_years" {
  description = "Years in which nobody, the account's root included, can delete or change a version; 0 for no lock."
  type        = number
  default     = 0
  validation {
    condition     = var.lock_years == 0 || var.lock_years >= 6
    error_message = "A lock is for the audit archive, which is kept at least six years."
  }
}

variable "previous_version_days" {
  description = "Days that replaced and deleted versions are kept (under a lock: at least as long as that)."
  type        = number
  default     = 90
}

variable "current_version_days" {
  description = "Days after which objects are deleted; 0 for never."
  type        = number
  default     = 0
}

variable "cold_after_days" {
  description = "Days after which objects move to Glacier Instant Retrieval, which costs a sixth; 0 for never."
  type        = number
  default     = 0
}

variable "log_bucket" {
  description = "Bucket for access logs; empty for none (the log bucket itself)."
  type        = string
  default     = ""
}

variable "statements" {
  description = "Further statements of the bucket's policy, as JSON, such as for AWS services that write to it."
  type        = string
  default     = "[]"
  validation {
    condition     = can(length(jsondecode(var.statements)))
    error_message = "A JSON list."
  }
}
