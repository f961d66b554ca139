output "name" {
  description = "The bucket's name, once it is versioned and has its policy: CloudTrail and replication refuse it before."
  value       = aws_s3_bucket.this.bucket
  depends_on  = [aws_s3_bucket_policy.this, aws_s3_bucket_versioning.this]
}

output "arn" {
  description = "The bucket's ARN."
  value       = "arn:aws:s3:::${var.bucket}"
  depends_on  = [aws_s3_bucket_policy.this, aws_s3_bucket_versioning.this]
}

output "encryption" {
  description = "What encrypts it: aws:kms or AES256."
  value       = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm
}

output "retention" {
  description = "Mode and years of its lock; empty without one."
  value = [for lock in aws_s3_bucket_object_lock_configuration.this : {
    mode  = one(one(lock.rule).default_retention).mode
    years = one(one(lock.rule).default_retention).years
  }]
}

output "public" {
  description = "Whether anything of it could ever be public."
  value = !(aws_s3_bucket_public_access_block.this.block_public_acls && aws_s3_bucket_public_access_block.this.block_public_policy &&
  aws_s3_bucket_public_access_block.this.ignore_public_acls && aws_s3_bucket_public_access_block.this.restrict_public_buckets)
}

output "policy" {
  description = "The bucket's policy, as JSON."
  value       = aws_s3_bucket_policy.this.policy
}
