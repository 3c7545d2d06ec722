"""All that one look at an invoice has to go by, and how its plans are put. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Record
from syncs import currencies
from syncs.comparing import Change, Comparison, Known
from syncs.invoices.document import ROUNDING, Document, paid_through
from syncs.invoices.facts import Facts
from syncs.mapping import Compiled
from syncs.planning import Names, Plan, Verdict, field_words

#: In the link's base: what was sent for each line.
SENT = "_lines"
LINE_KEY = "jobber_line_id"
#: A second invoice for a record that has its counterpart has this before its own id, instead of a source id.
COPY = "copy:"
#: In the link's base: the draft was deleted by us, so that a new one may be made.
TAKEN_BACK = "_taken_back"
#: In the link's base: differences that a person has called settled, in the words in which they were asked about.
SETTLED = "_settled"
MOST_SETTLED = 5
#: So much of what is asked is kept with the link.
ASKED = 500
#: Fields that Stripe lets change after an invoice has its number: while it is open, and for good.
LASTING_OPEN, LASTING = ("metadata.", "description"), ("metadata.",)


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

    @property
    def there(self) -> Record:
        """The counterpart, for the steps that are chosen by its status."""
        assert self.target is not None  # noqa: S101  # without one there is no status to choose them by
        return self.target

    @property
    def total_there(self) -> int:
        """What the counterpart comes to, in minor units."""
        return int(self.there.data.get("total") or 0)

    @property
    def left_there(self) -> int:
        """What is still to be paid of the counterpart, in minor units."""
        return int(self.there.data.get("amount_remaining") or 0)

    def money(self, amount: int) -> str:
        return currencies.shown(amount, self.facts.currency)

    def decided(self, choice: str) -> bool:
        return self.known.decision.get("choice") == choice

    def plan(self, verdict: Verdict, code: str, reason: str, **more: Any) -> Plan:
        kept, settled = self.known.base, settled_of(self.known)
        values = {**self.wanted.values, **({SENT: kept[SENT]} if SENT in kept else {})}
        values |= {SETTLED: settled[-MOST_SETTLED:]} if settled else {}
        found: dict[str, Any] = {"target_id": self.target.id if self.target else "", "values": values} | more
        return Plan(verdict, code, reason, **found)

    def step(self, reason: str, action: str = "", changes: Sequence[Change] = (), **more: Any) -> Plan:
        found: dict[str, Any] = {"action": action, "changes": tuple(changes), "more": True} | more
        return self.plan(Verdict.UPDATE, action or "changed", reason, **found)

    def in_step(self, reason: str) -> Plan:
        return self.plan(Verdict.SKIP, "in_step", reason, warnings=(*self.wanted.warnings, *self._kept()))

    def _kept(self) -> list[str]:
        """What has changed at the source and can not be told any more."""
        kept = f"{field_words(self.wanted.led)} changed in Jobber, and stays in Stripe as it was sent."
        return [kept] if self.wanted.led else []

    def hold(self, code: str, reason: str) -> Plan:
        return self.plan(Verdict.HOLD, code, reason)

    def unless_settled(self, made: Plan | None) -> Plan | None:
        """The plan, which asks a person; None where one has said that just this is settled."""
        return None if made and is_settled(made, self.known) else made

    def lines_moved(self) -> bool:
        """Whether the source's lines are others than those that were sent."""
        before = self.known.base.get(SENT)
        now = {line.key: line.as_json() for line in self.document.lines if line.key != ROUNDING}
        return before is not None and {k: v for k, v in before.items() if k != ROUNDING} != now


def settled_of(known: Known) -> list[str]:
    """What somebody has called settled, the latest last. It speaks of amounts, so it ends as soon as one changes."""
    said = [*known.base.get(SETTLED, ()), str(known.decision.get("settled") or "")]
    return [words for words in dict.fromkeys(said) if words]


def is_settled(made: Plan, known: Known) -> bool:
    return made.reason[:ASKED] in settled_of(known)


def paid_of(target: Record) -> int:
    """What is paid of it at the target, in minor units, however that came about."""
    return sum(int(p.get("amount") or 0) for p in target.data.get("payments") or () if p.get("status") == "paid")


def part_paid(target: Record, currency: str, why: str) -> Plan | None:
    """An invoice that something is paid of is never void: Stripe refuses it, and a new one would ask for all again."""
    paid = paid_of(target)
    if not paid:
        return None
    way = "Give a credit note or the money back" if paid_through(target) else "Give a credit note for the difference"
    words = (
        f"{why} {currencies.shown(paid, currency)} of it counts as paid in Stripe, so it cannot be voided there. {way} "
        "in Stripe, or change it back in Jobber."
    )
    return Plan(Verdict.HOLD, "part_paid", words, target.id)
