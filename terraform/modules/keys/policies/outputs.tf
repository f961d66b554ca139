output "role_names" {
  description = "Names of the processes' roles; the policies here name them before they exist."
  value       = { for process, arn in local.role : process => element(split("/", arn), 1) }
}

output "identity" {
  description = "What each process may do with KMS, as a JSON policy for its role. migrate may do nothing and has none."
  value = { for process, statements in {
    serve = local.serve, work = local.work, admin = local.admin, auditor = local.auditor
  } : process => jsonencode({ Version = "2012-10-17", Statement = statements }) }
}

output "key" {
  description = "The policies of the keys platform, platform-log and checkpoints, as JSON."
  value = { for name, statements in local.key_statements :
    name => jsonencode({ Version = "2012-10-17", Statement = statements })
  }
}

output "clinic_key" {
  description = "The policies of clinics' keys, tenant and tenant-log, as JSON: tenant-admin makes keys with them."
  value = { for name, statements in local.clinic_key_statements :
    name => jsonencode({ Version = "2012-10-17", Statement = statements })
  }
}

output "guardrail" {
  description = "A service control policy, as JSON, that keeps administrators of the account from clinics' keys as well."
  value       = jsonencode({ Version = "2012-10-17", Statement = local.guardrail })
}
