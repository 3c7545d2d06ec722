"""The catalogue of transforms as the page of a sync shows it, below the rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from syncs.transforms import Entry, by_theme, shown
from syncs.transforms.arguments import Argument


@dataclass(frozen=True, slots=True)
class Described:
    """`arguments`: (name, what it is). `examples`: (the step as it is written, [(what goes in, what comes out)])."""

    name: str
    does: str
    gathers: bool
    arguments: tuple[tuple[str, str], ...]
    examples: Sequence[tuple[str, Sequence[tuple[str, str]]]]


@dataclass(frozen=True, slots=True)
class Theme:
    name: str
    entries: tuple[Described, ...]


@cache
def described() -> tuple[Theme, ...]:
    """By theme; they change with the code only."""
    return tuple(Theme(name, tuple(map(_described, entries))) for name, entries in by_theme().items())


@cache
def for_builder() -> list[dict[str, Any]]:
    """What the page's script draws the steps of a row from."""
    return [
        {
            "name": theme,
            "entries": [
                {"name": e.name, "does": e.help, "arguments": [_argument(a) for a in e.arguments]} for e in entries
            ],
        }
        for theme, entries in by_theme().items()
    ]


def _argument(one: Argument) -> dict[str, Any]:
    return {
        "name": one.name, "kind": one.kind, "help": one.help, "default": one.default, "needed": one.needed,
        "choices": list(one.choices),
    }  # fmt: skip


def _described(entry: Entry) -> Described:
    return Described(
        entry.name, entry.help, entry.gathers, tuple((a.name, shown.argument(a)) for a in entry.arguments),
        shown.examples(entry),
    )  # fmt: skip
