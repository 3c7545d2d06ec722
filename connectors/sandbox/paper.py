"""Made-up invoices of Harbour Plumbing to the made-up people: the same on every machine, dated back from today."""

import base64
import random
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

COUNT = 60
#: Number of the first invoice in the stand-in less one; the numbers in their ids go on in the same way.
BEFORE = 1000
CENT = Decimal("0.01")
GST = Decimal(10)
type Kind = Literal["PAYMENT", "DEPOSIT", "REFUND"]
type Status = Literal["draft", "sent", "received", "bad_debt"]
type AtStripe = Literal["", "paid", "disputed"]


@dataclass(frozen=True, slots=True)
class Line:
    """`unit_price` in dollars, with GST in it where the invoice is inclusive."""

    name: str
    description: str
    quantity: Decimal
    unit_price: Decimal
    taxable: bool = True
    category: Literal["SERVICE", "PRODUCT"] = "SERVICE"

    @property
    def total(self) -> Decimal:
        return (self.quantity * self.unit_price).quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Payment:
    """Recorded in Jobber. `amount` in dollars, None for all that is left to pay; `method` is one of Jobber's."""

    days_ago: int
    method: str
    amount: Decimal | None = None
    kind: Kind = "PAYMENT"
    tip: Decimal = Decimal(0)
    details: str = ""


@dataclass(frozen=True, slots=True)
class Discount:
    """`amount` is in dollars, or in percent of the lines."""

    amount: Decimal
    percent: bool


@dataclass(frozen=True, slots=True)
class Invoice:
    """`place` counts from 1, `person` is a Person's number. Days are counted back from the day of seeding.

    `status`: what was done with it in Jobber; awaiting payment, past due or paid follows from days and payments.
    `custom`: custom fields that are filled in, as (label, text). `paid_at_stripe`: what became of it at Stripe.
    """

    place: int
    number: str
    person: int
    subject: str
    message: str
    lines: tuple[Line, ...]
    inclusive: bool
    issued_days_ago: int
    net_days: int
    status: Status
    tax_percent: Decimal = GST
    discount: Discount | None = None
    payments: tuple[Payment, ...] = ()
    custom: tuple[tuple[str, str], ...] = ()
    job: int | None = None
    notes: tuple[str, ...] = ()
    paid_at_stripe: AtStripe = ""

    @property
    def jobber_id(self) -> str:
        """The invoice's id in the Jobber stand-in."""
        return base64.b64encode(f"gid://Jobber/Invoice/{BEFORE + self.place}".encode()).decode()

    @property
    def due_days_ago(self) -> int:
        """Negative while it is not due."""
        return self.issued_days_ago - self.net_days


#: (name, description, dollars without GST, category). Even dollars: their GST is whole cents for quarter quantities.
_LABOUR = ("Plumber, per hour", "Labour on site", 140, "SERVICE")
_WORK: tuple[tuple[str, str, int, Literal["SERVICE", "PRODUCT"]], ...] = (
    ("Call-out", "Within 25 km, with the first half hour", 120, "SERVICE"),
    ("Blocked drain", "Cleared with the jetter", 286, "SERVICE"),
    ("Camera inspection", "Drain, with a recording", 240, "SERVICE"),
    ("Tap rewashered", "", 64, "SERVICE"),
    ("Backflow test", "Tested and reported", 160, "SERVICE"),
    ("Gas fitting", "Cooktop connected and tested", 310, "SERVICE"),
    ("Flexible hose", "450 mm, stainless", 18, "PRODUCT"),
    ("Mixer tap", "Brushed nickel, WELS 5 star", 196, "PRODUCT"),
    ("Toilet suite", "Supplied and fitted", 640, "PRODUCT"),
    ("Hot water unit", "Electric, 250 L", 1480, "PRODUCT"),
    ("Copper pipe", "20 mm, per metre", 22, "PRODUCT"),
    ("Pressure valve", "500 kPa", 92, "PRODUCT"),
)
_PASSED_ON = Line("Permit", "Sydney Water, passed on at cost", Decimal(1), Decimal("126.00"), taxable=False)
_SUBJECTS = (
    "Blocked drain", "Kitchen tap", "Hot water", "Bathroom renovation, part 1", "Annual maintenance", "Gas cooktop",
    "Burst pipe", "Toilet replacement",
)  # fmt: skip
_HOURS = ("0.5", "1", "1.5", "2", "2.25", "3.75")
_MESSAGE = "Thank you for your business. Please pay by bank transfer to BSB 062-000, account 1234 5678."
#: Numbers of people with an email of their own who are clients, not leads, and not archived.
_PEOPLE = tuple(n for n in range(1, 71) if n not in {11, 12, 20, 25, 47})
_FIRST_BAD_DEBT, _FIRST_OPEN, _FIRST_DRAFT = 27, 30, 53


def paper(count: int = COUNT) -> list[Invoice]:
    """The first `count` invoices, oldest first; beyond 60 they begin again, with numbers of their own.

    Of 60: 26 paid, 3 bad debts, 12 past due, 11 awaiting payment, 8 drafts; 33 and 34 have the same number.
    """
    return [_invoice(place) for place in range(1, count + 1)]


def _invoice(place: int) -> Invoice:
    kind = (place - 1) % COUNT + 1
    dice = random.Random(f"paper {place}")  # noqa: S311  # made-up invoices, no secrets
    inclusive = kind % 5 != 0
    issued = round((COUNT - kind) * 1.6)
    plain = Invoice(
        place=place,
        number=f"{BEFORE + place}",
        person=_PEOPLE[place * 7 % len(_PEOPLE)],
        subject=dice.choice(_SUBJECTS),
        message=_MESSAGE if kind % 3 else "",
        lines=_lines(dice, inclusive),
        inclusive=inclusive,
        issued_days_ago=issued,
        net_days=30 if kind in range(42, _FIRST_DRAFT) else 14,
        status=_status(kind),
        payments=_payments(kind, issued) if kind < _FIRST_BAD_DEBT else (),
        custom=(("Purchase order", f"PO-{4000 + place}"),) if kind % 6 == 0 else (),
        job=300 + place if kind % 2 else None,
    )
    return _special(plain, kind)


def _status(kind: int) -> Status:
    if kind == 22:
        return "received"
    if kind in range(_FIRST_BAD_DEBT, _FIRST_OPEN):
        return "bad_debt"
    return "draft" if kind >= _FIRST_DRAFT else "sent"


def _lines(dice: random.Random, inclusive: bool) -> tuple[Line, ...]:
    factor = Decimal("1.1") if inclusive else Decimal(1)
    name, description, price, _ = _LABOUR
    labour = Line(name, description, Decimal(dice.choice(_HOURS)), price * factor)
    work = [
        Line(name, text, Decimal(dice.choice((1, 1, 1, 2))), price * factor, category=category)
        for name, text, price, category in dice.sample(_WORK, dice.choice((1, 1, 2, 3)))
    ]
    return (*work, labour)


def _payments(kind: int, issued: int) -> tuple[Payment, ...]:
    """How a paid one was paid."""
    later = max(0, issued - 9)
    if kind <= 8:
        return (Payment(later, "BANK_TRANSFER", details=f"Ref {BEFORE + kind}"),)
    if kind <= 11:
        deposit = Payment(issued, "BANK_TRANSFER", Decimal("100.00"), "DEPOSIT")
        return (deposit, Payment(later, "BANK_TRANSFER"))
    if kind <= 13:
        return (Payment(later, "JOBBER_PAYMENTS", tip=Decimal("10.00") if kind == 12 else Decimal(0)),)
    if kind <= 16:
        return (Payment(issued - 2, "CASH", Decimal("50.00")), Payment(later, "BANK_TRANSFER"))
    if kind <= 21:
        return (Payment(later, "CREDIT_CARD" if kind <= 19 else "CHEQUE"),)
    if kind == 22:
        return ()
    if kind == 23:
        twice = Payment(later, "CASH", Decimal("80.00"), details="Paid twice")
        back = Payment(later - 1, "CASH", Decimal("80.00"), "REFUND", details="Given back")
        return (Payment(later, "BANK_TRANSFER"), twice, back)
    return (Payment(later, "CREDIT_CARD", details="Card, by Stripe") if kind == 24 else Payment(later, "CASH"),)


def _special(plain: Invoice, kind: int) -> Invoice:
    """The ones that stand for a case of their own."""
    part = Payment(max(0, plain.issued_days_ago - 6), "BANK_TRANSFER", Decimal("60.00"))
    deposit = Payment(plain.issued_days_ago, "BANK_TRANSFER", Decimal("50.00"), "DEPOSIT")
    match kind:
        case 5 | 48:
            return replace(plain, discount=Discount(Decimal(10), percent=True))
        case 30:
            return replace(plain, discount=Discount(Decimal("40.00"), percent=False))
        case 7 | 35 | 49:
            return replace(plain, lines=(*plain.lines, _PASSED_ON))
        case 42:  # discounted as a whole, though not all of it is taxed
            lines = (*plain.lines, replace(_PASSED_ON, unit_price=Decimal("110.00")))
            return replace(plain, lines=lines, discount=Discount(Decimal(10), percent=True))
        case 24 | 40 | 44 | 46:
            return _at_stripe(plain, kind)
        case 31:
            return replace(plain, person=47)  # archived
        case 34:
            return replace(plain, number=f"{BEFORE + plain.place - 1}")
        case 36 | 37:
            return replace(plain, payments=(part,), notes=("Promised the rest for Friday.",))
        case 38:
            rebate = Line("Loyalty rebate", "", Decimal(1), Decimal("-22.00"))
            return replace(plain, lines=(*plain.lines, rebate))
        case 43:
            return replace(plain, person=20)  # without email
        case 45:
            return replace(plain, custom=_MANY_FACTS)
        case 47:  # 10.00 GST on the whole, 9.99 line by line
            thirds = tuple(
                Line(f"Stage {n}", "A third of 100 dollars", Decimal(1), Decimal("33.33")) for n in (1, 2, 3)
            )
            return replace(plain, lines=thirds, inclusive=False)
        case 50 | 53:
            return replace(plain, payments=(deposit,))
        case 51:
            return replace(plain, payments=(part, replace(part, method="CASH", days_ago=max(0, part.days_ago - 2))))
        case 52:
            return replace(plain, subject="Água quente 🚿 <fixed>", message="Danke!\n\nMerci — 谢谢")
    return plain


#: More than Stripe's four places for such facts.
_MANY_FACTS = (
    ("Purchase order", "PO-88/2"), ("Site contact", "Jo, 0412 345 678"), ("Warranty", "12 months"),
    ("Meter reading", "1042.5"), ("Strata approved", "yes"), ("Compliance certificate", "https://docs.example.com/c/45"),
)  # fmt: skip


def _at_stripe(plain: Invoice, kind: int) -> Invoice:
    """Paid by card at Stripe: 24 is paid in Jobber too, 40 and 46 are still open there; 44 is disputed."""
    person = {24: 1, 40: 2, 46: 4, 44: 6}[kind]
    lines = tuple(
        Line(name, text, Decimal(1), Decimal(price) * Decimal("1.1"), category=category)
        for name, text, price, category in (_WORK[kind % 6], _WORK[6 + kind % 3])
    )
    state: AtStripe = "disputed" if kind == 44 else "paid"
    return replace(plain, person=person, lines=lines, inclusive=True, discount=None, paid_at_stripe=state)
