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

variable "pod_cidrs" {
  description = "Private subnets' addresses: where the load balancers call the pods."
  type        = list(string)
  validation {
    condition     = length(var.pod_cidrs) > 0 && alltrue([for cidr in var.pod_cidrs : can(cidrnetmask(cidr))])
    error_message = "Give IPv4 networks."
  }
}

variable "operator_cidrs" {
  description = "Networks inside the VPN that may call the operators' API, which has no public address."
  type        = list(string)
  validation {
    condition     = length(var.operator_cidrs) > 0 && alltrue([for cidr in var.operator_cidrs : can(cidrnetmask(cidr)) && !startswith(cidr, "0.0.0.0/")])
    error_message = "Give IPv4 networks, never the whole Internet."
  }
}

variable "domain" {
  description = "What clinics' hosts end with: SLUG.DOMAIN and SLUG-staff.DOMAIN."
  type        = string
  validation {
    condition     = can(regex("^([a-z0-9-]+[.])+[a-z]{2,}$", var.domain))
    error_message = "A host name in lower case, such as portal.example."
  }
}

variable "operators_host" {
  description = "Host of the operators' API, such as admin.portal.example. Not below the domain's wildcard alone: it gets a certificate of its own."
  type        = string
  validation {
    condition     = can(regex("^([a-z0-9-]+[.])+[a-z]{2,}$", var.operators_host))
    error_message = "A host name in lower case."
  }
}

variable "hosted_zone_id" {
  description = "Route 53 zone of the domain; empty where DNS is elsewhere, then the validation records are an output to be made by hand."
  type        = string
  default     = ""
}

variable "custom_domains" {
  description = "Clinics' own hosts, such as portal.lakeside.example. Each needs a validation record in the clinic's DNS; see custom_domains.tf for the limits."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for host in var.custom_domains : can(regex("^([a-z0-9-]+[.])+[a-z]{2,}$", host))]) && length(distinct(var.custom_domains)) == length(var.custom_domains)
    error_message = "Different host names in lower case."
  }
  validation {
    condition     = length(var.custom_domains) <= 95
    error_message = "A listener takes 25 certificates beside its default one, 100 where AWS raised the quota: beyond that comes a second load balancer (custom_domains.tf)."
  }
}

variable "load_balancer_name" {
  description = "Name of the public load balancer, once the chart's Ingress has made it: then DNS points there. Empty at first."
  type        = string
  default     = ""
}

variable "rate_per_source" {
  description = "Requests of one address in five minutes beyond which WAF refuses. A hospital behind one address is many people: the service's own limits are finer."
  type        = number
  default     = 6000
  validation {
    condition     = var.rate_per_source >= 1000 && var.rate_per_source <= 100000
    error_message = "1,000 to 100,000."
  }
}

variable "sign_in_rate_per_source" {
  description = "The same for the paths of signing in."
  type        = number
  default     = 1200
  validation {
    condition     = var.sign_in_rate_per_source >= 100 && var.sign_in_rate_per_source <= 20000
    error_message = "100 to 20,000."
  }
}

variable "alarm_topic_arn" {
  description = "Where alarms go."
  type        = string
}

variable "logs_key_arn" {
  description = "Key of WAF's log."
  type        = string
  validation {
    condition     = can(regex("^arn:aws(-us-gov)?:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.logs_key_arn))
    error_message = "Give the ARN of a KMS key: nothing here is kept unencrypted."
  }
}
