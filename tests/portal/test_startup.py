"""A bad start: what a person reads on the terminal, and what a service manager gets as exit status."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal.demo.environment import ROOT

EMPTY = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "VIRTUAL_ENV"}}
#: Nothing listens on port 1.
AWAY = "postgres://portal:canary-word@127.0.0.1:1/portal"


def run(*command: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("command", [("manage.py", "migrate"), ("manage.py", "worker"), ("-c", "import portal.wsgi")])
def test_wrong_variables_are_listed_without_a_traceback(command: tuple[str, ...]) -> None:
    ended = run(
        *command, **EMPTY, DEBUG="false", SECRET_KEY="short", DATABASE_URL=f"mysql{AWAY[8:]}", BASE_URL="ftp://x"
    )
    assert ended.returncode in {1, 2}
    assert ended.stderr.startswith("Fieldbridge cannot start.\n")
    assert "Traceback" not in ended.stderr
    assert "canary-word" not in ended.stderr
    for name in ("SECRET_KEY", "ENCRYPTION_KEYS", "DATABASE_URL", "BASE_URL", "STRIPE_SECRET_KEY"):
        assert f"- {name} " in ended.stderr


@pytest.mark.parametrize("command", ["migrate", "worker", "status"])
def test_an_unreachable_database_gets_a_clear_word(command: str) -> None:
    ended = run(
        "manage.py", command, **{**os.environ, "DATABASE_URL": AWAY, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    )
    assert ended.returncode == 3
    assert ended.stderr.startswith("The database does not answer: ")
    assert "DATABASE_URL" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "canary-word" not in ended.stderr + ended.stdout


def test_a_database_file_that_cannot_be_made_gets_a_clear_word(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/no/such/folder/db"
    ended = run(
        "manage.py", "migrate", **{**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    )
    assert ended.returncode == 3
    assert "unable to open database file" in ended.stderr
