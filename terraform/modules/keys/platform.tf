# The platform's own keys. tenant-admin finds them by their tag (crates/tenancy/src/platform_keys.rs) and would make them
# itself if they were missing, but then single-region and without a policy of their own.

module "policies" {
  source             = "./policies"
  name               = var.name
  account_id         = var.account_id
  partition          = var.partition
  regions            = [var.region, var.replica_region]
  clinic_key_arns    = var.clinic_key_arns
  administrator_arns = var.administrator_arns
}

locals {
  platform = toset(["platform", "platform-log"])
}

resource "aws_kms_key" "platform" {
  for_each                = local.platform
  description             = "Cloister: ${each.key}"
  enable_key_rotation     = true
  multi_region            = true
  deletion_window_in_days = var.deletion_window_days
  policy                  = module.policies.key[each.key]
  tags                    = { cloister-owner = each.key }
}

resource "aws_kms_alias" "platform" {
  for_each      = local.platform
  name          = "alias/${var.name}/${each.key}"
  target_key_id = aws_kms_key.platform[each.key].key_id
}

resource "aws_kms_replica_key" "platform" {
  for_each                = local.platform
  region                  = var.replica_region
  description             = "Cloister: ${each.key}, replica"
  primary_key_arn         = aws_kms_key.platform[each.key].arn
  deletion_window_in_days = var.deletion_window_days
  policy                  = module.policies.key[each.key]
}

# Signs the audit log's checkpoints. KMS cannot rotate a signing key: a new one is made, and old notes keep the old name.
resource "aws_kms_key" "checkpoints" {
  #checkov:skip=CKV_AWS_7:KMS rotates no asymmetric key, and this one only signs
  description              = "Cloister: audit checkpoints"
  customer_master_key_spec = "ECC_NIST_EDWARDS25519"
  key_usage                = "SIGN_VERIFY"
  multi_region             = true
  deletion_window_in_days  = var.deletion_window_days
  policy                   = module.policies.key["checkpoints"]
  tags                     = { cloister-owner = "checkpoints" }
}

resource "aws_kms_alias" "checkpoints" {
  name          = "alias/${var.name}/checkpoints"
  target_key_id = aws_kms_key.checkpoints.key_id
}
