# Who may touch which key. This is the KMS column of the table "Who may touch what"; each row of it is judged by
# scripts/deploy/key_duties.py. The encryption context (`tenant`, `purpose`, `version`) is what crates/vault sends.

locals {
  root = "arn:${var.partition}:iam::${var.account_id}:root"
  role = { for process in ["serve", "work", "admin", "migrate", "auditor"] :
    process => "arn:${var.partition}:iam::${var.account_id}:role/${var.name}-${process}"
  }
  own_keys = [for region in var.regions : "arn:${var.partition}:kms:${region}:${var.account_id}:key/*"]
  keys     = concat(local.own_keys, var.clinic_key_arns)

  context  = "kms:EncryptionContext:tenant"
  clinics  = ["tenant:*", "tenant-log:*"]
  logs     = ["tenant-log:*", "platform-log"]
  platform = ["platform", "platform-log"]
  owner    = "cloister-owner" # the tag that crates/vault gives to each key in the call that makes it

  # Nobody who uses a key changes who may use it, and nobody hands his right on.
  administration = [
    "kms:CreateGrant", "kms:DeleteAlias", "kms:DeleteImportedKeyMaterial", "kms:DisableKey", "kms:DisableKeyRotation",
    "kms:ImportKeyMaterial", "kms:PutKeyPolicy", "kms:ReplicateKey", "kms:RetireGrant", "kms:UpdateAlias",
    "kms:UpdatePrimaryRegion",
  ]
  making_and_ending = [
    "kms:CancelKeyDeletion", "kms:CreateKey", "kms:EnableKey", "kms:EnableKeyRotation", "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource",
  ]
  # Everything that gives a data key or a value in clear, or turns one key's ciphertext into another's.
  opening = [
    "kms:Decrypt", "kms:DeriveSharedSecret", "kms:GenerateDataKey", "kms:GenerateDataKeyPair", "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
  ]
}

locals {
  open_clinics = {
    Sid       = "OpenDataKeysOfClinicsAndTheirLogs"
    Effect    = "Allow"
    Action    = ["kms:Decrypt"]
    Resource  = local.keys
    Condition = { StringLike = { (local.context) = local.clinics } }
  }
  open_platform = {
    Sid       = "OpenThePlatformsDataKeys"
    Effect    = "Allow"
    Action    = ["kms:Decrypt"]
    Resource  = local.own_keys
    Condition = { StringEquals = { (local.context) = ["platform"] } }
  }
  administer_nothing = {
    Sid      = "AdministerNothing"
    Effect   = "Deny"
    Action   = concat(local.administration, local.making_and_ending)
    Resource = ["*"]
  }

  serve = [local.open_clinics, local.administer_nothing]
  work = [
    local.open_clinics,
    local.open_platform,
    {
      Sid       = "SignCheckpoints"
      Effect    = "Allow"
      Action    = ["kms:Sign", "kms:GetPublicKey"]
      Resource  = local.own_keys
      Condition = { StringEquals = { "aws:ResourceTag/${local.owner}" = ["checkpoints"] } }
    },
    local.administer_nothing,
  ]
  auditor = [
    {
      Sid       = "OpenDataKeysOfLogs"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = local.own_keys
      Condition = { StringLike = { (local.context) = local.logs } }
    },
    {
      Sid       = "VerifyCheckpoints"
      Effect    = "Allow"
      Action    = ["kms:Verify", "kms:GetPublicKey"]
      Resource  = local.own_keys
      Condition = { StringEquals = { "aws:ResourceTag/${local.owner}" = ["checkpoints"] } }
    },
    local.administer_nothing,
  ]
}
