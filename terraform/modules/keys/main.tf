# Keys of the storage below the application, one for each kind, so that one service's use says nothing about another's.
# Clinics' own keys are made by tenant-admin when a clinic is made (crates/vault/src/aws.rs): multi-region, with the policies of
# ./policies. Their replicas are made by administrators of keys (docs/deploy.md), as whoever makes one says who may use it.

locals {
  root = "arn:${var.partition}:iam::${var.account_id}:root"

  # Kind of storage: the AWS services that use its key, as `kms:ViaService` names them.
  storage = {
    database = ["rds"]
    cache    = ["elasticache"]
    objects  = ["s3"]
    archive  = ["s3", "firehose"]
    secrets  = ["secretsmanager"]
    cluster  = ["eks", "ec2"]
    images   = ["ecr"]
    backup   = ["backup", "rds", "s3"]
  }
  # Services that call KMS as themselves and name what they encrypt in the encryption context or the source.
  direct = {
    logs    = ["logs.${var.region}.amazonaws.com"]
    alarms  = ["cloudwatch.amazonaws.com", "backup.amazonaws.com", "events.amazonaws.com", "events.rds.amazonaws.com"]
    archive = ["logs.${var.region}.amazonaws.com", "cloudtrail.amazonaws.com", "config.amazonaws.com"]
  }
  kinds = toset(concat(keys(local.storage), keys(local.direct)))

  administer = {
    Sid       = "AdministerWithoutUse"
    Effect    = "Allow"
    Principal = { AWS = var.administrator_arns }
    Action = [
      "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:DeleteAlias", "kms:Describe*", "kms:Disable*", "kms:Enable*",
      "kms:Get*", "kms:List*", "kms:PutKeyPolicy", "kms:ReplicateKey", "kms:RotateKeyOnDemand", "kms:ScheduleKeyDeletion",
      "kms:Synchronize*", "kms:TagResource", "kms:UntagResource", "kms:Update*",
    ]
    Resource = "*"
  }

  # Whoever may use the storage may use its key, but through that service only and within this account.
  through = { for kind, services in local.storage : kind => [
    {
      Sid       = "ThroughTheService"
      Effect    = "Allow"
      Principal = { AWS = "*" }
      Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
      Resource  = "*"
      Condition = { StringEquals = {
        "kms:CallerAccount" = var.account_id
        "kms:ViaService"    = flatten([for service in services : [for region in [var.region, var.replica_region] : "${service}.${region}.amazonaws.com"]])
      } }
    },
    {
      Sid       = "GrantsForTheServiceAlone"
      Effect    = "Allow"
      Principal = { AWS = "*" }
      Action    = ["kms:CreateGrant", "kms:ListGrants"]
      Resource  = "*"
      Condition = {
        Bool = { "kms:GrantIsForAWSResource" = "true" }
        StringEquals = {
          "kms:CallerAccount" = var.account_id
          "kms:ViaService"    = flatten([for service in services : [for region in [var.region, var.replica_region] : "${service}.${region}.amazonaws.com"]])
        }
      }
    },
  ] }
  by_service = { for kind, services in local.direct : kind => [{
    Sid       = "TheServiceForThisAccount"
    Effect    = "Allow"
    Principal = { Service = services }
    Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    Resource  = "*"
    Condition = { StringEqualsIfExists = { "aws:SourceAccount" = var.account_id } }
  }] }

  policies = { for kind in local.kinds : kind => jsonencode({
    Version   = "2012-10-17"
    Statement = concat([local.administer], lookup(local.through, kind, []), lookup(local.by_service, kind, []))
  }) }
}

resource "aws_kms_key" "storage" {
  for_each                = local.kinds
  description             = "${var.name}: ${each.key}"
  enable_key_rotation     = true
  multi_region            = true
  deletion_window_in_days = var.deletion_window_days
  policy                  = local.policies[each.key]
  tags                    = { cloister-kind = each.key }
}

resource "aws_kms_alias" "storage" {
  for_each      = local.kinds
  name          = "alias/${var.name}/${each.key}"
  target_key_id = aws_kms_key.storage[each.key].key_id
}

# Where restores go when the region is lost: what was encrypted here opens there.
resource "aws_kms_replica_key" "storage" {
  for_each                = local.kinds
  region                  = var.replica_region
  description             = "${var.name}: ${each.key}, replica"
  primary_key_arn         = aws_kms_key.storage[each.key].arn
  deletion_window_in_days = var.deletion_window_days
  policy                  = local.policies[each.key]
}
