"""The answer to a what-if in words: what comes of the records with either version, fields, sums, calls, the list."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page

from portal import paging, sides, wording
from portal.previews import OUTCOMES
from portal.receivables import Sums
from portal.sides import Teller
from portal.wording import Badge
from syncs.models import WhatIf, WhatIfRecord
from syncs.tallying import DRAFT, LIVE
from syncs.trying import Outcome

HEAD = (
    "Record", "Id at the source", "Id at the target", "With the live version", "Why", "With the draft", "Why",
    "Differs", "Written with the live version", "Written with the draft",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One outcome: records, and what they come to, with either version."""

    badge: Badge
    live: int
    draft: int
    live_sum: str
    draft_sum: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A field: in how many records either version writes it, and in how many they differ. `examples`: (record, with the
    live version, with the draft)."""

    label: str
    live: int
    draft: int
    differ: int
    examples: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Carried:
    """What it takes to carry it out."""

    side: str
    calls: int
    words: str
    lasting: str


@dataclass(frozen=True, slots=True)
class Answer:
    lines: Sequence[Line]
    fields: Sequence[Changed]
    carried: Sequence[Carried]
    rests_on: str
    money: bool
    differ: int
    terms: wording.Terms


@dataclass(frozen=True, slots=True)
class Differing:
    """One record. `changes`: (field, with the live version, with the draft)."""

    record: WhatIfRecord
    live: Badge
    draft: Badge
    changes: Sequence[tuple[str, str, str]]


def answer(asked: WhatIf) -> Answer:
    tell = sides.teller(asked.sync)
    counts, estimates = asked.counts, asked.estimates
    lines = [
        Line(badge, counts.get(LIVE, {}).get(o, 0), counts.get(DRAFT, {}).get(o, 0), _sum(asked, LIVE, o),
             _sum(asked, DRAFT, o))
        for o, badge in OUTCOMES.items()
        if counts.get(LIVE, {}).get(o) or counts.get(DRAFT, {}).get(o)
    ]  # fmt: skip
    fields = sorted((_changed(tell, key, held) for key, held in asked.fields.items()), key=lambda f: -f.differ)
    named = ((LIVE, "With the live version"), (DRAFT, "With the draft"))
    carried = [_carried(words, estimates[side]) for side, words in named if side in estimates]
    return Answer(
        lines, fields, carried, estimates.get("rests_on", ""), bool(asked.sums), counts.get("differ", 0), tell.terms
    )  # fmt: skip


def _sum(asked: WhatIf, side: str, outcome: Outcome) -> str:
    held: Mapping[str, Any] = asked.sums.get(side, {}).get(outcome, {})
    sums = Sums()
    for currency, (number, cents) in held.items():
        sums.add(number, currency, cents)
    return sums.shown(asked.sync.business.currency) if held else ""


def _changed(tell: Teller, key: str, held: Mapping[str, Any]) -> Changed:
    place, _, path = key.partition("|")
    plan = {"back": True} if place == "back" else {"resource": place}
    examples = [
        (record, before, after)
        for record, *values in held.get("examples", ())
        for _, before, after in tell.fields(plan, [(path, *values)])
    ]
    [(label, *_)] = tell.fields(plan, [(path, None, None)])
    where = {"": "", "back": f" (in {tell.terms.source})"}.get(place, f" ({wording.BESIDE.get(place, place)})")
    return Changed(
        f"{label}{where}", held.get(LIVE, 0), held.get(DRAFT, 0), held.get("differ", 0), examples
    )  # fmt: skip


def _carried(words: str, found: Mapping[str, Any]) -> Carried:
    parts = [(found["write"], "to write"), (found["look_up"], "at most to look for a counterpart by its email"),
             (found["read"], "to read both sides anew")]  # fmt: skip
    said = ", ".join(f"{n:,} {what}" for n, what in parts if n) or "nothing is written"
    return Carried(words, found["calls"], said, wording.seconds(found["seconds"]) if found["calls"] else "no time")


def differing(asked: WhatIf, number: str) -> Page[Any]:
    """One page of the records that come out otherwise, as Differing."""
    rows = asked.records.filter(differs=True).select_related("link").order_by("pk")
    page = paging.page(rows, number)
    tell = sides.teller(asked.sync)
    page.object_list = [_differing(tell, row) for row in page.object_list]
    return page


def _differing(tell: Teller, row: WhatIfRecord) -> Differing:
    live, draft = _after(tell, row.live), _after(tell, row.draft)
    changes = [
        (field, live[field][1] if field in live else f"stays: {draft[field][0] or 'empty'}",
         draft[field][1] if field in draft else f"stays: {live[field][0] or 'empty'}")
        for field in {**draft, **live}
        if live.get(field) != draft.get(field)
    ]  # fmt: skip
    return Differing(row, _badge(row.live_outcome), _badge(row.draft_outcome), changes)


def _after(tell: Teller, plan: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """{field: (before, after)} in words."""
    return {field: (before, after or "empty") for field, before, after in tell.changes(plan)}


def _badge(outcome: str) -> Badge:
    return OUTCOMES[Outcome(outcome)] if outcome else Badge("Nothing was live", "plain")


def lines(asked: WhatIf) -> Iterator[Sequence[object]]:
    """Every record, whether it differs or not, under a head."""
    yield HEAD
    tell = sides.teller(asked.sync)
    for row in asked.records.select_related("link").order_by("pk").iterator(chunk_size=2000):
        yield (
            row.label, row.link.source_id, row.link.target_id, _badge(row.live_outcome).words, row.live_reason,
            _badge(row.draft_outcome).words, row.draft_reason, "yes" if row.differs else "no",
            _written(tell, row.live), _written(tell, row.draft),
        )  # fmt: skip


def _written(tell: Teller, plan: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{field}: {before or 'empty'} → {after or 'empty'}" for field, before, after in tell.changes(plan)
    )
