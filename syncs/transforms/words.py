"""Transforms of a text: cleaned, cut, split, replaced, in other letters. Pure."""

from typing import Annotated, Any, Literal

from syncs.transforms.arguments import Arg
from syncs.transforms.catalogue import eg, theme
from syncs.transforms.values import LONGEST, Notes, plain

transform = theme("Words")


@transform(
    eg("  Ann   Smith ", "Ann Smith"), eg(["Gas", "VIP"], "Gas, VIP"), eg(True, "yes"), longest=lambda given, came: came
)  # fmt: skip
def text(value: Any, notes: Notes) -> str:
    """Tidy text: runs of spaces collapsed, control characters removed, letters in one form (Unicode NFC)."""
    return plain(value)


@transform(
    eg("ann SMITH", "Ann Smith", to="title"),
    eg("nsw", "NSW", to="upper"),
    says="in {to} case",
    longest=lambda given, came: came,
)
def case(
    value: Any, notes: Notes, *,
    to: Annotated[
        Literal["upper", "lower", "title", "sentence"], Arg("title: Every Word; sentence: only the first letter")
    ],
) -> str:  # fmt: skip
    """The text in capitals, small letters, or with capitals at the beginning."""
    raw = plain(value)
    if to == "title":  # str.title makes “O'Brien'S” of a word with an apostrophe
        cased = " ".join(word[:1].upper() + word[1:].lower() for word in raw.split(" "))
    elif to == "sentence":
        cased = raw[:1].upper() + raw[1:].lower()
    else:
        cased = raw.upper() if to == "upper" else raw.lower()
    return cased[:LONGEST]


@transform(
    eg("#204#", "204", characters="#"),
    eg(" Ann. ", "Ann", characters=" ."),
    says="trimmed at both ends",
    longest=lambda given, came: came,
)
def trim(
    value: Any, notes: Notes, *,
    characters: Annotated[str, Arg("which characters go; without any, spaces do", most=50)] = "",
) -> str:  # fmt: skip
    """The text without these characters at its beginning and end."""
    return plain(value).strip(characters or None)


@transform(
    eg("A very long name", "A very...", length=9), eg("short", "short", length=9),
    gives=None, longest=lambda given, came: min(given["length"], came or given["length"]),
)  # fmt: skip
def cut(value: Any, notes: Notes, *, length: Annotated[int, Arg("the most characters", least=4, most=LONGEST)]) -> str:
    """At most “length” characters; a longer text ends in '...' and is noted."""
    raw = "" if value is None else str(value)
    if len(raw) <= length:
        return raw
    notes.append(f"is {len(raw):,} characters long and was shortened to {length:,}")
    return f"{raw[: length - 3].rstrip()}..."


@transform(
    eg("Smith, Ann", "Ann", at=",", part=2), eg("12 King St, Nelson", "Nelson", at=",", part=-1),
    eg("no comma", "", at=",", part=2), says="part {part} of what stands between “{at}”",
)  # fmt: skip
def split(
    value: Any, notes: Notes, *,
    at: Annotated[str, Arg("what stands between the parts", least=1, most=50)],
    part: Annotated[int, Arg("which part: 1 is the first, -1 the last", least=-100, most=100)] = 1,
) -> str:  # fmt: skip
    """One part of a text that is split wherever “at” stands. Nothing where there is no such part."""
    parts = plain(value).split(at)
    place = part - 1 if part > 0 else len(parts) + part
    return parts[place].strip() if 0 <= place < len(parts) else ""


@transform(
    eg("12 King Street", "12 King St", find="Street", by="St"), eg("Gate: 4411", "4411", find="gate: "),
    says="“{find}” becomes “{by}”",
)  # fmt: skip
def replace(
    value: Any, notes: Notes, *,
    find: Annotated[str, Arg("what is looked for; capitals do not matter", least=1, most=200)],
    by: Annotated[str, Arg("what stands there instead", most=200)] = "",
) -> str:  # fmt: skip
    """The text with every “find” in it replaced."""
    raw, wanted = plain(value), find.casefold()
    if len(raw.casefold()) != len(raw) or len(wanted) != len(find):  # ß folds into ss: places would be off
        return raw.replace(find, by)[:LONGEST].strip()
    folded, made, done = raw.casefold(), "", 0
    while (place := folded.find(wanted, done)) >= 0 and len(made) <= LONGEST:
        made, done = made + raw[done:place] + by, place + len(wanted)
    return (made + raw[done:])[:LONGEST].strip()
