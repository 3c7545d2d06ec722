"""What a payment at Stripe makes known in Jobber: a note on the invoice, a link to pay by, the invoice closed. Pure.

Jobber's API has no way to record a payment (late 2026), so it is said in words and with a field of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from connectors.base import Record
from syncs import currencies
from syncs.comparing import Change, Known, same
from syncs.invoices.document import Impossible, cents, local, paid_through, through
from syncs.mapping import Compiled
from syncs.matching import Clues
from syncs.planning import PUT_BACK, Names, Plan, Verdict, left_out

MESSAGE = "message"
#: In the link's base: the invoice whose payment page stands in Jobber.
LINKED = "_linked"
#: In the link's base: the invoice for whose payment it was closed in Jobber.
CLOSED = "_closed"
#: The field of Jobber invoices that the page stands in, and how it comes to be there.
PAY_ONLINE, FIELD, ADD_FIELD = "Pay online", "custom.pay_online", "add_link_field"
STILL_OPEN = {"awaiting_payment", "sent_not_due", "past_due"}


@dataclass(frozen=True, slots=True)
class NoteFacts:
    """`invoice_id`: the Jobber invoice that the payment is for, '' where it is for none."""

    invoice_id: str
    zone: str
    currency: str


@dataclass(frozen=True, slots=True)
class PageFacts:
    """`invoice`: the Jobber invoice that the Stripe invoice was made from. `has_field`: Jobber's invoices have the
    field for the page. `another`: that Jobber invoice stands in Stripe as another invoice, and this only names it.
    `given_back`: minor units of its payments that were refunded, or lost in a dispute."""

    invoice: Record | None
    has_field: bool = False
    another: bool = False
    given_back: int = 0


def plan_note(
    version: Compiled, names: Names, source: Record | None, target: Record | None, known: Known, clues: Clues,
    facts: NoteFacts | None,
) -> Plan:  # fmt: skip
    """One note for each payment, changed as the payment changes."""
    if facts is None:
        raise ValueError("A note cannot be planned without its facts.")
    if source is None or source.deleted:
        return Plan(Verdict.END, "source_deleted", "The payment is not in Stripe any more.", known.target_id)
    decided = left_out(known)
    if decided:
        return decided
    status = str(source.data.get("status"))
    there = None if target is None or target.deleted else target
    if there is None and not known.target_id:
        there = next((c for c in clues.candidates if c.references.get(names.reference) == source.id), None)
    if not facts.invoice_id and there is None:
        return Plan(Verdict.SKIP, "no_invoice", "It pays no invoice that came from Jobber.", known.target_id)
    if there is None and (status in {"none", "cancelled"} or (status == "failed" and not _wants_failed(version))):
        return Plan(Verdict.SKIP, "not_paid", _NOT_SAID.get(status, "Nothing was paid yet."), known.target_id)
    text = note(source, facts)
    return _keep_note(source, there, known, facts, text)


_NOT_SAID = {
    "failed": "It failed, and failed payments are not noted.",
    "cancelled": "It was given up before it was paid.",
}


def _wants_failed(version: Compiled) -> bool:
    return bool(version.options.get("note_failures", True))


def _keep_note(source: Record, there: Record | None, known: Known, facts: NoteFacts, text: str) -> Plan:
    values = {MESSAGE: text}
    if there is None:
        if known.target_id and known.base.get(MESSAGE) == text:
            words = "Its note was deleted in Jobber. Nothing has changed since."
            return Plan(Verdict.END, "target_deleted", words, known.target_id, values=values)
        changes = (Change("invoice_id", "", facts.invoice_id), Change(MESSAGE, "", text))
        return Plan(
            Verdict.CREATE, "missing", "The invoice in Jobber has no note of it yet.", "", changes, values=values
        )
    before = str(there.data.get(MESSAGE) or "")
    if before == text:
        verdict, code = (Verdict.SKIP, "in_step") if known.target_id else (Verdict.LINK, "matched")
        return Plan(verdict, code, "The note says how it stands.", there.id, values=values)
    ours = same(known.base.get(MESSAGE), text)
    reason = f"The note was changed in Jobber; what Stripe says {PUT_BACK}" if ours else (
        "The payment has moved on since the note was written."
    )  # fmt: skip
    return Plan(Verdict.UPDATE, "changed", reason, there.id, (Change(MESSAGE, before, text),), values=values)


def note(payment: Record, facts: NoteFacts) -> str:
    """How the payment stands, in two or three lines; the last names it, so that the note is found again."""
    data = payment.data
    currency = str(data.get("currency") or facts.currency)

    def money(path: str) -> str:
        return currencies.shown(int(data.get(path) or 0), currency, facts.currency)

    by = f" by {data['method']}" if data.get("method") else ""
    when = _day(data.get("paid_at") or data.get("created"), facts.zone)
    said = {
        "paid": f"Paid {money('amount_received')}{by} on {when}, through Stripe.",
        "part_refunded": f"Paid {money('amount_received')}{by} on {when}, through Stripe; {money('amount_refunded')} "
        "of it was given back.",
        "refunded": f"Paid {money('amount_received')}{by} on {when}, through Stripe, and all of it was given back.",
        "disputed": f"Paid {money('amount_received')}{by} on {when}, through Stripe. The payer's bank disputes it: "
        "answer in Stripe before the deadline there.",
        "dispute_lost": f"{money('amount_received')}{by} of {when} was lost in a dispute: it is not paid.",
        "processing": f"{money('amount')}{by} is on its way through Stripe, which takes days. It is not paid yet.",
        "authorised": f"{money('amount')}{by} is authorised in Stripe, and not taken yet.",
        "failed": f"A payment of {money('amount')}{by} failed on {when}{_why(data)}",
        "cancelled": f"A payment of {money('amount')} was given up.",
        "none": f"A payment of {money('amount')} was begun, and is not made yet.",
    }
    text = said.get(str(data.get("status")), f"A payment of {money('amount')} has the status {data.get('status')}.")
    return f"{text}\nStripe payment {payment.id}"


def _why(data: Mapping[str, Any]) -> str:
    words = str(data.get("failure_message") or "").strip()
    return f": {words}" if words else "."


def _day(seconds: object, zone: str) -> str:
    moment = datetime.fromtimestamp(int(seconds) if isinstance(seconds, int) else 0, UTC)
    return local(moment, zone).strftime("%-d %b %Y")


def plan_page(
    version: Compiled, names: Names, source: Record | None, target: Record | None, known: Known, clues: Clues,
    facts: PageFacts | None,
) -> Plan:  # fmt: skip
    """The page to pay by goes into a field of the Jobber invoice; one that was paid there may be closed here."""
    if facts is None:
        raise ValueError("A payment page cannot be planned without its facts.")
    if source is None or source.deleted or source.data.get("status") == "draft":
        code = "source_deleted" if source is None or source.deleted else "draft"
        verdict = Verdict.END if code == "source_deleted" and known.target_id else Verdict.SKIP
        return Plan(verdict, code, "It has no payment page in Stripe.", known.target_id)
    if source.data.get("status") == "void":  # for good: the Jobber invoice is free for the one that takes its place
        verdict = Verdict.END if known.target_id else Verdict.SKIP
        return Plan(verdict, "void", "It is void in Stripe, so there is nothing to pay.", known.target_id)
    decided = left_out(known)
    if decided:
        return decided
    if facts.invoice is None:
        return Plan(
            Verdict.SKIP, "not_ours", "It was not made from a Jobber invoice that is still there.", known.target_id
        )
    if facts.another:
        words = "Another invoice in Stripe is that of this Jobber invoice, whose page to pay by stays there."
        return Plan(Verdict.END if known.target_id else Verdict.SKIP, "not_its_own", words, known.target_id)
    step = _page(source, facts.invoice, known, facts, version) or _close(source, facts.invoice, version, known, facts)
    if step is None:
        done = Verdict.SKIP if known.target_id else Verdict.LINK
        code = "in_step" if known.target_id else "matched"
        return Plan(done, code, "Jobber knows all there is to know.", facts.invoice.id, values=dict(known.base))
    return replace(step, target_id=facts.invoice.id)


def _page(source: Record, invoice: Record, known: Known, facts: PageFacts, version: Compiled) -> Plan | None:
    """Written once for each Stripe invoice: the address holds a token that is fresh at every reading. Written again
    where Jobber shows another one than was written."""
    url = str(source.data.get("hosted_url") or "")
    to_pay = source.data.get("status") == "open" and invoice.data.get("status") in STILL_OPEN
    wanted = version.options.get("write_link", True) and to_pay and url
    there = str(invoice.data.get(FIELD) or "")
    if not wanted or (known.base.get(LINKED) == source.id and there and there == known.base.get(FIELD, there)):
        return None
    if not facts.has_field:
        return _add_field(known)
    change = Change(FIELD, there, url)
    values = {**known.base, LINKED: source.id, FIELD: url}
    return Plan(
        Verdict.UPDATE, "pay_link", "Its page to pay by goes onto the Jobber invoice.", "", (change,), values=values
    )


def _add_field(known: Known) -> Plan:
    reason = f"Its page to pay by goes onto the Jobber invoice, which gets the field “{PAY_ONLINE}” for it first."
    change, values = Change("label", "", PAY_ONLINE), dict(known.base)
    return Plan(Verdict.UPDATE, "link_field", reason, "", (change,), values=values, action=ADD_FIELD, more=True)


def _close(source: Record, invoice: Record, version: Compiled, known: Known, facts: PageFacts) -> Plan | None:
    """Only what was paid in full, through Stripe, and is still open in Jobber; once, so that a person may open it
    again."""
    paid = source.data.get("status") == "paid" and paid_through(source) and known.base.get(CLOSED) != source.id
    if not (paid and version.options.get("close_when_paid") and invoice.data.get("status") in STILL_OPEN):
        return None
    if not _covers(source, invoice, facts):
        return None
    reason = "It is paid in full through Stripe, so it is closed as received in Jobber."
    values = {**known.base, CLOSED: source.id}
    return Plan(Verdict.UPDATE, "close_received", reason, action="close_received", values=values)


def _covers(source: Record, invoice: Record, facts: PageFacts) -> bool:
    """Whether what came in through Stripe, less what was given back or lost, is what is left to be paid in Jobber."""
    came = sum(int(p.get("amount") or 0) for p in through(source)) - facts.given_back
    try:
        left = cents(invoice.data.get("balance"), str(source.data.get("currency") or ""))
        total = cents(invoice.data.get("total"), str(source.data.get("currency") or ""))
    except Impossible:
        return False
    return came >= left and int(source.data.get("total") or 0) == total
