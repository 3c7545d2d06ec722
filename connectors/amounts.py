"""Amounts and numbers as the services write them: decimals as text, and money in minor units.

Exponents as Stripe documents them (docs.stripe.com/currencies, 2025): ISO 4217's, with the exceptions that it names.
"""

from decimal import ROUND_HALF_UP, Decimal

_NONE = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
_THREE = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])


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


def plain(number: object) -> str:
    """A decimal number as text, without an exponent or needless zeros: '10', '1.5'."""
    return f"{Decimal(str(number)).normalize():f}"
