"""An invoice that can be paid, and one that was settled one way or the other. Pure."""

from syncs import planning
from syncs.comparing import Change
from syncs.invoices import document
from syncs.invoices.case import LASTING, SENT, Case
from syncs.invoices.drafting import new_draft, tax_rate
from syncs.invoices.statuses import DRAFT, NONE, PAID, UNCOLLECTIBLE, VOID
from syncs.planning import Plan, Verdict


def on_open(case: Case) -> Plan:
    stopped = _not_wanted(case)
    if stopped:
        return stopped
    difference = _difference(case)
    if difference:
        if case.decided("replace"):
            return case.step(f"{difference} It is voided, and a new one is made.", "void")
        return case.hold(
            "approve_replace", f"{difference} An open invoice cannot be changed: void it and make a new one?"
        )
    step = _lasting_fields(case) or _earlier_payment(case)
    if step:
        return step
    left = int((case.target.data if case.target else {}).get("amount_remaining") or 0)
    if case.goal == UNCOLLECTIBLE:
        return case.step("It is bad debt in Jobber.", "mark_uncollectible")
    if case.goal == PAID and left and case.document.balance <= 0:
        return case.step(
            f"It is paid in Jobber; the {case.money(left)} left in Stripe did not come through Stripe.",
            "pay_out_of_band",
        )
    return case.in_step(f"It can be paid; {case.money(left)} is left.")


def _not_wanted(case: Case) -> Plan | None:
    if case.goal not in {VOID, NONE, DRAFT}:
        return None
    status = str(case.source.data.get("status"))
    if case.goal == VOID and (case.options.get("void_without_asking") or case.decided("void")):
        return case.step("It was voided in Jobber.", "void")
    if case.decided("void"):
        return case.step(f"It is {status} in Jobber, and someone asked to void it.", "void")
    return case.hold("approve_void", f"It is {status} in Jobber, and can still be paid in Stripe. Void it there?")


def _difference(case: Case) -> str:
    """What can not be changed any more and is not as the source has it, in words; '' where all agrees."""
    assert case.target is not None  # noqa: S101
    there, made = case.target.data, case.document
    if there.get("customer") != case.facts.client.id:
        return f"Its client is {case.facts.client.label or 'another one'} now."
    total = int(there.get("total") or 0)
    if total != made.total:
        return f"It comes to {case.money(made.total)} in Jobber now, and to {case.money(total)} in Stripe."
    before = case.known.base.get(SENT)
    sent = {line.key: line.as_json() for line in made.lines if line.key != document.ROUNDING}
    if before is not None and {k: v for k, v in before.items() if k != document.ROUNDING} != sent:
        return "Its lines have changed in Jobber."
    return ""


def _lasting_fields(case: Case) -> Plan | None:
    changes = [c for c in case.wanted.changes if c.path.startswith(LASTING)]
    led = [c for c in case.wanted.led if c.path.startswith(LASTING)]
    return case.step(f"{planning.field_words(changes)} changed in Jobber.", changes=changes) if led else None


def _earlier_payment(case: Case) -> Plan | None:
    """What was paid elsewhere is told to Stripe: a payment record first, then that it pays this invoice."""
    assert case.target is not None  # noqa: S101
    attached = {p["payment"] for p in case.target.data.get("payments") or () if p.get("status") != "canceled"}
    left = int(case.target.data.get("amount_remaining") or 0)
    for payment in case.document.payments:
        record = case.facts.recorded.get(payment.id)
        if record in attached:
            continue
        if payment.amount > left:
            words = (
                f"Jobber has a payment of {case.money(payment.amount)} on it, and only {case.money(left)} is left in "
                "Stripe. It may have been paid twice, or a Stripe payment was entered in Jobber by hand."
            )
            return None if left == 0 else case.hold("paid_twice", words)
        if record:
            return case.step(f"{case.money(payment.amount)} paid outside Stripe counts.", "attach_payment",
                             [Change("payment_record", "", record)])  # fmt: skip
        return _record_payment(case, payment)
    return None


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
    if case.goal == PAID:
        return _earlier_payment(case) or case.step("It is paid in Jobber after all.", "pay_out_of_band")
    if case.goal == VOID:
        return _not_wanted(case) or case.in_step("It is bad debt in Stripe.")
    if case.goal == UNCOLLECTIBLE:
        return _lasting_fields(case) or case.in_step("It is bad debt on both sides.")
    return _lasting_fields(case) or case.in_step("It is bad debt in Stripe, where it can still be paid.")


def on_paid(case: Case) -> Plan:
    assert case.target is not None  # noqa: S101
    if case.goal in {VOID, NONE, DRAFT, UNCOLLECTIBLE}:
        status = str(case.source.data.get("status")).replace("_", " ")
        return case.plan(Verdict.CONFLICT, "paid_there", f"It is paid in Stripe, but {status} in Jobber.")
    total = int(case.target.data.get("total") or 0)
    if total != case.document.total:
        words = (
            f"It was paid as {case.money(total)} in Stripe, and comes to {case.money(case.document.total)} in Jobber "
            "now. Give a credit note or send another invoice for the difference."
        )
        return case.plan(Verdict.CONFLICT, "changed_after_paid", words)
    step = _lasting_fields(case)
    if step:
        return step
    return case.in_step(
        "It is paid on both sides." if case.goal == PAID else "It is paid in Stripe, and still open in Jobber."
    )


def on_void(case: Case) -> Plan:
    if case.goal == VOID:
        return case.in_step("It is void on both sides.")
    if case.decided("replace") or case.decided("new"):
        return tax_rate(case) or new_draft(case)
    if case.goal == NONE:
        return case.in_step("It is void in Stripe, and not sent in Jobber.")
    return case.hold(
        "void_there", "It was voided in Stripe, and is still open in Jobber. Make a new one, or leave it out?"
    )
