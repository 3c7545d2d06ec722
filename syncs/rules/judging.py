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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from connectors.base import Record
from syncs.comparing import Known
from syncs.mapping import Compiled
from syncs.planning import Plan, Verdict
from syncs.rules import editing, holding
from syncs.rules import routes as routing
from syncs.rules.book import BESIDE, INCIDENT, ROLES, ROUTE, SET, SKIP, Rule
from syncs.rules.holding import Asked
from syncs.rules.routes import ONLY_SENT, Routes
from syncs.rules.values import Facts

#: Steps that make nothing payable: they take a demand back, or say that it was met.
ALWAYS = frozenset({"void", "delete", "mark_uncollectible", "pay_out_of_band", "attach_payment", "close_received"})
ALWAYS_BESIDE = frozenset({"payment_records"})
#: The cause of a record that a rule has left out; that of one that is held is in `holding`.
LEFT_OUT = "rule"
#: Of an incident that a rule raises; it goes on with what stands for the rule's name.
RAISED = "rule_incident:"


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
    """What the rules say about one record before it is planned. `version`: with the values that they set, and that a
    person has; `editable`: {path: what the mapping gives} of those that a person may set."""

    version: Compiled
    rulings: Sequence[Ruling]
    facts: Facts | None
    editable: Mapping[str, Any] = field(default_factory=dict)

    def settle(
        self, made: Plan, source: Record | None, known: Known, *, steps: bool, routes: Routes | None = None
    ) -> Plan:
        """The plan that the rules leave of the planner's. `routes`: where other syncs send it, where that counts."""
        if routes and source and not source.deleted:
            only_sent = bool(self.version.options.get(ONLY_SENT))
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
            made = self._stopped(stop, made, source, known, self.facts, steps=steps, routes=routes)
        flags = _flags(self.rulings, made)
        return replace(made, rules=tuple(r.as_json() for r in self.rulings), flags=flags)

    def _stopped(
        self, stop: Ruling, made: Plan, source: Record, known: Known, facts: Facts, *, steps: bool,
        routes: Routes | None,
    ) -> Plan:  # fmt: skip
        """What the rule that decides leaves of the plan."""
        if stop.rule.outcome == ROUTE:
            made, stop.came = routing.sent_on(stop.rule.to, stop.rule.to_name, made, known, routes, steps=steps)
            return made
        if stop.rule.outcome == SKIP:
            return _left_out(stop, made, known)
        asked = Asked(stop.rule.name, stop.rule.role, _why(stop.rule, facts), steps, self.editable)
        return _held(stop, made, source, known, asked)


def judge(version: Compiled, source: Record | None, known: Known, now: datetime) -> Judged:
    if source is None or source.deleted:
        return Judged(version, (), None)
    linked = bool(known.target_id)
    link = {"link.is_new": not linked, "link.has_counterpart": linked, "link.ended": known.ended}
    facts = Facts(source.data, link, now)
    rulings = [_ruling(rule, facts) for rule in version.rules]
    set_by_rules = _with_values(version, rulings)
    given = editing.given(set_by_rules, source, known)
    editable = {row.target: given[row.target] for row in version.rows if row.editable and row.target in given}
    return Judged(editing.edited(set_by_rules, given, known), rulings, facts, editable)


def _ruling(rule: Rule, facts: Facts) -> Ruling:
    applies, note = rule.judge(facts)
    return Ruling(rule, applies, rule.does() if applies and not note else note)


def _with_values(version: Compiled, rulings: Sequence[Ruling]) -> Compiled:
    values = {r.rule.target: r.rule.value for r in rulings if r.applies and r.rule.outcome == SET}
    return version.setting(values) if values else version


def raised(name: str) -> str:
    """The cause of the incident that a rule of this name raises."""
    return RAISED + holding.digest(name.casefold())


def _flags(rulings: Sequence[Ruling], made: Plan) -> tuple[str, ...]:
    """Rules that raise an incident about it. What a person leaves out, or what has ended, is nobody's any more."""
    raising = [r for r in rulings if r.applies and r.rule.outcome == INCIDENT]
    if made.verdict == Verdict.END or made.code == "left_out":
        for ruling in raising:
            ruling.came = "it is not synced any more"
        return ()
    return tuple(r.rule.name for r in raising)


def _left_out(ruling: Ruling, made: Plan, known: Known) -> Plan:
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


def _held(ruling: Ruling, made: Plan, source: Record, known: Known, asked: Asked) -> Plan:
    if not made.writes:
        return _goes_on(ruling, made, "nothing was to be written")
    if _always(made):
        return _goes_on(ruling, made, "what was paid or is taken back is recorded all the same")
    found = holding.held(made, source, known, asked)
    if found is made:
        return _goes_on(ruling, made, f"{known.decision['through'].get('who', 'somebody')} has approved it")
    ruling.came = f"held for {ROLES[ruling.rule.role]}" if found.hold else "nobody decided about it in time"
    return found


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
