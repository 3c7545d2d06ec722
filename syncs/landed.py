"""What a call has brought over whose answer was lost: where a side shows just what was sent, both agreed on it. Pure.

Else it would look like an edit of that side, and where the later edit wins, come back over what somebody has written at
the other since.
"""

from collections.abc import Mapping
from typing import Any

from syncs.bothways import alike
from syncs.comparing import Known, same
from syncs.mapping import Compiled

type Agreed = tuple[dict[str, Any], dict[str, Any]]


def forward(version: Compiled, known: Known, sent: Mapping[str, Any], there: Mapping[str, Any]) -> Agreed:
    """The link's base and rendered values, by what the target shows now. Lists that others add to are left: which
    entries were ours cannot be told."""
    shared = {row.target for row in version.rows if row.mode == "merge"}
    shown = {p: value for p, value in sent.items() if p not in shared and same(there.get(p), value)}
    return {**known.base, **shown}, {p: value for p, value in known.rendered.items() if p not in shown}


def back(
    version: Compiled, known: Known, sent: Mapping[str, Any], here: Mapping[str, Any], there: Mapping[str, Any]
) -> Agreed:
    """The same, by what the source shows now. What the target says in its own way is kept in that way."""
    told, _ = version.values(here)
    shown = {}
    for row in version.rows:
        value = told.get(row.target)
        if value is None or value.unusable or row.back not in sent or not same(here.get(row.back), sent[row.back]):
            continue
        shown[row.target] = there.get(row.target, "") if alike(row, value.value, there.get(row.target)) else value.value
    return {**known.base, **shown}, {p: value for p, value in known.rendered.items() if p not in shown}
