"""Named pure functions that a mapping row chains: value in, value out, a note for whatever a person should know.

The first transform of a row gets the value of its one source, or the list of values of its several sources. Any JSON
value may come in; none of them raises for what a record holds. An empty value with a note means: there was something,
but nothing that could be sent.
"""

import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from connectors.emails import valid_email
from syncs import countries, phones

type Notes = list[str]
type Transform = Callable[..., Any]

TRANSFORMS: dict[str, Transform] = {}
#: Those that make one value of several; a row with several sources begins with one of them.
GATHERING: set[str] = set()


def transform(function: Transform) -> Transform:
    """Register under the function's name. Signature: (value, notes, **arguments) -> value. ValueError or TypeError
    for arguments that make no sense."""
    TRANSFORMS[function.__name__] = function
    return function


def of_several(function: Transform) -> Transform:
    GATHERING.add(function.__name__)
    return transform(function)


def is_empty(value: Any) -> bool:
    return value is None or value == "" or value == []


def plain(value: Any) -> str:
    """Unicode NFC, control characters removed, runs of spaces collapsed. A list is joined, a yes or no spelt out."""
    if isinstance(value, str):
        raw = value
    elif isinstance(value, bool):
        raw = "yes" if value else "no"
    else:
        words = map(plain, value) if isinstance(value, list) else ["" if value is None else str(value)]
        raw = ", ".join(filter(None, words))
    if raw.isascii() and raw.isprintable() and "  " not in raw:
        return raw.strip()
    spaced = "".join(" " if c.isspace() else c for c in raw)
    kept = "".join(c for c in spaced if unicodedata.category(c) not in {"Cc", "Cs"})
    return " ".join(unicodedata.normalize("NFC", kept).split())


def _list(value: Any) -> list[Any]:
    """The values of several sources, or the one value there is."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


@of_several
def first(value: Any, notes: Notes) -> Any:
    """The first value that is not empty."""
    return next((v for v in _list(value) if not is_empty(v)), "")


@of_several
def join(value: Any, notes: Notes, *, separator: str = " ") -> str:
    """The values that are not empty, as one text."""
    return separator.join(word for v in _list(value) if not is_empty(v) and (word := str(v).strip()))


@transform
def text(value: Any, notes: Notes) -> str:
    """Unicode NFC, control characters removed, runs of spaces collapsed."""
    return plain(value)


@transform
def cut(value: Any, notes: Notes, *, length: int) -> str:
    """At most `length` code points; a longer text ends in '...' and is noted."""
    if length < 4:
        raise ValueError("There must be room for a letter and three dots.")
    raw = "" if value is None else str(value)
    if len(raw) <= length:
        return raw
    notes.append(f"is {len(raw):,} characters long and was shortened to {length:,}")
    return f"{raw[: length - 3].rstrip()}..."


@transform
def email(value: Any, notes: Notes) -> str:
    """A valid address, domain in lower case; nothing when it is none."""
    raw = plain(value)
    found = valid_email(raw) if raw else ""
    if raw and not found:
        notes.append(f"“{raw[:60]}” is not an email address, so it was not sent")
    return found


@of_several
def phone(value: Any, notes: Notes, *, region: str = "AU", style: str = "e164", longest: int = 20) -> str:
    """The first number of the field in E.164 (or national form). What cannot be read is kept as typed if it fits.

    Of several spellings of one number the first that can be read counts, else the first there is.
    """
    spellings = [raw for v in _list(value) if plain(raw := str(v or "")[:200])]
    for raw in spellings:
        found = phones.number(raw, region, style)
        if found:
            if extension := phones.extension(raw):
                notes.append(f"was sent without its extension, {extension}")
            return found
    return _as_typed(plain(spellings[0]), notes, longest) if spellings else ""


def _as_typed(raw: str, notes: Notes, longest: int) -> str:
    kept = raw if len(raw) <= longest else phones.international(raw)
    if kept and any(c.isdigit() for c in kept):
        notes.append(f"“{raw[:40]}” is not a phone number we can read, so it was kept as typed")
        return kept
    notes.append(f"“{raw[:40]}” is not a phone number, so it was not sent")
    return ""


@of_several
def country(value: Any, notes: Notes, *, default: str = "") -> str:
    """ISO 3166-1 alpha-2 from a name or code; nothing when unknown.

    Of several values the first is the country; the default stands in for it only where one of the others is filled.
    """
    named, *others = (value or [""]) if isinstance(value, list) else [value, default]
    raw = plain(named)
    if not raw:
        return "" if all(is_empty(o) for o in others) else default
    found = countries.code_of(raw)
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
    raw = plain(value)
    code = raw.replace(".", "").upper()
    return code if code in _STATE_CODES else _STATES.get(raw.casefold(), raw)


@of_several
def join_list(value: Any, notes: Notes, *, separator: str = ", ", longest: int = 500) -> str:
    """Lists as one text: no doubles (case ignored), order kept; an entry that does not fit is left out whole."""
    entries = [e for v in _list(value) for e in _list(v)]
    joined, left_out = fit_list(entries, separator, longest)
    if left_out:
        notes.append(f"holds more than fits: {left_out} of its entries could not be sent")
    return joined


def fit_list(entries: list[Any], separator: str, longest: int) -> tuple[str, int]:
    """(as many different entries as fit, how many did not)."""
    words: dict[str, str] = {}
    for entry in entries:
        word = plain(entry)
        if word:
            words.setdefault(word.casefold(), word)
    joined, left_out = "", 0
    for word in words.values():
        longer = f"{joined}{separator}{word}" if joined else word
        if len(longer) <= longest:
            joined = longer
        else:
            left_out += 1
    return joined, left_out


_NO = {"", "no", "false", "0", "none"}


@transform
def flag(value: Any, notes: Notes, *, on: str = "true") -> str:
    """A yes as text, a no as nothing."""
    return "" if is_empty(value) or plain(value).casefold() in _NO else on


@transform
def utc_time(value: Any, notes: Notes) -> str:
    """ISO 8601 in UTC, whole seconds. A time without a zone is taken for UTC."""
    if is_empty(value):
        return ""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        notes.append(f"“{plain(value)[:40]}” is not a date and time, so it was not sent")
        return ""


@of_several
def choose_name(value: Any, notes: Notes) -> str:
    """From [name, is company, company, first, last, email, id]: the record's own name, else the next best thing."""
    name, is_company, company, given, family, address, identity = [plain(v) for v in _list(value)]
    person = f"{given} {family}".strip()
    named = (company or person) if flag(is_company, notes) else (person or company)
    local_part = address.split("@")[0] if "@" in address else ""
    return name or named or local_part or f"Client {identity.rstrip('=')[-6:]}"
