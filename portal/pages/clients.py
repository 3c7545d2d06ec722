"""The whole story of one client: every invoice and payment, and all that happened to them, in one order."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal import access, invoices, moments, receivables, sides, stories, ties, wording
from portal.access import Action
from portal.models import Business
from portal.pages import records
from portal.receivables import Sums
from portal.stories import Entry, Tale
from syncs import currencies
from syncs.models import Invoice, Payment

#: Invoices and payments of one client whose story is told, the latest first.
MOST = 200
#: What is shown before the way to earlier things.
SHOWN = 100


@login_required
@require_safe
def client_story(request: HttpRequest, business_id: int, link_id: int) -> HttpResponse:
    business = access.demand(request, business_id, Action.VIEW)
    link = records.find(link_id)
    if link.sync.source_resource != "clients":
        raise Http404("That is no client.")
    kept, before = receivables.current(*records.TOLD), moments.moment(request.GET.get("before", ""))
    theirs = receivables.of_client(kept, link)
    bills = list(theirs.invoices[:MOST]) if kept.syncs else []
    paid = list(theirs.payments[:MOST]) if kept.syncs else []
    keys = {row.external_id for row in bills} | {row.external_id for row in paid}
    tales = [Tale(sides.teller(link.sync), link), *records.tales(ties.told(ties.links(kept, bills, paid), keys))]
    entries, more = _told(business, tales, bills, paid, before)
    home = business.currency
    owed, received = theirs.money(timezone.now()) if kept.syncs else (Sums(), Sums())
    context: dict[str, Any] = {
        "link": link, "called": str(link), "terms": kept.terms, "timeline": entries, "before": before, "more": more,
        "bills": len(bills), "paid": len(paid), "most": MOST,
        "owed_shown": owed.shown(home) if kept.syncs else "",
        "received_shown": received.shown(home) if kept.syncs else "",
    }  # fmt: skip
    return render(request, "portal/client_story.html", context)


def _told(
    business: Business, tales: Sequence[Tale], bills: Sequence[Invoice], paid: Sequence[Payment],
    before: datetime | None,
) -> tuple[list[Entry], Entry | None]:  # fmt: skip
    """What is shown, and the last of it where there is more before that."""
    looks = stories.looks_at([tale.link for tale in tales], before)
    found = [*stories.happened(tales, looks, before), *_money(business, tales, bills, paid, before)]
    found.sort(key=lambda e: (e.at, e.order), reverse=True)
    # Each kind is read as far as its newest rows go: only what is younger than where one of them ends is whole.
    ends = [looks[-1].at] if len(looks) == stories.MOST else []
    whole = [e for e in found if not ends or e.at >= max(ends)][:SHOWN]
    return stories.folded(whole), whole[-1] if len(whole) < len(found) or ends else None


def _money(
    business: Business, tales: Sequence[Tale], bills: Sequence[Invoice], paid: Sequence[Payment],
    before: datetime | None,
) -> list[Entry]:  # fmt: skip
    """What was billed and what was paid, at the moments at which it happened in the services."""
    pages = {tale.link.source_id: tale.link.pk for tale in tales}
    found = [_billed(business, row, pages.get(row.external_id, 0)) for row in bills if row.issued_at]
    found += [_paid(business, row, pages.get(row.external_id, 0)) for row in paid]
    return [entry for entry in found if before is None or entry.at < before]


def _billed(business: Business, row: Invoice, page: int) -> Entry:
    total = currencies.shown(row.total, row.currency or business.currency, business.currency)
    told = [f"Due {wording.day(row.due_at.isoformat(), wording.zone(business))}."] if row.due_at else []
    entry = Entry(row.issued_at or timezone.now(), f"Billed {total}", invoices.status(row), told)
    return replace(entry, beside=str(row), page=page)


def _paid(business: Business, row: Payment, page: int) -> Entry:
    amount = currencies.shown(row.amount, row.currency or business.currency, business.currency)
    told = [row.failure] if row.failure else []
    title = f"Paid {amount}" if row.paid_at else f"Tried to pay {amount}"
    title += f" by {row.method}" if row.method else ""
    entry = Entry(row.paid_at or row.made_at, title, invoices.payment_badge(row), told, order=1)
    return replace(entry, beside="its note" if page else "", page=page)


urlpatterns = [path("b/<int:business_id>/records/<int:link_id>/story/", client_story, name="client_story")]
