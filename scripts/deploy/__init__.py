"""What `make check-deploy` looks at: Terraform, and everything else that a deployment is made of."""
