# Logs go to CloudWatch, from there through Firehose into the locked archive. The audit log proper is in the database;
# these are the processes' own logs, which hold no personal data, and the cluster's.

locals {
  groups = {
    application = "/aws/containerinsights/${var.name}/application"
    host        = "/aws/containerinsights/${var.name}/host"
    dataplane   = "/aws/containerinsights/${var.name}/dataplane"
    cluster     = "/aws/eks/${var.name}/cluster"
  }
  archived = merge({ for kind, group in aws_cloudwatch_log_group.this : kind => group.name }, var.other_log_groups)
}

resource "aws_cloudwatch_log_group" "this" {
  for_each          = local.groups
  name              = each.value
  retention_in_days = var.retention_days
  kms_key_id        = var.logs_key_arn
}

resource "aws_cloudwatch_log_group" "delivery" {
  name              = "/${var.name}/archive-delivery"
  retention_in_days = var.retention_days
  kms_key_id        = var.logs_key_arn
}

resource "aws_cloudwatch_log_stream" "delivery" {
  name           = "firehose"
  log_group_name = aws_cloudwatch_log_group.delivery.name
}

resource "aws_iam_role" "firehose" {
  name = "${var.name}-archive-delivery"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "firehose.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "sts:ExternalId" = var.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "firehose" {
  name = "write"
  role = aws_iam_role.firehose.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:PutObject"]
        Resource = ["arn:aws:s3:::${var.archive_bucket_name}", "arn:aws:s3:::${var.archive_bucket_name}/logs/*", "arn:aws:s3:::${var.archive_bucket_name}/failed/*"]
      },
      { Effect = "Allow", Action = ["kms:GenerateDataKey", "kms:Decrypt"], Resource = [var.archive_key_arn] },
      { Effect = "Allow", Action = ["logs:PutLogEvents"], Resource = ["${aws_cloudwatch_log_group.delivery.arn}:*"] },
    ]
  })
}

resource "aws_kinesis_firehose_delivery_stream" "archive" {
  name        = "${var.name}-archive"
  destination = "extended_s3"

  server_side_encryption {
    enabled  = true
    key_type = "CUSTOMER_MANAGED_CMK"
    key_arn  = var.archive_key_arn
  }

  extended_s3_configuration {
    role_arn            = aws_iam_role.firehose.arn
    bucket_arn          = "arn:aws:s3:::${var.archive_bucket_name}"
    kms_key_arn         = var.archive_key_arn
    prefix              = "logs/!{timestamp:yyyy/MM/dd}/"
    error_output_prefix = "failed/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/"
    buffering_interval  = 300
    buffering_size      = 64
    compression_format  = "UNCOMPRESSED" # CloudWatch sends gzip already
    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.delivery.name
      log_stream_name = aws_cloudwatch_log_stream.delivery.name
    }
  }
}

resource "aws_iam_role" "subscription" {
  name = "${var.name}-log-subscription"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "logs.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringLike = { "aws:SourceArn" = "arn:aws:logs:${var.region}:${var.account_id}:*" } }
    }]
  })
}

resource "aws_iam_role_policy" "subscription" {
  name = "put"
  role = aws_iam_role.subscription.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["firehose:PutRecord", "firehose:PutRecordBatch"], Resource = [aws_kinesis_firehose_delivery_stream.archive.arn] }]
  })
}

resource "aws_cloudwatch_log_subscription_filter" "archive" {
  for_each        = local.archived
  name            = "archive"
  log_group_name  = each.value
  filter_pattern  = "" # everything
  destination_arn = aws_kinesis_firehose_delivery_stream.archive.arn
  role_arn        = aws_iam_role.subscription.arn
}
