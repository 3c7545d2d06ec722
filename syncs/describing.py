"""A published mapping in words: what is read, where it goes, what is done on the way. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Field
from syncs.mapping import WILDCARD


@dataclass(frozen=True, slots=True)
class Line:
    """`how` is '' where the value goes over as it is. `extra`: kept with the record, not one of its own fields."""

    source: str
    target: str
    how: str
    extra: bool


_MODES = {
    "when_new": "only when the record is new",
    "when_empty": "only where nothing is there yet",
    "with_changes": "only together with another change",
    "merge": "added to what is there",
}
_STEPS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "first": lambda a: "the first that is filled",
    "join": lambda a: "put together",
    "text": lambda a: "",
    "cut": lambda a: f"shortened to {a.get('length', 0):,} characters",
    "email": lambda a: "checked, left out when it is no email address",
    "phone": lambda a: "written the international way, kept as typed when it cannot be read",
    "country": lambda a: "as a two-letter code" + (f", {a['default']} when none is given" if a.get("default") else ""),
    "state_au": lambda a: "Australian states as their short form",
    "join_list": lambda a: f"as one list without doubles, up to {a.get('longest', 500):,} characters",
    "flag": lambda a: f"“{a.get('on', 'true')}” for yes, nothing for no",
    "utc_time": lambda a: "as a date and time",
    "choose_name": lambda a: "the name, else the person's or the company's, else the start of the email",
}


def lines(content: Mapping[str, Any], sources: Sequence[Field], targets: Sequence[Field]) -> list[Line]:
    """`content` as a Version holds it; the catalogues of both sides give the words."""
    return [
        Line(_sources(row, sources), label(row["target"], targets), how(row), not is_own(row["target"]))
        for row in content["mappings"]
    ]


def how(row: Mapping[str, Any]) -> str:
    """What is done to one row's value, in order."""
    words = [_step(step) for step in row["transforms"]] + [_MODES.get(row["mode"], "")]
    return "; ".join(w for w in words if w)


def _step(step: Mapping[str, Any]) -> str:
    name = str(step.get("name", ""))
    return _STEPS[name](step) if name in _STEPS else name.replace("_", " ")


def _sources(row: Mapping[str, Any], fields: Sequence[Field]) -> str:
    """A name is chosen from many fields; the first speaks for them."""
    chosen = any(step.get("name") in {"choose_name", "country"} for step in row["transforms"])
    named = row["sources"][:1] if chosen else row["sources"]
    return ", ".join(label(path, fields) for path in named)


def is_own(path: str) -> bool:
    """A field of the record itself, rather than an entry kept with it."""
    return not path.startswith("metadata.")


def label(path: str, fields: Sequence[Field]) -> str:
    """'Billing city' for 'billing_address.city'; a path the catalogue does not know speaks for itself."""
    known = next((f.label for f in fields if f.path == path and not path.endswith(WILDCARD)), "")
    if known:
        return known
    group, _, name = path.rpartition(".")
    if name.removeprefix("cf_") == WILDCARD:
        return "Custom fields" if group in {"custom", "metadata"} else f"Every {group.replace('_', ' ')}"
    words = name.removeprefix("cf_").replace("_", " ").strip()
    return (words[:1].upper() + words[1:]) or path
