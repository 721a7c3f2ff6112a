# Two commands set everything up: `make run` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export DAGSTER_TELEMETRY_ENABLED := false
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help run ui test check status stop clean distclean docker-check docker-secrets docker-settings up recreate down

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(BIN)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "medcode needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@# setuptools warns about editable installations as such; there is nothing in it for a user
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

run: $(BIN)/installed  ## the whole lineage on the simulated hospital network, then a short report
	$(BIN)/medcode run

ui: $(BIN)/installed  ## the Dagster UI on the same instance
	$(BIN)/medcode ui

status: $(BIN)/installed  ## what stands in the tables, with the accounting of every stage
	$(BIN)/medcode status

test: $(BIN)/installed  ## all tests, against a PostgreSQL of their own
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(BIN)/installed  ## ruff, import walls, mypy, Dagster definitions
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/dagster definitions validate -w workspace.yaml

docker-check: $(BIN)/installed docker-settings  ## the Dockerfiles (hadolint) and the compose file (docker-compose config); no container engine needed
	$(BIN)/hadolint --config docker/hadolint.yaml docker/*/Dockerfile
	@if docker compose version >/dev/null 2>&1; then compose="docker compose"; else compose=docker-compose; fi; \
	command -v $${compose%% *} >/dev/null || { echo "docker-check needs docker-compose: apt-get install docker-compose"; exit 1; }; \
	echo "$$compose config"; $$compose -f docker/compose.yaml --profile opa config --quiet

docker-secrets:  ## passwords for the containers, made once in docker/secrets
	sh docker/secrets.sh

docker-settings:  ## docker/medcode.env, made once from its example; what containers read is opened to them
	sh docker/settings.sh

up: docker-secrets docker-settings  ## build and start all containers on this host (needs Docker)
	docker compose -f docker/compose.yaml up --detach --build --wait

recreate: docker-secrets docker-settings  ## start all containers anew: with changed passwords, settings and files of settings
	docker compose -f docker/compose.yaml up --detach --force-recreate --wait

down:  ## stop the containers; their volumes stay
	docker compose -f docker/compose.yaml down

stop:  ## stop the embedded PostgreSQL
	@if [ -x $(BIN)/medcode ]; then $(BIN)/medcode stop; fi

clean:  ## stop the server and delete all state; the environment stays
	@if [ -x $(BIN)/medcode ]; then $(BIN)/medcode clean --yes; fi

distclean: clean  ## delete the environment too
	rm -rf $(VENV)
