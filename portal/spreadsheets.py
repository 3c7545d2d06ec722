"""CSV that a spreadsheet program shows as it is: no cell of it is taken for a formula."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

#: What a cell must not begin with, as OWASP says.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """With a mark in front that lets Excel read it as UTF-8."""
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows([cell(value) for value in row] for row in rows)
    return f"\ufeff{out.getvalue()}"


def cell(value: object) -> str:
    """As text; an apostrophe before what would be reckoned with."""
    words = "" if value is None else str(value)
    return f"'{words}" if words.lstrip(" ").startswith(_FORMULA) else words
