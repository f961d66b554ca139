# Every target is one script; run `make` for the list.

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset test lint unit web blackbox browser advisories bench mutants check-deploy
SHELL := bash

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: ## Build and run the embedded size with two seeded clinics (PORT=8080)
	@PORT="$(or $(PORT),8080)" scripts/demo

demo-reset: ## Forget the demo's data
	@scripts/demo --reset

test: ## Everything below in order; reports in target/reports
	@scripts/test

lint: ## Formatting, clippy, dependency rules, licences, source rules, web lint
	@scripts/test lint scripts

unit: ## Rust unit, repository and compile-fail suites, on PostgreSQL, Redis and a key service
	@scripts/test rust

web: ## Web build and unit tests
	@scripts/test web-build web

blackbox: ## Suites over HTTP, on the embedded and the production size
	@scripts/test web-build blackbox-embedded blackbox-production

browser: ## Journeys in Chromium
	@scripts/test web-build browser

check-deploy: ## Terraform, Helm and what else a deployment is made of (REQUIRE_DEPLOY=1: nothing may be NOT RUN)
	@scripts/test deploy

mutants: ## Break one rule after the other; a test must notice each
	@scripts/mutants

advisories: ## Compare dependencies with the RustSec database (needs the network)
	@scripts/install build python && . scripts/environment.sh && cargo deny check advisories

bench: ## What requests cost: rates, latency, processor time, memory, start (QUICK=1 for minutes); results in target/bench
	@scripts/bench
