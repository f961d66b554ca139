output "bucket_names" {
  description = "Buckets by kind: documents, archive, logs, and the copies of the first two."
  value = {
    documents      = module.documents.name, archive = module.archive.name, logs = module.logs.name
    documents_copy = module.documents_copy.name, archive_copy = module.archive_copy.name
  }
}

output "bucket_arns" {
  description = "Their ARNs."
  value = {
    documents      = module.documents.arn, archive = module.archive.arn, logs = module.logs.arn
    documents_copy = module.documents_copy.arn, archive_copy = module.archive_copy.arn
  }
}
