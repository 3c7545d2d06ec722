"""Reading one phone number out of a field where people type what they like."""

import re
from functools import lru_cache

import phonenumbers

_SEPARATORS = re.compile(r"[,;/|\n]|\bor\b", re.IGNORECASE)
_LEADING_WORDS = re.compile(r"^[^\d+(]+")
_LETTERS = re.compile(r"[^\W\d_]")
_EXTENSION = re.compile(r"(?:ext|extn|extension|\bx|(?<=\d)x)[.:\s]*#?(\d{1,7})\b", re.IGNORECASE)
#: 13 12 34: valid to the library, which makes +61131234 of it, but out of reach from abroad. Eight digits without an
#: area code that begin with 61 are read as one of these too, so nothing is made of them either.
_NATIONAL_ONLY = re.compile(r"^\+6113\d{4}$")
_FORMATS = phonenumbers.PhoneNumberFormat


@lru_cache(maxsize=4096)
def number(raw: str, region: str, style: str) -> str:
    """The first number in `raw` as '+61412345678' (style 'e164') or as it is dialled in the region ('national').

    '' where there is no whole, valid number. Foreign ones keep their country code in both styles.
    """
    one = _first(raw)
    digits = re.sub(r"\D", "", one.replace("(0)", ""))
    if region == "AU" and digits.startswith("61") and len(digits) == 11 and not one.startswith("+"):
        one = f"+{digits}"
    try:
        parsed = phonenumbers.parse(one, region)
    except phonenumbers.NumberParseException:
        return ""
    e164 = phonenumbers.format_number(parsed, _FORMATS.E164)
    if not phonenumbers.is_valid_number(parsed) or _NATIONAL_ONLY.match(e164):
        return ""
    if style != "national":
        return e164
    home = parsed.country_code == phonenumbers.country_code_for_region(region)
    return phonenumbers.format_number(parsed, _FORMATS.NATIONAL if home else _FORMATS.INTERNATIONAL)


def kind(raw: str, region: str) -> str:
    """'mobile', 'fixed line', 'toll free' ...; '' where there is no whole, valid number."""
    found = number(raw, region, "e164")
    if not found:
        return ""
    named = phonenumbers.PhoneNumberType.to_string(phonenumbers.number_type(phonenumbers.parse(found)))
    return str(named).lower().replace("_", " ")


def extension(raw: str) -> str:
    """'12' of '02 9123 4567 ext 12', else ''."""
    found = _EXTENSION.search(raw)
    return found[1] if found else ""


def international(raw: str) -> str:
    """'+' and 8 to 15 digits, for a number with a country code that the library does not know; else ''."""
    one = _first(raw)
    digits = re.sub(r"\D", "", one)
    return f"+{digits}" if one.startswith("+") and digits.isascii() and 8 <= len(digits) <= 15 else ""


def _first(raw: str) -> str:
    """Without words in front ('Mob: '), cut at the first word behind and at whatever separates two numbers."""
    one = _LEADING_WORDS.sub("", _SEPARATORS.split(raw, maxsplit=1)[0])
    letters = _LETTERS.search(one)
    return (one[: letters.start()] if letters else one).strip()
