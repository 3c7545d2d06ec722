"""The one next step that brings an invoice at the target to what the source says. Pure.

Draft, lines, comparison of totals, number, payments: each is a plan of its own, made from what is there by then.
Nothing becomes collectable before both sides come to the same total, to the cent; nothing that was collectable is
changed in silence, and two of one invoice are never collectable at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from connectors.base import Record
from syncs import currencies, planning
from syncs.comparing import Change, Comparison, Known, adopted, compare, moved_on
from syncs.invoices import document, totals
from syncs.invoices.document import Document, Impossible, Line, Tax
from syncs.invoices.facts import Facts
from syncs.invoices.statuses import DRAFT, NONE, OPEN, PAID, UNCOLLECTIBLE, VOID, goal
from syncs.mapping import Compiled
from syncs.matching import Clues
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


def plan(
    version: Compiled, names: Names, source: Record | None, target: Record | None, known: Known, clues: Clues,
    facts: Facts | None,
) -> Plan:  # fmt: skip
    """One step. `facts` is always given for this recipe."""
    if facts is None:
        raise ValueError("An invoice cannot be planned without its facts.")
    if source is None or source.deleted:
        return _gone(version, target, known)
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
    if known.decision.get("choice") == "leave":
        return Plan(Verdict.SKIP, "left_out", "Someone chose to leave this one out.", known.target_id)
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
    why = "The invoice was deleted in Jobber"
    status = target.data.get("status") if target and not target.deleted else ""
    if not target or not status or status == VOID:
        return Plan(Verdict.END, "source_deleted", f"{why}.", known.target_id)
    if status == DRAFT:
        return Plan(
            Verdict.UPDATE, "delete", f"{why}, so its draft in Stripe goes too.", target.id, values=known.base,
            action="delete", more=True,
        )  # fmt: skip
    if status == PAID:
        return Plan(Verdict.CONFLICT, "paid_there", f"{why}, but it is paid in Stripe.", target.id)
    if version.options.get("void_without_asking") or known.decision.get("choice") == "void":
        return Plan(
            Verdict.UPDATE, "void", f"{why}, so it is voided in Stripe.", target.id, values=known.base, action="void",
            more=True,
        )  # fmt: skip
    return Plan(Verdict.HOLD, "approve_void", f"{why}, and can still be paid in Stripe. Void it there?", target.id)


def _planned(
    version: Compiled, names: Names, source: Record, target: Record | None, known: Known, facts: Facts
) -> Plan:  # fmt: skip
    waits = _client(facts, source, target or known.target_id)
    if waits:
        return waits
    meant = goal(str(source.data.get("status") or ""), version.options)
    try:
        made = document.read(source, facts, version.options)
        total_there = int(target.data.get("total") or 0) if target else 0
        cents = _to_round(version, made, total_there, target) if target else 0
        if cents:
            made = replace(made, lines=(*made.lines, _rounding(cents)))
    except Impossible as error:
        return Plan(Verdict.HOLD, error.code, str(error), known.target_id)
    there = None if target is None or target.deleted else target
    wanted = compare(version, source, there, known)
    case = Case(version, names, source, there, known, facts, meant, made, wanted)
    if there is None:
        return _without(case)
    return _BY_STATUS[str(there.data.get("status") or DRAFT)](case)


def _client(facts: Facts, source: Record, linked: object) -> Plan | None:
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


# Nothing there


def _without(case: Case) -> Plan:
    if case.known.base.get(TAKEN_BACK) and case.goal in {NONE, VOID}:
        return case.plan(Verdict.SKIP, "not_sent", "It is not sent in Jobber; its draft in Stripe is gone.")
    asked = case.decided("new") or case.decided("replace") or case.known.base.get(TAKEN_BACK)
    return _deleted_there(case) if case.known.target_id and not asked else _tax_rate(case) or _draft(case)


def _deleted_there(case: Case) -> Plan:
    """Said once; asked about only when the source has something new to tell."""
    gone, known = "The invoice was deleted in Stripe", case.known
    if not known.ended or not moved_on(case.version, case.source, known):
        words = f"{gone}. Nothing was changed in Jobber."
        return case.plan(Verdict.END, "target_deleted", words, target_id=known.target_id)
    words = f"{gone}, and it has changed in Jobber since. Make a new one, or leave it out?"
    return case.plan(Verdict.HOLD, "target_deleted", words, target_id=known.target_id)


def _draft(case: Case) -> Plan:
    fresh = compare(case.version, case.source, None, Known())
    extra = [Change(p, "", v) for p, v in case.document.header.items() if v not in ("", None, [])]
    reason = f"It is made in Stripe as a draft of {case.money(case.document.total)}."
    return Plan(
        Verdict.CREATE, "missing", reason, "", (*extra, *fresh.changes), fresh.warnings, fresh.values, more=True
    )  # fmt: skip


def _tax_rate(case: Case) -> Plan | None:
    """One for each percentage, name and way of counting; it is made once and used again."""
    for tax in case.document.taxes:
        if _rate_of(case.facts, tax) is None:
            sent = {"name": tax.name, "percent": tax.percent, "inclusive": tax.inclusive, "country": case.facts.country}
            reason = f"Stripe has no tax rate {tax.name} {tax.percent}% {_way(tax)} yet."
            return Plan(
                Verdict.CREATE, "tax_rate", reason, "", tuple(Change(p, "", v) for p, v in sent.items()),
                values=case.known.base, resource="tax_rates", more=True,
            )  # fmt: skip
    return None


def _rate_of(facts: Facts, tax: Tax) -> str | None:
    for rate in facts.tax_rates:
        found = rate.data
        same = found.get("name") == tax.name and bool(found.get("inclusive")) == tax.inclusive
        if same and found.get("active", True) and document.text(document.number(found.get("percent"))) == tax.percent:
            return rate.id
    return None


def _way(tax: Tax) -> str:
    return "within prices" if tax.inclusive else "on top of prices"


# A draft


def _on_draft(case: Case) -> Plan:
    made, target = case.document, case.target
    assert target is not None  # noqa: S101  # looked up by its status
    if case.goal in {VOID, NONE} and not (case.goal == NONE and case.options.get("draft_as", NONE) != NONE):
        return _take_back(case, "It is no longer sent in Jobber, so its draft in Stripe goes.")
    if target.data.get("customer") != case.facts.client.id:
        return _take_back(case, "Its client has changed, and a draft keeps its customer: it is made anew.")
    step = _tax_rate(case) or _lines(case) or _fields(case)
    if step:
        return step
    total = int(target.data.get("total") or 0)
    if total != made.total:
        words = totals.differ(made, total, case.source.data, case.facts.currency)
        return case.hold("total_differs", f"{words} It stays a draft, and nobody can pay it.")
    if case.goal == DRAFT:
        return case.in_step("It is a draft on both sides.")
    if not case.options.get("finalize", True):
        return case.in_step("Its draft is ready in Stripe; it is opened for payment there.")
    return case.step(f"Both sides come to {case.money(total)}, so it is opened for payment.", "finalize")


def _take_back(case: Case, reason: str) -> Plan:
    return case.step(reason, "delete", values={**case.wanted.values, TAKEN_BACK: True})


def _lines(case: Case) -> Plan | None:
    """Lines to take away, then to change, then to add: one call each."""
    assert case.target is not None  # noqa: S101
    there = {_key(line): line for line in case.target.data.get("lines") or ()}
    wanted = {line.key: line for line in case.document.lines}
    sent = {key: line.as_json() for key, line in wanted.items()}
    before = case.known.base.get(SENT)
    extra = [line["id"] for key, line in there.items() if key not in wanted]
    if extra:
        kept = {key: value for key, value in (before or {}).items() if key in wanted}
        return _line_step(case, "remove_lines", Change("ids", "", extra), f"{_count(extra)} no longer in Jobber.", kept)
    changed = [line for key, line in wanted.items() if key in there and _moved(line, there[key], before)]
    if changed:
        rows = [{"id": there[line.key]["id"], **_row(line, case.facts)} for line in changed]
        words = f"{_count(rows)} changed in Jobber."
        return _line_step(case, "update_lines", Change("lines", "", rows), words, sent)
    missing = [line for key, line in wanted.items() if key not in there]
    if missing:
        rows = [_row(line, case.facts) for line in missing]
        worth = case.money(sum(line.amount for line in missing))
        return _line_step(case, "add_lines", Change("lines", "", rows), f"{_count(rows)} added, {worth}.", sent)
    return None


def _line_step(case: Case, action: str, change: Change, reason: str, sent: Mapping[str, Any]) -> Plan:
    return case.step(reason, action, [change], values={**case.wanted.values, **case.known.base, SENT: dict(sent)})


def _moved(line: Line, there: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
    """Against what was sent, since Stripe may show a line in its own words; against what is there when nobody knows."""
    if before is not None and line.key in before:
        return bool(before[line.key] != line.as_json())
    return line.amount != int(there.get("amount") or 0)


def _key(line: Mapping[str, Any]) -> str:
    return str((line.get("metadata") or {}).get(LINE_KEY) or f"theirs {line['id']}")


def _row(line: Line, facts: Facts) -> dict[str, Any]:
    rate = _rate_of(facts, line.tax) if line.tax else None
    return {
        "description": line.description, "quantity_decimal": document.text(line.quantity),
        "unit_amount_decimal": document.text(line.unit), "tax_rates": [rate] if rate else [],
        "metadata": {LINE_KEY: line.key},
    }  # fmt: skip


def _count(rows: Sequence[object]) -> str:
    return f"{len(rows)} {'line is' if len(rows) == 1 else 'lines are'}"


def _to_round(version: Compiled, made: Document, there: int, target: Record) -> int:
    """What a line for rounding has to come to: a cent for each line at most, where the business has said that this is
    all right; 0 for none."""
    rows = target.data.get("lines") or ()
    rounded = [row for row in rows if _key(row) == document.ROUNDING]
    gap = made.total - there + sum(int(row.get("amount") or 0) for row in rounded)
    complete = len(rows) - len(rounded) >= len(made.lines)
    return gap if version.options.get("rounding_line") and complete and abs(gap) <= len(made.lines) else 0


def _rounding(gap: int) -> Line:
    return Line(document.ROUNDING, "Rounding", Decimal(1), Decimal(gap), None)


def _fields(case: Case) -> Plan | None:
    """The header while it is a draft: mapped fields, and those that follow from the document."""
    assert case.target is not None  # noqa: S101
    there = case.target.data
    extra = [
        Change(path, there.get(path, ""), value)
        for path, value in document.lasting_header(case.document.header, case.facts.now).items()
        if value != there.get(path) and not (value in ("", None, []) and not there.get(path))
    ]
    changes = (*case.wanted.changes, *extra)
    if not changes:
        return None
    return case.step(
        f"{planning.field_words(changes)} changed in Jobber.", changes=changes, warnings=case.wanted.warnings
    )


# Open for payment


def _on_open(case: Case) -> Plan:
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


def _on_uncollectible(case: Case) -> Plan:
    if case.goal == PAID:
        return _earlier_payment(case) or case.step("It is paid in Jobber after all.", "pay_out_of_band")
    if case.goal == VOID:
        return _not_wanted(case) or case.in_step("It is bad debt in Stripe.")
    if case.goal == UNCOLLECTIBLE:
        return _lasting_fields(case) or case.in_step("It is bad debt on both sides.")
    return _lasting_fields(case) or case.in_step("It is bad debt in Stripe, where it can still be paid.")


def _on_paid(case: Case) -> Plan:
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


def _on_void(case: Case) -> Plan:
    if case.goal == VOID:
        return case.in_step("It is void on both sides.")
    if case.decided("replace") or case.decided("new"):
        return _tax_rate(case) or _draft(case)
    if case.goal == NONE:
        return case.in_step("It is void in Stripe, and not sent in Jobber.")
    return case.hold(
        "void_there", "It was voided in Stripe, and is still open in Jobber. Make a new one, or leave it out?"
    )


_BY_STATUS = {
    DRAFT: _on_draft, OPEN: _on_open, UNCOLLECTIBLE: _on_uncollectible, PAID: _on_paid, VOID: _on_void,
}  # fmt: skip
