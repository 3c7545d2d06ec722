"""The shape of the code: what may import what, how long things may get, and what may stand in one place only."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models
from django_scopes import scopes_disabled
from django_scopes.exceptions import ScopeError
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("portal", "syncs", "connectors")
LONGEST_FILE, LONGEST_FUNCTION = 400, 60
#: Where tenants are crossed on purpose, and how often. Each place says why, on its line or above it.
SCOPES_DISABLED = {
    "portal/accountwatch.py": 1,
    "portal/alerts/tasks.py": 1,
    "portal/checks.py": 1,
    "portal/connect.py": 1,
    "portal/metrics.py": 1,
    "portal/middleware.py": 1,
    "portal/pages/search.py": 1,
    "portal/people.py": 3,
    "portal/receiving.py": 2,
    "portal/ticking.py": 12,
    "syncs/tasks.py": 2,
}
#: What plans, and so may not know of the database, the network or the clock.
PURE = (
    "bothways", "comparing", "countries", "currencies", "describing", "mapping", "matching", "phones", "planning",
    "retries", "chains", "examples", "explaining", "fitting", "landed", "recipefiles", "reconciling",
    "transforms/__init__", "transforms/arguments", "transforms/australia",
    "transforms/catalogue", "transforms/choosing", "transforms/contacts", "transforms/dates", "transforms/lists",
    "transforms/numbers", "transforms/patterns", "transforms/places", "transforms/shown", "transforms/templates",
    "transforms/values", "transforms/words", "recipes/__init__", "recipes/base", "recipes/clients_to_customers",
    "recipes/invoices_to_stripe", "recipes/pay_links_to_jobber", "recipes/payments_to_jobber", "invoices/__init__",
    "invoices/back", "invoices/case", "invoices/document", "invoices/drafting", "invoices/facts", "invoices/opened",
    "invoices/statuses", "invoices/steps", "invoices/totals", "rules/__init__", "rules/book", "rules/checking",
    "rules/conditions", "rules/editing", "rules/expressions", "rules/holding", "rules/judging", "rules/operators",
    "rules/routes", "rules/settable", "rules/values",
)  # fmt: skip


@cache
def modules() -> dict[str, ast.Module]:
    """{path from the root: its syntax tree}, migrations left out."""
    paths = [p for package in PACKAGES for p in sorted((ROOT / package).rglob("*.py")) if "migrations" not in p.parts]
    return {str(p.relative_to(ROOT)): ast.parse(p.read_text()) for p in paths}


def imports(tree: ast.AST) -> set[str]:
    """Modules imported anywhere in it, also inside functions; those for type checking only are left out."""
    found: set[str] = set()
    for node in _walk_run(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _walk_run(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from _walk_run(node)


def importing(package: str) -> list[str]:
    """Files that import a package or anything in it."""
    return [p for p, tree in modules().items() if any(f"{n}.".startswith(f"{package}.") for n in imports(tree))]


def test_imports_go_from_portal_to_syncs_to_connectors() -> None:
    assert [p for p in importing("portal") if not p.startswith("portal/")] == []
    assert [p for p in importing("syncs") if p.startswith("connectors/")] == []


@pytest.mark.parametrize("package", ["django", "django_q", "django_scopes", "allauth", "environ"])
def test_connectors_do_without_django(package: str) -> None:
    assert [p for p in importing(package) if p.startswith("connectors/")] == []


def test_planning_is_pure() -> None:
    allowed = {
        "collections", "dataclasses", "datetime", "difflib", "enum", "functools", "re", "typing", "unicodedata",
        "email_validator", "itertools", "phonenumbers", "random", "decimal", "zoneinfo", "json", "hashlib", "cel",
        "bisect", "inspect", "dateutil", "liquid", "re2", "stdnum", "math",
    }  # fmt: skip
    ours = {f"syncs.{name.replace('/', '.').removesuffix('.__init__')}" for name in PURE}
    ours |= {"connectors.amounts", "connectors.base", "connectors.emails", "connectors.errors", "connectors.likeness"}
    for name in PURE:
        for module in imports(modules()[f"syncs/{name}.py"]):
            known = module.split(".")[0] in allowed or module in ("syncs", "connectors") or any(
                f"{module}.".startswith(f"{our}.") for our in ours
            )  # fmt: skip
            assert known or (name == "describing" and module.startswith("connectors")), f"{name} imports {module}"


def test_plain_http_is_spoken_in_one_module() -> None:
    assert importing("httpx") == ["connectors/http.py"]
    others = [*importing("requests"), *importing("urllib.request"), *importing("http.client"), *importing("aiohttp")]
    assert [p for p in others if not p.startswith("portal/demo/")] == []  # it looks whether what it started answers


def test_the_portal_does_not_know_the_stand_ins() -> None:
    """But for the demo, which starts them."""
    outside = [p for p in importing("connectors.sandbox") if not p.startswith("connectors/")]
    assert [p for p in outside if not p.startswith("portal/demo/")] == []


def test_no_module_is_named_after_nothing() -> None:
    names = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
    tests = [str(p.relative_to(ROOT)) for p in (ROOT / "tests").rglob("*.py")]
    assert [p for p in [*modules(), *tests] if names & set(Path(p).with_suffix("").parts)] == []


def test_no_file_is_long() -> None:
    long = {p: n for p in modules() if (n := len((ROOT / p).read_text().splitlines())) > LONGEST_FILE}
    assert long == {}, f"more than {LONGEST_FILE} lines"


def test_no_function_is_long() -> None:
    long = {
        f"{path}: {node.name}": length
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and (length := node.end_lineno - node.lineno + 1) > LONGEST_FUNCTION
    }
    assert long == {}, f"more than {LONGEST_FUNCTION} lines"


def test_every_module_says_what_it_is() -> None:
    silent = [p for p, tree in modules().items() if tree.body and ast.get_docstring(tree) is None]
    # A command says it in its help.
    assert [p for p in silent if Path(p).name not in {"apps.py", "wsgi.py"} and "/commands/" not in p] == []


def documents() -> list[Path]:
    return sorted((ROOT / "connectors").glob("*/queries/*.graphql"))


@pytest.mark.parametrize("document", documents(), ids=lambda p: p.stem)
def test_every_graphql_document_is_used(document: Path) -> None:
    folder = document.parent.parent
    code = "".join(p.read_text() for p in folder.glob("*.py"))
    kind, _, what = document.stem.partition("_")
    made_up = {what: f'_{what}"' for what in ("page", "first", "changed", "total")} | {"fields": "Fields\\b"}
    assert f'"{document.stem}"' in code or made_up.get(what, "no such name") in code, kind


def test_forgery_protection_is_lifted_for_webhooks_only() -> None:
    found = [p for p, tree in modules().items() if "csrf_exempt" in ast.unparse(tree)]
    assert found == ["portal/pages/webhooks.py"]


def test_tenants_are_crossed_only_where_it_is_known_and_said_why() -> None:
    found: Counter[str] = Counter()
    for path in modules():
        lines = (ROOT / path).read_text().splitlines()
        for number, line in enumerate(lines):
            if "scopes_disabled()" in line:
                found[path] += 1
                assert "#" in line or lines[number - 1].strip().startswith("#"), f"{path}:{number + 1} says no reason"
    assert dict(found) == SCOPES_DISABLED


def calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    for path, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == name:
                yield path, node


def templates() -> list[Path]:
    return [p for folder in ("templates", *PACKAGES) for p in sorted((ROOT / folder).rglob("*.html"))]


def test_nothing_is_trusted_to_be_html() -> None:
    assert [path for path, _ in calls("mark_safe")] == []
    assert [path for path, node in calls("format_html") if not isinstance(node.args[0], ast.Constant)] == []
    unescaped = re.compile(r"\|\s*safe\b|autoescape\s+(off|false)|\|\s*safeseq\b")
    assert [str(p) for p in templates() if unescaped.search(p.read_text())] == []


def test_pages_hold_no_script_or_style_of_their_own() -> None:
    inline = re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)|<style|\sstyle=|\son[a-z]+=[\"']|javascript:")
    assert [str(p.relative_to(ROOT)) for p in templates() if inline.search(p.read_text())] == []


def test_no_form_takes_every_field_there_is() -> None:
    taking = [
        path
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and "fields" in ast.unparse(node.targets[0])
        and ast.unparse(node.value) == "'__all__'"
    ]
    assert taking == []


def test_a_new_machine_installs_all_that_is_needed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = map(Requirement, project["project"]["dependencies"] + project["dependency-groups"]["dev"])
    lines = re.findall(r"^([\w.\[\]-]+)==([\w.]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    locked = {canonicalize_name(name.partition("[")[0]): version for name, version in lines}
    assert [str(n) for n in needed if locked.get(canonicalize_name(n.name), "none") not in n.specifier] == []


def test_nothing_is_left_to_do() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError")
    assert [p for p in modules() if marks.search((ROOT / p).read_text())] == []


def tenant_owned() -> list[type[models.Model]]:
    mine = [m for m in apps.get_models() if m._meta.app_label in {"portal", "syncs"}]
    return [m for m in mine if any(f.name == "business" for f in m._meta.fields)]


@pytest.mark.parametrize("model", tenant_owned(), ids=lambda m: m.__name__)
def test_rows_of_a_business_cannot_be_asked_for_outside_of_its_scope(model: type[models.Model]) -> None:
    if model.__name__ == "Membership":
        return  # it says which scopes a person may open
    with pytest.raises(ScopeError):
        model.objects.count()  # type: ignore[attr-defined]  # every model here has it
    with scopes_disabled():
        assert model.objects.all().query is not None  # type: ignore[attr-defined]
