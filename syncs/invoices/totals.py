"""What an invoice comes to under either way of rounding its tax, and why two sums differ. Pure.

Stripe rounds the tax of each line, or of the whole invoice where its owner has set that; others do it either way.
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from syncs import currencies
from syncs.invoices.document import Document, Line, Tax, cents


def per_line(lines: Sequence[Line]) -> int:
    """The total in minor units with the tax of each line rounded."""
    taxed = sum(_on(line.amount, line.tax) for line in lines if line.tax and not line.tax.inclusive)
    return taxed + sum(line.amount for line in lines)


def per_document(lines: Sequence[Line]) -> int:
    """The total in minor units with the tax of all lines of a rate rounded once."""
    whole, bases = 0, dict[Tax, int]()
    for line in lines:
        whole += line.amount
        if line.tax and not line.tax.inclusive:
            bases[line.tax] = bases.get(line.tax, 0) + line.amount
    return whole + sum(_on(base, tax) for tax, base in bases.items())


def _on(amount: int, tax: Tax) -> int:
    return int((amount * Decimal(tax.percent) / 100).quantize(Decimal(1), ROUND_HALF_UP))


def differ(document: Document, there: int, data: Mapping[str, Any], currency: str) -> str:
    """Both sums and the likely cause, in words. `data`: the source's record; `there`: what the target makes of it."""
    here = document.total
    sums = (
        f"Jobber says {currencies.shown(here, currency)} and Stripe makes it {currencies.shown(there, currency)}, "
        f"{currencies.shown(abs(here - there), currency)} {'more' if there > here else 'less'}"
    )
    return f"{sums}. {_cause(document, there, data, currency)}"


def _cause(document: Document, there: int, data: Mapping[str, Any], currency: str) -> str:
    here, lines = document.total, document.lines
    one, whole = per_line(lines), per_document(lines)
    if here != there and {here, there} == {one, whole}:
        return "Likely cause: one rounds the tax of each line, the other that of the whole invoice."
    gap = here - there
    for path in ("tips", "deposit", "tax", "discount"):
        amount = cents(data.get(path), currency)
        if amount and abs(gap) == amount:
            part = f"the {path.removesuffix('s')} of {currencies.shown(amount, currency)}"
            return f"Likely cause: {part} is counted on one side only."
    added = sum(line.amount for line in lines)
    subtotal = cents(data.get("subtotal"), currency) - cents(data.get("discount"), currency)
    if data.get("subtotal") and added != subtotal:
        return (
            f"Likely cause: Jobber's lines add up to {currencies.shown(added, currency)}, but it says "
            f"{currencies.shown(subtotal, currency)} before tax."
        )
    if there not in {one, whole}:
        return "Likely cause: its lines were changed in Stripe."
    return "Likely cause: the tax is worked out differently; compare the lines of both."
