"""The one next step that brings an invoice at the target to what the source says. Pure.

Draft, lines, comparison of totals, number, payments: each is a plan of its own, made from what is there by then.
Nothing becomes collectable before both sides come to the same total, to the cent; nothing that was collectable is
changed in silence, and two of one invoice are never collectable at once.
"""

from dataclasses import replace

from connectors.base import Record
from syncs import currencies
from syncs.comparing import Known, adopted, compare
from syncs.invoices import document
from syncs.invoices.case import Case, is_settled, part_paid
from syncs.invoices.document import Document, Impossible
from syncs.invoices.drafting import on_draft, rounding, to_round, without
from syncs.invoices.facts import ON_ITS_WAY, Facts
from syncs.invoices.opened import on_open, on_paid, on_uncollectible, on_void
from syncs.invoices.statuses import DRAFT, NONE, OPEN, PAID, UNCOLLECTIBLE, VOID, goal
from syncs.mapping import Compiled
from syncs.matching import Clues
from syncs.planning import Names, Plan, Verdict, left_out

#: What must not meet a payment that is on its way, and the questions that lead to it.
_ENDING, _ASKING = {"void", "attach_payment", "pay_out_of_band"}, {"approve_void", "approve_replace"}


def plan(
    version: Compiled, names: Names, source: Record | None, target: Record | None, known: Known, clues: Clues,
    facts: Facts | None,
) -> Plan:  # fmt: skip
    """One step. `facts` is always given for this recipe."""
    if facts is None:
        raise ValueError("An invoice cannot be planned without its facts.")
    made = _step(version, names, source, target, known, clues, facts)
    return _after_payment(made, target, facts) or made


def _after_payment(made: Plan, target: Record | None, facts: Facts) -> Plan | None:
    """What a payment that is on its way must not meet waits until that has arrived or failed: an invoice that was
    voided, or paid another way, would be paid twice."""
    amount = facts.under_way.get(target.id, 0) if target else 0
    if not amount or not (made.action in _ENDING or made.resource == "payment_records" or made.code in _ASKING):
        return None
    words = (
        f"A payment of {currencies.shown(amount, facts.currency)} is on its way through Stripe, which can take days. "
        "It goes on when that has arrived or failed."
    )
    return Plan(Verdict.WAIT, ON_ITS_WAY, words, made.target_id)


def _step(
    version: Compiled, names: Names, source: Record | None, target: Record | None, known: Known, clues: Clues,
    facts: Facts,
) -> Plan:  # fmt: skip
    if source is None or source.deleted:
        return left_out(known) or _gone(version, target, known)
    held = _left_out(version, source, target, known)
    if held:
        return held
    if target is None and not known.target_id:
        found = _counterpart(source, clues, names)
        if isinstance(found, Plan):
            return found
        if found:
            adopting = replace(known, base=adopted(version, found).base)
            return _linking(_planned(version, names, source, found, adopting, facts), found)
    return _planned(version, names, source, target, known, facts)


def _linking(made: Plan, found: Record) -> Plan:
    """The first step with one that was there already also makes the link."""
    if made.verdict != Verdict.SKIP or made.code != "in_step":
        return replace(made, target_id=made.target_id or found.id)
    return replace(made, verdict=Verdict.LINK, code="matched", reason="It already carries this invoice's id.")


def _left_out(version: Compiled, source: Record, target: Record | None, known: Known) -> Plan | None:
    decided = left_out(known)
    if decided:
        return decided
    meant, status = goal(str(source.data.get("status") or ""), version.options), source.data.get("status")
    if not meant:
        words = f"Its status in Jobber is “{status}”, and nobody has said what that means in Stripe."
        return Plan(Verdict.HOLD, "unknown_status", words, known.target_id)
    if known.target_id or target:
        return None
    if meant == NONE:
        return Plan(Verdict.SKIP, "not_sent", "It is not sent in Jobber yet.")
    if meant == VOID:
        return Plan(Verdict.SKIP, "voided", "It was voided in Jobber before it came to Stripe.")
    if meant == PAID and not version.options.get("include_paid", True):
        return Plan(Verdict.SKIP, "paid_before", "It was paid in Jobber before it came to Stripe.")
    return None


def _counterpart(source: Record, clues: Clues, names: Names) -> Record | Plan | None:
    """Only one that carries its id: numbers and amounts repeat."""
    mine = [c for c in clues.candidates if c.references.get(names.reference) == source.id]
    living = [c for c in mine if c.data.get("status") != VOID]
    if len(living) > 1:
        words = f"{len(living)} invoices in Stripe carry this invoice's id. Void all but one of them there."
        return Plan(Verdict.HOLD, "ambiguous_invoice", words)
    return living[0] if living else None


def _gone(version: Compiled, target: Record | None, known: Known) -> Plan:
    """It was deleted at the source: what could still be paid must not stay so, but only a person voids it."""
    copy = known.decision.get("copy_of")
    why = f"It is there a second time beside that of {copy}" if copy else "The invoice was deleted in Jobber"
    status = target.data.get("status") if target and not target.deleted else ""
    if not target or not status or status == VOID:
        return Plan(Verdict.END, "source_deleted", f"{why}.", known.target_id)
    if status == DRAFT:
        return Plan(
            Verdict.UPDATE, "delete", f"{why}, so its draft in Stripe goes too.", target.id, values=known.base,
            action="delete", more=True,
        )  # fmt: skip
    held: Plan | None
    if status == PAID:
        held = Plan(Verdict.CONFLICT, "paid_there", f"{why}, but it is paid in Stripe.", target.id)
    else:
        held = part_paid(target, str(target.data.get("currency") or ""), f"{why}.")
    if held and is_settled(held, known):
        return Plan(Verdict.END, "source_deleted", f"{why}. Someone said that it is settled.", known.target_id)
    if held:
        return held
    if version.options.get("void_without_asking") or known.decision.get("choice") == "void":
        return Plan(
            Verdict.UPDATE, "void", f"{why}, so it is voided in Stripe.", target.id, values=known.base, action="void",
            more=True,
        )  # fmt: skip
    return Plan(Verdict.HOLD, "approve_void", f"{why}, and can still be paid in Stripe. Void it there?", target.id)


def _planned(
    version: Compiled, names: Names, source: Record, target: Record | None, known: Known, facts: Facts
) -> Plan:  # fmt: skip
    """What is withdrawn needs neither a client nor figures that make sense; what is paid needs no client any more."""
    there = None if target is None or target.deleted else target
    meant = goal(str(source.data.get("status") or ""), version.options)
    made, withdrawn = Document(), meant in {VOID, NONE}
    waits = None if withdrawn or (there and there.data.get("status") == PAID) else _client(facts, source)
    if waits:
        return replace(waits, target_id=known.target_id)
    if not withdrawn:
        try:
            made = _document(version, source, there, facts)
        except Impossible as error:
            return Plan(Verdict.HOLD, error.code, str(error), known.target_id)
    wanted = compare(version, source, there, known)
    case = Case(version, names, source, there, known, facts, meant, made, wanted)
    if there is None:
        return without(case)
    return _BY_STATUS[str(there.data.get("status") or DRAFT)](case)


def _document(version: Compiled, source: Record, there: Record | None, facts: Facts) -> Document:
    """With a line for rounding, where the business has said that this is all right. Raises Impossible."""
    made = document.read(source, facts, version.options)
    cents = to_round(version, made, int(there.data.get("total") or 0), there) if there else 0
    return replace(made, lines=(*made.lines, rounding(cents))) if cents else made


def _client(facts: Facts, source: Record) -> Plan | None:
    client = facts.client
    label = client.label or str(source.data.get("client_name") or "its client")
    if not source.data.get("client_id"):
        return Plan(Verdict.HOLD, "no_client", "It has no client in Jobber, so nobody could pay it.")
    if client.state == "ready":
        return None
    if client.state == "coming":
        return Plan(Verdict.WAIT, "client", f"It waits until {label} is a customer in Stripe.")
    if client.state == "unknown":
        return Plan(
            Verdict.HOLD, "no_client_sync", "Clients are not kept in step with Stripe yet: switch that on first."
        )
    why = f": {client.cause}" if client.cause else "."
    return Plan(Verdict.HOLD, "client_stopped", f"Its client, {label}, is not a customer in Stripe{why}")


_BY_STATUS = {
    DRAFT: on_draft, OPEN: on_open, UNCOLLECTIBLE: on_uncollectible, PAID: on_paid, VOID: on_void,
}  # fmt: skip
