# Policies of keys: of those that Terraform makes for the processes, and of clinics' keys, which tenant-admin makes with them. With
# KMS's default policy whoever may write identity policies could let himself open a clinic's key.

locals {
  # Administrators look after the key and cannot use it. Without them a mistake here could never be mended.
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

  # The account as principal, bound to one role: the role need not exist yet, and its own policy has to agree.
  by_role = { for process, arn in local.role : process => {
    Effect    = "Allow"
    Principal = { AWS = local.root }
    Resource  = "*"
    Condition = { ArnEquals = { "aws:PrincipalArn" = arn } }
  } }
  issue = merge(local.by_role["admin"], {
    Sid    = "IssueUnseen"
    Action = ["kms:DescribeKey", "kms:EnableKeyRotation", "kms:GenerateDataKeyWithoutPlaintext", "kms:GetKeyRotationStatus", "kms:ListResourceTags"]
  })

  key_statements = {
    platform = [
      local.administer,
      local.issue,
      merge(local.by_role["admin"], { Sid = "AdminOpens", Action = ["kms:Decrypt"] }),
      merge(local.by_role["work"], { Sid = "WorkOpens", Action = ["kms:Decrypt"] }),
    ]
    platform-log = [
      local.administer,
      local.issue,
      merge(local.by_role["admin"], { Sid = "AdminOpens", Action = ["kms:Decrypt"] }),
      merge(local.by_role["auditor"], { Sid = "AuditorOpens", Action = ["kms:Decrypt"] }),
    ]
    checkpoints = [
      local.administer,
      merge(local.by_role["work"], { Sid = "WorkSigns", Action = ["kms:Sign", "kms:GetPublicKey"] }),
      merge(local.by_role["auditor"], { Sid = "AuditorVerifies", Action = ["kms:Verify", "kms:GetPublicKey"] }),
    ]
  }

  # Clinics' keys. What administers leaves it to the account's own policies: KMS refuses to make a key whose policy its maker
  # could not change, and tenant-admin, which makes it, is denied that by its own policy. What opens is for one role each.
  clinic = {
    Sid       = "TheAccountAdministersWithoutUse"
    Effect    = "Allow"
    Principal = { AWS = local.root }
    Action    = concat(local.administer.Action, ["kms:DisableKeyRotation"])
    Resource  = "*"
  }
  clinic_key_statements = {
    tenant = [
      local.clinic,
      merge(local.by_role["admin"], { Sid = "IssueUnseen", Action = ["kms:GenerateDataKeyWithoutPlaintext"] }),
      merge(local.by_role["serve"], { Sid = "ServeOpens", Action = ["kms:Decrypt"] }),
      merge(local.by_role["work"], { Sid = "WorkOpens", Action = ["kms:Decrypt"] }),
    ]
    tenant-log = [
      local.clinic,
      merge(local.by_role["admin"], { Sid = "IssueUnseen", Action = ["kms:GenerateDataKeyWithoutPlaintext"] }),
      merge(local.by_role["serve"], { Sid = "ServeOpens", Action = ["kms:Decrypt"] }),
      merge(local.by_role["work"], { Sid = "WorkOpens", Action = ["kms:Decrypt"] }),
      merge(local.by_role["auditor"], { Sid = "AuditorOpens", Action = ["kms:Decrypt"] }),
    ]
  }

  # For the organisation to attach to the account as a service control policy: it binds its administrators too.
  guardrail = [
    {
      Sid      = "OnlyThePortalOpensClinicsKeys"
      Effect   = "Deny"
      Action   = local.opening
      Resource = ["*"]
      Condition = {
        StringLike   = { (local.context) = ["tenant:*"] }
        ArnNotEquals = { "aws:PrincipalArn" = [local.role["serve"], local.role["work"]] }
      }
    },
    {
      Sid      = "OnlyThePortalAndTheAuditorOpenLogs"
      Effect   = "Deny"
      Action   = local.opening
      Resource = ["*"]
      Condition = {
        StringLike   = { (local.context) = ["tenant-log:*"] }
        ArnNotEquals = { "aws:PrincipalArn" = [local.role["serve"], local.role["work"], local.role["auditor"]] }
      }
    },
    {
      Sid       = "NobodyChangesWhoMayUseAClinicsKey"
      Effect    = "Deny"
      Action    = ["kms:PutKeyPolicy", "kms:CreateGrant"]
      Resource  = ["*"]
      Condition = { StringLike = { "aws:ResourceTag/${local.owner}" = local.clinics } }
    },
  ]
}
