"""Money in words. Pure."""

from connectors.amounts import exponent, major

_SIGNS = {"AUD": "$", "NZD": "$", "USD": "$", "CAD": "$", "SGD": "$", "HKD": "$", "GBP": "£", "EUR": "€", "JPY": "¥"}


def shown(cents: int, currency: str, home: str = "") -> str:
    """'$1,234.50', '-$3.00', '12.500 KWD'. A currency other than `home` is named: '$5.00 USD'."""
    code = currency.upper()
    figure = f"{major(abs(cents), code):,.{exponent(code)}f}"
    sign = "-" if cents < 0 else ""
    if code not in _SIGNS:
        return f"{sign}{figure} {code}"
    named = f" {code}" if home and code != home.upper() else ""
    return f"{sign}{_SIGNS[code]}{figure}{named}"
