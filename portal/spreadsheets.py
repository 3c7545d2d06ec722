"""Files that a spreadsheet program opens: no text in them is taken for a formula."""

import csv
from collections.abc import Iterable, Sequence
from decimal import Decimal
from io import StringIO

from django.http import HttpResponse

CSV = "text/csv; charset=utf-8"
#: What a cell must not begin with, as OWASP says, and what some programs take for the same.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: What some programs pass over at the beginning of a cell.
_PASSED_OVER = " \u00a0\ufeff"


def plain(value: object) -> str:
    """As text; an apostrophe goes before what would be reckoned with."""
    words = "" if value is None else str(value)
    return f"'{words}" if words.startswith(_FORMULA) or words.lstrip(_PASSED_OVER).startswith(_FORMULA) else words


def as_csv(rows: Iterable[Sequence[object]]) -> str:
    """The head is the first row. Numbers stay numbers. A mark in front lets Excel read it as UTF-8."""
    out = StringIO()
    writer = csv.writer(out)
    writer.writerows([v if isinstance(v, int | float | Decimal) else plain(v) for v in row] for row in rows)
    return f"\ufeff{out.getvalue()}"


def attachment(name: str, rows: Iterable[Sequence[object]]) -> HttpResponse:
    """`name`: of the file, without its ending."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
    return HttpResponse(as_csv(rows), content_type=CSV, headers=headers)
