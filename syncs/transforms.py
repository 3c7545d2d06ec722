"""Named pure functions that a mapping row chains: value in, value out, a note for whatever a person should know.

The first transform of a row gets the value of its one source, or the list of values of its several sources.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email

type Notes = list[str]
type Transform = Callable[..., Any]

TRANSFORMS: dict[str, Transform] = {}


def transform(function: Transform) -> Transform:
    """Register under the function's name. Signature: (value, notes, **arguments) -> value."""
    TRANSFORMS[function.__name__] = function
    return function


def is_empty(value: Any) -> bool:
    return value is None or value == "" or value == []


@transform
def first(value: Any, notes: Notes) -> Any:
    """The first value that is not empty."""
    return next((v for v in value if not is_empty(v)), "")


@transform
def join(value: Any, notes: Notes, *, separator: str = " ") -> str:
    """The values that are not empty, as one text."""
    return separator.join(str(v).strip() for v in value if not is_empty(v))


_SPACES = re.compile(r"\s+")


@transform
def text(value: Any, notes: Notes) -> str:
    """Unicode NFC, control characters removed, runs of spaces collapsed."""
    raw = "" if value is None else str(value)
    if raw.isascii() and raw.isprintable() and "  " not in raw:
        return raw.strip()
    plain = unicodedata.normalize("NFC", _SPACES.sub(" ", raw))
    return "".join(c for c in plain if unicodedata.category(c) not in {"Cc", "Cs"}).strip()


@transform
def cut(value: Any, notes: Notes, *, length: int) -> str:
    """At most `length` code points; a longer text ends in '...' and is noted."""
    raw = "" if value is None else str(value)
    if len(raw) <= length:
        return raw
    notes.append(f"is {len(raw):,} characters long and was shortened to {length}")
    return raw[: length - 3] + "..."


@transform
def email(value: Any, notes: Notes) -> str:
    """A valid address, domain in lower case; nothing when it is none."""
    raw = str(value or "").strip()
    if not raw:
        return ""
    found = _valid_email(raw)
    if not found:
        notes.append(f"“{raw[:60]}” is not an email address, so it was not sent")
    return found


@lru_cache(maxsize=4096)
def _valid_email(raw: str) -> str:
    try:
        return validate_email(raw, check_deliverability=False).normalized
    except EmailNotValidError:
        return ""


_SEPARATORS = re.compile(r"[,;/|]|\bor\b", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]")
_NATIONAL_ONLY = re.compile(r"^13\d{4}$")


@transform
def phone(value: Any, notes: Notes, *, region: str = "AU", style: str = "e164", longest: int = 20) -> str:
    """The first number of the field in E.164 (or national form). What cannot be read is kept as typed if it fits."""
    raw = str(value or "").strip()
    if not raw:
        return ""
    number = _phone(raw, region, style)
    if number:
        return number
    if any(c.isdigit() for c in raw) and len(raw) <= longest:
        notes.append(f"“{raw}” is not a full phone number, so it was kept as typed")
        return raw
    notes.append(f"“{raw[:40]}” is not a phone number, so it was not sent")
    return ""


@lru_cache(maxsize=4096)
def _phone(raw: str, region: str, style: str) -> str:
    """'' when it is not a whole, valid number."""
    one = _SEPARATORS.split(raw, maxsplit=1)[0]
    letters = _LETTERS.search(one)
    one = (one[: letters.start()] if letters else one).strip()
    digits = re.sub(r"\D", "", one)
    if _NATIONAL_ONLY.match(digits):
        return ""  # the library makes +61131234 of it, which cannot be reached from abroad
    if region == "AU" and digits.startswith("61") and len(digits) == 11 and not one.startswith("+"):
        one = f"+{digits}"
    try:
        parsed = phonenumbers.parse(one, region)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(parsed):
        return ""
    shape = phonenumbers.PhoneNumberFormat.NATIONAL if style == "national" else phonenumbers.PhoneNumberFormat.E164
    return phonenumbers.format_number(parsed, shape)


_COUNTRIES = {
    "australia": "AU", "new zealand": "NZ", "united states": "US", "united states of america": "US", "usa": "US",
    "canada": "CA", "united kingdom": "GB", "great britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB",
    "uk": "GB", "ireland": "IE", "singapore": "SG", "india": "IN", "south africa": "ZA", "germany": "DE",
    "france": "FR", "netherlands": "NL", "italy": "IT", "spain": "ES", "japan": "JP", "hong kong": "HK",
    "fiji": "FJ", "papua new guinea": "PG", "indonesia": "ID", "malaysia": "MY", "philippines": "PH",
}  # fmt: skip


@transform
def country(value: Any, notes: Notes, *, default: str = "") -> str:
    """ISO 3166-1 alpha-2 from a name or code; nothing when unknown.

    Of several values the first is the country; the default stands in for it only where one of the others is filled.
    """
    named, *others = value if isinstance(value, list) else [value, "an address"]
    raw = str(named or "").strip()
    if not raw:
        return "" if all(is_empty(o) for o in others) else default
    if len(raw) == 2 and raw.isalpha() and raw.isascii():
        return raw.upper() if raw.upper() != "UK" else "GB"
    found = _COUNTRIES.get(raw.casefold(), "")
    if not found:
        notes.append(f"“{raw[:40]}” is not a country we know, so it was not sent")
    return found


_STATES = {
    "new south wales": "NSW", "victoria": "VIC", "queensland": "QLD", "western australia": "WA",
    "south australia": "SA", "tasmania": "TAS", "northern territory": "NT", "australian capital territory": "ACT",
}  # fmt: skip
_STATE_CODES = set(_STATES.values())


@transform
def state_au(value: Any, notes: Notes) -> str:
    """The code of an Australian state or territory; any other text as it is."""
    raw = str(value or "").strip()
    code = raw.replace(".", "").upper()
    return code if code in _STATE_CODES else _STATES.get(raw.casefold(), raw)


@transform
def join_list(value: Any, notes: Notes, *, separator: str = ", ", longest: int = 500) -> str:
    """A list as text: no doubles (case ignored), order kept, cut after a whole item."""
    seen: dict[str, str] = {}
    for item in value or []:
        word = text(item, notes)
        if word:
            seen.setdefault(word.casefold(), word)
    joined = ""
    for position, word in enumerate(seen.values()):
        longer = joined + (separator if joined else "") + word
        if len(longer) > longest:
            notes.append(f"holds {len(seen)} entries; the last {len(seen) - position} did not fit")
            break
        joined = longer
    return joined


@transform
def flag(value: Any, notes: Notes, *, on: str = "true") -> str:
    """A yes as text, a no as nothing."""
    return on if value else ""


@transform
def utc_time(value: Any, notes: Notes) -> str:
    """ISO 8601 in UTC, whole seconds."""
    if is_empty(value):
        return ""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        notes.append(f"“{str(value)[:40]}” is not a date and time, so it was not sent")
        return ""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@transform
def choose_name(value: Any, notes: Notes) -> str:
    """From [name, company, first, last, email, id]: the record's own name, else the next best thing."""
    name, company, given, family, address, identity = [text(v, notes) for v in value]
    person = f"{given} {family}".strip()
    local_part = address.split("@")[0] if "@" in address else ""
    return name or person or company or local_part or f"Client {identity.rstrip('=')[-6:]}"
