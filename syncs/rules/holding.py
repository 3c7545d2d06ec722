"""Holding a plan until a person has approved just that plan: for a rule, or since every write of a sync waits. Pure.

What is approved is compared part by part with what is planned by then, so that what has changed can be said. An
approval counts until the record is in step, and one that nobody decided about in time is not asked for again before
the plan is another one.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.base import Record
from syncs.comparing import Known, same
from syncs.planning import Plan, Verdict, field_words_of
from syncs.rules.book import ROLES

#: The causes of what is held by a rule, and of what is held since every write waits; the role that decides follows.
HELD, WAITS = "rule_hold:", "mode_hold:"
EXPIRED = "expired"
#: It moves whenever anything at the source does.
_MOVES = frozenset({"updated_at"})
#: From who may decide least to who may most.
_RANKS = ("staff", "office", "owner")


def role_of(cause_code: str) -> str:
    """Who decides about what has this cause: 'owner', 'office' or 'staff'; '' where it is not held for approval."""
    for head in (HELD, WAITS):
        if cause_code.startswith(head):
            return cause_code.removeprefix(head)
    return ""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked, for which rule ('' where every write waits), and why in words. `editable`: {path: what the mapping
    gives} of the fields that may be edited before they are written; `steps`: the record takes several calls."""

    rule: str
    role: str
    why: str
    steps: bool = False
    editable: Mapping[str, Any] = field(default_factory=dict)


def by_mode(
    made: Plan, source: Record | None, known: Known, role: str, *, steps: bool, editable: Mapping[str, Any]
) -> Plan:  # fmt: skip
    """The plan, or a hold in its place, where every write waits for a person: also what rules always let go on."""
    if not made.writes:
        return made
    why = f"{made.reason} It waits until {ROLES[role]} has approved it."
    return held(made, source, known, Asked("", role, why, steps, editable))


def held(made: Plan, source: Record | None, known: Known, asked: Asked) -> Plan:
    """A hold in the place of a plan that writes; the plan where a person has approved it. Nothing is done where nobody
    has decided in time."""
    parts = _parts(made, source, steps=asked.steps)
    through, expired = known.decision.get("through") or {}, known.decision.get(EXPIRED) or {}
    if _counts(through, asked, parts):
        return made
    shown = {"rule": asked.rule, "role": asked.role, "parts": parts}
    if all(expired.get(name) == value for name, value in shown.items()):
        return Plan(Verdict.SKIP, EXPIRED, _unanswered(expired), known.target_id, warnings=made.warnings)
    hold = {
        **shown, "shown": digest(shown), "steps": asked.steps, "editable": _editable(made, known, asked),
        "verb": made.verb, "planned": made.reason,
    }  # fmt: skip
    code = f"{HELD if asked.rule else WAITS}{asked.role}"
    return replace(
        made, verdict=Verdict.HOLD, code=code, reason=asked.why + _since(through, parts), action="", more=False,
        hold=hold, conflicts=(),
    )  # fmt: skip


def _counts(through: Mapping[str, Any], asked: Asked, parts: Mapping[str, str]) -> bool:
    """Whether this is what somebody has approved whose word is enough. One approval is enough for a rule and for the
    mode, but not for two rules."""
    if through.get("parts") != parts or through.get("role") not in _RANKS:
        return False
    enough = _RANKS.index(through["role"]) >= _RANKS.index(asked.role)
    return enough and (through.get("rule") == asked.rule or "" in {through.get("rule"), asked.rule})


def _editable(made: Plan, known: Known, asked: Asked) -> dict[str, Any]:
    """{path: [what the mapping gives, what would be written]} of the fields that this plan, or a later step of the
    same record, writes."""
    if made.back or not asked.editable:
        return {}
    sent = made.data if not made.resource else {}
    new = asked.steps and not known.target_id
    return {
        p: [given, sent.get(p, made.values.get(p, given))] for p, given in asked.editable.items() if p in sent or new
    }


def parts_edited(
    hold: Mapping[str, Any], changes: Sequence[Sequence[Any]], values: Mapping[str, Any]
) -> dict[str, str]:
    """The parts of a plan that is the one held, but for these values: {path: value}. Where a record takes several
    steps its parts are the source's, which no edit changes."""
    parts = dict(hold["parts"])
    if hold.get("steps"):
        return parts
    for path, before, _ in changes:
        if path in values:
            parts.pop(path, None)
            if not same(before, values[path]):
                parts[path] = digest([before, values[path]])
    return parts


def _unanswered(expired: Mapping[str, Any]) -> str:
    days = expired.get("days")
    within = f" within {days} day{'' if days == 1 else 's'}" if days else " in time"
    return (
        f"Nobody decided{within}, so nothing was written. It is asked about again when it changes, or when somebody "
        "has it looked at again."
    )


def _since(through: Mapping[str, Any], parts: Mapping[str, str]) -> str:
    """What is different from what somebody has approved."""
    if not through:
        return ""
    before = through.get("parts") or {}
    moved = [path for path in sorted({*before, *parts}) if path and before.get(path) != parts.get(path)]
    what = field_words_of(moved) if moved else "What is to be done"
    return f" {what} changed since {through.get('who', 'somebody')} approved it."


def _parts(made: Plan, source: Record | None, *, steps: bool) -> dict[str, str]:
    """What a person approves, part by part, so that it can be said what has changed.

    It is the plan, without its words. Where a record takes several steps, the first says little about those that
    follow, and all of them are made from the record at the source: so it is that.
    """
    if steps:
        gone = source is None or source.deleted
        said = source.data.items() if source else ()
        passing = source.passing if source else frozenset()
        kept = {p: digest(v) for p, v in said if p not in _MOVES and p not in passing}
        return kept | ({"": digest(["deleted", made.action])} if gone else {})
    head = [made.verdict, made.code, made.target_id, made.action, made.resource, made.back]
    return {"": digest(head)} | {c.path: digest([c.before, c.after]) for c in made.changes}


def digest(value: Any) -> str:
    plain = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:16]
