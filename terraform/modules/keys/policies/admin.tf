# tenant-admin makes keys and never opens a clinic's. Conditions on tags hold some minutes after a key is made, so what
# follows at once (rotation, data keys) is bound by the encryption context or left to the key's own policy.

locals {
  admin = [
    {
      Sid       = "MakeKeysThatSayWhoseTheyAre"
      Effect    = "Allow"
      Action    = ["kms:CreateKey", "kms:TagResource"]
      Resource  = ["*"]
      Condition = { StringLike = { "aws:RequestTag/${local.owner}" = concat(local.clinics, local.platform) } }
    },
    {
      Sid      = "NeverRetagAKeyThatHasAnOwner"
      Effect   = "Deny"
      Action   = ["kms:TagResource", "kms:UntagResource"]
      Resource = ["*"]
      # False: the key already carries the tag. A key in the making carries none.
      Condition = { Null = { "aws:ResourceTag/${local.owner}" = "false" } }
    },
    {
      Sid       = "NeverMakeAKeyOfAnotherKind"
      Effect    = "Deny"
      Action    = ["kms:CreateKey"]
      Resource  = ["*"]
      Condition = { StringNotEquals = { "kms:KeySpec" = ["SYMMETRIC_DEFAULT"] }, Null = { "kms:KeySpec" = "false" } }
    },
    {
      Sid       = "NeverMakeAKeyFromMaterialOfOnesOwn"
      Effect    = "Deny"
      Action    = ["kms:CreateKey"]
      Resource  = ["*"]
      Condition = { StringNotEquals = { "kms:KeyOrigin" = ["AWS_KMS"] }, Null = { "kms:KeyOrigin" = "false" } }
    },
    {
      Sid       = "NeverSkipTheLockoutCheck"
      Effect    = "Deny"
      Action    = ["kms:CreateKey"]
      Resource  = ["*"]
      Condition = { Bool = { "kms:BypassPolicyLockoutSafetyCheck" = "true" } }
    },
    {
      Sid      = "FindDescribeAndRotate"
      Effect   = "Allow"
      Action   = ["kms:DescribeKey", "kms:ListResourceTags", "kms:EnableKeyRotation", "kms:GetKeyRotationStatus"]
      Resource = local.keys
    },
    {
      Sid      = "ListKeys"
      Effect   = "Allow"
      Action   = ["kms:ListKeys"]
      Resource = ["*"]
    },
    {
      Sid       = "IssueDataKeysUnseen"
      Effect    = "Allow"
      Action    = ["kms:GenerateDataKeyWithoutPlaintext"]
      Resource  = local.keys
      Condition = { StringLike = { (local.context) = concat(local.clinics, local.platform) } }
    },
    {
      Sid      = "ScheduleDeletionOfClinicsKeys"
      Effect   = "Allow"
      Action   = ["kms:ScheduleKeyDeletion"]
      Resource = local.own_keys
      Condition = {
        StringLike               = { "aws:ResourceTag/${local.owner}" = local.clinics }
        NumericGreaterThanEquals = { "kms:ScheduleKeyDeletionPendingWindowInDays" = "7" }
      }
    },
    {
      Sid       = "OpenThePlatformsOwnDataKeys"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = local.own_keys
      Condition = { StringEquals = { (local.context) = local.platform } }
    },
    {
      Sid      = "NeverOpenAClinicsKey"
      Effect   = "Deny"
      Action   = local.opening
      Resource = ["*"]
      # Holds for a call without the context as well.
      Condition = { StringNotEquals = { (local.context) = local.platform } }
    },
    {
      Sid      = "NeverChangeWhoMayUseAKey"
      Effect   = "Deny"
      Action   = concat(local.administration, ["kms:Sign"])
      Resource = ["*"]
    },
  ]
}
