"""Amounts as Stripe counts them, in minor units, as people read them."""

from connectors.amounts import exponent, major

_DOLLARS = frozenset(("AUD", "NZD", "USD", "CAD", "SGD", "HKD"))


def shown(amount: int, currency: str) -> str:
    """'$1,234.50', 'EUR 20.00', 'JPY 500'. `currency` is ISO 4217 in upper case."""
    text = f"{major(abs(amount), currency):,.{exponent(currency)}f}"
    return f"{'-' if amount < 0 else ''}{'$' if currency in _DOLLARS else f'{currency} '}{text}"
