"""Records as a CSV file that a spreadsheet opens: the ones that wait for a person, so that none is out of sight."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse

from connectors.amounts import exponent, major
from portal import wording
from portal.models import Business
from syncs.models import Attempt, Invoice, Link, Sync

#: A cell that begins with one of these is taken for a formula, or hides one, in one spreadsheet or another.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
AT_ONCE = 500


def plain(value: Any) -> str:
    """Text that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def attachment(name: str, rows: Iterable[Sequence[Any]]) -> HttpResponse:
    text = io.StringIO()
    text.write("\ufeff")  # so that Excel reads it as UTF-8
    written = csv.writer(text)
    for row in rows:
        written.writerow([plain(value) for value in row])
    answer = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    answer["Cache-Control"] = "no-store"
    return answer


HEAD = (
    "Sync", "Record", "Id at the source", "Id at the target", "State", "Cause", "Why", "What to do", "Since", "Tries",
    "Amount", "Currency", "Last answer",
)  # fmt: skip


def stopped(business: Business, links: QuerySet[Link]) -> Iterator[Sequence[Any]]:
    """A line for each record, under a head."""
    yield HEAD
    syncs = {s.pk: s for s in Sync.objects.all()}
    ids = list(links.values_list("pk", flat=True))
    for start in range(0, len(ids), AT_ONCE):
        some = list(Link.objects.filter(pk__in=ids[start : start + AT_ONCE]).order_by("since", "pk"))
        worth, answers = _worth(syncs, some), _answers(some)
        for row in some:
            yield _line(business, syncs[row.sync_id], row, worth.get(row.pk), answers.get(row.pk, ""))


def _line(business: Business, sync: Sync, row: Link, invoice: Invoice | None, answer: str) -> Sequence[Any]:
    place = wording.zone(business)
    amount, currency = "", ""
    if invoice:
        currency = invoice.currency or business.currency
        amount = f"{major(invoice.total, currency):.{exponent(currency)}f}"
    return (
        sync.name, wording.title(sync.recipe, str(row)), row.source_id, row.target_id or "", wording.badge(row).words,
        row.cause_code, row.cause, wording.next_step(row, wording.terms_of(sync)),
        row.since.astimezone(place).isoformat(timespec="seconds"), row.attempts, amount, currency, answer,
    )  # fmt: skip


def _worth(syncs: dict[int, Sync], rows: Sequence[Link]) -> dict[int, Invoice]:
    sources = {syncs[row.sync_id].source_id for row in rows}
    found = Invoice.objects.filter(connection__in=sources, external_id__in=[row.source_id for row in rows])
    held = {(i.connection_id, i.external_id): i for i in found}
    about = [row for row in rows if syncs[row.sync_id].source_resource == "invoices"]
    mine = {row.pk: held.get((syncs[row.sync_id].source_id, row.source_id)) for row in about}
    return {pk: invoice for pk, invoice in mine.items() if invoice}


def _answers(rows: Sequence[Link]) -> dict[int, str]:
    """The last error of each."""
    looks = Attempt.objects.filter(link__in=[row.pk for row in rows]).exclude(error="").order_by("pk")
    return dict(looks.values_list("link_id", "error"))
