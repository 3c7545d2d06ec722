"""What transforms are made of: values as text or as a list, and the notes they leave. Pure."""

import unicodedata
from typing import Any, Self

type Notes = list[str]
#: No transform reads or makes a text longer than this.
LONGEST = 100_000


class Hold(str):
    """A note that keeps the whole record back until a person has looked. `code` names the reason for machines."""

    code: str

    def __new__(cls, code: str, words: str) -> Self:
        made = super().__new__(cls, words)
        made.code = code
        return made


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
    if len(raw) > LONGEST:
        raw = raw[:LONGEST]
    if raw.isascii() and raw.isprintable() and "  " not in raw:
        return raw.strip()
    spaced = "".join(" " if c.isspace() else c for c in raw)
    kept = "".join(c for c in spaced if unicodedata.category(c) not in {"Cc", "Cs"})
    return " ".join(unicodedata.normalize("NFC", kept).split())


def as_list(value: Any) -> list[Any]:
    """The values of several sources, or the one value there is."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def quoted(text: str) -> str:
    """As it is shown inside a note."""
    return f"“{text[:40]}”"
