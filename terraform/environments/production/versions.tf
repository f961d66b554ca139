terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
  # Bucket and region are given at init (docs/deploy.md): the state names every resource, so few may read it.
  backend "s3" {
    key          = "cloister/production.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]
  default_tags {
    tags = { cloister-environment = "production" }
  }
}

# The second account, for the vault alone.
provider "aws" {
  alias               = "offsite"
  region              = var.region
  allowed_account_ids = [var.offsite_account_id]
  assume_role {
    role_arn = var.offsite_role_arn
  }
}
