"""What both sides had agreed on when the answer to a call was lost. Pure.

What a side shows just as it was sent, our call has brought there: else it would look like an edit of that side, and
come back where the later edit wins. What somebody has written there since is later than what was on its way, whichever
record was touched last.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from syncs.bothways import alike, going_back
from syncs.comparing import Known, same
from syncs.mapping import Compiled, Row

type Agreed = tuple[dict[str, Any], dict[str, Any]]
type Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """`sent`: values by path, to one of the sides; `before`: how that side was when it was planned."""

    sent: Data
    before: Data

    def counts(self, row: Row, path: str, told: Any, shown: Any) -> bool:
        """`told`: what the other side says; `shown`: what this one does."""
        if path not in self.sent:
            return False
        value = self.sent[path]
        overtaken = same(told, value) and not same(shown, self.before.get(path))
        return same(shown, value) or (row.owner == "newest" and overtaken)


def forward(version: Compiled, known: Known, call: Call, here: Data, there: Data) -> Agreed:
    """The link's base and rendered values after a call to the target. Lists that others add to are left: which entries
    were ours cannot be told."""
    told, _ = version.values(here)
    rows = {row.target: row for row in version.rows}
    agreed = {}
    for path, value in call.sent.items():
        row, wanted = rows.get(path), told.get(path)
        says = wanted.value if wanted else ""
        if row is None:  # one of a group, which a row with a star writes
            if same(there.get(path), value):
                agreed[path] = value
        elif row.mode != "merge" and call.counts(row, path, says, there.get(path)):
            agreed[path] = value
    return _with(known, agreed)


def back(version: Compiled, known: Known, call: Call, here: Data, there: Data) -> Agreed:
    """The same after a call to the source. What the target says in its own way is kept in that way."""
    told, _ = version.values(here)
    agreed = {}
    for row in version.rows:
        wanted, says, shown = told.get(row.target), there.get(row.target, ""), here.get(row.back)
        if wanted is None or wanted.unusable or not call.counts(row, row.back, going_back(row, says, []), shown):
            continue
        moved_on = same(shown, call.sent[row.back]) and not alike(row, wanted.value, says)
        agreed[row.target] = wanted.value if moved_on else says
    return _with(known, agreed)


def _with(known: Known, agreed: Data) -> Agreed:
    return {**known.base, **agreed}, {p: value for p, value in known.rendered.items() if p not in agreed}
