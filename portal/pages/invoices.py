"""Invoices: the list of them, and one as both services hold it."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal import access, invoices, paging, receivables, searching, statements, ties, wording
from portal.access import Action
from portal.models import Business
from portal.pages import records
from portal.receivables import Books, Standing, Sums
from portal.values import Reader
from portal.wording import Terms
from syncs.models import Invoice, Link, Snapshot

#: Clients and invoices whose name is looked through for a search, at most.
MOST_FOUND = 500
#: Payments of an invoice whose own story is told with it.
MOST_TALES = 6


#: The lists whose invoices are counted one by one.
_COUNTED = (receivables.WRITTEN, receivables.ONLY_THERE, receivables.IN_STEP, receivables.DISPUTED)


# All of them


@login_required
@require_safe
def invoice_list(request: HttpRequest, business_id: int) -> HttpResponse:
    business, now = access.demand(request, business_id, Action.VIEW), timezone.now()
    kept = receivables.current()
    asked, which = request.GET.get("q", "").strip()[:200], request.GET.get("show", "")
    stands = receivables.standing(kept, now, _COUNTED)
    tabs = _tabs(kept.terms, stands)
    which = which if which in {key for key, *_ in tabs} else ""
    counts = {key: count for key, _, count, _ in tabs}
    found = searched(receivables.listed(kept, which, now), asked, business)
    page = paging.page(receivables.newest(found), request.GET.get("page"), None if asked else counts[which])
    rows = list(page.object_list)
    context = {
        "q": asked, "show": which, "page": page, "tabs": tabs, "terms": kept.terms, "chosen": bool(kept.syncs),
        "sums": _sums(stands, which, business),
        "invoices": statements.invoice_lines(kept, rows, ties.of(kept, rows), business.currency, now),
    }  # fmt: skip
    return render(request, "portal/invoices.html", context)


type Tab = tuple[str, str, int, str]


def _tabs(terms: Terms, stands: Standing) -> list[Tab]:
    """(which, words, how many, the badge's look). What there is none of is left out, but for the usual ones."""
    written, only_there, in_step, disputed = (stands.lists.get(which, 0) for which in _COUNTED)
    tabs = [
        ("", "All", written + only_there, ""),
        (receivables.UNPAID, "Unpaid", stands.unpaid.count, ""),
        (receivables.OVERDUE, "Overdue", stands.overdue.count, "badge-warn"),
        (receivables.PAID_THERE, f"Paid in {terms.target}, open in {terms.source}", stands.paid_there.count, ""),
        (receivables.HELD, "Needs a look", stands.held.count, "badge-warn"),
        (receivables.DISPUTED, "Disputed", disputed, "badge-bad"),
        (receivables.IN_STEP, "In step", in_step, ""),
        (receivables.ONLY_THERE, f"Only in {terms.target}", only_there, ""),
    ]
    rare = {receivables.DISPUTED, receivables.ONLY_THERE}
    return [tab for tab in tabs if tab[2] or tab[0] not in rare]


def _sums(stands: Standing, which: str, business: Business) -> str:
    """What the invoices of the list come to; '' where that says nothing."""
    found: dict[str, Sums] = {
        receivables.UNPAID: stands.unpaid, receivables.OVERDUE: stands.overdue,
        receivables.PAID_THERE: stands.paid_there, receivables.HELD: stands.held,
    }  # fmt: skip
    return found[which].shown(business.currency) if which in found else ""


def searched(rows: QuerySet[Invoice], asked: str, business: Business) -> QuerySet[Invoice]:
    """By part of the number, part of the client's name or email, the whole amount, or a whole id of either side."""
    if not asked:
        return rows
    either = Q(number__icontains=asked) | Q(external_id=asked)
    cents = searching.cents_of(asked, business.currency)
    if cents is not None:
        either |= Q(total=cents) | Q(remaining=cents, remaining__gt=0)
    if len(asked) > 2:
        named = Snapshot.objects.filter(resource__in=("clients", "customers", "invoices"))
        said = named.filter(Q(label__icontains=asked) | Q(email__contains=asked.casefold()))
        ids = [asked, *said.values_list("external_id", flat=True)[:MOST_FOUND]]
        ids += Link.objects.filter(target_id__in=ids).values_list("source_id", flat=True)
        either |= Q(party_id__in=ids) | Q(external_id__in=ids)
    return rows.filter(either)


# One of them


@login_required
@require_safe
def invoice(request: HttpRequest, business_id: int, invoice_id: int) -> HttpResponse:
    business = access.demand(request, business_id, Action.VIEW)
    kept = receivables.current(*records.TOLD)
    row = get_object_or_404(Invoice, pk=invoice_id)
    found = invoices.case(kept, row)
    if found.main.pk != row.pk and row.pk not in {other.pk for other in found.others}:
        return redirect("invoice", business_id, found.main.pk)
    if found.main.pk != row.pk:
        found = invoices.Case(None, None, row, [])
    return render(request, "portal/invoice.html", _context(request, business, kept, found))


def _context(request: HttpRequest, business: Business, kept: Books, found: invoices.Case) -> dict[str, Any]:
    read = Reader(wording.zone(business), business.currency)
    held = invoices.snapshots(found)
    here, there = held.here, held.there
    paid = invoices.payments(kept, found)
    pages = {found.there.external_id} if found.there else set()
    known = [row for row in (found.there, *found.others) if row]
    tied = ties.of(kept, [found.main], paid, known, pages)
    [shown] = statements.invoice_lines(kept, [found.main], tied, business.currency, timezone.now())
    context: dict[str, Any] = {
        "invoice": found.main, "line": shown, "kept_terms": kept.terms, "here": here, "there": there,
        "title": _title(found, shown.client.name), "case": found,
        "facts": invoices.facts(found, held, read),
        "written": invoices.written(here, read) if here else None,
        "paid": invoices.paid(there, read, invoices.rates(there)) if there else None,
        "payments": statements.payment_lines(paid, tied, business.currency), "entered": invoices.entered(here, read),
        "twice": invoices.twice(found.main, here, paid, read, kept.terms),
        "links_out": _links_out(kept, here, there),
    }  # fmt: skip
    if found.link is None:
        return context | {"link": None}
    beside = tied.told(pages | {row.external_id for row in paid[:MOST_TALES]})
    told = [link for link in beside if link.sync.source_id == found.link.sync.target_id]
    return context | records.about(request, found.link, records.tales(told), [s for s in (here, there) if s])


def _title(found: invoices.Case, client: str) -> str:
    name = f"Invoice {found.main.number}" if found.main.number else "Draft invoice"
    return f"{name}, {client}" if client else name


def _links_out(kept: Books, here: Snapshot | None, there: Snapshot | None) -> list[tuple[str, str]]:
    """(where, address). Addresses come from outside, so only web addresses are taken."""
    offered = [
        (kept.terms.source, here.url if here else ""),
        ("What the client sees", str(here.data.get("client_hub_url") or "") if here else ""),
        (kept.terms.target, there.url if there else ""),
        ("Page to pay by", str(there.data.get("hosted_url") or "") if there else ""),
        ("PDF", str(there.data.get("pdf_url") or "") if there else ""),
    ]
    return [(words, address) for words, address in offered if address.startswith("https://")]


urlpatterns = [
    path("b/<int:business_id>/invoices/", invoice_list, name="invoices"),
    path("b/<int:business_id>/invoices/<int:invoice_id>/", invoice, name="invoice"),
]
