"""Rules that send a record to another sync, which reads the same records. Pure; who sends what is read in
syncs/routing.py.

A record is worked by one of them: the sync that sends it leaves it out, and what was made there before stays as it is.
Records that take several steps, such as invoices, stay where their counterpart is: in two places at once, a client
could pay twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from syncs.comparing import Known
from syncs.planning import Plan, Verdict

#: Causes: it goes elsewhere, nobody sent it here, it is sent in a circle, and where it should go is not there any more.
ROUTED, UNSENT, CIRCLE, NOWHERE = "routed", "not_routed", "route_circle", "route_gone"
#: What no rule says anything about.
_SETTLED_BEFORE = frozenset({"left_out", "sample"})
_STAYS = " It has a counterpart here, which stays as it is."

#: The option of a sync that takes only what rules of others send it.
ONLY_SENT = "routed_only"


@dataclass(frozen=True, slots=True)
class Routes:
    """Where the syncs that read the same records send one of them.

    `here`: the sync that is looking; `names`: what they are called; `sent`: {sync: where it sends it}; `keeps`: the
    sync that it was sent to from here and that has its counterpart.
    """

    here: int
    names: Mapping[int, str] = field(default_factory=dict)
    sent: Mapping[int, int] = field(default_factory=dict)
    keeps: int | None = None

    @property
    def comes(self) -> bool:
        """Whether another one sends it here."""
        return self.here in self.sent.values()

    def returns(self, to: int) -> bool:
        """Whether it would come back here from there."""
        met = {self.here}
        while to not in met:
            met.add(to)
            if to not in self.sent:
                return False
            to = self.sent[to]
        return to == self.here


def elsewhere(made: Plan, known: Known, routes: Routes, *, only_sent: bool, steps: bool) -> Plan | None:
    """The plan for a record that is another sync's to work, whatever the rules here say; None for all others."""
    if routes.keeps and not known.target_id:
        name = routes.names.get(routes.keeps, "another sync")
        reason = f"It was sent to “{name}” and has its counterpart there. It stays there, or a client could pay twice."
        return Plan(Verdict.SKIP, ROUTED, reason, warnings=made.warnings, route=routes.keeps)
    stays = _stays(made, known, steps=steps)
    if not only_sent or routes.comes or stays or made.code in _SETTLED_BEFORE or made.verdict == Verdict.END:
        return None
    reason = "No rule sends it here, and only what a rule sends here is taken."
    return Plan(Verdict.SKIP, UNSENT, reason + _kept(known), known.target_id, warnings=made.warnings)


def sent_on(
    to: int | None, name: str, made: Plan, known: Known, routes: Routes | None, *, steps: bool
) -> tuple[Plan, str]:
    """The plan for a record that a rule sends to another sync, and what came of the rule."""
    if made.code in _SETTLED_BEFORE:
        return made, "it is left out anyway"
    if _stays(made, known, steps=steps):
        return made, "its counterpart is here already, so it stays: in two places, a client could pay twice"
    if routes and to not in routes.names:
        reason = f"A rule sends it to “{name}”, which is not there any more. Change the rule."
        return _held(made, NOWHERE, reason, known), f"“{name}” is not there any more"
    if routes and to and routes.returns(to):
        reason = f"A rule here sends it to “{name}”, and a rule there sends it back. Change one of them."
        return replace(_held(made, CIRCLE, reason, known), route=to), f"“{name}” sends it back here"
    reason = f"It goes to “{name}” instead." + _kept(known)
    made = Plan(Verdict.SKIP, ROUTED, reason, known.target_id, warnings=made.warnings, route=to)
    return made, f"goes to “{name}”"


def _stays(made: Plan, known: Known, *, steps: bool) -> bool:
    return steps and bool(known.target_id) and not known.ended


def _kept(known: Known) -> str:
    return _STAYS if known.target_id else ""


def _held(made: Plan, code: str, reason: str, known: Known) -> Plan:
    return Plan(Verdict.HOLD, code, reason, known.target_id, warnings=made.warnings)
