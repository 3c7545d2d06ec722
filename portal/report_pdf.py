"""A report as a PDF, to print and to file."""

from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import strip_tags
from fpdf import FPDF
from fpdf.fonts import FontFace

from portal import wording
from portal.mismatches import Month, Shown
from syncs.models import Report
from syncs.reconciling import LABELS

#: Rows of a report that are printed; the other files hold all of it.
MOST = 500
#: The face of the admin's pages, which has the letters of every language written in Latin, Greek or Cyrillic ones.
_FACE = files("unfold") / "static/unfold/fonts/inter"
_FAINT, _LINE = (90, 90, 90), (200, 200, 200)
_BOLD, _QUIET = FontFace(emphasis="BOLD"), FontFace(color=_FAINT)


class _Paper(FPDF):
    """A4 on its side, with its name and number on every page."""

    def __init__(self, title: str, made: str) -> None:
        super().__init__(orientation="landscape", format="A4")
        self._foot = f"{title} · made {made}"
        for style, weight in (("", "Regular"), ("B", "SemiBold")):
            self.add_font("Inter", style, str(_FACE / f"Inter-{weight}.woff2"))
        self.set_title(title)
        self.set_draw_color(_LINE)
        self.set_margin(15)
        self.set_auto_page_break(True, 18)
        self.alias_nb_pages()
        self.add_page()

    def footer(self) -> None:
        self.set_y(-14)
        self.words(8)
        self.set_text_color(_FAINT)
        self.cell(w=self.epw / 2, text=self._foot)
        self.cell(w=self.epw / 2, text=f"Page {self.page_no()} of {{nb}}", align="R")
        self.set_text_color(0)

    def words(self, size: float, style: str = "") -> None:
        self.set_font("Inter", style, size)

    def heading(self, text: str, size: float = 12) -> None:
        self.words(size, "B")
        self.ln(3)
        self.multi_cell(0, text=text, new_x="LMARGIN", new_y="NEXT")
        self.ln(1)

    def paragraph(self, text: str) -> None:
        self.words(9)
        self.multi_cell(0, text=text, new_x="LMARGIN", new_y="NEXT")

    def rows(self, widths: Sequence[int], head: Sequence[str], lines: Iterable[Sequence[Any]], right: str = "") -> None:
        """`lines`: cells, each a text or (text, style). `right`: 'LLRR', which columns stand to the right."""
        self.words(8)
        align = ["RIGHT" if c == "R" else "LEFT" for c in right or "L" * len(widths)]
        with self.table(
            col_widths=tuple(widths), text_align=tuple(align), line_height=4.5, padding=1,
            borders_layout="HORIZONTAL_LINES", headings_style=_BOLD,
        ) as table:  # fmt: skip
            for line in [head, *lines]:
                row = table.row()
                for cell in line:
                    text, style = cell if isinstance(cell, tuple) else (cell, None)
                    row.cell(text, style=style)


def pdf(report: Report, rows: Sequence[Shown], told: dict[str, Any], months: Sequence[Month]) -> bytes:
    """`told`: what the words of the report's page are made from."""
    sync, terms = report.sync, wording.terms_of(report.sync)
    place = wording.zone(sync.business)
    paper = _Paper(f"Reconciliation · {sync.business} · {sync}", wording.moment(timezone.now(), place))
    paper.heading(f"{sync.business}: {sync}", 16)
    facts = render_to_string("portal/_report_facts.html", told | {"business": sync.business})
    paper.paragraph(" ".join(strip_tags(facts).split()))
    if months:
        paper.heading("Month by month")
        head = ("Month of issue", "", terms.source, terms.target, "Difference")
        paper.rows((30, 26, 22, 22, 22), head, _months(months), "LLRRR")
    for kind, words in LABELS.items():
        alike = [row for row in rows[:MOST] if row.row.kind == kind]
        if alike:
            paper.heading(f"{words} ({intcomma(len(alike))})")
            head = ("Record", "Field", terms.source, terms.target, "State")
            paper.rows((34, 40, 28, 28, 16), head, _mismatches(alike))
    if len(rows) > MOST:
        paper.paragraph(f"The first {intcomma(MOST)} of {intcomma(len(rows))} are printed; the Excel file has all.")
    return bytes(paper.output())


def _months(months: Sequence[Month]) -> Iterable[Sequence[Any]]:
    for month in months:
        agrees = "Agrees" if month.agrees else "Differs"
        here, there = (intcomma(n) for n in month.count)
        yield (month.name, _BOLD), "Invoices", here, there, (agrees, _BOLD)
        for words, one, other, gap in month.lines:
            yield "", (words, _QUIET), one, other, gap


def _mismatches(rows: Sequence[Shown]) -> Iterable[Sequence[Any]]:
    for each in rows:
        yield (each.title, _BOLD), each.row.words, "", "", each.badge.words
        for line in each.lines:
            yield "", (line.label, _QUIET), line.here or "–", line.there or "–", ""
