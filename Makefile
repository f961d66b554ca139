# Every target is one script; run `make` for the list.

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset test lint unit web blackbox browser advisories bench campaign mutants mutants-generated check-deploy hostile sbom reproducible fuzz models
SHELL := bash

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 19

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

hostile: ## Generated calls by everybody: schemathesis for MINUTES=5, then CALLS=10000 of every operation
	@HOSTILE_MINUTES="$(or $(MINUTES),5)" scripts/test web-build hostile
	@HOSTILE_CALLS="$(or $(CALLS),10000)" scripts/hostile/replay

fuzz: ## Coverage-guided input for what reads strangers' bytes, MINUTES=10 for all targets together
	@MINUTES="$(or $(MINUTES),10)" scripts/fuzz

models: ## Random orders of what people do against simple models, CASES=500 of each
	@CLOISTER_MODEL_CASES="$(or $(CASES),500)" scripts/with-services cargo nextest run --workspace -E 'test(model)'

check-deploy: ## Terraform, Helm and what else a deployment is made of (REQUIRE_DEPLOY=1: nothing may be NOT RUN)
	@scripts/test deploy

mutants: ## Break one rule after the other; a test must notice each
	@scripts/mutants

mutants-generated: ## Change five crates in every way cargo-mutants knows, MINUTES=60 at a time; a test must notice each
	@scripts/mutants-generated --minutes "$(or $(MINUTES),60)"

advisories: ## Compare dependencies with the RustSec and npm databases (needs the network; a source that does not answer fails it)
	@scripts/install build python && . scripts/environment.sh && cargo deny check advisories
	@for folder in platform/web tests/browser; do (cd $$folder && npm audit --audit-level=high --package-lock-only) || exit 1; done

sbom: ## What is linked into the programs and their pages, as CycloneDX, in target/sbom
	@scripts/install build python deploy && . scripts/environment.sh && $$CLOISTER_VENV/bin/python -c \
	  'import sys, pathlib; sys.path.insert(0, "scripts"); from deploy import sbom; sbom.check(pathlib.Path.cwd())'

reproducible: ## Build the programs as they ship in two folders and compare them, byte by byte (an hour or two)
	@scripts/reproducible

bench: ## What requests cost: rates, latency, processor time, memory, start (QUICK=1 for minutes); results in target/bench
	@scripts/bench

campaign: ## Kill and break everything under load for CAMPAIGN_MINUTES (30), then hostile, fuzz and models for as long together
	@scripts/campaign
	@$(MAKE) --no-print-directory hostile MINUTES=$$(( ($${CAMPAIGN_MINUTES:-30} + 3) / 4 )) CALLS=$$(( $${CAMPAIGN_MINUTES:-30} * 100 ))
	@$(MAKE) --no-print-directory fuzz MINUTES=$$(( ($${CAMPAIGN_MINUTES:-30} + 3) / 4 ))
	@$(MAKE) --no-print-directory models CASES=$$(( $${CAMPAIGN_MINUTES:-30} * 3 ))
