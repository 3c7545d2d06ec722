"""Counting what comes of records with two versions side by side. Plain JSON all through, so that it can be stored in
the middle of a count and gone on with."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from syncs import trying
from syncs.planning import Plan
from syncs.trying import Outcome

LIVE, DRAFT = "live", "draft"
MOST_EXAMPLES, LONGEST = 3, 300
#: What an amount belongs to: (currency, minor units).
type Money = tuple[str, int]


@dataclass(slots=True)
class Tally:
    """`counts`: {side: {outcome: records}, "differ": records, "calls": {side: {kind: calls}}}. `sums`: {side: {outcome:
    {currency: [records, minor units]}}}. `fields`: {place|path: {side: records it is written in, "differ": records,
    "examples": [[record, live, draft]]}}."""

    counts: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    sums: dict[str, Any] = field(default_factory=dict)

    def add(self, label: str, live: Plan | None, draft: Plan, money: Money | None) -> bool:
        """One record. Returns whether it comes to something else with the draft."""
        self._side(DRAFT, draft, money)
        if live is None:
            return False
        self._side(LIVE, live, money)
        differs = not trying.same(live, draft)
        if differs:
            self.counts["differ"] = self.counts.get("differ", 0) + 1
            self._compare(label, live, draft)
        return differs

    def unread(self) -> None:
        for side in (LIVE, DRAFT):
            _more(self.counts.setdefault(side, {}), Outcome.UNREAD)

    def _side(self, side: str, made: Plan, money: Money | None) -> None:
        outcome = trying.outcome(made)
        _more(self.counts.setdefault(side, {}), outcome)
        if money:
            currency, cents = money
            held = self.sums.setdefault(side, {}).setdefault(str(outcome), {}).setdefault(currency, [0, 0])
            held[0], held[1] = held[0] + 1, held[1] + cents
        if made.writes:
            calls = self.counts.setdefault("calls", {}).setdefault(side, {})
            _more(calls, "write")
            if made.more:
                _more(calls, "steps")
            for path in made.data:
                _more(self._field(made, path), side)

    def _compare(self, label: str, live: Plan, draft: Plan) -> None:
        """The fields that the draft writes otherwise. Where it writes nothing at all, the outcomes say so."""
        if not draft.writes:
            return
        was = live.data if live.writes and _place(live) == _place(draft) else {}
        there = {c.path: c.before for plan in (live, draft) for c in plan.changes}
        for path in {**was, **draft.data}:
            if (path in was, was.get(path)) == (path in draft.data, draft.data.get(path)):
                continue
            held = self._field(draft, path)
            _more(held, "differ")
            if len(held.setdefault("examples", [])) < MOST_EXAMPLES:
                before, after = was.get(path, there.get(path)), draft.data.get(path, there.get(path))
                held["examples"].append([label[:120], _clipped(before), _clipped(after)])

    def _field(self, made: Plan, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self.fields.setdefault(f"{_place(made)}|{path}", {})
        return found


def _place(made: Plan) -> str:
    """Where it writes: '' to the counterpart, 'back' to the source, else what is made beside."""
    return "back" if made.back else made.resource


def _more(counts: dict[str, Any], name: str) -> None:
    counts[str(name)] = counts.get(str(name), 0) + 1


def _clipped(value: Any) -> Any:
    """Small enough to be kept as an example."""
    if isinstance(value, str):
        return value[:LONGEST]
    whole = json.dumps(value, default=str, ensure_ascii=False)
    return value if len(whole) <= 10 * LONGEST else f"{whole[:LONGEST]}…"


def written(fields: Mapping[str, Any], side: str) -> dict[str, int]:
    """{path at the counterpart: records that this version writes it in}."""
    return {key.removeprefix("|"): n for key, held in fields.items() if key[0] == "|" and (n := held.get(side, 0))}
