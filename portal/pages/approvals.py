"""What waits for approval, for who may decide first; and what was decided, by whom."""

from decimal import Decimal
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST, require_safe

from connectors import amounts
from portal import access, approving, paging
from portal.access import Action
from portal.models import Business, User
from portal.pages.records import searched
from syncs import deciding
from syncs.deciding import Choice, TooLate
from syncs.models import Approval, Link, Sync
from syncs.rules.values import number

State = Approval.State
#: Of those that others decide about, so many are shown.
OTHERS = 50
#: Approvals that one press decides, at most.
AT_ONCE = 100
DECIDED = (State.APPROVED, State.DECLINED, State.EXPIRED)
#: A number of more would not fit into a column.
MOST = Decimal(10) ** 12


@login_required
@require_safe
def approvals(request: HttpRequest, business_id: int) -> HttpResponse:
    business = access.demand(request, business_id, Action.VIEW)
    syncs = {s.pk: s for s in Sync.objects.select_related("business", "source", "target", "version").order_by("pk")}
    role, decided = access.role_in(request), request.GET.get("show") == "decided"
    rows = _asked_for(request, business).select_related("link")
    context: dict[str, Any] = {
        "q": request.GET.get("q", "").strip()[:200], "over": request.GET.get("over", "").strip()[:20],
        "kind": request.GET.get("sync", ""), "syncs": list(syncs.values()) if len(syncs) > 1 else [],
        "decided": decided, "filtered": any(request.GET.get(name) for name in ("q", "over", "sync")),
        "asking": any(s.mode == Sync.Mode.APPROVE for s in syncs.values()),
    }  # fmt: skip
    if decided:
        page = paging.page(rows.filter(state__in=DECIDED).order_by("-decided_at", "-pk"), request.GET.get("page"))
        context |= {"page": page, "done": approving.shown(role, approving.syncs_of(page.object_list, syncs))}
    else:
        waiting = rows.filter(state=State.WAITING).order_by("asked_at", "pk")
        mine = access.asked_for(role) if access.may(role, Action.DECIDE) else []
        page = paging.page(waiting.filter(role__in=mine), request.GET.get("page"))
        others = waiting.exclude(role__in=mine)
        context |= {
            "page": page, "mine": approving.shown(role, approving.syncs_of(page.object_list, syncs)),
            "others": approving.shown(role, approving.syncs_of(others[:OTHERS], syncs)),
            "more": max(0, others.count() - OTHERS),
        }  # fmt: skip
    return render(request, "portal/approvals.html", context)


def _asked_for(request: HttpRequest, business: Business) -> QuerySet[Approval]:
    """By the filters: a sync, an amount to be over, part of a name."""
    found: QuerySet[Approval] = Approval.objects.all()
    kind, asked = request.GET.get("sync", ""), request.GET.get("q", "").strip()[:200]
    if kind.isdecimal() and len(kind) < 19:
        found = found.filter(sync=int(kind))
    over = number(request.GET.get("over", "").replace(",", "").strip("$ ")[:20])
    if over is not None and abs(over) < MOST:
        found = found.filter(amount__gt=amounts.minor(over, business.currency))
    return found.filter(link__in=searched(Link.objects.all(), asked)) if asked else found


@login_required
@require_POST
def approvals_approve(request: HttpRequest, business_id: int) -> HttpResponse:
    """Each of those chosen is approved by itself, as it was shown."""
    access.demand(request, business_id, Action.DECIDE)
    ids = [int(each) for each in request.POST.getlist("chosen") if each.isdecimal() and len(each) < 19][:AT_ONCE]
    rows = Approval.objects.filter(pk__in=ids).select_related("link__sync").order_by("asked_at", "pk")
    problems, done = [], 0
    for row in rows:
        problem = _approve(request, row)
        done += not problem
        problems += [f"{row.link}: {problem}"] if problem else []
    if done:
        messages.success(request, f"{done} approved. {'It is' if done == 1 else 'They are'} carried out next.")
    for words in problems[:5]:
        messages.warning(request, words)
    if len(problems) > 5:
        messages.warning(request, f"{len(problems) - 5} more were not approved either.")
    if not (done or problems):
        messages.info(request, "Choose at least one first.")
    kept = QueryDict(request.POST.get("filter", "")[:500]).urlencode()
    return redirect(f"{reverse('approvals', args=[business_id])}{'?' if kept else ''}{kept}")


def _approve(request: HttpRequest, row: Approval) -> str:
    """Why not; '' when it is approved."""
    if not access.decides(request, row.role):
        return f"{access.decider(row.role)} decides this."
    try:
        deciding.decide(row.link, Choice.THROUGH, "", cast(User, request.user), shown=row.shown)
    except TooLate as late:
        return str(late)
    return ""


urlpatterns = [
    path("b/<int:business_id>/approvals/", approvals, name="approvals"),
    path("b/<int:business_id>/approvals/approve/", approvals_approve, name="approvals_approve"),
]
