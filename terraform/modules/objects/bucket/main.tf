# A bucket as all buckets here are: private, versioned, encrypted, over TLS 1.2 or newer only.

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_144:replication is set where the module is used, for those that need a copy
  #checkov:skip=CKV_AWS_18:all but the log bucket itself log to it; the rule does not see through the condition
  #checkov:skip=CKV2_AWS_62:nothing listens to object events; the audit log has its own path
  #checkov:skip=CKV_AWS_145:encrypted in the resource below, which the rule does not follow into a module
  #checkov:skip=CKV_AWS_19:AES256 or a KMS key by a condition that the rule cannot follow; objects.tftest.hcl asserts each bucket's
  bucket              = var.bucket
  region              = var.region
  object_lock_enabled = var.lock_years > 0
  force_destroy       = false
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  region                  = var.region
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id
  region = var.region
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id
  region = var.region
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id
  region = var.region
  rule {
    bucket_key_enabled = var.key_arn != ""
    apply_server_side_encryption_by_default {
      sse_algorithm     = var.key_arn == "" ? "AES256" : "aws:kms"
      kms_master_key_id = var.key_arn == "" ? null : var.key_arn
    }
  }
}

resource "aws_s3_bucket_object_lock_configuration" "this" {
  count  = var.lock_years > 0 ? 1 : 0
  bucket = aws_s3_bucket.this.id
  region = var.region
  rule {
    default_retention {
      mode  = "COMPLIANCE"
      years = var.lock_years
    }
  }
  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_logging" "this" {
  count         = var.log_bucket == "" ? 0 : 1
  bucket        = aws_s3_bucket.this.id
  region        = var.region
  target_bucket = var.log_bucket
  target_prefix = "s3/${var.bucket}/"
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id
  region = var.region

  rule {
    id     = "keep"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
    noncurrent_version_expiration {
      noncurrent_days = max(var.previous_version_days, var.lock_years * 366)
    }
    dynamic "expiration" {
      for_each = var.current_version_days > 0 ? [1] : []
      content {
        days = var.current_version_days
      }
    }
    dynamic "transition" {
      for_each = var.cold_after_days > 0 ? [1] : []
      content {
        days          = var.cold_after_days
        storage_class = "GLACIER_IR"
      }
    }
  }
  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  region = var.region
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid       = "OverTlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = ["arn:aws:s3:::${var.bucket}", "arn:aws:s3:::${var.bucket}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "NoOldTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = ["arn:aws:s3:::${var.bucket}", "arn:aws:s3:::${var.bucket}/*"]
        Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
      },
    ], jsondecode(var.statements))
  })
  depends_on = [aws_s3_bucket_public_access_block.this]
}
