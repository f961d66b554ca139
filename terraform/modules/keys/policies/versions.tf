# Nothing but expressions: no provider, so that the documents can be computed and judged on any machine.
terraform {
  required_version = ">= 1.11"
}
