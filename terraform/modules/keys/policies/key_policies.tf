# Policies of the keys that Terraform makes for the processes. The keys of clinics are made by tenant-admin with the
# default policy, under which the identity policies of this module decide, within the guardrail below.

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
