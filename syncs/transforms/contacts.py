"""Transforms of what people are reached by: email and phone. Pure."""

from typing import Annotated, Any, Literal

from connectors.base import FieldType
from connectors.emails import valid_email
from syncs import phones
from syncs.transforms.arguments import Arg
from syncs.transforms.catalogue import eg, theme
from syncs.transforms.values import Notes, as_list, plain

transform = theme("Email and phone")


@transform(
    eg(" Jane@EXAMPLE.com", "Jane@example.com"), eg("none", ""), eg("Jane@x.org", "jane@x.org", lower=True),
    gives=FieldType.EMAIL, longest=lambda given, came: came,
)  # fmt: skip
def email(
    value: Any, notes: Notes, *, lower: Annotated[bool, Arg("whether all of it is in small letters")] = False
) -> str:
    """A valid address, domain in lower case; nothing when it is none."""
    raw = plain(value)
    found = valid_email(raw) if raw else ""
    if raw and not found:
        notes.append(f"“{raw[:60]}” is not an email address, so it was not sent")
    return found.lower() if lower else found


def _region(code: str) -> None:
    if not (code.isascii() and code.isalpha() and code.isupper()):
        raise ValueError("a country is written in two capital letters, such as AU.")


Region = Annotated[str, Arg("the country of numbers that name none", least=2, most=2, check=_region)]


@transform(
    eg("Mob: 0412 345 678", "+61412345678"), eg("+61 2 9123 4567", "(02) 9123 4567", style="national"),
    eg("021 123 456", "+6421123456", region="NZ"), gathers=True,
    gives=FieldType.PHONE, longest=lambda given, came: max(given["longest"], 16),
)  # fmt: skip
def phone(
    value: Any, notes: Notes, *, region: Region = "AU",
    style: Annotated[Literal["e164", "national"], Arg("+61412345678, or 0412 345 678")] = "e164",
    longest: Annotated[int, Arg("the most characters of one kept as typed", least=1, most=200)] = 20,
) -> str:  # fmt: skip
    """The first number of the field in E.164 (or national form). What cannot be read is kept as typed if it fits.

    Of several spellings of one number the first that can be read counts, else the first there is.
    """
    spellings = [raw for v in as_list(value) if plain(raw := str(v or "")[:200])]
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


@transform(
    eg("0412 345 678", "mobile"), eg("02 9123 4567", "fixed line"), eg("1800 123 456", "toll free"), gathers=True,
    says="what kind of phone it is",
)  # fmt: skip
def phone_kind(value: Any, notes: Notes, *, region: Region = "AU") -> str:
    """What kind of number the first one of the field is: mobile, fixed line, toll free and so on. Nothing where it
    cannot be read."""
    spellings = [raw for v in as_list(value) if plain(raw := str(v or "")[:200])]
    return next((kind for raw in spellings if (kind := phones.kind(raw, region))), "")
