"""Amounts in minor units, and in words. Pure.

Exponents as Stripe documents them (docs.stripe.com/currencies, 2025): ISO 4217's, with the exceptions that it names.
"""

from decimal import ROUND_HALF_UP, Decimal

_NONE = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
_THREE = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
_SIGNS = {"AUD": "$", "NZD": "$", "USD": "$", "CAD": "$", "SGD": "$", "HKD": "$", "GBP": "£", "EUR": "€", "JPY": "¥"}


def exponent(currency: str) -> int:
    """Digits behind the point."""
    code = currency.upper()
    if code in _NONE:
        return 0
    return 3 if code in _THREE else 2


def minor(amount: Decimal, currency: str) -> int:
    """Decimal dollars as whole cents, halves away from zero."""
    return int(amount.scaleb(exponent(currency)).quantize(Decimal(1), ROUND_HALF_UP))


def major(cents: int, currency: str) -> Decimal:
    return Decimal(cents).scaleb(-exponent(currency))


def shown(cents: int, currency: str, home: str = "") -> str:
    """'$1,234.50', '-$3.00', '12.500 KWD'. A currency other than `home` is named: '$5.00 USD'."""
    code = currency.upper()
    figure = f"{major(abs(cents), code):,.{exponent(code)}f}"
    sign = "-" if cents < 0 else ""
    if code not in _SIGNS:
        return f"{sign}{figure} {code}"
    named = f" {code}" if home and code != home.upper() else ""
    return f"{sign}{_SIGNS[code]}{figure}{named}"
