"""What an invoice comes to. Jobber's money is floats in dollars; the sums here are made with exact decimals.

Not published, and settled here: `subtotal` is the sum of the lines as they stand, so with the tax in it where the
invoice is inclusive; a discount takes the same share of every line before tax; a balance is the total less deposits
and payments.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

CENT = Decimal("0.01")
#: What a record of each kind does to what was paid; other kinds move nothing.
SIGNS = {"PAYMENT": 1, "DEPOSIT": 1, "REFUND": -1, "FAILED_ACH_PAYMENT": -1, "CORRECTION": 1}


@dataclass(frozen=True, slots=True)
class Priced:
    """A line: its exact amount, and the percentage of its tax (None: not taxed)."""

    amount: Decimal
    percent: Decimal | None


@dataclass(frozen=True, slots=True)
class Sums:
    subtotal: Decimal
    discount: Decimal
    tax: Decimal
    not_taxed: Decimal
    total: Decimal


def decimal(number: float) -> Decimal:
    return Decimal(repr(number))


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def sums(lines: Sequence[Priced], inclusive: bool, discount: Decimal, *, per_line: bool = False) -> Sums:
    """`discount` in dollars. Tax is rounded once for the document, or on each line."""
    amounts = [cents(line.amount) if per_line else line.amount for line in lines]
    whole = sum(amounts, Decimal(0))
    share = 1 - discount / whole if whole else Decimal(1)
    bases: dict[Decimal | None, list[Decimal]] = defaultdict(list)
    for line, amount in zip(lines, amounts, strict=True):
        bases[line.percent].append(amount * share)
    taxed = {percent: each for percent, each in bases.items() if percent is not None}
    tax = sum((_tax(each, percent, inclusive, per_line) for percent, each in taxed.items()), Decimal(0))
    subtotal = cents(whole)
    return Sums(
        subtotal=subtotal,
        discount=discount,
        tax=tax,
        not_taxed=cents(sum(bases[None], Decimal(0))),
        total=subtotal - discount + (0 if inclusive else tax),
    )


def _tax(amounts: Sequence[Decimal], percent: Decimal, inclusive: bool, per_line: bool) -> Decimal:
    part = percent / (100 + percent) if inclusive else percent / 100
    if per_line:
        return sum((cents(amount * part) for amount in amounts), Decimal(0))
    return cents(sum(amounts, Decimal(0)) * part)


def discount(lines: Iterable[Priced], rate: Decimal, kind: str) -> Decimal:
    """In dollars. `kind` is Percent or Unit (dollars)."""
    return cents(sum((line.amount for line in lines), Decimal(0)) * rate / 100) if kind == "Percent" else cents(rate)


def shown(total: Sums, payments: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Jobber's InvoiceAmounts. A deposit counts apart from payments; a tip is no part of what the invoice comes to."""
    paid, deposits, tips = Decimal(0), Decimal(0), Decimal(0)
    for payment in payments:
        amount = decimal(payment["amount"]) * SIGNS.get(payment["adjustmentType"], 0)
        tips += decimal(payment["tipAmount"] or 0.0)
        if payment["adjustmentType"] == "DEPOSIT":
            deposits += amount
        else:
            paid += amount
    found = {
        "subtotal": total.subtotal, "discountAmount": total.discount, "legacyDiscountAmount": Decimal(0),
        "taxAmount": total.tax, "nonTaxAmount": total.not_taxed, "total": total.total, "depositAmount": deposits,
        "paymentsTotal": paid, "tipsTotal": tips, "invoiceBalance": total.total - deposits - paid,
    }  # fmt: skip
    return {name: float(amount) for name, amount in found.items()}
