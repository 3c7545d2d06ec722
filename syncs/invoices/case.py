"""All that one look at an invoice has to go by, and how its plans are put. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Record
from syncs import currencies
from syncs.comparing import Change, Comparison, Known
from syncs.invoices.document import Document
from syncs.invoices.facts import Facts
from syncs.mapping import Compiled
from syncs.planning import Names, Plan, Verdict

#: In the link's base: what was sent for each line.
SENT = "_lines"
LINE_KEY = "jobber_line_id"
#: In the link's base: the draft was deleted by us, so that a new one may be made.
TAKEN_BACK = "_taken_back"
#: Fields that Stripe lets change after an invoice has its number.
LASTING = ("metadata.",)


@dataclass(frozen=True, slots=True)
class Case:
    """All that one look has to go by. `wanted`: the mapped fields compared with the target's."""

    version: Compiled
    names: Names
    source: Record
    target: Record | None
    known: Known
    facts: Facts
    goal: str
    document: Document
    wanted: Comparison

    @property
    def options(self) -> Mapping[str, Any]:
        return self.version.options

    def money(self, amount: int) -> str:
        return currencies.shown(amount, self.facts.currency)

    def decided(self, choice: str) -> bool:
        return self.known.decision.get("choice") == choice

    def plan(self, verdict: Verdict, code: str, reason: str, **more: Any) -> Plan:
        values = {**self.wanted.values, **({SENT: self.known.base[SENT]} if SENT in self.known.base else {})}
        found: dict[str, Any] = {"target_id": self.target.id if self.target else "", "values": values} | more
        return Plan(verdict, code, reason, **found)

    def step(self, reason: str, action: str = "", changes: Sequence[Change] = (), **more: Any) -> Plan:
        found: dict[str, Any] = {"action": action, "changes": tuple(changes), "more": True} | more
        return self.plan(Verdict.UPDATE, action or "changed", reason, **found)  # fmt: skip

    def in_step(self, reason: str) -> Plan:
        return self.plan(Verdict.SKIP, "in_step", reason, warnings=self.wanted.warnings)

    def hold(self, code: str, reason: str) -> Plan:
        return self.plan(Verdict.HOLD, code, reason)
