"""What an invoice comes to: lines in minor units, tax by its rates, and the sums. Pure functions, exact until rounded.

Tax is rounded half away from zero, for each line or once per invoice, as the account's owner has chosen.
"""

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction

from connectors.stripe.sandbox.listing import Thing

_EXEMPT = {"exempt": "customer_exempt", "reverse": "reverse_charge"}


def rounded(exact: Fraction) -> int:
    """Half away from zero: 0.5 -> 1, -0.5 -> -1."""
    size = math.floor(abs(exact) + Fraction(1, 2))
    return size if exact >= 0 else -size


def amount(quantity: Decimal, unit_amount: Decimal) -> int:
    """Minor units of a line: 1.5 of 2070 -> 3105."""
    return rounded(Fraction(quantity) * Fraction(unit_amount))


def _exact(net_or_gross: int, rates: Sequence[Thing]) -> list[Fraction]:
    """The tax by each rate, unrounded. Inclusive ones are inside of the amount, exclusive ones on top of the rest."""
    inside = sum((_percent(r) for r in rates if r["inclusive"]), Fraction(0))
    net = Fraction(net_or_gross) / (1 + inside)
    return [net * _percent(r) for r in rates]


def _percent(rate: Thing) -> Fraction:
    return Fraction(str(rate["percentage"])) / 100


def taxes(line_amount: int, rates: Sequence[Thing], exempt: str) -> list[Thing]:
    """The `taxes` of a line. `exempt`: the customer's 'none', 'exempt' or 'reverse'."""
    exact = [Fraction(0)] * len(rates) if exempt in _EXEMPT else _exact(line_amount, rates)
    whole = [rounded(e) for e in exact]
    net = line_amount - sum(w for w, r in zip(whole, rates, strict=True) if r["inclusive"])
    return [_tax(w, r, net, exempt) for w, r in zip(whole, rates, strict=True)]


def _tax(whole: int, rate: Thing, taxable: int, exempt: str) -> Thing:
    return {
        "amount": whole, "tax_behavior": "inclusive" if rate["inclusive"] else "exclusive",
        "tax_rate_details": {"tax_rate": rate["id"]}, "taxability_reason": _EXEMPT.get(exempt, "not_available"),
        "taxable_amount": taxable, "type": "tax_rate_details",
    }  # fmt: skip


def total_taxes(lines: Iterable[Thing], rates: dict[str, Thing], *, per_invoice: bool) -> list[Thing]:
    """The taxes of all lines, one entry per rate. `rates`: those that the lines name, by id."""
    found: dict[str, Thing] = {}
    exact: dict[str, Fraction] = {}
    for line in lines:
        named = [rates[t["tax_rate_details"]["tax_rate"]] for t in line["taxes"]]
        for tax, share in zip(line["taxes"], _exact(line["amount"], named), strict=True):
            identity = tax["tax_rate_details"]["tax_rate"]
            before = found.get(identity, tax | {"amount": 0, "taxable_amount": 0})
            sums = {key: before[key] + tax[key] for key in ("amount", "taxable_amount")}
            found[identity] = before | sums
            exact[identity] = exact.get(identity, Fraction(0)) + share
    if not per_invoice:
        return list(found.values())
    return [t if t["taxability_reason"] in _EXEMPT.values() else t | {"amount": rounded(exact[i])}
            for i, t in found.items()]  # fmt: skip


def totalled(invoice: Thing, lines: Sequence[Thing], rates: dict[str, Thing], *, per_invoice: bool) -> Thing:
    """The draft with its sums made new. What is due takes the customer's balance in, and is never negative."""
    found = total_taxes(lines, rates, per_invoice=per_invoice)
    inside = sum(t["amount"] for t in found if t["tax_behavior"] == "inclusive")
    on_top = sum(t["amount"] for t in found if t["tax_behavior"] == "exclusive")
    subtotal = sum(line["amount"] for line in lines)
    due = max(0, subtotal + on_top + invoice["starting_balance"])
    return invoice | {
        "subtotal": subtotal, "subtotal_excluding_tax": subtotal - inside, "total": subtotal + on_top,
        "total_excluding_tax": subtotal - inside, "total_taxes": found, "amount_due": due, "amount_remaining": due,
    }  # fmt: skip
