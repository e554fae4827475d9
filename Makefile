# The two commands: `make demo` (set up, run the demo scale) and `make test` (set up, run the fast tests).
SHELL := /bin/bash
VENV ?= .venv
SCALE ?= demo
AUDIT = uvx --quiet pip-audit==2.10.1 --strict --disable-pip --progress-spinner off
# What a user gives reaches a recipe in the environment, so that the shell takes it as a value, never as a command; and
# as it was given: `value` keeps make from running a $(shell ...) in it.
override VENV := $(value VENV)
override SCALE := $(value SCALE)
override ROW := $(value ROW)
export VENV SCALE ROW

.PHONY: demo adopt test test-slow test-long venv venv-test lint format lock audit bench figures verify verify-cell compare-reference portable reference export forecast clean help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: venv ## set up, run `snakemake --cores all` at SCALE (default demo) as the only one here, say where everything lies
	@"$$VENV/bin/python" tools/run_workflow.py --cores all --config "scale=$$SCALE"
	@echo
	@echo "Results: $$PWD/results/$$SCALE/ (records under runs/, logs under logs/)"
	@echo "Tables and figures: $$PWD/paper_figures/$$SCALE/"
	@ls "paper_figures/$$SCALE"

adopt: venv ## the same, but train only what has no committed record that would come out the same
	@"$$VENV/bin/python" tools/run_workflow.py --cores all --config "scale=$$SCALE" adopt=true

test: venv-test ## set up, run the fast test suite, in two processes
	@PYTHONDONTWRITEBYTECODE= "$$VENV/bin/python" -m pytest -n 2 --dist loadfile -m "not slow and not long"

test-slow: venv-test ## the end-to-end tests, which train and start Snakemake
	@"$$VENV/bin/python" -m pytest -m "slow and not long"

test-long: venv-test ## all that the fast suite leaves out: the end-to-end tests, and kills by the dozen, a Slurm, environments
	@"$$VENV/bin/python" -m pytest -m "slow or long"

venv: ## make .venv with the pinned packages, once
	@tools/make_venv.sh

venv-test:
	@tools/make_venv.sh test

lint: venv-test ## ruff, snakefmt, import-linter, snakemake --lint
	"$$VENV/bin/ruff" check .
	"$$VENV/bin/ruff" format --check .
	"$$VENV/bin/snakefmt" --check Snakefile workflow/rules
	"$$VENV/bin/lint-imports"
	"$$VENV/bin/snakemake" --lint

format: venv-test
	"$$VENV/bin/ruff" check --fix .
	"$$VENV/bin/ruff" format .
	"$$VENV/bin/snakefmt" Snakefile workflow/rules

lock: ## resolve requirements/*.in into the locks and the conda environments (needs uv)
	cd requirements && uv pip compile pipeline.in --override overrides.txt --generate-hashes --python-version 3.11 \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links -q -o pipeline.lock
	cd requirements && uv pip compile test.in --generate-hashes --python-version 3.11 \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links -q -o test.lock
	cd requirements && for name in ctranslate triton conda-test; do uv pip compile "$$name.in" --generate-hashes --python-version 3.11 \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links -q -o "$$name.lock"; done
	"$$VENV/bin/python" tools/make_envs.py

audit: ## ask the package index for known vulnerabilities of what the locks pin (needs uv and the network)
	$(AUDIT) --require-hashes $(foreach name,pipeline test ctranslate triton conda-test,--requirement requirements/$(name).lock)
	$(AUDIT) --no-deps --requirement <(grep -oE 'torch==[0-9.]+' tools/make_venv.sh | tail -n 1)

bench: venv ## measure the loss and the training step on this CPU, one thread (minutes; CSV in benchmarks/results)
	@mkdir -p benchmarks/results
	@OMP_NUM_THREADS=1 "$$VENV/bin/python" benchmarks/regularizers_cpu.py --csv benchmarks/results/regularizers_cpu.csv
	@OMP_NUM_THREADS=1 "$$VENV/bin/python" benchmarks/training_step.py --out benchmarks/results
	@OMP_NUM_THREADS=1 "$$VENV/bin/python" benchmarks/image_training.py --out benchmarks/results

forecast: venv ## hours, bytes and money of SCALE before it is run, and what of it is done
	@"$$VENV/bin/python" -m entropyreg forecast --scale "$$SCALE"

figures: venv ## draw the tables and figures of SCALE from the committed reference results, without training
	@"$$VENV/bin/python" -m entropyreg reference draw --scale "$$SCALE"

verify: venv ## draw them again, compare every byte with what is committed; tables and verdicts again from the records
	@"$$VENV/bin/python" -m entropyreg reference verify --scale "$$SCALE"

verify-cell: venv ## train what one cell needs anew and compare: ROW=ARTEFACT/ROW/COLUMN
	@"$$VENV/bin/python" -m entropyreg reference cell --scale "$$SCALE" --cell "$$ROW"

compare-reference: venv ## hold results/SCALE against the committed reference results
	@"$$VENV/bin/python" -m entropyreg reference compare --scale "$$SCALE"

portable: venv ## train 30 updates of each kind with portable settings: the same bits as on other types of processor?
	@"$$VENV/bin/python" benchmarks/portable.py

reference: venv ## commit the records that SCALE has finished, whole chains, and what follows from them (for maintainers)
	@"$$VENV/bin/python" -m entropyreg reference save --scale "$$SCALE"

export: venv ## models and predictions of SCALE with checksums, as entropyreg-SCALE.tar
	@"$$VENV/bin/python" -m entropyreg reference export --scale "$$SCALE"

clean: ## delete what SCALE computed and drew (not .venv)
	@case "$$SCALE" in smoke|demo|workstation|paper) rm -rf "results/$$SCALE" "paper_figures/$$SCALE" ;; \
	  *) echo "SCALE is '$$SCALE'; allowed: smoke, demo, workstation, paper." >&2; exit 1 ;; esac
