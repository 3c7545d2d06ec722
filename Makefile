# Two commands set everything up: `make demo` and `make test`.
PY := .venv/bin/python
# Settings that a production machine would have, with keys made up on the spot.
PRODUCTION = DATABASE_URL=sqlite://:memory: DEBUG=false BASE_URL=https://portal.example.com BEHIND_PROXY=true \
	SECRET_KEY=$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(60))') \
	ENCRYPTION_KEYS=$$($(PY) -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())') \
	EMAIL_URL=smtp://mail.example.com:25 JOBBER_CLIENT_ID=x JOBBER_CLIENT_SECRET=x STRIPE_SECRET_KEY=sk_live_x \
	STRIPE_CLIENT_ID=ca_x STRIPE_WEBHOOK_SECRET=whsec_x

.PHONY: help demo demo-reset demo-live test check bench crash soak docs venv
.DEFAULT_GOAL := help

help: ## What there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: venv ## The portal with made-up Jobber and Stripe accounts on this machine (PORT, SANDBOX_PORT)
	@exec $(PY) -m portal.demo

demo-reset: venv ## The demo from the beginning: what was there is thrown away
	@exec $(PY) -m portal.demo --reset

demo-live: venv ## The demo with both accounts connected and the sync live
	@exec $(PY) -m portal.demo --live

test: venv ## All tests (ARGS="..." goes to pytest)
	$(PY) -m pytest -n 2 $(ARGS)

soak: venv ## The engine under drawn faults, one seed after the other (SEEDS=1000 FIRST=1)
	@$(PY) -m tests.faults --seeds $(or $(SEEDS),1000) --first $(or $(FIRST),1)

check: venv ## Style, types, imports, migrations, settings, templates, security
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy portal syncs connectors
	.venv/bin/lint-imports
	@echo manage.py under production settings
	@$(PRODUCTION) $(PY) manage.py makemigrations --check --dry-run
	@$(PRODUCTION) $(PY) manage.py check --deploy --fail-level WARNING
	$(PY) -m djlint --quiet --lint templates
	$(PY) -m djlint --quiet --lint --profile jinja connectors
	$(PY) -m bandit --quiet -ll -ii --configfile pyproject.toml --recursive portal syncs connectors manage.py

bench: venv ## Speed, beside the aims
	$(PY) -m tests.bench

crash: venv ## Real processes, killed while people work (ARGS="--short --seed 1")
	$(PY) -m tests.faults.crashes $(ARGS)

docs: venv ## Write the pages of docs/ that are made from the code
	DJANGO_SETTINGS_MODULE=tests.settings $(PY) manage.py write_docs

venv:
	@.ci/venv
