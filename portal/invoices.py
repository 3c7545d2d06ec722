"""One invoice as both services hold it: its fields side by side, its lines and payments, in words and money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import F, Q
from django.utils.formats import date_format

from connectors import amounts
from portal import wording
from portal.receivables import IDLE, Books
from portal.values import Reader, minor
from portal.wording import Badge, Terms
from syncs.invoices import document, statuses
from syncs.models import Invoice, Link, Payment, Snapshot
from syncs.money import epoch

#: What is shown for a status that is the same word on both sides, or only where invoices are paid.
_STATUSES = {name: label for name, (label, _) in statuses.STATUSES.items()} | {
    "open": "Open, to be paid", "uncollectible": "Bad debt", "void": "Voided",
}  # fmt: skip
_LOOKS = {"paid": "badge-ok", "past_due": "badge-warn", "bad_debt": "badge-bad", "uncollectible": "badge-bad"}
PAYMENT_LOOKS: dict[str, str] = {
    Payment.Status.PAID: "badge-ok", Payment.Status.DISPUTED: "badge-bad", Payment.Status.DISPUTE_LOST: "badge-bad",
    Payment.Status.FAILED: "badge-bad", Payment.Status.PROCESSING: "badge-warn",
    Payment.Status.AUTHORISED: "badge-warn", Payment.Status.REFUNDED: "badge-warn",
    Payment.Status.PART_REFUNDED: "badge-warn",
}  # fmt: skip
#: Payments of one invoice that are shown.
MOST_PAYMENTS = 50
#: Further invoices made from the same one.
MOST_OTHERS = 5


def status(row: Invoice) -> Badge:
    """In the words of the business; one that nobody knows speaks for itself."""
    if row.gone:
        return Badge("Deleted", "badge-bad")
    return Badge(_STATUSES.get(row.status, row.status.replace("_", " ").capitalize()), _LOOKS.get(row.status, ""))


def payment_badge(row: Payment) -> Badge:
    return Badge(row.get_status_display(), PAYMENT_LOOKS.get(row.status, ""))


# Which rows are one invoice


@dataclass(frozen=True, slots=True)
class Case:
    """`here`: as it was written; `there`: as it is paid; either may be missing. `link`: what keeps them in step.
    `others`: further ones at the paying side that came from the same, such as one that was voided and made anew."""

    link: Link | None
    here: Invoice | None
    there: Invoice | None
    others: Sequence[Invoice]

    @property
    def main(self) -> Invoice:
        found = self.here or self.there
        if found is None:
            raise ValueError("An invoice is on one side at least.")
        return found


def case(kept: Books, row: Invoice) -> Case:
    """All that belongs to this invoice, from whichever side it is looked at."""
    link = _link(kept, row)
    if row.connection_id in kept.here:
        there, others = _there(kept, row, link.target_id or "" if link else "")
        return Case(link, row, there, others)
    here = _row(kept.here, link.source_id if link else row.refers_to)
    if here and link is None:
        return case(kept, here)
    others = _there(kept, here, row.external_id)[1] if here else []
    return Case(link, here, row, others)


def _row(connections: Sequence[int], external_id: str | None) -> Invoice | None:
    if not external_id:
        return None
    return Invoice.objects.filter(connection__in=connections, external_id=external_id).first()


def _link(kept: Books, row: Invoice) -> Link | None:
    related = ("sync__business", "sync__source", "sync__target", "sync__version", "sync__lane", "version", "waits_for")
    links = kept.links.select_related(*related)
    if row.connection_id in kept.here:
        return links.filter(source_id=row.external_id, sync__source=row.connection_id).first()
    by_target = links.filter(target_id=row.external_id, sync__target=row.connection_id)
    return by_target.exclude(state=Link.State.ENDED).first() or by_target.first()


def _there(kept: Books, here: Invoice, target_id: str) -> tuple[Invoice | None, list[Invoice]]:
    """The one it is paid as, and the others that came from it, the latest first. One query."""
    either = Q(refers_to=here.external_id) | Q(external_id=target_id)
    rows = list(Invoice.objects.filter(either, connection__in=kept.there).order_by("-pk"))
    found = next((row for row in rows if row.external_id == target_id), None)
    return found, [row for row in rows if row is not found][:MOST_OTHERS]


@dataclass(frozen=True, slots=True)
class Held:
    """As last read where it is written and where it is paid; `customer`: who is to pay it there."""

    here: Snapshot | None
    there: Snapshot | None
    customer: Snapshot | None


def snapshots(found: Case) -> Held:
    """One query."""
    asked = [(row.connection_id, "invoices", row.external_id) for row in (found.here, found.there) if row]
    if found.there and found.there.party_id:
        asked.append((found.there.connection_id, "customers", found.there.party_id))
    either = Q(pk__in=[])
    for connection, resource, key in asked:
        either |= Q(connection=connection, resource=resource, external_id=key)
    held = {(s.connection_id, s.resource): s for s in Snapshot.objects.filter(either)}
    here, there = (row.connection_id if row else 0 for row in (found.here, found.there))
    return Held(held.get((here, "invoices")), held.get((there, "invoices")), held.get((there, "customers")))


def payments(kept: Books, found: Case) -> list[Payment]:
    """Those that pay it, or say that they do, the latest first."""
    by_id = [row.external_id for row in (found.there, *found.others) if row]
    said = Q(connection__in=kept.there, invoice_id__in=by_id)
    if found.here:
        said |= Q(refers_to=found.here.external_id)
    rows = Payment.objects.filter(said).exclude(IDLE)
    return list(rows.order_by(F("paid_at").desc(nulls_last=True), "-made_at")[:MOST_PAYMENTS])


# Side by side


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the comparison. `agrees` is None where the two need not be the same."""

    label: str
    here: str
    there: str
    agrees: bool | None = None


@dataclass(frozen=True, slots=True)
class LineShown:
    description: str
    more: str
    quantity: str
    unit: str
    tax: str
    amount: str


@dataclass(frozen=True, slots=True)
class SideShown:
    """The lines of one side and what they come to, as (what, amount)."""

    lines: Sequence[LineShown]
    sums: Sequence[tuple[str, str]]


def facts(found: Case, held: Held, read: Reader) -> list[Fact]:
    mine, theirs = held.here.data if held.here else {}, held.there.data if held.there else {}
    tax = str(mine.get("tax_rate.name") or "Tax")
    both = bool(mine) and bool(theirs)
    rows = [
        Fact("Number", str(mine.get("number") or ""), str(theirs.get("number") or "")),
        Fact("Status", _status_words(found.here), _status_words(found.there)),
        Fact("Client", str(mine.get("client_name") or ""), held.customer.label if held.customer else ""),
        Fact("Subject", str(mine.get("subject") or ""), str(theirs.get("description") or "")),
        Fact(
            "Issued",
            _day(found.here.issued_at if found.here else None, read),
            _day(epoch(theirs.get("effective_at")), read),
        ),
        Fact("Due", _due(found.here, read), _due(found.there, read)),
        _money(tax, mine.get("tax"), theirs.get("tax", 0) if theirs else None, read, both=both),
        _money("Total", mine.get("total"), theirs.get("total"), read, both=both),
        _money("Left to pay", mine.get("balance"), theirs.get("amount_remaining"), read, both=both),
    ]
    return [row for row in rows if row.here or row.there]


def _status_words(row: Invoice | None) -> str:
    return status(row).words if row else ""


def _due(row: Invoice | None, read: Reader) -> str:
    return _day(row.due_at if row else None, read)


def _day(at: datetime | None, read: Reader) -> str:
    return date_format(at.astimezone(read.place), "j M Y") if at else ""


def _money(label: str, mine: Any, theirs: Any, read: Reader, *, both: bool) -> Fact:
    """Amounts of one side are decimal text, those of the other minor units."""
    said = read.money(mine) if mine not in (None, "") else ""
    has = read.money(theirs) if theirs not in (None, "") else ""
    agrees = minor(mine or "0", read.home) == minor(theirs or 0, read.home) if both else None
    return Fact(label, said, has, agrees)


def written(held: Snapshot, read: Reader) -> SideShown:
    """As it was written."""
    data = held.data
    sums = [
        ("Subtotal", data.get("subtotal")), ("Discount", _negative(data.get("discount"))),
        (_tax_name(data), data.get("tax")), ("Total", data.get("total")),
        ("Paid", data.get("payments_total")), ("Left to pay", data.get("balance")),
    ]  # fmt: skip
    lines = [
        LineShown(
            str(row.get("name") or "Item"), str(row.get("description") or ""), str(row.get("quantity") or "1"),
            read.money(row.get("unit_price") or "0"), _written_tax(row, data), read.money(row.get("total") or "0"),
        )
        for row in data.get("lines") or ()
    ]  # fmt: skip
    return SideShown(lines, [(what, read.money(amount)) for what, amount in sums if _worth_saying(what, amount)])


def _worth_saying(what: str, amount: Any) -> bool:
    return amount not in (None, "") and (what not in {"Discount", "Paid"} or bool(minor(amount, "AUD")))


def _negative(amount: Any) -> str:
    return f"-{amount}" if amount not in (None, "") else ""


def _tax_name(data: Mapping[str, Any]) -> str:
    """'GST, within prices'."""
    name = str(data.get("tax_rate.name") or "Tax")
    return f"{name}, within prices" if data.get("tax_calculation") == "inclusive" else name


def _written_tax(row: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    if not row.get("taxable"):
        return "none"
    percent = row.get("tax_percent") or data.get("tax_rate.percent")
    return f"{percent} %" if percent else "none"


def paid(held: Snapshot, read: Reader, rates: Mapping[str, str]) -> SideShown:
    """As it is paid. `rates`: {tax rate id: what it is called}."""
    data, currency = held.data, str(held.data.get("currency") or read.home)
    sums = [
        ("Subtotal", data.get("subtotal")), ("Tax", data.get("tax", 0)), ("Total", data.get("total")),
        ("Paid", data.get("amount_paid")), ("Left to pay", data.get("amount_remaining")),
    ]  # fmt: skip
    lines = []
    for row in data.get("lines") or ():
        first, _, more = str(row.get("description") or "Item").partition("\n")
        taxes = ", ".join(rates.get(rate, "taxed") for rate in row.get("tax_rates") or ()) or "none"
        unit = _unit(row.get("unit_amount"), currency, read)
        amount = read.money(row.get("amount") or 0, currency)
        lines.append(LineShown(first, more, str(row.get("quantity") or ""), unit, taxes, amount))
    return SideShown(lines, [(what, read.money(n, currency)) for what, n in sums if _worth_saying(what, n)])


def _unit(amount: Any, currency: str, read: Reader) -> str:
    """Minor units with decimals, as text; a fraction of a cent is kept."""
    try:
        cents = Decimal(str(amount))
    except InvalidOperation:
        return ""
    whole = int(cents)
    exact = f"{amounts.plain(cents.scaleb(-amounts.exponent(currency)))} {currency}"
    return read.money(whole, currency) if cents == whole else exact


def rates(held: Snapshot | None) -> dict[str, str]:
    """{tax rate id: '10 %'} of those on its lines."""
    lines = held.data.get("lines") or () if held else ()
    ids = {rate for row in lines for rate in row.get("tax_rates") or ()}
    if not held or not ids:
        return {}
    rows = Snapshot.objects.filter(connection=held.connection_id, resource="tax_rates", external_id__in=ids)
    return {key: f"{percent} %" for key, percent in rows.values_list("external_id", "data__percent")}


# Payments that were entered where it was written

_KINDS = {"PAYMENT": "Payment", "DEPOSIT": "Deposit", "REFUND": "Refund", "FAILED_ACH_PAYMENT": "Failed transfer"}


@dataclass(frozen=True, slots=True)
class Entered:
    kind: str
    amount: str
    method: str
    day: str


def entered(held: Snapshot | None, read: Reader) -> list[Entered]:
    rows = held.data.get("payments") or () if held else ()
    return [
        Entered(
            _KINDS.get(str(row.get("kind")), str(row.get("kind") or "Payment").replace("_", " ").capitalize()),
            read.money(row.get("amount") or "0"), str(row.get("method") or "").replace("_", " ").capitalize(),
            wording.day(row.get("entered_on"), read.place),
        )
        for row in rows
    ]  # fmt: skip


def _entered(here: Snapshot | None, currency: str) -> int:
    """What was entered by hand, less what was given back of it, in minor units; 0 where an amount is none."""
    try:
        return sum(each.amount for each in document.payments(here.data if here else {}, currency))
    except document.Impossible:
        return 0


def twice(row: Invoice, here: Snapshot | None, paid: Sequence[Payment], read: Reader, names: Terms) -> str:
    """A warning where more has come in than the invoice asks for; '' else. What is entered by hand may be a payment
    that came through the other service, so nobody but a person can say."""
    through = sum(payment.counted for payment in paid)
    said = _entered(here, row.currency)
    if through + said <= row.total or not through:
        return ""
    came = f"{read.money(through, row.currency)} came in through {names.target}"
    if said:
        came += f", and {read.money(said, row.currency)} is entered in {names.source}"
    step = "Look at the payments below: if they are not one and the same, give one of them back."
    return f"It may have been paid twice: {came}, of a total of {read.money(row.total, row.currency)}. {step}"
