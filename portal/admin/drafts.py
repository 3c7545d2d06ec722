"""What a sync's draft would change: its rows beside those of the live version. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncs import examples
from syncs.rules.book import ROLES
from syncs.rules.conditions import words_of
from syncs.rules.operators import BY_KIND
from syncs.rules.values import shown

type Content = Mapping[str, Any]
MODES = {
    "always": "always",
    "when_new": "only when the record is new",
    "when_empty": "only when empty there",
    "with_changes": "only together with another change",
    "merge": "added to what is there",
}
OPERATORS = {name: operator.label for known in BY_KIND.values() for name, operator in known.items()}
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
    before, after = _rows(live), _rows(draft)
    names = [*after, *(n for n in before if n not in after)]
    found = [Difference(n, before.get(n, ""), after.get(n, "")) for n in names if before.get(n) != after.get(n)]
    found += _rules(live, draft)
    found += _examples(live, draft)
    found += _options(live.get("options", {}), draft.get("options", {}))
    if [n for n in before if n in after] != [n for n in after if n in before]:
        found.append(Difference("Order of the rows", "as published", "changed"))
    return found


def _rows(content: Content) -> dict[str, str]:
    return {row["target"]: row_words(row) for row in content.get("mappings", [])}


def _rules(live: Content, draft: Content) -> list[Difference]:
    before, after = ({r["name"]: rule_words(r) for r in side.get("rules", [])} for side in (live, draft))
    names = [*after, *(n for n in before if n not in after)]
    found = [
        Difference(f"Rule “{n}”", before.get(n, ""), after.get(n, "")) for n in names if before.get(n) != after.get(n)
    ]
    if [n for n in before if n in after] != [n for n in after if n in before]:
        found.append(Difference("Order of the rules", "as published", "changed"))
    return found


def _examples(live: Content, draft: Content) -> list[Difference]:
    before, after = (
        {row["target"]: examples_words(row.get("examples") or ()) for row in content.get("mappings", [])}
        for content in (live, draft)
    )
    names = [*after, *(n for n in before if n not in after)]
    told = [(n, before.get(n, ""), after.get(n, "")) for n in names]
    return [Difference(f"Examples of {name}", one, other) for name, one, other in told if one != other]


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
    return f"{way}; back to {row['back']}, {OWNERS[row['owner']]}" if row.get("back") else way


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
        label = OPERATORS.get(name, name)
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
    return f"set {rule.get('target')} to “{shown(rule.get('value'))}”"
