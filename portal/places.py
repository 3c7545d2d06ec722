"""Countries with their currencies, and time zones, to choose from."""

from functools import cache
from itertools import groupby
from zoneinfo import available_timezones

#: Where the money side can hold an account: code -> (name, currency).
COUNTRIES: dict[str, tuple[str, str]] = {
    "AU": ("Australia", "AUD"),
    "AT": ("Austria", "EUR"),
    "BE": ("Belgium", "EUR"),
    "BR": ("Brazil", "BRL"),
    "BG": ("Bulgaria", "EUR"),
    "CA": ("Canada", "CAD"),
    "HR": ("Croatia", "EUR"),
    "CY": ("Cyprus", "EUR"),
    "CZ": ("Czechia", "CZK"),
    "DK": ("Denmark", "DKK"),
    "EE": ("Estonia", "EUR"),
    "FI": ("Finland", "EUR"),
    "FR": ("France", "EUR"),
    "DE": ("Germany", "EUR"),
    "GI": ("Gibraltar", "GBP"),
    "GR": ("Greece", "EUR"),
    "HK": ("Hong Kong", "HKD"),
    "HU": ("Hungary", "HUF"),
    "IE": ("Ireland", "EUR"),
    "IT": ("Italy", "EUR"),
    "JP": ("Japan", "JPY"),
    "LV": ("Latvia", "EUR"),
    "LI": ("Liechtenstein", "CHF"),
    "LT": ("Lithuania", "EUR"),
    "LU": ("Luxembourg", "EUR"),
    "MY": ("Malaysia", "MYR"),
    "MT": ("Malta", "EUR"),
    "MX": ("Mexico", "MXN"),
    "NL": ("Netherlands", "EUR"),
    "NZ": ("New Zealand", "NZD"),
    "NO": ("Norway", "NOK"),
    "PL": ("Poland", "PLN"),
    "PT": ("Portugal", "EUR"),
    "RO": ("Romania", "RON"),
    "SG": ("Singapore", "SGD"),
    "SK": ("Slovakia", "EUR"),
    "SI": ("Slovenia", "EUR"),
    "ZA": ("South Africa", "ZAR"),
    "ES": ("Spain", "EUR"),
    "SE": ("Sweden", "SEK"),
    "CH": ("Switzerland", "CHF"),
    "TH": ("Thailand", "THB"),
    "AE": ("United Arab Emirates", "AED"),
    "GB": ("United Kingdom", "GBP"),
    "US": ("United States", "USD"),
}
REGIONS = {"Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
#: Second names of Australian zones, kept by the time zone database for old programs.
OLD_NAMES = {f"Australia/{name}" for name in ("ACT", "Canberra", "Currie", "LHI", "NSW", "North", "Queensland")}
OLD_NAMES |= {f"Australia/{name}" for name in ("South", "Tasmania", "Victoria", "West", "Yancowinna")}


def countries() -> list[tuple[str, str]]:
    return [(code, name) for code, (name, _) in COUNTRIES.items()]


def currencies() -> list[tuple[str, str]]:
    return [(code, code) for code in sorted({currency for _, currency in COUNTRIES.values()})]


@cache
def time_zones() -> list[tuple[str, list[tuple[str, str]]]]:
    """Grouped for a list: [("Australia", [("Australia/Sydney", "Sydney"), ...]), ...]."""
    names = sorted(name for name in available_timezones() - OLD_NAMES if name.split("/")[0] in REGIONS and "/" in name)
    grouped = groupby(names, key=lambda name: name.split("/")[0])
    return [(region, [(name, _spoken(name)) for name in zones]) for region, zones in grouped]


def _spoken(name: str) -> str:
    return ", ".join(reversed(name.replace("_", " ").split("/")[1:]))
