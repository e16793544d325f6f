# Labdock on one machine. `make` alone says what there is.

PYTHON ?= $(or $(shell command -v python3.11),$(shell command -v python3),python3)
BOOTSTRAP := @$(PYTHON) -I extensions/labdock-service/labdock_service/bootstrap.py
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
COMPILE_FOR := $(subst --universal,--python-platform x86_64-manylinux_2_28,$(COMPILE))
SERVICE := extensions/labdock-service
LOCAL := images/local/requirements.lock
IN_JOBS := extensions/labdock/pyproject.toml extensions/labdock-model-server/pyproject.toml
SOURCES := extensions tests docs examples images jupyterhub_config.py

.DEFAULT_GOAL := help
.PHONY: help up down doctor backup restore test check format docs pictures watch bench corpus chaos rebuild lock

help:  ## Say what there is
	@echo "Labdock: a notebook becomes a job, its curves, and an endpoint."
	@echo
	@grep -hE '^[a-z]+: .*##|^[a-z]+:  ##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18
	@echo
	@echo "Settings are in labdock.toml; LABDOCK_PORT and the like win over it."

up:  ## Set up what is missing and start the hub (DETACH=1: in the background)
	$(BOOTSTRAP) hub labdock up $(if $(DETACH),--detach)

down:  ## Stop everything; jobs keep a checkpoint and go on at the next start
	$(BOOTSTRAP) hub labdock down

doctor:  ## Say what is missing on this machine, and how to get it
	$(BOOTSTRAP) hub labdock doctor

backup:  ## Write the whole deployment into one new file (FILE=..., HOMES=1: homes too)
	$(BOOTSTRAP) hub labdock backup $(if $(HOMES),--homes) "$(FILE)"

restore:  ## Put a backup in the place of what is here (FILE=..., FORCE=1: also of a deployment)
	$(BOOTSTRAP) hub labdock restore $(if $(FORCE),--force) "$(FILE)"

test:  ## Run the tests (TESTS=tests/unit: some of them)
	$(BOOTSTRAP) test python -m pytest $(if $(TESTS),,--numprocesses 2) $(or $(TESTS),tests)

check:  ## Check types, style and which way imports run
	$(BOOTSTRAP) test python -m ruff check $(SOURCES)
	$(BOOTSTRAP) test python -m ruff format --check $(SOURCES)
	$(BOOTSTRAP) test python -m mypy extensions tests docs jupyterhub_config.py
	$(BOOTSTRAP) test lint-imports
	$(BOOTSTRAP) test python -m tests.lab check

format:  ## Put the code into the house's style
	$(BOOTSTRAP) test python -m ruff check --fix $(SOURCES)
	$(BOOTSTRAP) test python -m ruff format $(SOURCES)
	$(BOOTSTRAP) test python -m tests.lab format

docs:  ## Write the reference from the code
	$(BOOTSTRAP) test python docs/generate.py
	$(BOOTSTRAP) test python -m tests.lab types

pictures:  ## Take the documents' pictures anew, from the browser's tests
	$(BOOTSTRAP) test python -m tests.pictures

watch:  ## Build JupyterLab's extension whenever one of its files changes
	$(BOOTSTRAP) test python -m tests.lab watch

bench:  ## Measure Labdock beside its peers
	$(BOOTSTRAP) test python -m tests.bench

corpus:  ## Run ordinary notebooks on one and two workers, and compare (ENTRIES="text", ENGINE=docker)
	$(BOOTSTRAP) test python -m tests.corpus $(if $(ENGINE),--engine $(ENGINE)) $(ENTRIES)

chaos:  ## Kill everything at random while jobs run (JOBS=100, SEED=N, ENGINE=docker)
	$(BOOTSTRAP) test python -m tests.load.chaos $(if $(JOBS),--jobs $(JOBS)) \
		$(if $(SEED),--seed $(SEED)) $(if $(ENGINE),--engine $(ENGINE)) $(if $(PAGE),--page $(PAGE))

rebuild:  ## Build the images twice, and say whether they are the same (IMAGES="base tensorboard")
	$(BOOTSTRAP) test python -m tests.images.rebuild $(IMAGES)

lock:  ## Choose the newest versions again and write every lock
	$(COMPILE) --upgrade images/local/requirements.in extensions/labdock/pyproject.toml \
		extensions/labdock-model-server/pyproject.toml -o images/local/requirements.lock
	$(COMPILE) --upgrade $(SERVICE)/requirements.in $(SERVICE)/pyproject.toml \
		extensions/labdock/pyproject.toml --no-emit-package labdock \
		--no-emit-package labdock-runtime -o $(SERVICE)/requirements.lock
	$(COMPILE) --upgrade tests/requirements.in extensions/labdock-model-server/pyproject.toml \
		-c $(SERVICE)/requirements.lock -o tests/requirements.lock
	$(COMPILE) images/training/requirements.in $(IN_JOBS) -c $(LOCAL) \
		-o images/training/requirements.lock
	$(COMPILE) images/notebook/requirements.in images/training/requirements.in $(IN_JOBS) \
		-c images/training/requirements.lock -c $(LOCAL) -o images/notebook/requirements.lock
	$(COMPILE_FOR) --upgrade images/training-gpu/requirements.in $(IN_JOBS) -c $(LOCAL) \
		-o images/training-gpu/requirements.lock
	$(COMPILE_FOR) images/notebook-gpu/requirements.in images/training-gpu/requirements.in \
		$(IN_JOBS) -c images/training-gpu/requirements.lock -c $(LOCAL) \
		-o images/notebook-gpu/requirements.lock
	$(COMPILE) images/tensorboard/requirements.in -c $(LOCAL) -o images/tensorboard/requirements.lock
	cd $(SERVICE)/proxy && npm update --package-lock-only --omit-lockfile-registry-resolved
	cd extensions/labdock-lab && npm update --package-lock-only --omit-lockfile-registry-resolved
