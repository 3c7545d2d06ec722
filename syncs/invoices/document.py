"""The invoice as it should be at the target, worked out from the one at the source. Pure.

Jobber's amounts are decimal text in the business's currency (its API gives floats and no currency); Stripe takes a
decimal quantity and a unit price in minor units with decimals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from connectors import amounts
from connectors.base import Record
from syncs import currencies
from syncs.invoices.facts import Facts
from syncs.transforms import plain

#: Stripe takes so many lines on an invoice, so long a text on each, and so many custom fields.
MOST_LINES, LONGEST_LINE, MOST_FIELDS, LONGEST_FIELD = 250, 5000, 4, 140
#: What can be charged at least, in minor units (docs.stripe.com/currencies, 2025). Stripe takes less as paid, and asks
#: for it with the customer's next invoice.
LEAST = {"AUD": 50}
#: A number that Stripe takes as an invoice's own.
LONGEST_NUMBER = 26
#: Nothing is sold for a sum with so many digits before the point; sums of such could not be worked out to the cent.
MOST_DIGITS = 12
#: Decimals of a quantity and of a unit price.
PLACES = Decimal("0.000000000001")
#: A due date must lie in the future when the invoice is made.
LATER = timedelta(hours=1)
#: It must have one: where the source says none, it is this long after.
UNSAID = timedelta(days=30)
DISCOUNT, ROUNDING = "discount", "rounding"


class Impossible(Exception):
    """It cannot be made into an invoice. `code` names the reason for machines, the text says it to people."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


@dataclass(frozen=True, slots=True)
class Tax:
    """`percent` as plain text, "10"; `inclusive`: prices hold it."""

    name: str
    percent: str
    inclusive: bool


@dataclass(frozen=True, slots=True)
class Line:
    """`key` names it on both sides. `unit` is in minor units, with decimals."""

    key: str
    description: str
    quantity: Decimal
    unit: Decimal
    tax: Tax | None

    @property
    def amount(self) -> int:
        """Minor units, as Stripe rounds them."""
        return int((self.quantity * self.unit).quantize(Decimal(1), ROUND_HALF_UP))

    def as_json(self) -> list[Any]:
        """What has been sent, to be compared with later."""
        tax = [self.tax.name, self.tax.percent, self.tax.inclusive] if self.tax else []
        return [self.description, amounts.plain(self.quantity), amounts.plain(self.unit), tax]


@dataclass(frozen=True, slots=True)
class Earlier:
    """A payment that was taken outside the target before, in minor units, less what was given back of it."""

    id: str
    amount: int
    at: datetime
    method: str


@dataclass(frozen=True, slots=True)
class Document:
    """`total` and `balance` are the source's own, in minor units; `due` is the day where the business is."""

    lines: tuple[Line, ...] = ()
    total: int = 0
    balance: int = 0
    header: Mapping[str, Any] = field(default_factory=dict)
    payments: tuple[Earlier, ...] = ()
    due: date | None = None

    @property
    def taxes(self) -> list[Tax]:
        return list(dict.fromkeys(line.tax for line in self.lines if line.tax))


def read(source: Record, facts: Facts, options: Mapping[str, Any]) -> Document:
    """Impossible, with the reason in words, for one that no invoice can be made of."""
    data, currency = source.data, facts.currency
    inclusive = _inclusive(data)
    lines = [_line(n, row, data, inclusive, currency) for n, row in enumerate(data.get("lines") or ())]
    lines += _discounts(lines, _cents(data, "discount", currency))
    if not lines:
        raise Impossible("no_lines", "It has no lines, so there is nothing to pay for.")
    if len(lines) > MOST_LINES:
        raise Impossible("too_many_lines", f"It has {len(lines)} lines, and Stripe takes {MOST_LINES}.")
    total = _cents(data, "total", currency)
    if total < 0:
        raise Impossible("below_zero", f"It comes to {currencies.shown(total, currency)}, and an invoice cannot be.")
    due = _due(data)
    return Document(
        tuple(lines), total, _cents(data, "balance", currency), _header(data, due, facts, options),
        payments(data, currency), local(due, facts.zone).date() if due else None,
    )  # fmt: skip


def _inclusive(data: Mapping[str, Any]) -> bool:
    mode = str(data.get("tax_calculation") or "").lower()
    if mode not in {"inclusive", "exclusive"}:
        raise Impossible("tax_mode", f"Whether its prices hold the tax is said as “{mode}”, which is not known here.")
    return mode == "inclusive"


def _line(place: int, row: Mapping[str, Any], data: Mapping[str, Any], inclusive: bool, currency: str) -> Line:
    name, more = plain(row.get("name")), str(row.get("description") or "").strip()
    described = "\n".join(part for part in (name, more) if part) or "Item"
    quantity, unit = number(row.get("quantity", "1")), number(row.get("unit_price", "0"))
    if quantity < 0:
        quantity, unit = -quantity, -unit  # something given back: Stripe takes amounts below zero, and no quantities
    return Line(
        key=str(row.get("id") or f"line {place + 1}"),
        description=described if len(described) <= LONGEST_LINE else f"{described[: LONGEST_LINE - 3]}...",
        quantity=quantity.quantize(PLACES).normalize(),
        unit=unit.scaleb(amounts.exponent(currency)).quantize(PLACES).normalize(),
        tax=_tax(row, data, inclusive),
    )


def _tax(row: Mapping[str, Any], data: Mapping[str, Any], inclusive: bool) -> Tax | None:
    if not row.get("taxable"):
        return None
    percent = row.get("tax_percent") or data.get("tax_rate.percent")
    if percent in (None, ""):
        if number(data.get("tax", "0")):
            raise Impossible("tax_rate", "It has tax on it, but no tax rate that says how much.")
        return None
    rate = number(percent)
    name = plain(row.get("tax_name") or data.get("tax_rate.name") or "GST")[:50]
    return Tax(name, amounts.plain(rate), inclusive) if rate else None


def _discounts(lines: Sequence[Line], discount: int) -> list[Line]:
    """Taken from the lines of each tax by their share, to the cent, so that the tax is right."""
    if not discount:
        return []
    shares: dict[Tax | None, int] = {}
    for line in lines:
        shares[line.tax] = shares.get(line.tax, 0) + line.amount
    whole = sum(shares.values())
    if whole <= 0:
        raise Impossible("discount", "It has a discount, but its lines come to nothing that could be discounted.")
    parts = _apportioned(discount, list(shares.values()))
    return [
        Line(f"{DISCOUNT}-{n + 1}" if n else DISCOUNT, "Discount", Decimal(1), Decimal(-part), tax)
        for n, (tax, part) in enumerate(zip(shares, parts, strict=True))
        if part
    ]


def _apportioned(amount: int, weights: Sequence[int]) -> list[int]:
    """Whole cents that add up to the amount: the largest remainders get what rounding down has left."""
    whole = sum(weights)
    exact = [Decimal(amount) * weight / whole for weight in weights]
    parts = [int(e.to_integral_value(rounding="ROUND_FLOOR")) for e in exact]
    left = sorted(range(len(parts)), key=lambda n: (parts[n] - exact[n], n))
    for n in left[: amount - sum(parts)]:
        parts[n] += 1
    return parts


def _header(
    data: Mapping[str, Any], due: datetime | None, facts: Facts, options: Mapping[str, Any]
) -> dict[str, Any]:  # fmt: skip
    """What is no row of the mapping: who pays, when, in what."""
    past = due is not None and due <= facts.now
    fields = [{"name": "Jobber invoice", "value": str(data.get("number") or "")}]
    if due is not None and past:
        fields.append({"name": "Due date", "value": local(due, facts.zone).strftime("%-d %b %Y")})
    jobs = ", ".join(str(j) for j in data.get("job_numbers") or ())
    if jobs:
        fields.append({"name": "Job", "value": jobs})
    return {
        "customer": facts.client.id, "currency": facts.currency, "collection_method": "send_invoice",
        "auto_advance": False, "custom_fields": [_fitting(f) for f in fields if f["value"]][:MOST_FIELDS],
        "due_date": int((facts.now + (LATER if past else UNSAID) if past or due is None else due).timestamp()),
        "effective_at": _noon(data.get("issued_on"), facts), "number": _number(data, options),
        "metadata.jobber_due_date": local(due, facts.zone).date().isoformat() if due and past else "",
    }  # fmt: skip


def _due(data: Mapping[str, Any]) -> datetime | None:
    said, issued, days = moment(data.get("due_on")), moment(data.get("issued_on")), data.get("net_days")
    return said or (issued + timedelta(days=int(days)) if issued and isinstance(days, int) else None)


def _number(data: Mapping[str, Any], options: Mapping[str, Any]) -> str:
    """Jobber's own, where that is wanted and no other invoice has it: Stripe takes each number once."""
    found = str(data.get("number") or "")
    usable = options.get("use_jobber_number") and not data.get("number_repeats") and len(found) <= LONGEST_NUMBER
    return found if usable else ""


def lasting_header(header: Mapping[str, Any], there: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What is compared again while it is a draft. A due date that had to be put off is not, as long as it lies ahead;
    neither is a number that Stripe has yet to give."""
    put_off = header["metadata.jobber_due_date"] or header["due_date"] == int((now + UNSAID).timestamp())
    ahead = int(there.get("due_date") or 0) > now.timestamp()
    numbered = there.get("number") and header["number"]
    left_out = {"customer", "currency", "auto_advance", "effective_at"}
    left_out |= {"due_date"} if put_off and ahead else set()
    left_out |= set() if numbered else {"number"}
    return {path: value for path, value in header.items() if path not in left_out}


def _fitting(field: Mapping[str, str]) -> dict[str, str]:
    return {"name": field["name"][:40], "value": field["value"][:LONGEST_FIELD]}


def _noon(value: object, facts: Facts) -> int | None:
    """Midday of that day where the business is: midnight UTC would show as the day before or after."""
    found = moment(value)
    if found is None:
        return None
    noon = datetime.combine(local(found, facts.zone).date(), time(12), ZoneInfo(facts.zone))
    return int(min(noon.astimezone(UTC), facts.now).timestamp())


def paid_through(invoice: Record) -> bool:
    """Whether any of it came in through Stripe, and was not only recorded there."""
    return bool(through(invoice))


def through(invoice: Record) -> list[Mapping[str, Any]]:
    """What of a Stripe invoice was paid through Stripe."""
    payments = invoice.data.get("payments") or ()
    return [p for p in payments if p.get("kind") != "payment_record" and p.get("status") == "paid"]


def local(moment: datetime, zone: str) -> datetime:
    return moment.astimezone(ZoneInfo(zone))


def payments(data: Mapping[str, Any], currency: str) -> tuple[Earlier, ...]:
    """Payments and deposits, less refunds and failed transfers, which come off the latest first. Impossible for an
    amount that is none."""
    rows = sorted(data.get("payments") or (), key=lambda row: str(row.get("entered_on") or ""))
    taken = [row for row in rows if row.get("kind") in {"PAYMENT", "DEPOSIT"}]
    back = sum(cents(r.get("amount"), currency) for r in rows if r.get("kind") in {"REFUND", "FAILED_ACH_PAYMENT"})
    found: list[Earlier] = []
    for row in reversed(taken):
        amount = cents(row.get("amount"), currency)
        kept, back = max(0, amount - back), max(0, back - amount)
        if kept:
            at = moment(row.get("entered_on")) or datetime(1970, 1, 1, tzinfo=UTC)
            found.append(Earlier(str(row["id"]), kept, at, plain(row.get("method"))[:80]))
    return tuple(reversed(found))


def moment(value: object) -> datetime | None:
    """Of an ISO date or time, which is taken for UTC where it says no zone; None for what is neither."""
    try:
        found = datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


def _cents(data: Mapping[str, Any], path: str, currency: str) -> int:
    return cents(data.get(path), currency)


def cents(amount: object, currency: str) -> int:
    return amounts.minor(number(amount), currency)


def number(value: object) -> Decimal:
    """Impossible for what is no number."""
    try:
        found = Decimal(str(value if value not in (None, "") else "0"))
    except InvalidOperation:
        raise Impossible("not_a_number", f"“{plain(value)[:40]}” is not an amount.") from None
    if not found.is_finite() or found.adjusted() >= MOST_DIGITS:
        raise Impossible("not_a_number", f"“{plain(value)[:40]}” is not an amount.")
    return found
