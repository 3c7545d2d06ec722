"""What a sync's draft would change: its rows beside those of the live version. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncs import examples

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
    """Rows by the field they write, then options, then the order of the rows that both have."""
    before, after = _rows(live), _rows(draft)
    names = [*after, *(n for n in before if n not in after)]
    found = [Difference(n, before.get(n, ""), after.get(n, "")) for n in names if before.get(n) != after.get(n)]
    found += _examples(live, draft)
    found += _options(live.get("options", {}), draft.get("options", {}))
    if [n for n in before if n in after] != [n for n in after if n in before]:
        found.append(Difference("Order of the rows", "as published", "changed"))
    return found


def _rows(content: Content) -> dict[str, str]:
    return {row["target"]: row_words(row) for row in content.get("mappings", [])}


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
