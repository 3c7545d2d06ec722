"""What a sync's draft would change: its rows beside those of the live version. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncs import examples
from syncs.rules.book import ROLES
from syncs.rules.conditions import words_of
from syncs.rules.operators import LABELS
from syncs.rules.values import shown

type Content = Mapping[str, Any]
MODES = {
    "always": "always",
    "when_new": "only when the record is new",
    "when_empty": "only when empty there",
    "with_changes": "only together with another change",
    "merge": "added to what is there",
}
OWNERS = {
    "source": "the source wins",
    "target": "the target wins",
    "newest": "the later change wins",
    "ask": "a person says which is right",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """`live` and `draft` are a row or an option in words, '' where it is not there."""

    what: str
    live: str
    draft: str


def differences(live: Content, draft: Content) -> list[Difference]:
    """Rows by the field they write, then rules, then options, then the order of the rows and rules that both have."""
    rows, rules, expected = ([each(live), each(draft)] for each in (_rows, _rules, _examples))
    return [
        *_changed("{}", *rows), *_changed("Rule “{}”", *rules), *_moved("rules", *rules),
        *_changed("Examples of {}", *expected), *_options(live.get("options", {}), draft.get("options", {})),
        *_moved("rows", *rows),
    ]  # fmt: skip


def _changed(called: str, before: Mapping[str, str], after: Mapping[str, str]) -> list[Difference]:
    """By name, in the order of what will be."""
    told = [(n, before.get(n, ""), after.get(n, "")) for n in {**after, **before}]
    return [Difference(called.format(name), one, other) for name, one, other in told if one != other]


def _moved(what: str, before: Mapping[str, str], after: Mapping[str, str]) -> list[Difference]:
    """Whether those that both have stand in another order."""
    same = [n for n in before if n in after] == [n for n in after if n in before]
    return [] if same else [Difference(f"Order of the {what}", "as published", "changed")]


def _rows(content: Content) -> dict[str, str]:
    return {row["target"]: row_words(row) for row in content.get("mappings", [])}


def _rules(content: Content) -> dict[str, str]:
    return {rule["name"]: rule_words(rule) for rule in content.get("rules", [])}


def _examples(content: Content) -> dict[str, str]:
    return {row["target"]: examples_words(row.get("examples") or ()) for row in content.get("mappings", [])}


def _options(live: Content, draft: Content) -> list[Difference]:
    names = sorted({*live, *draft})
    return [
        Difference(n.replace("_", " ").capitalize(), said(live.get(n)), said(draft.get(n)))
        for n in names
        if live.get(n) != draft.get(n)
    ]


def said(value: Any) -> str:
    """A value as a person says it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(said(v) for v in value)
    return "" if value is None else str(value)


def row_words(row: Mapping[str, Any]) -> str:
    """“company_name → text, cut(150), always”, and who wins where it goes both ways."""
    way = f"{', '.join(row['sources'])} → {steps_words(row['transforms'])}{MODES.get(row['mode'], row['mode'])}"
    back = f"; back to {row['back']}, {OWNERS[row['owner']]}" if row.get("back") else ""
    return f"{way}{back}{'; who approves may edit it' if row.get('editable') else ''}"


def examples_words(pairs: Sequence[Sequence[Any]]) -> str:
    """'"800" → "0800", "" → ""'."""
    return ", ".join(" → ".join(map(examples.shown, pair)) for pair in pairs)


def steps_words(steps: Sequence[Mapping[str, Any]]) -> str:
    return "".join(f"{step_words(s)}, " for s in steps)


def step_words(step: Mapping[str, Any]) -> str:
    arguments = ", ".join(f"{k}={v!r}" if isinstance(v, str) else f"{k}={v}" for k, v in step.items() if k != "name")
    return f"{step.get('name', '?')}({arguments})" if arguments else str(step.get("name", "?"))


def rule_words(rule: Mapping[str, Any]) -> str:
    """“total > 5,000 → hold it for an owner”, also of one that cannot work yet."""
    return f"{condition_words(rule.get('condition') or {})} → {_outcome_words(rule)}"


def condition_words(said: Mapping[str, Any]) -> str:
    """“total > 5,000 and is lead: yes”."""
    if "field" in said:
        path, name = str(said["field"]), str(said.get("operator"))
        label = LABELS.get(name, name)
        if name in {"yes", "no"}:
            return f"{words_of(path)}: {name}"
        value = shown(said.get("value"))
        return f"{words_of(path)} {label.replace('…', value) if '…' in label else f'{label} {value}'.strip()}"
    if "cel" in said:
        return str(said["cel"])
    how, parts = next(iter(said.items())) if said else ("all", [])
    joined = (" and " if how == "all" else " or ").join(
        condition_words(p) if "field" in p else f"({condition_words(p)})" for p in parts
    )
    return f"not ({joined})" if how == "not" else joined


def _outcome_words(rule: Mapping[str, Any]) -> str:
    reason, outcome = rule.get("reason") or "", rule.get("outcome")
    if outcome == "skip":
        return f"leave it out: {reason}"
    if outcome == "hold":
        role = str(rule.get("role"))
        return f"hold it for {ROLES.get(role, role)}" + (f": {reason}" if reason else "")
    if outcome == "incident":
        return f"raise an incident: {reason}"
    if outcome == "route":
        to = rule.get("to") or {}
        return f"send it to “{to.get('name') or '?'}” instead"
    return f"set {rule.get('target')} to “{shown(rule.get('value'))}”"
