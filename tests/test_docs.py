"""The documents agree with the code: what is made from it is up to date, and what they name exists."""

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from django.core.management import get_commands

from connectors import registry
from connectors.sandbox.running import running
from portal import environment
from portal.management.commands import write_docs
from portal.management.commands.write_docs import pages, portal_variables

ROOT = environment.ROOT
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
#: Read by the machinery around the code, not by the code that is searched here.
ELSEWHERE = {"PORT", "SANDBOX_PORT"}


def of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", pages(), ids=of)
def test_what_is_made_from_the_code_is_up_to_date(path: Path) -> None:
    assert path.read_text() == pages()[path], "run `manage.py write_docs` and commit what it writes"


# Links


def links(page: Path) -> Iterator[str]:
    """Relative addresses of links and images."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for found in re.findall(r"\]\(([^)\s]+)\)|<img[^>]+src=\"([^\"]+)\"", text):
        address = "".join(found)
        if not re.match(r"[a-z]+:", address):
            yield unquote(address)


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for address in links(page):
        name, _, anchor = address.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{of(page)} points at {address}"
        assert target.is_relative_to(ROOT), f"{of(page)} points outside: {address}"
        assert not anchor or anchor in anchors(target), f"{of(page)} points at {address}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        todo += [(page.parent / a.partition("#")[0]).resolve() for a in links(page) if a.partition("#")[0]]
    assert {of(p) for p in PAGES} <= {of(p) for p in reached}


# Commands


def code(page: Path) -> str:
    """What stands in code blocks and between backticks."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", page.read_text(), flags=re.DOTALL))


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {(of(page), t) for page in PAGES for t in re.findall(r"\bmake ([a-z][a-z-]*)", code(page))}
    assert named, "the pages name make targets"
    assert not {(page, target) for page, target in named if target not in targets}


def test_management_commands_exist() -> None:
    named = {(of(p), c) for p in PAGES for c in re.findall(r"manage\.py ([a-z_]+)", code(p))}
    assert named, "the pages name commands of manage.py"
    assert not {(page, command) for page, command in named if command not in get_commands()}


@pytest.mark.parametrize("page", PAGES, ids=of)
def test_files_named_exist(page: Path) -> None:
    """`portal/access.py`, `docs/settings.md`: paths that begin at one of our folders."""
    for path in re.findall(r"`((?:portal|syncs|connectors|tests|docs|static|templates)/[\w./-]+)`", page.read_text()):
        assert (ROOT / path).exists(), f"{of(page)} names {path}"


# Environment variables


def documented() -> set[str]:
    services = [registry.connector_class(slug).settings for slug in registry.CONNECTORS]
    return {v.name for v in portal_variables()} | {s.name for each in services for s in each}


class Recording(dict[str, str]):
    """An environment that remembers what was asked of it."""

    def __init__(self) -> None:
        super().__init__(DEBUG="true", SECRET_KEY="x" * 50, ENCRYPTION_KEYS=f"{'A' * 43}=")
        self.asked: set[str] = set()

    def get(self, name: str, default: object = None) -> object:  # type: ignore[override]
        self.asked.add(name)
        required = name.startswith(("JOBBER", "STRIPE")) and not name.endswith(("URL", "VERSION"))
        return "x" if required else super().get(name, default)  # type: ignore[arg-type]


def test_every_variable_that_is_read_is_documented_and_no_other() -> None:
    environ = Recording()
    environment.read(environ)
    assert environ.asked == documented()


def test_the_example_has_every_variable_and_no_other() -> None:
    example = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^#?([A-Z][A-Z_]+)=", example, flags=re.MULTILINE)) == documented()


def test_the_sandboxes_variables_are_documented() -> None:
    code = "\n".join(p.read_text() for p in (ROOT / "connectors").rglob("*.py"))
    read = set(re.findall(r"\"(SANDBOX_[A-Z_]+)\"", code))
    assert read | ELSEWHERE == {v.name for v in write_docs.SANDBOX}


def test_variables_named_in_pages_are_documented() -> None:
    known = documented() | {v.name for v in write_docs.SANDBOX}
    known |= {"PYTHON", "ARGS", "DJANGO_SETTINGS_MODULE", "BENCH_DATABASE_URL"}
    for page in PAGES:
        for name in re.findall(r"`([A-Z]{2,}(?:_[A-Z]+)+)(?:=[^`]*)?`", page.read_text()):
            if name.startswith(("SANDBOX_", "JOBBER_", "STRIPE_")) or name.endswith(("_URL", "_KEYS", "_MFA")):
                assert name in known, f"{of(page)} names {name}"


# The sandboxes' commands


def commands() -> list[list[str]]:
    text = (ROOT / "docs" / "sandbox.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines() if line]


def curl(command: list[str], url: str) -> httpx.Response:
    """As curl would: -u, -H, -X, and -d several times."""
    asked = argparse.ArgumentParser()
    asked.add_argument("url")
    for flag in ("-H", "-d"):
        asked.add_argument(flag, action="append", default=[])
    asked.add_argument("-u", default="")
    asked.add_argument("-X", default="")
    given = asked.parse_args(command[1:])
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if given.d else {}
    headers |= dict(head.split(": ", 1) for head in given.H)
    user, _, password = given.u.partition(":")
    body = "&".join(given.d).encode() or None
    method = given.X or ("POST" if body else "GET")
    address = given.url.replace("http://127.0.0.1:8001", url)
    return httpx.request(method, address, headers=headers, content=body, auth=(user, password) if user else None)


@pytest.mark.sandbox
def test_every_command_for_the_sandboxes_works() -> None:
    assert len(commands()) > 10
    with running(seed="demo") as sandbox:
        for command in commands():
            answer = curl(command, sandbox.url)
            said = answer.json()
            assert answer.status_code == 200, (command, said)
            assert "errors" not in said, (command, said)
            assert not any(done["userErrors"] for done in _mutations(said)), (command, said)


def _mutations(said: Any) -> list[dict[str, Any]]:
    data = said.get("data") if isinstance(said, dict) else None
    return [v for v in data.values() if "userErrors" in v] if isinstance(data, dict) else []
