"""What an invoice comes to under each way of rounding it, and why two sums differ. Pure.

Stripe rounds each line and the tax of each line, or that of the whole invoice where its owner has set that; others do
it either way, or round nothing before the end.
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from syncs import currencies
from syncs.invoices.document import Document, Impossible, Line, Tax, cents

#: The cause of a hold where only the rounding differs.
ROUNDS = "rounding_differs"


def per_line(lines: Sequence[Line]) -> int:
    """The total in minor units with the tax of each line rounded."""
    taxed = sum(_on(line.amount, line.tax) for line in lines if line.tax and not line.tax.inclusive)
    return taxed + sum(line.amount for line in lines)


def per_document(lines: Sequence[Line]) -> int:
    """The total in minor units with the tax of all lines of a rate rounded once."""
    return _at_the_end([(Decimal(line.amount), line.tax) for line in lines])


def unrounded(lines: Sequence[Line]) -> int:
    """The total in minor units where not even a line's own amount is rounded before the end."""
    return _at_the_end([(line.quantity * line.unit, line.tax) for line in lines])


def _at_the_end(amounts: Sequence[tuple[Decimal, Tax | None]]) -> int:
    whole, bases = Decimal(0), dict[Tax, Decimal]()
    for amount, tax in amounts:
        whole += amount
        if tax and not tax.inclusive:
            bases[tax] = bases.get(tax, Decimal(0)) + amount
    return _whole(whole) + sum(_on(base, tax) for tax, base in bases.items())


def _on(amount: Decimal | int, tax: Tax) -> int:
    return _whole(amount * Decimal(tax.percent) / 100)


def _whole(exact: Decimal) -> int:
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def differ(document: Document, there: int, data: Mapping[str, Any], currency: str) -> str:
    """Both sums and the likely cause, in words. `data`: the source's record; `there`: what the target makes of it."""
    here = document.total
    sums = (
        f"Jobber says {currencies.shown(here, currency)} and Stripe makes it {currencies.shown(there, currency)}, "
        f"{currencies.shown(abs(here - there), currency)} {'more' if there > here else 'less'}"
    )
    return f"{sums}. {_cause(document, there, data, currency)}"


def rounds(document: Document, there: int) -> bool:
    """Whether both sums follow from the same lines, rounded in different ways."""
    return {document.total, there} <= _ways(document.lines)


def _ways(lines: Sequence[Line]) -> set[int]:
    return {per_line(lines), per_document(lines), unrounded(lines)}


def _said(data: Mapping[str, Any], path: str, currency: str) -> int:
    """Nothing where it is no amount: it only serves to find the cause."""
    try:
        return cents(data.get(path), currency)
    except Impossible:
        return 0


def _cause(document: Document, there: int, data: Mapping[str, Any], currency: str) -> str:
    here, lines = document.total, document.lines
    if rounds(document, there):
        return "Likely cause: one rounds the tax of each line, the other that of the whole invoice."
    gap = here - there
    for path in ("tips", "deposit", "tax", "discount"):
        amount = _said(data, path, currency)
        if amount and abs(gap) == amount:
            part = f"the {path.removesuffix('s')} of {currencies.shown(amount, currency)}"
            return f"Likely cause: {part} is counted on one side only."
    added = sum(line.amount for line in lines)
    subtotal = _said(data, "subtotal", currency) - _said(data, "discount", currency)
    if data.get("subtotal") and added != subtotal:
        return (
            f"Likely cause: Jobber's lines add up to {currencies.shown(added, currency)}, but it says "
            f"{currencies.shown(subtotal, currency)} before tax."
        )
    if there not in _ways(lines):
        return "Likely cause: its lines were changed in Stripe."
    return "Likely cause: the tax is worked out differently; compare the lines of both."
