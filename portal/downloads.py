"""A report as a file: for a spreadsheet here, for paper in portal.report_pdf."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.http import HttpResponse
from django.utils import timezone

from connectors.amounts import major
from portal import spreadsheets, wording
from portal.mismatches import Shown, month_name
from syncs.models import Report

_HEAD = (
    "Kind", "Record", "What is wrong", "Field", "Here", "There", "Here (amount)", "There (amount)", "Currency",
    "First seen", "State", "Why", "By",
)  # fmt: skip
_MONTHS = ("Month", "Currency", "Side", "Invoices", "Before GST", "GST", "Total", "Paid")


def body(report: Report, rows: Sequence[Shown], form: str) -> bytes | str:
    """For a spreadsheet: csv or xlsx."""
    return _xlsx(report, rows) if form == "xlsx" else spreadsheets.as_csv([_head(report), *_lines(report, rows)])


def attached(report: Report, body: bytes | str, form: str) -> HttpResponse:
    return spreadsheets.attached(f"reconciliation-{day(report)}-{report.pk}", form, body)


def day(report: Report) -> str:
    """As the calendar of the business has it: '2026-11-29'."""
    return f"{timezone.localdate(report.started_at, wording.zone(report.sync.business)):%Y-%m-%d}"


def _head(report: Report) -> list[str]:
    terms = wording.terms_of(report.sync)
    named = {"Here": terms.source, "There": terms.target}
    named |= {"Here (amount)": f"{terms.source} (amount)", "There (amount)": f"{terms.target} (amount)"}
    return [named.get(words, words) for words in _HEAD]


def _lines(report: Report, rows: Sequence[Shown]) -> Iterator[list[Any]]:
    """One for each field that differs; amounts as numbers beside."""
    place = wording.zone(report.sync.business)
    for row in rows:
        known = row.row
        amounts = [_major(known.here_amount, known.currency), _major(known.there_amount, known.currency)]
        rest = [
            known.currency, wording.moment(known.first_seen_at, place), row.badge.words, known.why, known.who,
        ]  # fmt: skip
        for n, (label, here, there) in enumerate([(x.label, x.here, x.there) for x in row.lines] or [("", "", "")]):
            own = amounts if n == 0 else [None, None]
            yield [row.kind, row.title, known.words, label, here, there, *own, *rest]


def _major(cents: int | None, currency: str) -> Any:
    return None if cents is None else major(cents, currency)


def _months(report: Report) -> Iterator[list[Any]]:
    terms = wording.terms_of(report.sync)
    for each in report.totals:
        for side, name in (("here", terms.source), ("there", terms.target)):
            sums = each[side]
            money = [_major(sums[part], each["currency"]) for part in ("net", "tax", "total", "paid")]
            yield [month_name(each["month"]), each["currency"], name, sums["count"], *money]


def _xlsx(report: Report, rows: Sequence[Shown]) -> bytes:
    sheets: list[spreadsheets.Sheet] = [("Mismatches", _head(report), _lines(report, rows))]
    return spreadsheets.as_xlsx([*sheets, *([("Months", _MONTHS, _months(report))] if report.totals else [])])
