"""The audit trail of a business for its owners: found, downloaded, and reckoned again."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_POST, require_safe

from portal import access, paging, spreadsheets, trail, wording
from portal.access import Action
from portal.models import User
from syncs import audit, proof
from syncs.models import AuditEntry, Write

#: More rows than this are not reckoned again while somebody waits for a page.
MOST_CHECKED = 100_000


@login_required
@require_safe
def trail_page(request: HttpRequest, business_id: int) -> HttpResponse:
    business = access.demand(request, business_id, Action.SETTINGS)
    asked = trail.Asked.of(request.GET.dict())
    page = paging.page(asked.rows(business).order_by("-pk"), request.GET.get("page"))
    context = {
        "asked": asked,
        "page": page,
        "lines": trail.lines(page.object_list),
        "kinds": trail.WHAT,
        "forms": (("xlsx", "Excel"), ("csv", "CSV")),
    }
    return render(request, "portal/audit.html", context)


@login_required
@require_POST
def trail_file(request: HttpRequest, business_id: int, form: str) -> HttpResponse:
    """What the page shows, as csv or xlsx. That it was downloaded stands in the trail itself."""
    business = access.demand(request, business_id, Action.SETTINGS)
    if form not in {"csv", "xlsx"}:
        raise Http404("No such file.")
    asked = trail.Asked.of(request.POST.dict())
    told = "the writes" if asked.writes else "the audit trail"
    audit.record(business.pk, cast(User, request.user), "audit.exported", business, f"Downloaded {told}", form=form)
    name = f"{slugify(business.name)}-audit-{timezone.localdate(timezone=wording.zone(business)):%Y-%m-%d}"
    rows = list(trail.as_file(business, asked))
    if form == "csv":
        return spreadsheets.attachment(name, [trail.HEAD, *rows])
    return spreadsheets.attached(name, "xlsx", spreadsheets.as_xlsx([("Audit trail", trail.HEAD, rows)]))


@login_required
@require_POST
def trail_check(request: HttpRequest, business_id: int) -> HttpResponse:
    """Whether all of it is as it was written."""
    business = access.demand(request, business_id, Action.SETTINGS)
    if AuditEntry.objects.count() + Write.objects.count() > MOST_CHECKED:
        words = (
            "There are too many entries to check while you wait. Whoever runs Fieldbridge can: manage.py verify_audit."
        )
        messages.info(request, words)
        return redirect("audit", business.pk)
    found = proof.of(business.pk)
    if found.broken:
        messages.error(request, f"Not all of it is as it was written. In the {found.broken}.")
    else:
        messages.success(
            request, f"All {found.entries:,} entries and {found.writes:,} writes are there, in order and unchanged."
        )
    return redirect("audit", business.pk)


urlpatterns = [
    path("b/<int:business_id>/audit/", trail_page, name="audit"),
    path("b/<int:business_id>/audit/check/", trail_check, name="audit_check"),
    path("b/<int:business_id>/audit/audit.<slug:form>", trail_file, name="audit_file"),
]
