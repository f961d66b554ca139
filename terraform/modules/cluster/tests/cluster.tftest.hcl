mock_provider "aws" {
  mock_resource "aws_eks_cluster" {
    defaults = { identity = [{ oidc = [{ issuer = "https://oidc.eks.us-east-1.amazonaws.com/id/ABC" }] }] }
  }
  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ABC" }
  }
}

variables {
  name               = "cloister-test"
  region             = "us-east-1"
  account_id         = "111122223333"
  kubernetes_version = "1.33"
  vpc_id             = "vpc-1"
  subnet_ids         = ["subnet-1", "subnet-2"]
  instance_type      = "m7i.large"
  nodes              = { least = 2, most = 4 }
  operator_cidrs     = ["10.20.250.0/24"]
  administrator_arns = ["arn:aws:iam::111122223333:role/cluster-admin"]
  auditor_arns       = ["arn:aws:iam::111122223333:role/security"]
  process_policies   = { serve = "{\"P\":\"serve\"}", work = "{\"P\":\"work\"}", admin = "{\"P\":\"admin\"}", auditor = "{\"P\":\"auditor\"}" }
  role_names         = { serve = "cloister-test-serve", work = "cloister-test-work", admin = "cloister-test-admin", auditor = "cloister-test-auditor", migrate = "cloister-test-migrate" }
  key_arns           = { cluster = "arn:aws:kms:us-east-1:111122223333:key/cluster", images = "arn:aws:kms:us-east-1:111122223333:key/images", secrets = "arn:aws:kms:us-east-1:111122223333:key/secrets" }
  log_group_names    = { cluster = "/aws/eks/cloister-test/cluster" }
}

run "the_control_plane_is_private_encrypted_and_logged" {
  command = plan
  assert {
    condition     = !aws_eks_cluster.this.vpc_config[0].endpoint_public_access && aws_eks_cluster.this.vpc_config[0].endpoint_private_access
    error_message = "The Kubernetes API can be reached from outside."
  }
  assert {
    condition     = aws_eks_cluster.this.encryption_config[0].provider[0].key_arn == var.key_arns.cluster && contains(aws_eks_cluster.this.encryption_config[0].resources, "secrets")
    error_message = "Secrets stand in etcd unencrypted by our key."
  }
  assert {
    condition     = contains(aws_eks_cluster.this.enabled_cluster_log_types, "audit")
    error_message = "Calls to the Kubernetes API are not logged."
  }
  assert {
    condition     = aws_launch_template.node.metadata_options[0].http_tokens == "required" && aws_launch_template.node.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "A pod could take the node's credentials."
  }
  assert {
    condition     = alltrue([for disk in aws_launch_template.node.block_device_mappings : disk.ebs[0].encrypted == "true"]) && jsondecode(aws_eks_addon.of_nodes["vpc-cni"].configuration_values).enableNetworkPolicy == "true"
    error_message = "Disks are unencrypted or network policies are not enforced."
  }
}

run "each_process_has_a_role_of_its_own_that_only_its_pods_get" {
  # Applied (to the mock), as the issuer is known only then.
  assert {
    condition = alltrue([for process, suffix in { serve = "portal", work = "worker", admin = "tenant-admin" } :
      jsondecode(aws_iam_role.pods[process].assume_role_policy).Statement[0].Condition.StringEquals["oidc.eks.us-east-1.amazonaws.com/id/ABC:sub"] == "system:serviceaccount:cloister:cloister-${suffix}"
    ])
    error_message = "A role can be taken by another pod."
  }
  assert {
    condition     = alltrue([for process in ["serve", "work", "admin"] : jsondecode(aws_iam_role_policy.processes[process].policy).P == process && aws_iam_role.pods[process].name == var.role_names[process]])
    error_message = "A process has another's rights, or a name that the key policies do not know."
  }
  assert {
    condition     = !contains(keys(aws_iam_role.pods), "migrate")
    error_message = "The migration calls no part of AWS."
  }
  assert {
    condition     = jsondecode(aws_iam_role.auditor[0].assume_role_policy).Statement[0].Condition.Bool["aws:MultiFactorAuthPresent"] == "true"
    error_message = "The auditor needs a second factor."
  }
  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret.this : secret.kms_key_id == var.key_arns.secrets]) && aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push
    error_message = "A secret is not under our key, or images can be overwritten or come unscanned."
  }
}

run "the_whole_internet_is_no_operators_network" {
  command = plan
  variables {
    operator_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.operator_cidrs]
}
