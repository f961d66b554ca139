# The one database. Roles and grants inside it are made by `cloister migrate`; docs/deploy.md gives the login roles.

locals {
  major = split(".", var.engine_version)[0]

  # What the service relies on, whoever connects. Its own pool sets stricter ones (crates/store/src/config.rs).
  parameters = {
    "rds.force_ssl"                     = { value = "1", apply = "immediate" }
    ssl_min_protocol_version            = { value = "TLSv1.2", apply = "immediate" }
    password_encryption                 = { value = "scram-sha-256", apply = "immediate" }
    "rds.accepted_password_auth_method" = { value = "scram", apply = "immediate" }
    idle_in_transaction_session_timeout = { value = "60000", apply = "immediate" }
    statement_timeout                   = { value = "0", apply = "immediate" } # migrations take their time; the pool sets 6 s
    shared_preload_libraries            = { value = "pg_stat_statements,pgaudit", apply = "pending-reboot" }
    "pgaudit.log"                       = { value = "ddl,role", apply = "immediate" }
    "pgaudit.log_parameter"             = { value = "0", apply = "immediate" } # parameters are what is kept from logs
    log_connections                     = { value = "1", apply = "immediate" }
    log_disconnections                  = { value = "1", apply = "immediate" }
    log_lock_waits                      = { value = "1", apply = "immediate" }
    log_statement                       = { value = "none", apply = "immediate" } # pgaudit names what matters, without values
    log_min_duration_statement          = { value = "-1", apply = "immediate" }
    log_parameter_max_length            = { value = "0", apply = "immediate" }
    log_parameter_max_length_on_error   = { value = "0", apply = "immediate" }
    synchronous_commit                  = { value = "on", apply = "immediate" } # acknowledged implies audited
  }
}

resource "aws_db_subnet_group" "this" {
  name        = var.name
  description = "Data subnets of ${var.name}"
  subnet_ids  = var.subnet_ids
}

resource "aws_security_group" "this" {
  name        = "${var.name}-database"
  description = "PostgreSQL, from the pods alone"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-database" }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each                     = var.client_security_group_ids
  security_group_id            = aws_security_group.this.id
  description                  = "PostgreSQL from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_db_parameter_group" "this" {
  name_prefix = "${var.name}-"
  family      = "postgres${local.major}"
  description = "TLS forced, pgaudit on, no values in logs"

  dynamic "parameter" {
    for_each = local.parameters
    content {
      name         = parameter.key
      value        = parameter.value.value
      apply_method = parameter.value.apply
    }
  }
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudwatch_log_group" "this" {
  for_each          = toset(["postgresql", "upgrade"])
  name              = "/aws/rds/instance/${var.name}/${each.key}"
  retention_in_days = 400
  kms_key_id        = var.logs_key_arn
}

resource "aws_iam_role" "monitoring" {
  name = "${var.name}-database-monitoring"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "monitoring.rds.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

resource "aws_db_instance" "this" {
  identifier     = var.name
  engine         = "postgres"
  engine_version = var.engine_version
  instance_class = var.instance_class
  multi_az       = var.multi_az

  storage_type          = "gp3"
  allocated_storage     = var.storage_gib
  max_allocated_storage = var.most_storage_gib
  storage_encrypted     = true
  kms_key_id            = var.key_arn

  db_name                             = "cloister"
  username                            = "cloister_root"
  manage_master_user_password         = true
  master_user_secret_kms_key_id       = var.secrets_key_arn
  iam_database_authentication_enabled = true # for people; the processes keep passwords, as a token ends after 15 minutes
  ca_cert_identifier                  = var.certificate_authority

  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [aws_security_group.this.id]
  publicly_accessible    = false
  port                   = 5432
  parameter_group_name   = aws_db_parameter_group.this.name

  backup_retention_period   = var.backup_days
  backup_window             = "07:00-08:00"
  maintenance_window        = "sun:08:30-sun:09:30"
  copy_tags_to_snapshot     = true
  delete_automated_backups  = false
  skip_final_snapshot       = false
  final_snapshot_identifier = "${var.name}-final"
  deletion_protection       = var.deletion_protection

  auto_minor_version_upgrade            = true
  enabled_cloudwatch_logs_exports       = ["postgresql", "upgrade"]
  monitoring_interval                   = 60
  monitoring_role_arn                   = aws_iam_role.monitoring.arn
  performance_insights_enabled          = true
  performance_insights_kms_key_id       = var.key_arn
  performance_insights_retention_period = 7
  tags                                  = { cloister-backup = "daily" }

  depends_on = [aws_cloudwatch_log_group.this]
}

# The region is lost: the database of minutes ago can be restored in the other one.
resource "aws_db_instance_automated_backups_replication" "this" {
  region                 = var.replica_region
  source_db_instance_arn = aws_db_instance.this.arn
  kms_key_id             = var.replica_key_arn
  retention_period       = var.backup_days
}
