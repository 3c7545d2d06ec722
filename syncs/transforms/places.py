"""Transforms of places. Pure."""

from typing import Annotated, Any

from connectors.base import FieldType
from syncs import countries
from syncs.transforms.arguments import Arg
from syncs.transforms.catalogue import eg, theme
from syncs.transforms.values import Notes, is_empty, plain

transform = theme("Places")


@transform(
    eg("Australia", "AU"), eg("Narnia", ""), eg(["", "1 King St"], "AU", default="AU"), gathers=True,
    gives=FieldType.COUNTRY, longest=lambda given, came: 2,
)  # fmt: skip
def country(
    value: Any, notes: Notes, *,
    default: Annotated[str, Arg("the code of an address that names none", most=2)] = "",
) -> str:  # fmt: skip
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


@transform(
    eg("New South Wales", "NSW"), eg("n.s.w.", "NSW"), eg("Otago", "Otago"),
    longest=lambda given, came: None if came is None else max(came, 3),
)  # fmt: skip
def state_au(value: Any, notes: Notes) -> str:
    """The code of an Australian state or territory; any other text as it is."""
    raw = plain(value)
    code = raw.replace(".", "").upper()
    return code if code in _STATE_CODES else _STATES.get(raw.casefold(), raw)
