"""An invoice that can be paid, and one that was settled one way or the other. Pure."""

from datetime import UTC, datetime

from connectors.base import Record
from syncs import planning
from syncs.comparing import Change
from syncs.invoices import document
from syncs.invoices.case import LASTING, LASTING_OPEN, Case, part_paid
from syncs.invoices.drafting import new_draft, tax_rate
from syncs.invoices.statuses import DRAFT, NONE, PAID, UNCOLLECTIBLE, VOID
from syncs.planning import Plan, Verdict

CALLED_SETTLED = "Someone said that the difference is settled."


def on_open(case: Case) -> Plan:
    stopped = _not_wanted(case) or _replaced(case)
    if stopped:
        return stopped
    step = _lasting_fields(case, LASTING_OPEN) or _changed_payment(case) or _earlier_payment(case)
    if step:
        return step
    left = case.left_there
    if case.goal == UNCOLLECTIBLE:
        return case.step("It is bad debt in Jobber.", "mark_uncollectible")
    return _settled_elsewhere(case) or case.in_step(f"It can be paid; {case.money(left)} is left.")


def _not_wanted(case: Case) -> Plan | None:
    if case.goal not in {VOID, NONE, DRAFT}:
        return None
    status = str(case.source.data.get("status"))
    held = part_paid(case.there, case.facts.currency, f"It is {status} in Jobber.")
    if held:
        return case.unless_settled(held) or case.in_step(CALLED_SETTLED)
    if case.goal == VOID and (case.options.get("void_without_asking") or case.decided("void")):
        return case.step("It was voided in Jobber.", "void")
    if case.decided("void"):
        return case.step(f"It is {status} in Jobber, and someone asked to void it.", "void")
    return case.hold("approve_void", f"It is {status} in Jobber, and can still be paid in Stripe. Void it there?")


def _replaced(case: Case) -> Plan | None:
    """The old one is void before there is a new one: two are never collectable at once."""
    difference = _difference(case)
    if not difference:
        return None
    held = part_paid(case.there, case.facts.currency, difference)
    if held:
        return case.unless_settled(held)
    if case.decided("replace"):
        return case.step(f"{difference} It is voided, and a new one is made.", "void")
    return case.hold(
        "approve_replace", f"{difference} An open invoice cannot be changed: void it and make a new one?"
    )  # fmt: skip


def _difference(case: Case) -> str:
    """What can not be changed any more and is not as the source has it, in words; '' where all agrees."""
    there, made = case.there.data, case.document
    if there.get("customer") != case.facts.client.id:
        return f"Its client is {case.facts.client.label or 'another one'} now."
    total = case.total_there
    if total != made.total:
        return f"It comes to {case.money(made.total)} in Jobber now, and to {case.money(total)} in Stripe."
    if case.lines_moved():
        return "Its lines have changed in Jobber."
    if made.due and made.due.isoformat() != _due_there(case):
        return f"It is due on {made.due:%-d %b %Y} in Jobber now."
    return ""


def _due_there(case: Case) -> str:
    """The day it was said to be due, where that was past already, else the day that Stripe has."""
    put_off, due = case.there.data.get("metadata.jobber_due_date"), case.there.data.get("due_date")
    day = document.local(datetime.fromtimestamp(int(due), UTC), case.facts.zone).date().isoformat() if due else ""
    return str(put_off or day)


def _lasting_fields(case: Case, lasting: tuple[str, ...]) -> Plan | None:
    changes = [c for c in case.wanted.changes if c.path.startswith(lasting)]
    led = [c for c in case.wanted.led if c.path.startswith(lasting)]
    return case.step(planning.why(case.names, led, case.known), changes=changes) if led else None


# Money that did not come through Stripe


def _all_paid(case: Case) -> bool:
    return case.goal == PAID and case.document.balance <= 0


def _settled_elsewhere(case: Case) -> Plan | None:
    """What payment records cannot say: it is paid in Jobber, and nothing there says how."""
    left = case.left_there
    if not left or not _all_paid(case):
        return None
    words = f"It is paid in Jobber; the {case.money(left)} left in Stripe did not come through Stripe."
    return case.step(words, "pay_out_of_band")


def _attached(target: Record) -> dict[str, int]:
    """{what paid it, or is to pay it: the amount}."""
    rows = target.data.get("payments") or ()
    return {str(p["payment"]): int(p.get("amount") or 0) for p in rows if p.get("status") != "canceled"}


def _changed_payment(case: Case) -> Plan | None:
    """A payment that Stripe was told about is another one now: what is told there cannot be taken back from here."""
    attached, kept = _attached(case.there), {p.id: p.amount for p in case.document.payments}
    for payment, (record, amount) in case.facts.recorded.items():
        here = kept.get(payment, 0)
        if amount != here and (here or record in attached):
            made = case.unless_settled(case.hold("payment_changed", _changed_words(case, record, here, amount)))
            if made:
                return made
    return None


def _changed_words(case: Case, record: str, here: int, there: int) -> str:
    """It names the record, so that two payments of the same amount are asked about one by one."""
    counts = f"Stripe counts it as {case.money(there)} (its record there ends in {record[-4:]})"
    if here > there:
        more = case.money(here - there)
        return f"A payment in Jobber comes to {case.money(here)} now, and {counts}. Enter the other {more} in Stripe."
    is_now = f"has {case.money(here)} left" if here else "was taken out or given back"
    return f"A payment in Jobber {is_now}, and {counts}. Give {case.money(there - here)} back there, or a credit note."


def _earlier_payment(case: Case) -> Plan | None:
    """What was paid elsewhere is told to Stripe: a payment record first, then that it pays this invoice."""
    attached = _attached(case.there)
    for payment in case.document.payments:
        record, _ = case.facts.recorded.get(payment.id, ("", 0))
        if record in attached:
            continue
        doubt = _twice(case, payment)
        if doubt and _all_paid(case):
            continue  # whatever it was, nothing is left to be asked for
        if doubt:
            asked = case.unless_settled(case.hold("paid_twice", doubt))
            if asked:
                return asked
            continue
        if record:
            return case.step(f"{case.money(payment.amount)} paid outside Stripe counts.", "attach_payment",
                             [Change("payment_record", "", record)])  # fmt: skip
        return _record_payment(case, payment)
    return None


def _twice(case: Case, payment: document.Earlier) -> str:
    """Why it may be money that Stripe knows of already, in words; '' where it is not."""
    through = [p for p in case.there.data.get("payments") or () if p.get("kind") != "payment_record"]
    amount = case.money(payment.amount)
    if payment.amount in [int(p.get("amount") or 0) for p in through if p.get("status") == "paid"]:
        return (
            f"Jobber has a payment of {amount} on it, and as much was paid through Stripe. It may be the same money, "
            "so it is not counted again."
        )
    left = case.left_there
    if payment.amount > left:
        return (
            f"Jobber has a payment of {amount} on it, and only {case.money(left)} is left in Stripe. It may have been "
            "paid twice, or a Stripe payment was entered in Jobber by hand."
        )
    return ""


def _record_payment(case: Case, payment: document.Earlier) -> Plan:
    sent = {
        "amount": payment.amount, "currency": case.facts.currency, "initiated_at": int(payment.at.timestamp()),
        "customer": case.facts.client.id, "method": payment.method or "Other", "reference": payment.id,
        "metadata.jobber_payment_id": payment.id, "metadata.jobber_invoice_id": case.source.id,
    }  # fmt: skip
    return case.plan(
        Verdict.CREATE, "payment_record", f"{case.money(payment.amount)} was paid outside Stripe.", target_id="",
        changes=tuple(Change(p, "", v) for p, v in sent.items()), resource="payment_records", more=True,
    )  # fmt: skip


# Settled one way or the other


def on_uncollectible(case: Case) -> Plan:
    """It can still be paid, so it must not ask for another sum; no payment can be attached to it."""
    if case.goal == UNCOLLECTIBLE:
        stopped = _replaced(case) or _paid_aside(case)
        return stopped or _lasting_fields(case, LASTING) or case.in_step("It is bad debt on both sides.")
    return (
        _not_wanted(case)
        or _replaced(case)
        or _settled_elsewhere(case)
        or _paid_aside(case)
        or _lasting_fields(case, LASTING)
        or case.in_step("It is bad debt in Stripe, where it can still be paid.")
    )


def _paid_aside(case: Case) -> Plan | None:
    """A payment at the source that cannot be told to bad debt: a card could pay the same money again."""
    if _earlier_payment(case) is None:
        return None
    here, there = case.money(case.document.balance), case.money(case.left_there)
    words = f"It was paid in Jobber after it became bad debt in Stripe: {here} is left in Jobber, {there} in Stripe."
    held = part_paid(case.there, case.facts.currency, words)
    if held:
        return case.unless_settled(held)
    if case.decided("void"):
        return case.step(f"{words} Someone asked to void it.", "void")
    return case.hold("approve_void", f"{words} It can still be paid there. Void it?")


def on_paid(case: Case) -> Plan:
    if case.goal in {VOID, NONE, DRAFT, UNCOLLECTIBLE}:
        status = str(case.source.data.get("status")).replace("_", " ")
        made = case.plan(Verdict.CONFLICT, "paid_there", f"It is paid in Stripe, but {status} in Jobber.")
        return case.unless_settled(made) or case.in_step(CALLED_SETTLED)
    asked = case.unless_settled(_comes_to_another_sum(case)) or _changed_payment(case)
    step = asked or case.unless_settled(_open_again(case)) or _lasting_fields(case, LASTING)
    if step:
        return step
    return case.in_step(
        "It is paid on both sides." if case.goal == PAID else "It is paid in Stripe, and still open in Jobber."
    )


def _comes_to_another_sum(case: Case) -> Plan | None:
    total = case.total_there
    if total == case.document.total:
        return None
    words = (
        f"It was paid as {case.money(total)} in Stripe, and comes to {case.money(case.document.total)} in Jobber "
        "now. Give a credit note or send another invoice for the difference."
    )
    return case.plan(Verdict.CONFLICT, "changed_after_paid", words)


def _open_again(case: Case) -> Plan | None:
    """Jobber asks for more than has come in through Stripe, of an invoice that Stripe counts as paid another way."""
    left, came = case.document.balance, sum(int(p.get("amount") or 0) for p in document.through(case.there))
    recorded = sum(amount for record, amount in case.facts.recorded.values() if record in _attached(case.there))
    if case.goal == PAID or left <= came or came + recorded >= case.total_there:
        return None
    words = (
        f"It is open in Jobber, with {case.money(left)} left, and counts as paid in Stripe, where {case.money(came)} "
        "came in. Stripe cannot take that back: send another invoice for what is left, or close it in Jobber."
    )
    return case.plan(Verdict.CONFLICT, "payment_changed", words)


def on_void(case: Case) -> Plan:
    if case.goal == VOID:
        return case.in_step("It is void on both sides.")
    if case.goal in {NONE, DRAFT}:
        return case.in_step("It is void in Stripe, and not sent in Jobber.")
    if case.decided("replace") or case.decided("new"):
        return tax_rate(case) or new_draft(case)
    if case.goal in {PAID, UNCOLLECTIBLE}:
        return case.in_step("It is void in Stripe, and there is nothing more to collect for it in Jobber.")
    return case.hold(
        "void_there", "It was voided in Stripe, and is still open in Jobber. Make a new one, or leave it out?"
    )  # fmt: skip
