"""What Australia's postcodes and business numbers tell. Pure."""

from bisect import bisect_right
from typing import Annotated, Any, Literal

from syncs.transforms.arguments import Arg
from syncs.transforms.catalogue import eg, theme
from syncs.transforms.values import Notes, plain, quoted

transform = theme("Australia")

#: (first, last, state): Australia Post's ranges, as “Postcodes in Australia” on Wikipedia lists them. 0200, 1000, 5800,
#: 6800, 7800, 8000 and 9000 begin ranges of post office boxes and large receivers. Jervis Bay lies in 2540, of New
#: South Wales; the islands have 2899 (Norfolk), 6798 and 6799 (Christmas, Cocos), the Antarctic stations 7151.
_RANGES = (
    (200, 299, "ACT"), (800, 999, "NT"), (1000, 2599, "NSW"), (2600, 2618, "ACT"), (2619, 2899, "NSW"),
    (2900, 2920, "ACT"), (2921, 2999, "NSW"), (3000, 3999, "VIC"), (4000, 4999, "QLD"), (5000, 5999, "SA"),
    (6000, 6999, "WA"), (7000, 7999, "TAS"), (8000, 8999, "VIC"), (9000, 9999, "QLD"),
)  # fmt: skip
_FIRSTS = [first for first, _, _ in _RANGES]
#: Postcodes with places on both sides of a border: the state of the range has most of them.
_SHARED = frozenset(
    [872, 2406, 2611, 2618, 2620, 3500, 3585, 3586, 3644, 3691, 3707, 4375, 4377, 4380, 4383, 4385, 4825]
)


def _postcode(value: Any) -> str:
    """Four digits in a known range, '' for anything else. A zero in front that a spreadsheet ate is put back."""
    raw = plain(value)
    raw = raw.removesuffix(".0") if isinstance(value, float) else raw
    if not (raw.isascii() and raw.isdigit() and 3 <= len(raw) <= 4):
        return ""
    return raw.zfill(4) if _state(int(raw)) else ""


def _state(postcode: int) -> str:
    place = bisect_right(_FIRSTS, postcode) - 1
    first, last, state = _RANGES[place]
    return state if place >= 0 and first <= postcode <= last else ""


@transform(eg("800", "0800"), eg(" 2000 ", "2000"), eg("SW1A", ""), says="as an Australian postcode")
def postcode_au(value: Any, notes: Notes) -> str:
    """An Australian postcode of four digits. What is none is left out and noted."""
    raw, found = plain(value), _postcode(value)
    if raw and not found:
        notes.append(f"{quoted(raw)} is not an Australian postcode, so it was not sent")
    return found


@transform(
    eg("2000", "NSW"), eg("2601", "ACT"), eg("0872", "NT"), says="the Australian state of the postcode"
)  # fmt: skip
def state_of_postcode(value: Any, notes: Notes) -> str:
    """The Australian state or territory of a postcode, post office boxes too. Nothing where it is no such postcode."""
    found = _postcode(value)
    if not found:
        return ""
    state = _state(int(found))
    if int(found) in _SHARED:
        notes.append(f"{found} lies on a border; {state} was taken for its state")
    return state


def _abn(value: Any) -> str:
    """Eleven digits whose check digits are right, else ''."""
    from stdnum.au import abn as numbers  # deferred: only needed where a row has one
    from stdnum.util import clean

    raw = plain(value)[:40].upper().removeprefix("ABN").lstrip(" :")
    compact = str(clean(raw, " -.")) if raw.isascii() else ""
    return compact if compact and numbers.is_valid(compact) else ""


@transform(
    eg("51824753556", "51 824 753 556"), eg("51 824 753 556", "51824753556", style="digits"),
    eg("51 824 753 557", ""), says="as an ABN; left out when its check digits are wrong",
)  # fmt: skip
def abn(
    value: Any, notes: Notes, *,
    style: Annotated[Literal["spaced", "digits"], Arg("51 824 753 556, or 51824753556")] = "spaced",
) -> str:  # fmt: skip
    """An Australian Business Number whose check digits are right. What is none is left out and noted."""
    raw, found = plain(value), _abn(value)
    if raw and not found:
        notes.append(f"{quoted(raw)} is not a valid ABN, so it was not sent")
    return _spaced(found) if found and style == "spaced" else found


def _spaced(digits: str) -> str:
    from stdnum.au import abn as numbers

    return str(numbers.format(digits))


@transform(
    eg("51 824 753 556", "yes"), eg("51 824 753 557", "no"), eg("", ""), says="whether it is a valid ABN"
)  # fmt: skip
def abn_valid(value: Any, notes: Notes) -> str:
    """Whether an ABN's check digits are right: yes, no, or nothing where there is none."""
    return "" if not plain(value) else "yes" if _abn(value) else "no"
