"""Rules beside a planner: every plan there is goes through here. Pure.

Rules are asked in their order. Those that set a field or raise an incident all count, a later one over an earlier; of
those that leave out, hold or send elsewhere, the first that applies decides. A rule speaks about what is written: what
is in step, ended or held for a reason of its own stays so, with these exceptions:

* A record without a counterpart that a rule leaves out is left out, whatever else it may have waited for.
* A record that a rule sends to another sync is left out here, in step or not (syncs.rules.routes).
* What takes a demand back, or records that it was paid, always goes on. Otherwise a client could pay twice.
* A record that has not been made at the source yet, or is deleted there, cannot be asked.

A record with a counterpart that a rule leaves out stays as it is on both sides. Once the rule no longer applies it is
compared again, with what had been agreed on before.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from connectors.base import Record
from syncs.comparing import Known
from syncs.mapping import Compiled
from syncs.planning import Plan, Verdict, field_words_of
from syncs.rules import routes as routing
from syncs.rules.book import BESIDE, INCIDENT, ROLES, ROUTE, SET, SKIP, Rule
from syncs.rules.routes import Routes
from syncs.rules.values import Facts

#: Steps that make nothing payable: they take a demand back, or say that it was met.
ALWAYS = frozenset({"void", "delete", "mark_uncollectible", "pay_out_of_band", "attach_payment", "close_received"})
ALWAYS_BESIDE = frozenset({"payment_records"})
#: The causes of a record that a rule has stopped. That of one that is held goes on with the role that may decide.
LEFT_OUT, HELD = "rule", "rule_hold:"
#: Of an incident that a rule raises; it goes on with what stands for the rule's name.
RAISED = "rule_incident:"
#: It moves whenever anything at the source does.
_MOVES = frozenset({"updated_at"})


@dataclass(slots=True)
class Ruling:
    """One rule, and what came of it."""

    rule: Rule
    applies: bool
    came: str

    def as_json(self) -> list[Any]:
        return [self.rule.name, self.applies, self.came]


@dataclass(frozen=True, slots=True)
class Judged:
    """What the rules say about one record before it is planned. `version`: with the values that they set."""

    version: Compiled
    rulings: Sequence[Ruling]
    facts: Facts | None

    def settle(
        self, made: Plan, source: Record | None, known: Known, *, steps: bool, routes: Routes | None = None
    ) -> Plan:
        """The plan that the rules leave of the planner's. `routes`: where other syncs send it, where that counts."""
        if routes and source and not source.deleted:
            only_sent = bool(self.version.options.get("routed_only"))
            away = routing.elsewhere(made, known, routes, only_sent=only_sent, steps=steps)
            if away:
                return away
        if not self.rulings:
            return made
        stop = next((r for r in self.rulings if r.applies and r.rule.outcome not in BESIDE), None)
        for ruling in self.rulings:
            if ruling.applies and ruling.rule.outcome not in BESIDE and ruling is not stop:
                ruling.came = "an earlier rule has decided"
        if stop and source and self.facts:
            made = _stopped(stop, made, source, known, self.facts, steps=steps, routes=routes)
        flags = _flags(self.rulings, made)
        return replace(made, rules=tuple(r.as_json() for r in self.rulings), flags=flags)


def judge(version: Compiled, source: Record | None, known: Known, now: datetime) -> Judged:
    if not version.rules or source is None or source.deleted:
        return Judged(version, (), None)
    linked = bool(known.target_id)
    link = {"link.is_new": not linked, "link.has_counterpart": linked, "link.ended": known.ended}
    facts = Facts(source.data, link, now)
    rulings = [_ruling(rule, facts) for rule in version.rules]
    return Judged(_with_values(version, rulings), rulings, facts)


def _ruling(rule: Rule, facts: Facts) -> Ruling:
    applies, note = rule.judge(facts)
    return Ruling(rule, applies, rule.does() if applies and not note else note)


def _with_values(version: Compiled, rulings: Sequence[Ruling]) -> Compiled:
    """What a rule sets is no longer the row's to say, and goes nowhere back."""
    values = {r.rule.target: r.rule.value for r in rulings if r.applies and r.rule.outcome == SET}
    if not values:
        return version
    rows = tuple(replace(row, back="", owner="source") if row.target in values else row for row in version.rows)
    return replace(version, rows=rows, constants=values)


def raised(name: str) -> str:
    """The cause of the incident that a rule of this name raises."""
    return RAISED + _digest(name.casefold())


def _flags(rulings: Sequence[Ruling], made: Plan) -> tuple[str, ...]:
    """Rules that raise an incident about it. What a person leaves out, or what has ended, is nobody's any more."""
    raising = [r for r in rulings if r.applies and r.rule.outcome == INCIDENT]
    if made.verdict == Verdict.END or made.code == "left_out":
        for ruling in raising:
            ruling.came = "it is not synced any more"
        return ()
    return tuple(r.rule.name for r in raising)


def _stopped(
    stop: Ruling, made: Plan, source: Record, known: Known, facts: Facts, *, steps: bool, routes: Routes | None
) -> Plan:
    """What the rule that decides leaves of the plan."""
    if stop.rule.outcome == ROUTE:
        made, stop.came = routing.sent_on(stop.rule.to, stop.rule.to_name, made, known, routes, steps=steps)
        return made
    left = _left_out if stop.rule.outcome == SKIP else _held
    return left(stop, made, source, known, facts, steps)


def _left_out(ruling: Ruling, made: Plan, source: Record, known: Known, facts: Facts, steps: bool) -> Plan:
    if made.verdict in {Verdict.SKIP, Verdict.END, Verdict.CONFLICT}:
        return _goes_on(ruling, made, "nothing was to be written")
    if _always(made):
        return _goes_on(ruling, made, "what was paid or is taken back is recorded all the same")
    if known.target_id and not made.writes:
        return _goes_on(ruling, made, "it waits for another reason")
    reason = f"Left out by the rule “{ruling.rule.name}”: {ruling.rule.reason}"
    ruling.came = f"left out: {ruling.rule.reason}"
    if known.target_id:
        reason += " It has a counterpart, which stays as it is."
    return Plan(Verdict.SKIP, LEFT_OUT, _ended(reason), known.target_id, warnings=made.warnings)


def _held(ruling: Ruling, made: Plan, source: Record, known: Known, facts: Facts, steps: bool) -> Plan:
    if not made.writes:
        return _goes_on(ruling, made, "nothing was to be written")
    if _always(made):
        return _goes_on(ruling, made, "what was paid or is taken back is recorded all the same")
    parts, through = _parts(made, source, steps=steps), known.decision.get("through") or {}
    asked = {"rule": ruling.rule.name, "role": ruling.rule.role, "parts": parts}
    if all(through.get(name) == value for name, value in asked.items()):
        return _goes_on(ruling, made, f"{through.get('who', 'somebody')} has let it through")
    ruling.came = f"held for {ROLES[ruling.rule.role]}"
    reason = _why(ruling.rule, facts) + _since(through, parts)
    hold = {**asked, "shown": _digest(asked)}
    return replace(
        made, verdict=Verdict.HOLD, code=f"{HELD}{ruling.rule.role}", reason=reason, action="", more=False, hold=hold,
        conflicts=(),
    )  # fmt: skip


def _goes_on(ruling: Ruling, made: Plan, words: str) -> Plan:
    ruling.came = words
    return made


def _always(made: Plan) -> bool:
    return made.action in ALWAYS or made.resource in ALWAYS_BESIDE


def _why(rule: Rule, facts: Facts) -> str:
    found = rule.found(facts)
    said = f": {found}" if found else ""
    more = f" {rule.reason}" if rule.reason else ""
    return _ended(f"The rule “{rule.name}” holds it for {ROLES[rule.role]}{said}") + (_ended(more) if more else "")


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def _since(through: Mapping[str, Any], parts: Mapping[str, str]) -> str:
    """What is different from what somebody has let through."""
    if not through:
        return ""
    before = through.get("parts") or {}
    moved = [path for path in sorted({*before, *parts}) if path and before.get(path) != parts.get(path)]
    what = field_words_of(moved) if moved else "What is to be done"
    return f" {what} changed since {through.get('who', 'somebody')} let it through."


def _parts(made: Plan, source: Record, *, steps: bool) -> dict[str, str]:
    """What a person lets through, part by part, so that it can be said what has changed.

    It is the plan, without its words. Where a record takes several steps, the first says little about those that
    follow, and all of them are made from the record at the source: so it is that.
    """
    if steps:
        return {p: _digest(v) for p, v in source.data.items() if p not in _MOVES and p not in source.passing}
    head = [made.verdict, made.code, made.target_id, made.action, made.resource, made.back]
    return {"": _digest(head)} | {c.path: _digest([c.before, c.after]) for c in made.changes}


def _digest(value: Any) -> str:
    plain = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:16]
