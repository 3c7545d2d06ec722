"""The rules of a version as people say them, and who wins where a sync goes both ways. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.base import Field
from syncs import describing
from syncs.planning import Names
from syncs.rules.book import ROLES
from syncs.rules.conditions import words_of
from syncs.rules.operators import LABELS
from syncs.rules.values import LINK_FIELDS, shown

#: Questions whose sign is said in words.
_SAID = {
    "eq": "is {}", "lt": "is less than {}", "le": "is at most {}", "gt": "is more than {}", "ge": "is at least {}",
}  # fmt: skip


def rules(content: Mapping[str, Any], sources: Sequence[Field], targets: Sequence[Field]) -> list[tuple[str, str, str]]:
    """(name, when it applies, what it does), in the order in which they are asked."""
    rows = content.get("rules", ())
    return [(row["name"], f"When {condition(row['condition'], row, sources)}", does(row, targets)) for row in rows]


def condition(said: Mapping[str, Any], rule: Mapping[str, Any], fields: Sequence[Field]) -> str:
    """'the total is more than 5,000 and lead: yes'."""
    if "cel" in said:
        return _by_expression(rule.get("kinds") or (), fields)
    if "field" in said:
        return _test(said, fields)
    how, parts = next(iter(said.items())) if said else ("all", [])
    joined = (" and " if how == "all" else " or ").join(
        told if "field" in part else f"({told})" for part in parts if (told := condition(part, rule, fields))
    )
    return f"not ({joined})" if how == "not" else joined


def _by_expression(paths: Any, fields: Sequence[Field]) -> str:
    """An expression stands for itself in the admin: here, what it goes by."""
    named = [_small(_label(path, fields)) for path in paths]
    *before, last = named or ["the time"]
    return f"an expression about {f'{", ".join(before)} and {last}' if before else last} is true"


def _test(said: Mapping[str, Any], fields: Sequence[Field]) -> str:
    path, name = str(said["field"]), str(said.get("operator"))
    label, value = _label(path, fields), shown(said.get("value"))
    if name in {"yes", "no"}:
        so = _small(label) if path in LINK_FIELDS else f"“{label}” is yes"
        return so if name == "yes" else so.replace(" is yes", " is no") if "”" in so else f"it is not so that {so}"
    if name in _SAID:
        return f"{_small(label)} {_SAID[name].format(value)}"
    words = LABELS.get(name, name)
    return f"{_small(label)} {words.replace('…', value) if '…' in words else f'{words} “{value}”' if value else words}"


def does(rule: Mapping[str, Any], targets: Sequence[Field]) -> str:
    """'It is left out: leads stay in Jobber.'"""
    outcome, reason = rule.get("outcome"), str(rule.get("reason") or "")
    said = {
        "skip": f"It is left out: {reason}",
        "hold": f"It waits for {ROLES.get(str(rule.get('role')), 'a person')}{f': {reason}' if reason else ''}",
        "set": f"{_label(str(rule.get('target')), targets)} is set to “{shown(rule.get('value'))}”",
        "incident": f"It goes on, and people are told: {reason}",
        "route": f"It goes to “{(rule.get('to') or {}).get('name', 'another sync')}” instead",
    }.get(str(outcome), "")
    return said if said.endswith((".", "!", "?")) else f"{said}."


def winner(row: Mapping[str, Any], names: Names, *, both_ways: bool) -> str:
    """Whose value stands where both sides have changed it."""
    if not (both_ways and row.get("back")):
        return names.source
    told = {"source": names.source, "target": names.target, "newest": "Whoever changed it last"}
    return told.get(str(row.get("owner") or "source"), "A person is asked")


def _label(path: str, fields: Sequence[Field]) -> str:
    if path in LINK_FIELDS:
        return LINK_FIELDS[path]
    known = describing.label(path, fields)
    return words_of(path) if known == path else known


def _small(label: str) -> str:
    return label[:1].lower() + label[1:] if label[1:2].islower() else label
