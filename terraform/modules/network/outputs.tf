output "vpc_id" {
  description = "The network."
  value       = aws_vpc.this.id
}

output "public_subnet_ids" {
  description = "Subnets of the public load balancer."
  value       = [for zone in var.zones : aws_subnet.public[zone].id]
}

output "public_subnet_cidrs" {
  description = "Their addresses: where the load balancer calls the pods from."
  value       = [for zone in var.zones : aws_subnet.public[zone].cidr_block]
}

output "private_subnet_ids" {
  description = "Subnets of the pods."
  value       = [for zone in var.zones : aws_subnet.private[zone].id]
}

output "private_subnet_cidrs" {
  description = "Their addresses."
  value       = [for zone in var.zones : aws_subnet.private[zone].cidr_block]
}

output "data_subnet_ids" {
  description = "Subnets of the database and Redis, which have no route out."
  value       = [for zone in var.zones : aws_subnet.data[zone].id]
}

output "data_subnet_cidrs" {
  description = "Their addresses."
  value       = [for zone in var.zones : aws_subnet.data[zone].cidr_block]
}

output "operator_subnet_ids" {
  description = "Subnets of the internal load balancer."
  value       = [for zone in var.zones : aws_subnet.operators[zone].id]
}

output "operator_subnet_cidrs" {
  description = "Their addresses: the only ones that tenant-admin's pods let in."
  value       = [for zone in var.zones : aws_subnet.operators[zone].cidr_block]
}

output "flow_log_group_name" {
  description = "The log group of the flow logs."
  value       = aws_cloudwatch_log_group.flow.name
}
