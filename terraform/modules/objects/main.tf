# Documents, the audit archive, and logs of access to both. The first two have copies in another region.

module "logs" {
  source               = "./bucket"
  bucket               = "${var.name}-access-logs-${var.account_id}"
  region               = var.region
  key_arn              = ""
  current_version_days = 400
  statements = jsonencode([
    {
      Sid       = "AccessLogsOfBuckets"
      Effect    = "Allow"
      Principal = { Service = "logging.s3.amazonaws.com" }
      Action    = "s3:PutObject"
      Resource  = "arn:aws:s3:::${var.name}-access-logs-${var.account_id}/s3/*"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    },
    {
      Sid       = "AccessLogsOfLoadBalancers"
      Effect    = "Allow"
      Principal = { Service = "logdelivery.elasticloadbalancing.amazonaws.com" }
      Action    = "s3:PutObject"
      Resource  = "arn:aws:s3:::${var.name}-access-logs-${var.account_id}/*/AWSLogs/${var.account_id}/*"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    },
  ])
}

module "documents" {
  source                = "./bucket"
  bucket                = "${var.name}-documents-${var.account_id}"
  region                = var.region
  key_arn               = var.key_arns.objects
  previous_version_days = 90
  log_bucket            = module.logs.name
}

module "documents_copy" {
  source                = "./bucket"
  bucket                = "${var.name}-documents-copy-${var.account_id}"
  region                = var.replica_region
  key_arn               = var.replica_key_arns.objects
  previous_version_days = 90
}

module "archive" {
  source          = "./bucket"
  bucket          = "${var.name}-archive-${var.account_id}"
  region          = var.region
  key_arn         = var.key_arns.archive
  lock_years      = var.archive_years
  cold_after_days = 90
  log_bucket      = module.logs.name
  statements = jsonencode([for service in ["cloudtrail", "config"] : {
    Sid       = "Archive${service}"
    Effect    = "Allow"
    Principal = { Service = "${service}.amazonaws.com" }
    Action    = ["s3:GetBucketAcl", "s3:ListBucket", "s3:PutObject"]
    Resource  = ["arn:aws:s3:::${var.name}-archive-${var.account_id}", "arn:aws:s3:::${var.name}-archive-${var.account_id}/${service}/*"]
    Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
  }])
}

module "archive_copy" {
  source          = "./bucket"
  bucket          = "${var.name}-archive-copy-${var.account_id}"
  region          = var.replica_region
  key_arn         = var.replica_key_arns.archive
  lock_years      = var.archive_years
  cold_after_days = 90
}
