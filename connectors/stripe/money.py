"""Amounts as Stripe counts them, in minor units, as people read them."""

#: Currencies without minor units, and those with a thousand of them, where Stripe counts in these.
_NONE = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
)
_THOUSAND = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))
_DOLLARS = frozenset(("AUD", "NZD", "USD", "CAD", "SGD", "HKD"))


def shown(amount: int, currency: str) -> str:
    """'$1,234.50', 'EUR 20.00', 'JPY 500'. `currency` is ISO 4217 in upper case."""
    digits = 0 if currency in _NONE else 3 if currency in _THOUSAND else 2
    whole, part = divmod(abs(amount), 10**digits)
    text = f"{whole:,}.{part:0{digits}d}" if digits else f"{whole:,}"
    return f"{'-' if amount < 0 else ''}{'$' if currency in _DOLLARS else f'{currency} '}{text}"
