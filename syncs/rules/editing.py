"""Values that a person has set for one record while approving it. Pure.

{path: {"value": what is written, "instead": of this, which the mapping gave}}. An edit counts as long as the mapping
still gives the same: a later change at the source wins again.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connectors.base import Record
from syncs.comparing import Known, same
from syncs.mapping import Compiled

type Edits = Mapping[str, Mapping[str, Any]]


def given(version: Compiled, source: Record, known: Known) -> dict[str, Any]:
    """{path: what the mapping gives} of the fields that may be edited, or have been."""
    asked = {row.target for row in version.rows if row.editable} | set(known.decision.get("edits") or ())
    if not asked:
        return {}
    values, _ = version.values(source.data)
    return {path: values[path].value for path in sorted(asked & values.keys())}


def edited(version: Compiled, said: Mapping[str, Any], known: Known) -> Compiled:
    """The version as it counts for this record. `said`: what the mapping gives. Like a value that a rule sets, an
    edited one goes nowhere back; it is written when its row says."""
    edits: Edits = known.decision.get("edits") or {}
    values = {p: edit["value"] for p, edit in edits.items() if p in said and same(said[p], edit["instead"])}
    return replace(version.setting(values), edited=frozenset(values)) if values else version


def still(edits: Edits, agreed: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The edits that stand, by what both sides have agreed on."""
    return {path: edit for path, edit in edits.items() if same(agreed.get(path), edit["value"])}
