"""Records as lines of a file for a spreadsheet: those that wait for a person, so that none is out of sight."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet

from connectors.amounts import exponent, major
from portal import wording
from portal.models import Business
from syncs.models import Attempt, Invoice, Link, Sync

AT_ONCE = 500
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
        row.cause_code, row.cause, _step(row, sync),
        row.since.astimezone(place).isoformat(timespec="seconds"), row.attempts, amount, currency, answer,
    )  # fmt: skip


def _step(row: Link, sync: Sync) -> str:
    """As on its page, where what to press stands below; in a file nothing does."""
    return wording.next_step(row, wording.terms_of(sync)).replace(" below", " on the page of the record")


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
