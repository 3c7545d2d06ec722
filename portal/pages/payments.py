"""Payments: the list of them, each with the invoice it pays and the client who paid."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from portal import access, paging, receivables, statements, ties
from portal.access import Action
from portal.receivables import Sums
from syncs.models import Payment

_S = Payment.Status
UNMATCHED, BEGUN = "unmatched", "begun"
#: Filter of the list -> its words, the look of its badge, the states.
FILTERS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "paid": ("Paid", "", (_S.PAID,)),
    "coming": ("On their way", "", (_S.PROCESSING, _S.AUTHORISED)),
    "refunded": ("Refunded", "", (_S.REFUNDED, _S.PART_REFUNDED)),
    "disputed": ("Disputed", "badge-bad", (_S.DISPUTED,)),
    "lost": ("Dispute lost", "", (_S.DISPUTE_LOST,)),
    "failed": ("Failed", "badge-warn", (_S.FAILED,)),
}
_RARE = {"lost", "coming", "disputed"}


@login_required
@require_safe
def payment_list(request: HttpRequest, business_id: int) -> HttpResponse:
    business = access.demand(request, business_id, Action.VIEW)
    kept, which = receivables.current(), request.GET.get("show", "")
    sums, unmatched, begun = _counted()
    tabs = _tabs(sums, unmatched, begun)
    known = {key: count for key, _, count, _ in tabs}
    which = which if which in {*FILTERS, UNMATCHED, BEGUN} else ""
    page = paging.page(listed(which).order_by("-made_at", "-pk"), request.GET.get("page"), known.get(which, 0))
    rows = list(page.object_list)
    context: dict[str, Any] = {
        "show": which, "tabs": tabs, "page": page, "terms": kept.terms,
        "total": sums[which].shown(business.currency) if which in sums and sums[which].count else "",
        "chosen": bool(kept.syncs or kept.of("payments")),
        "payments": statements.payment_lines(rows, ties.of(kept, paid=rows), business.currency),
    }  # fmt: skip
    return render(request, "portal/payments.html", context)


def listed(which: str) -> QuerySet[Payment]:
    """Where money moved or somebody tried to pay, but for those that were only begun."""
    if which == BEGUN:
        return Payment.objects.filter(receivables.IDLE)
    rows = Payment.objects.exclude(receivables.IDLE)
    if which == UNMATCHED:
        return rows.filter(_ALONE)
    return rows.filter(status__in=FILTERS[which][2]) if which in FILTERS else rows


_ALONE = Q(invoice_id="", refers_to="")


def _counted() -> tuple[dict[str, Sums], int, int]:
    """What there is of each filter, how many payments are for no invoice, how many were only begun: one query."""
    sums, unmatched, begun = {key: Sums() for key in ("", *FILTERS)}, 0, 0
    of = {state: key for key, (_, _, states) in FILTERS.items() for state in states}
    made, rows = ~receivables.IDLE, Payment.objects.values("status", "currency").order_by()
    for row in rows.annotate(
        n=Count("pk", filter=made), cents=Sum("amount", filter=made), alone=Count("pk", filter=made & _ALONE),
        idle=Count("pk", filter=receivables.IDLE),
    ):  # fmt: skip
        for key in {"", of.get(row["status"], "")}:
            sums[key].add(row["n"], row["currency"], row["cents"])
        unmatched += row["alone"]
        begun += row["idle"]
    return sums, unmatched, begun


def _tabs(sums: dict[str, Sums], unmatched: int, begun: int) -> list[tuple[str, str, int, str]]:
    """(which, words, how many, the badge's look)."""
    tabs = [(key, words, sums[key].count, look) for key, (words, look, _) in FILTERS.items()]
    found = [("", "All", sums[""].count, ""), *(tab for tab in tabs if tab[2] or tab[0] not in _RARE)]
    more = [(UNMATCHED, "Not matched to an invoice", unmatched, ""), (BEGUN, "Begun or given up", begun, "")]
    return found + [tab for tab in more if tab[2]]


urlpatterns = [path("b/<int:business_id>/payments/", payment_list, name="payments")]
