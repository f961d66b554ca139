variable "environment" {
  description = "staging or production; everything is named cloister-ENVIRONMENT."
  type        = string
  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "staging or production."
  }
}

variable "account_id" {
  description = "The environment's own AWS account, covered by a BAA with AWS."
  type        = string
  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account id is twelve digits."
  }
}

variable "offsite_account_id" {
  description = "The second account, which holds copies of the backups and nothing else."
  type        = string
  validation {
    condition     = can(regex("^[0-9]{12}$", var.offsite_account_id)) && var.offsite_account_id != var.account_id
    error_message = "Twelve digits, and another account."
  }
}

variable "region" {
  description = "The environment's region."
  type        = string
}

variable "replica_region" {
  description = "The region for copies, and for restoring when the first is lost."
  type        = string
}

variable "cidr" {
  description = "The network's addresses, a /16 that the operators' VPN does not use."
  type        = string
}

variable "zones" {
  description = "Availability zones."
  type        = list(string)
}

variable "operator_cidrs" {
  description = "Networks inside the VPN: the operators' API and the Kubernetes API are reached from there alone."
  type        = list(string)
}

variable "domain" {
  description = "What clinics' hosts end with."
  type        = string
}

variable "operators_host" {
  description = "Host of the operators' API."
  type        = string
}

variable "hosted_zone_id" {
  description = "Route 53 zone of the domain; empty where DNS is elsewhere."
  type        = string
  default     = ""
}

variable "custom_domains" {
  description = "Clinics' own hosts."
  type        = list(string)
  default     = []
}

variable "load_balancer_name" {
  description = "Name of the public load balancer, once the release has made it."
  type        = string
  default     = ""
}

variable "key_administrator_arns" {
  description = "Roles that administer keys and never use them."
  type        = list(string)
}

variable "cluster_administrator_arns" {
  description = "Roles that administer the cluster, and so could act as its pods: other people than the administrators of keys."
  type        = list(string)
  validation {
    condition     = length(setintersection(var.cluster_administrator_arns, var.key_administrator_arns)) == 0
    error_message = "No single role holds both keys and data: name others than the key administrators."
  }
}

variable "auditor_arns" {
  description = "Who may take the auditor's role."
  type        = list(string)
  default     = []
}

variable "clinic_key_arns" {
  description = "Keys that clinics keep in accounts of their own."
  type        = list(string)
  default     = []
}

variable "alarm_emails" {
  description = "Who is told of alarms."
  type        = list(string)
}

variable "redis_auth_token" {
  description = "Redis's password; see the cache module. It goes into Redis and into its secret and is kept nowhere else."
  type        = string
  sensitive   = true
  ephemeral   = true
}

variable "redis_auth_token_version" {
  description = "Count it up with a new redis_auth_token."
  type        = number
  default     = 1
}

variable "kubernetes_version" {
  description = "Kubernetes, as EKS numbers it."
  type        = string
  default     = "1.33"
}

variable "size" {
  description = "What the bill depends on: each environment says its own, with what it costs."
  type = object({
    nat_per_zone      = bool
    instance_type     = string
    nodes             = object({ least = number, most = number })
    database_class    = string
    database_multi_az = bool
    storage_gib       = number
    most_storage_gib  = number
    redis_node        = string
    redis_nodes       = number
  })
}
