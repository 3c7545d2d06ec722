"""Files that a spreadsheet program opens: no text in them is taken for a formula."""

import csv
from collections.abc import Iterable, Sequence
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any

from django.http import HttpResponse
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import IllegalCharacterError

#: {ending: content type} of the files that people take along.
FORMS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
#: Its name, its head, its lines.
type Sheet = tuple[str, Sequence[str], Iterable[Sequence[Any]]]
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
    return attached(name, "csv", as_csv(rows))


def attached(name: str, form: str, body: bytes | str) -> HttpResponse:
    """`form`: a key of FORMS, and the ending of the file."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"', "Cache-Control": "no-store"}
    return HttpResponse(body, content_type=FORMS[form], headers=headers)


def as_xlsx(sheets: Sequence[Sheet]) -> bytes:
    book, out = Workbook(write_only=True), BytesIO()
    for title, head, lines in sheets:
        sheet = book.create_sheet(title)
        sheet.freeze_panes = "A2"
        for number in range(1, len(head) + 1):
            sheet.column_dimensions[get_column_letter(number)].width = 22
        sheet.append([_cell(sheet, words, bold=True) for words in head])
        for line in lines:
            sheet.append([_cell(sheet, value) for value in line])
    book.save(out)
    return out.getvalue()


def _cell(sheet: Any, value: Any, *, bold: bool = False) -> Any:
    """Text is marked as text, whatever it begins with; numbers stay numbers."""
    told = plain(value) if isinstance(value, str) else value
    try:
        cell = WriteOnlyCell(sheet, value=told)
    except IllegalCharacterError:
        cell = WriteOnlyCell(sheet, value="".join(c for c in told if c.isprintable()))
    if isinstance(value, str):
        cell.data_type = "s"
    if bold:
        cell.font = Font(bold=True)
    return cell
