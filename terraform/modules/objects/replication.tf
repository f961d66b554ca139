# Copies to the other region, re-encrypted there. Deletions are not copied: a copy outlives a mistake here.

locals {
  copies = {
    documents = { from = module.documents, to = module.documents_copy, key = var.key_arns.objects, other_key = var.replica_key_arns.objects }
    archive   = { from = module.archive, to = module.archive_copy, key = var.key_arns.archive, other_key = var.replica_key_arns.archive }
  }
}

resource "aws_iam_role" "replication" {
  name = "${var.name}-replication"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "replication" {
  name = "copy"
  role = aws_iam_role.replication.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = flatten([for kind, copy in local.copies : [
      {
        Effect   = "Allow"
        Action   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
        Resource = [copy.from.arn]
      },
      {
        Effect = "Allow"
        Action = [
          "s3:GetObjectLegalHold", "s3:GetObjectRetention", "s3:GetObjectVersionAcl",
          "s3:GetObjectVersionForReplication", "s3:GetObjectVersionTagging",
        ]
        Resource = ["${copy.from.arn}/*"]
      },
      {
        Effect   = "Allow"
        Action   = ["s3:ReplicateObject", "s3:ReplicateTags"]
        Resource = ["${copy.to.arn}/*"]
      },
      {
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = [copy.key]
      },
      {
        Effect   = "Allow"
        Action   = ["kms:Encrypt", "kms:GenerateDataKey"]
        Resource = [copy.other_key]
      },
    ]])
  })
}

resource "aws_s3_bucket_replication_configuration" "this" {
  for_each = local.copies
  bucket   = each.value.from.name
  role     = aws_iam_role.replication.arn

  rule {
    id     = each.key
    status = "Enabled"
    filter {}
    delete_marker_replication {
      status = "Disabled"
    }
    source_selection_criteria {
      sse_kms_encrypted_objects {
        status = "Enabled"
      }
    }
    destination {
      bucket        = each.value.to.arn
      storage_class = "STANDARD_IA"
      encryption_configuration {
        replica_kms_key_id = each.value.other_key
      }
      replication_time {
        status = "Enabled"
        time {
          minutes = 15
        }
      }
      metrics {
        status = "Enabled"
        event_threshold {
          minutes = 15
        }
      }
    }
  }
}
