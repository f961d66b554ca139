mock_provider "aws" {}

variables {
  name                      = "cloister-test"
  vpc_id                    = "vpc-1"
  subnet_ids                = ["subnet-1", "subnet-2"]
  client_security_group_ids = { nodes = "sg-1" }
  node_type                 = "cache.t4g.small"
  auth_token                = "0123456789abcdef0123456789abcdef"
  alarm_topic_arn           = "arn:aws:sns:us-east-1:111122223333:alarms"
  key_arn                   = "arn:aws:kms:us-east-1:111122223333:key/cache"
  logs_key_arn              = "arn:aws:kms:us-east-1:111122223333:key/logs"
}

run "it_takes_tls_and_a_password_only_and_is_encrypted_at_rest" {
  command = plan
  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_enabled && aws_elasticache_replication_group.this.transit_encryption_mode == "required"
    error_message = "Redis would take plain connections."
  }
  assert {
    condition     = aws_elasticache_replication_group.this.auth_token_wo_version == 1
    error_message = "Redis has no password."
  }
  assert {
    condition     = tobool(aws_elasticache_replication_group.this.at_rest_encryption_enabled) && aws_elasticache_replication_group.this.kms_key_id == var.key_arn
    error_message = "Redis writes in clear."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.clients : rule.referenced_security_group_id == "sg-1"])
    error_message = "Somebody else than the pods can connect."
  }
}

run "one_shard_with_a_replica_that_evicts_nothing" {
  command = plan
  assert {
    condition     = aws_elasticache_replication_group.this.cluster_mode == "disabled" && aws_elasticache_replication_group.this.num_cache_clusters == 2
    error_message = "The service's client speaks to one primary."
  }
  assert {
    condition     = anytrue([for parameter in aws_elasticache_parameter_group.this.parameter : parameter.name == "maxmemory-policy" && parameter.value == "noeviction"])
    error_message = "Redis may end sessions and forget counters."
  }
  assert {
    condition     = aws_elasticache_replication_group.this.automatic_failover_enabled && aws_elasticache_replication_group.this.snapshot_retention_limit == 0
    error_message = "It does not fail over, or keeps sessions in snapshots."
  }
}

run "a_short_password_is_refused" {
  command = plan
  variables {
    auth_token = "short"
  }
  expect_failures = [var.auth_token]
}
