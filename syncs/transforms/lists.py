"""Transforms of lists, and of several fields into one. Pure."""

from typing import Annotated, Any

from syncs.transforms.arguments import Arg
from syncs.transforms.catalogue import eg, theme
from syncs.transforms.values import LONGEST, Notes, as_list, is_empty, plain

transform = theme("Lists and several fields")


@transform(
    eg(["Ann", "", "Smith"], "Ann Smith"), eg(["12", "King St"], "12/King St", separator="/"), gathers=True
)  # fmt: skip
def join(value: Any, notes: Notes, *, separator: Annotated[str, Arg("what stands between them", most=50)] = " ") -> str:
    """The values that are not empty, as one text."""
    words = [word for v in as_list(value) if not is_empty(v) and (word := str(v).strip())]
    return separator.join(words)[:LONGEST]


@transform(
    eg(["VIP", "vip", "Gas"], "VIP, Gas"), eg([["Gas"], ["Roof", "Gas"]], "Gas; Roof", separator="; "), gathers=True,
    longest=lambda given, came: int(given["longest"]),
)  # fmt: skip
def join_list(
    value: Any, notes: Notes, *,
    separator: Annotated[str, Arg("what stands between the entries", most=50)] = ", ",
    longest: Annotated[int, Arg("the most characters of all", least=1, most=LONGEST)] = 500,
) -> str:  # fmt: skip
    """Lists as one text: no doubles (case ignored), order kept; an entry that does not fit is left out whole."""
    entries = [e for v in as_list(value) for e in as_list(v)]
    joined, left_out = fit_list(entries, separator, longest)
    if left_out:
        notes.append(f"holds more than fits: {left_out} of its entries could not be sent")
    return joined


@transform(
    eg("Gas, roof, GAS", "Gas, roof"), eg("a;b;a", "a; b", at=";"), gathers=True,
    says="without doubles",
)  # fmt: skip
def dedupe(
    value: Any, notes: Notes, *,
    at: Annotated[str, Arg("what stands between the entries of a text", least=1, most=50)] = ",",
) -> str:  # fmt: skip
    """The entries of a list, or of a text like one, once each (case ignored), in their order."""
    entries = [e for v in as_list(value) for e in as_list(v)]
    texts = [part for e in entries for part in plain(e).split(at)]
    return fit_list(texts, f"{at.strip()} " if at.strip() else at, LONGEST)[0]


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
