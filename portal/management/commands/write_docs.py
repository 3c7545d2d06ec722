"""Write the pages of docs/ that are made from the code: how items sync, transforms, roles, settings, faults."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from connectors import registry
from connectors.base import Setting
from portal import environment, offers, retention
from portal.access import WORDS, Action, may
from portal.models import Role
from portal.offers import Option
from syncs import describing, recipes, runs
from syncs.models import Sync
from syncs.recipes import Recipe
from syncs.transforms import Entry, by_theme, shown

MADE = "<!-- Written by `manage.py write_docs`. Change the code it is made from, then run that again. -->"


class Command(BaseCommand):
    help = "Write the pages of docs/ that are made from the code."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        for path, text in pages().items():
            path.write_text(text)
            self.stdout.write(f"Wrote {path.relative_to(settings.BASE_DIR)}")


def pages() -> dict[Path, str]:
    docs: Path = settings.BASE_DIR / "docs"
    return {
        docs / "how-items-sync.md": _page("How items sync", *(_recipe(r) for r in recipes.RECIPES.values())),
        docs / "transforms.md": _page("Transforms", TRANSFORMS, *_transforms()),
        docs / "roles.md": _page("Roles", ROLES, _roles(), ADMIN),
        docs / "settings.md": _page("Settings", SETTINGS, *_settings()),
        docs / "reliability.md": _with_section(docs / "reliability.md", "Faults", _faults()),
    }


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", MADE, *parts]) + "\n"


def _with_section(page: Path, head: str, text: str) -> str:
    """The page as it is, with this section written anew; all others are written by hand."""
    before, _, rest = page.read_text().partition(f"\n## {head}\n")
    _, found, after = rest.partition("\n## ")
    return f"{before}\n## {head}\n\n{MADE}\n\n{text}\n{found}{after}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '\\|') for cell in line)} |" for line in lines)


def _list(items: Sequence[str]) -> str:
    return "\n".join(f"* {item}" for item in items)


# How items sync


def _recipe(recipe: Recipe) -> str:
    names = recipe.names
    parts = [
        f"## {recipe.name}",
        recipe.summary,
        f"From {names.source} to {names.target}, one way{' unless you choose both' * _both_ways(recipe)}.",
        "### Field by field",
        _fields(recipe),
        FIELDS,
        *([ADDRESSES] if _has_address(recipe) else []),
        *_limits(recipe),
        "### When",
        _list(_when(names.source)),
        "### Which records",
        _table(("Option", "To begin with"), [(o.words, _chosen(o)) for o in offers.options(recipe, recipe.options)]),
        "What a person has left out stays out.",
        "### What happens when",
        _table(("When", "Then"), describing.all_cases(recipe, recipe.mappings)),
        "### It will never",
        _list(describing.all_never(recipe)),
    ]
    return "\n\n".join(parts)


FIELDS = (
    "The rows are those a new sync starts with; integration staff change them for a business in the admin. All text is "
    "sent without control characters and doubled spaces."
)
ADDRESSES = (
    "Phone numbers and addresses without a country are taken for the business's own country; the table shows "
    "Australia. The address is one field: where the source has any of it, the parts it leaves empty are emptied too."
)


def _both_ways(recipe: Recipe) -> bool:
    return "two_way" in recipe.options


def _has_address(recipe: Recipe) -> bool:
    return any(row["target"].startswith("address.") for row in recipe.mappings)


def _chosen(option: Option) -> str:
    """What a new sync starts with, in words."""
    return dict(option.choices).get(option.value) or _yes(option.value)


def _fields(recipe: Recipe) -> str:
    names = recipe.names
    source = describing.catalogue(recipe.source, recipe.source_resource)
    target = describing.catalogue(recipe.target, recipe.target_resource)
    heads = (f"{names.target} {names.target_one}", "", f"From the {names.source} {names.source_one}", "How", "When")
    found = describing.lines({"mappings": recipe.mappings}, source, target, recipe.written)
    rows = [(f.target, f"`{f.path}`", f.source, f.steps or "as it is", f.when or "whenever it differs") for f in found]
    return _table(heads, rows)


def _limits(recipe: Recipe) -> list[str]:
    target = describing.catalogue(recipe.target, recipe.target_resource)
    return [f"{field.label} in {recipe.names.target}: {_small(field.help)}" for field in target if field.help]


def _small(words: str) -> str:
    return words[:1].lower() + words[1:]


def _when(source: str) -> list[str]:
    minutes = Sync._meta.get_field("poll_minutes").default
    hours = runs.WHOLE_EVERY.total_seconds() / 3600
    return [
        f"Within seconds of a change: {source} tells us by webhook.",
        f"Every {minutes} minutes we ask what has changed, so a lost webhook costs minutes and no data.",
        f"Every {hours:.0f} hours both sides are read whole and compared.",
        "At once when a person presses “Sync now”, or “Sync this record”.",
    ]


def _yes(value: object) -> str:
    return "yes" if value else "no"


# Transforms

TRANSFORMS = (
    "What a row of a mapping can do with a value. A row's transforms are a list of steps, applied in order; the page "
    "of a sync in the admin shows this list below the rows. A step that makes no sense is refused when it is saved. "
    "None of them stops a record: what cannot be sent is left out, and the record says so; `lookup` alone can make it "
    "wait for a person.\n\n"
    "A row may carry examples, pairs of what goes in and what must come out, such as "
    '`[["0412 345 678", "+61412345678"], ["none", ""]]`. What goes in of several fields is a list; `{"held": true}` is '
    "what comes out where the record must wait. A draft is published only when every example comes true."
)


def _transforms() -> list[str]:
    return [
        part for theme, entries in by_theme().items() for part in (f"## {theme}", *(_transform(e) for e in entries))
    ]


def _transform(entry: Entry) -> str:
    several = " Takes several fields." if entry.gathers else ""
    taken = [f"`{a.name}`: {_cell(shown.argument(a))}" for a in entry.arguments]
    told = [(_code(step), _code(i), _code(o)) for step, pairs in shown.examples(entry) for i, o in pairs]
    parts = [f"### {entry.name}", f"{_cell(entry.help)}{several}", *([_list(taken)] if taken else [])]
    return "\n\n".join([*parts, _table(("Step", "What goes in", "What comes out"), told)])


def _cell(words: str) -> str:
    """Liquid's braces as code, since they mean something to some readers of Markdown."""
    return re.sub(r"({{.*?}}|{%.*?%})", r"`\1`", words)


def _code(text: str) -> str:
    return f"`{text}`"


# Roles

ROLES = "A person has one role in each business they belong to. The owner gives it on the page People."
ADMIN = (
    "The admin is for people with the mark “may use the admin”. There an Owner, Integration staff and Support see the "
    "businesses they belong to with that role, and may do there what the table says. A superuser sees all businesses. "
    "Unless `ADMIN_MFA=false`, the admin asks for a second factor.\n\n"
    "A business that a person does not belong to does not exist for them: every address of it is a 404."
)


def _roles() -> str:
    words = WORDS | {Action.VIEW: "see the business's pages"}
    rows = [[_sentence(words[a]), *(_yes(may(role, a)) for role in Role.values)] for a in Action]
    return _table(("", *Role.labels), rows)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


# Faults

FAULTS = (
    "What can go wrong, what must happen then, and the tests that hold it. “Matrix”: through the switches of "
    "[the sandboxes](sandbox.md#faults), with what both services hold counted afterwards. “Crash”: real processes, "
    "killed. “Unit”: one part alone. “Benchmark”: a figure of `make bench`. The rows are those of "
    "`tests/faults/matrix.py`."
)


def _faults() -> str:
    from tests.faults import matrix  # stands beside the portal, not in it

    parts = [FAULTS]
    for title, rows in matrix.PARTS.items():
        told = [(r.id, r.fault, r.right, "<br>".join(filter(None, [*map(_test, r.tests), r.missing]))) for r in rows]
        parts += [f"### {title}", _table(("", "What goes wrong", "What must happen", "Held by"), told)]
    return "\n\n".join(parts)


def _test(name: str) -> str:
    from tests.faults import matrix

    file, _, test = name.partition("::")
    return f"{matrix.kind(name)}: `{test.removeprefix('test_') or file}`"


# Settings

SETTINGS = (
    "Everything that differs between machines comes from environment variables, or from a file `.env` beside "
    "`manage.py` (`.env.example` is one to fill in; the environment wins). At start all of them are checked, and "
    "everything that is wrong is named in one message."
)


@dataclass(frozen=True, slots=True)
class Variable:
    """`usual` is shown as code; `needed`: it must be set on a production machine."""

    name: str
    meaning: str
    usual: str = ""
    needed: bool = False

    @property
    def row(self) -> tuple[str, str, str]:
        usual = "**needed**" if self.needed else f"`{self.usual}`" if self.usual else ""
        return f"`{self.name}`", self.meaning, usual


def portal_variables() -> list[Variable]:
    """What portal.environment reads, with what holds when a variable is not set."""
    unset = _unset()
    return [
        Variable(
            "BASE_URL", "The address people use, with https://. Callbacks and webhooks begin with it.", needed=True
        ),
        Variable("SECRET_KEY", "A long random text, 50 characters or more. It signs sessions and links.", needed=True),
        Variable("ENCRYPTION_KEYS", "Made by `manage.py generate_key`; several with commas. " + KEYS, needed=True),
        Variable("DATABASE_URL", "`postgres://user:password@host:5432/name`, or SQLite as here.", DATABASE),
        Variable("ALLOWED_HOSTS", "More host names it answers to, with commas. That of `BASE_URL` always counts."),
        Variable("BEHIND_PROXY", "`true` behind one proxy that " + PROXY, _flag(unset.trusted_proxy)),
        Variable("EMAIL_URL", "`smtp+tls://user:password@mail.example.com:587`. Unset, mails are only printed."),
        Variable("DEFAULT_FROM_EMAIL", "Whom mails come from.", unset.from_email),
        Variable("TIME_ZONE", "The zone of the admin and the logs. Each business has its own.", unset.time_zone),
        Variable("ADMIN_MFA", "Whether the admin asks for a second factor.", _flag(unset.admin_mfa)),
        Variable("LANE_THREADS", "Outside calls one worker makes at once for one account.", str(unset.lane_threads)),
        Variable("METRICS_TOKEN", "What a monitor sends to read `/metrics`. Unset, only this machine may."),
        *(
            Variable(f"KEEP_{name.upper()}_DAYS", f"{retention.WORDS[name]}: days it is kept; `0` for ever.", str(days))
            for name, days in environment.KEEP_DAYS.items()
        ),
        Variable("DEBUG", "`true` on a developer's machine only: errors show code and values.", _flag(unset.debug)),
    ]


KEYS = "The first encrypts, all of them open. Keep them apart from the database's backups."
PROXY = "ends TLS and sets X-Forwarded-Proto and X-Forwarded-For."
DATABASE = "sqlite:///var/fieldbridge.sqlite3"


def _unset() -> environment.Environment:
    """The environment of a machine where only what is needed is set."""
    needed = {"SECRET_KEY": "x" * 50, "ENCRYPTION_KEYS": f"{'A' * 43}=", "BASE_URL": "https://portal.example.com"}
    names = [s.name for slug in registry.CONNECTORS for s in registry.connector_class(slug).settings if s.required]
    return environment.read({**dict.fromkeys(names, "x"), **needed})


def _flag(value: bool) -> str:
    return str(value).lower()


def _variable(setting: Setting) -> Variable:
    return Variable(setting.name, _sentence(setting.help), setting.default, setting.required)


#: Read by `make demo` and `python -m connectors.sandbox`, never by the portal in production.
SANDBOX = [
    Variable("PORT", "Where the demo's portal listens.", "8000"),
    Variable("SANDBOX_PORT", "Where the sandboxes listen.", "8001"),
    Variable("SANDBOX_PORTAL_URL", "The portal to send webhooks and people back to. Unset: no webhooks, any callback."),
    Variable("SANDBOX_URL", "Where people reach the sandboxes' pages for payers. Unset: where they were last called."),
    Variable("SANDBOX_LIMITS", "`off` switches the services' rate limits off.", "on"),
    Variable("SANDBOX_LATENCY_MS", "Milliseconds added to every call.", "0"),
    Variable("SANDBOX_STRIPE_SEARCH_LAG", "Seconds until Stripe's search finds a change.", "20"),
    Variable("SANDBOX_STRIPE_GLOBAL_PER_SECOND", "Calls per second that one Stripe account takes.", "100"),
]


def _settings() -> list[str]:
    parts = ["## The portal", _variables(portal_variables())]
    for slug in registry.CONNECTORS:
        connector = registry.connector_class(slug)
        parts += [f"## {connector.name}", _variables([_variable(s) for s in connector.settings])]
    return [*parts, "## The demo and the sandboxes", "Not needed in production.", _variables(SANDBOX)]


def _variables(found: Sequence[Variable]) -> str:
    return _table(("Variable", "Meaning", "Unset"), [v.row for v in found])
