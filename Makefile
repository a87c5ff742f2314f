# One verb per task. `make help` lists them. Nothing but Python >= 3.11, make and git is needed: the rest is installed here.
PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
RUN := $(BIN)/python
# Dozens of short processes start below: without bytecode on the disk each would compile all it imports again.
unexport PYTHONDONTWRITEBYTECODE
# Node and npm come with the virtual environment too.
SDK = cd sdk-ts && export PATH="$(CURDIR)/$(BIN):$$PATH" &&
CONSOLE = cd console && export PATH="$(CURDIR)/$(BIN):$$PATH" &&
BUILT_CONSOLE := chalicelib/console/index.html
ASL = cd infra/statemachines && export PATH="$(CURDIR)/$(BIN):$$PATH" &&
# The AWS account: which installation, and what its template is told besides.
STAGE ?= dev
CONTEXT = -c stage=$(STAGE) $(if $(EMAIL),-c alarmEmail=$(EMAIL)) $(if $(ORIGINS),-c corsOrigins=$(ORIGINS)) $(if $(TRACING),-c tracing=$(TRACING))
CDK_VERSION := 2.1148.1
CDK = PATH="$(CURDIR)/$(BIN):$$PATH" npx --yes aws-cdk@$(CDK_VERSION) --app "$(RUN) -m infra.main $(CONTEXT)" --output build/cdk.out

.DEFAULT_GOAL := help
.PHONY: help setup demo run test check unit coverage test-long pictures chaos mutants recordings judge-quality load bench flame audit format openapi examples sdk console package synth deploy destroy first-admin smoke clean

help:  ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: .venv/.installed  ## Make the virtual environment from the lock file

.venv/.installed: uv.lock pyproject.toml
	@echo "== installing into .venv from uv.lock"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(RUN) -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
	@$(BIN)/uv sync --frozen --all-groups --quiet
	@touch $@

demo: setup  ## Run the main job end to end: good version in, bad version out (TARGET=lambda: on functions; JSON=path writes the summary)
	@$(RUN) -m infra.local.demo $(if $(TARGET),--target $(TARGET)) $(if $(JSON),--json $(JSON))

run: setup $(BUILT_CONSOLE)  ## The same stack with light traffic, left running on http://127.0.0.1:8000
	@$(RUN) -m infra.local.run

test: check unit  ## All tests
	@echo "== all passed"

check: setup sdk-ts/node_modules/.installed console/node_modules/.installed infra/statemachines/node_modules/.installed  ## Lint, types, layers, generated files, docs
	@echo "== ruff"; $(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .
	@echo "== bandit"; $(BIN)/bandit -q -ll -c pyproject.toml -r chalicelib kernel infra app.py
	@echo "== mypy --strict"; $(BIN)/mypy
	@echo "== import layers"; $(BIN)/lint-imports --no-cache
	@echo "== generated files are fresh"; $(RUN) -m infra.openapi --check && $(RUN) -m infra.requirements --check && $(RUN) -m infra.cost --check && $(RUN) -m infra.quotas --check && $(RUN) -m infra.state_diagram --check && $(RUN) -m infra.api_reference --check
	@echo "== state machine"; $(ASL) npm run --silent check
	@echo "== changes of the API"; $(RUN) -m infra.api_changes
	@echo "== sdk: lint, types, the page of its commands"; $(SDK) npm run --silent check && npm run --silent page -- --check
	@echo "== console: lint, types"; $(CONSOLE) npm run --silent check

unit: setup sdk-ts/node_modules/.installed console/node_modules/.installed $(BUILT_CONSOLE)
	@echo "== tests"; $(BIN)/pytest -q -n 2 -m "not long"
	@echo "== sdk: tests"; $(SDK) npm test --silent
	@echo "== console: tests"; $(CONSOLE) npm test --silent
	@echo "== a running stack: the console in a browser, then every operation of the SDK"
	@$(SDK) npm run --silent generate && node live/with-stack.ts "npm --prefix ../console run --silent test:browser" "npm run --silent test:operations"

sdk-ts/node_modules/.installed: sdk-ts/package-lock.json | setup
	@echo "== installing into sdk-ts/node_modules from package-lock.json"
	@$(SDK) npm ci --silent && touch node_modules/.installed

console/node_modules/.installed: console/package-lock.json | setup
	@echo "== installing into console/node_modules from package-lock.json"
	@$(CONSOLE) npm ci --silent && touch node_modules/.installed

# Built once, and again when something it is made of has changed.
console: $(BUILT_CONSOLE)  ## Build the web console into chalicelib/console, from where the API serves it

$(BUILT_CONSOLE): $(shell find console/src sdk-ts/src sdk-ts/scripts -type f -not -path '*/generated/*') console/index.html console/vite.config.ts \
		console/package-lock.json docs/openapi.json docs/contracts/events.schema.json | console/node_modules/.installed sdk-ts/node_modules/.installed
	@echo "== building the console"
	@$(SDK) npm run --silent generate
	@$(CONSOLE) npm run --silent build -- --logLevel warn && touch ../$(BUILT_CONSOLE)

infra/statemachines/node_modules/.installed: infra/statemachines/package-lock.json | setup
	@$(ASL) npm ci --silent && touch node_modules/.installed

package: setup $(BUILT_CONSOLE)  ## Build the zip that Lambda runs into build/hotswap.zip
	@$(RUN) -m infra.package

synth: setup $(BUILT_CONSOLE)  ## Write the template of an installation into build/cdk.out (STAGE=dev EMAIL=… ORIGINS=… TRACING=on)
	@$(RUN) -m infra.main $(CONTEXT) --out build/cdk.out

deploy: setup $(BUILT_CONSOLE)  ## Into the AWS account of your credentials (STAGE=dev EMAIL=… ORIGINS=…); see docs/operations.md
	@$(CDK) deploy --require-approval broadening --outputs-file build/outputs-$(STAGE).json

destroy: setup  ## Remove an installation (STAGE=dev); all but dev keep their data
	@$(CDK) destroy

first-admin: setup  ## The first administrator of an installation: make first-admin NAME=ada STAGE=dev
	@$(RUN) -m infra.identity first-admin $(NAME) --table hotswap-$(STAGE) --secret hotswap-$(STAGE)/signing-keys

smoke: setup  ## Whether an installation answers, decides and forgets: make smoke URL=https://… STAGE=dev
	@$(RUN) -m infra.smoke $(URL)

examples: sdk-ts/node_modules/.installed  ## Record the examples of docs/openapi.json anew, from a running stack
	@HOTSWAP_RECORD=$(CURDIR)/infra/api_examples.json; export HOTSWAP_RECORD; $(SDK) npm run --silent test:operations
	@$(RUN) -m infra.openapi

sdk: sdk-ts/node_modules/.installed  ## Build the TypeScript SDK into sdk-ts/dist, and the command line as .venv/bin/hotswap
	@$(SDK) npm run --silent build
	@printf '#!/bin/sh\nexec "%s/node" "%s/sdk-ts/dist/cli.mjs" "$$@"\n' "$(CURDIR)/$(BIN)" "$(CURDIR)" > $(BIN)/hotswap && chmod +x $(BIN)/hotswap

coverage: setup  ## The same tests, measured: which branches they reach
	@$(BIN)/pytest -q -n 2 -m "not long" --cov --cov-report=term:skip-covered --cov-fail-under=85

test-long: setup sdk console/node_modules/.installed $(BUILT_CONSOLE)  ## What takes longer than make test may
	@$(BIN)/pytest -q -m long
	@echo "== sdk: examples, terminal, package and browser against a running stack"; $(SDK) npm run --silent test:live live/long && npm run --silent test:package
	@echo "== the console in a browser: every screen, both schemes, desktop and phone"
	@$(SDK) node live/with-stack.ts "npm --prefix ../console run --silent test:browser:long"

pictures: setup sdk $(BUILT_CONSOLE)  ## Take the pictures in docs/images anew, of a running stack with traffic
	@$(SDK) node live/with-stack.ts --traffic "npm --prefix ../console run --silent pictures"

chaos: setup  ## Faults by plan in virtual time, judged by the checker (MINUTES=10 SEED=1)
	@$(RUN) -m tests.chaos.explore --minutes $(or $(MINUTES),10) --seed $(or $(SEED),1)

mutants: setup  ## Defects planted in copies of our own code: every one must be caught
	@$(RUN) -m tests.chaos.mutants

recordings: setup  ## Record deployments in the middle of their way under this release, for later ones to finish
	@$(RUN) -m tests.e2e.in_flight $(if $(AGAIN),--again)

judge-quality: setup  ## How often the judge errs, in a simulated world fixed beforehand
	@$(RUN) -m load.judge_quality

load: load/node_modules/.installed  ## Load on a stack of its own, judged and reported (SCENARIO=sustained|spike|soak|stress|requirements|heartbeats|logins|concurrent|all MINUTES=… or URL=… TOKEN=…)
	@$(RUN) -m load.runs $(or $(SCENARIO),sustained) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(URL),--url $(URL) --token $(TOKEN))

load/node_modules/.installed: load/package-lock.json | setup
	@echo "== installing Artillery into load/node_modules from package-lock.json"
	@cd load && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 ARTILLERY_DISABLE_TELEMETRY=true PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --no-audit --no-fund && touch node_modules/.installed

bench: setup  ## Counts, paired ratios and times, held to a baseline (BENCH=name|all BASELINE=1; cold_starts, scaling, kernel_swap and rollback want a quiet machine)
	@$(RUN) -m load.bench $(BENCH) $(if $(BASELINE),--set-baseline)

flame: setup  ## A CPU profile of the hot paths as a flame graph, build/flame.svg (SECONDS=20)
	@mkdir -p build && $(BIN)/py-spy record --gil --rate 200 --output build/flame.svg -- $(RUN) -m load.bench.hot_paths --seconds $(or $(SECONDS),20) && echo build/flame.svg

audit: setup  ## Known vulnerabilities of what we depend on; fails when they cannot be looked up
	@$(BIN)/uv export --frozen --all-groups --no-emit-project --quiet -o .audit-requirements.txt
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes -r .audit-requirements.txt; found=$$?; rm -f .audit-requirements.txt; \
	  test $$found -eq 0 || { echo "audit failed: something is vulnerable, or nothing could be looked up (see above)"; exit 1; }

format: setup  ## Format the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

openapi: sdk-ts/node_modules/.installed  ## Write the generated files anew
	@$(RUN) -m infra.openapi && $(RUN) -m infra.requirements && $(RUN) -m infra.cost && $(RUN) -m infra.quotas && $(RUN) -m infra.state_diagram && $(RUN) -m infra.api_reference
	@$(SDK) npm run --silent generate && npm run --silent page

clean:  ## Remove everything that was installed or generated here
	rm -rf build chalicelib/console console/node_modules infra/statemachines/node_modules sdk-ts/node_modules sdk-ts/dist sdk-ts/src/generated sdk-ts/coverage sdk-ts/reference load/node_modules .venv .hotswap .pytest_cache .mypy_cache .ruff_cache .coverage
