"""Reconciliation: the latest report of each sync, what each found, and putting it right."""

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import (
    access,
    beats,
    downloads,
    figures,
    mismatches,
    paging,
    report_pdf,
    reviews,
    sides,
    spreadsheets,
    wording,
)
from portal.access import Action
from portal.models import User
from portal.pages import syncs as sync_pages
from syncs import audit, fixing, reports
from syncs.deciding import TooLate
from syncs.models import Mismatch, Report, Run, Sync
from syncs.reconciling import LABELS, Fix, Kind

#: Earlier reports that are listed, and mismatches that one press settles.
EARLIER, AT_ONCE = 20, 100
#: Rows in a downloaded file.
MOST = 10_000


def find(report_id: int) -> Report:
    """Http404 for a report of another business."""
    related = ("sync__business", "sync__source", "sync__target", "sync__version", "sync__lane", "run", "asked_by")
    found: Report = get_object_or_404(Report.objects.select_related(*related), pk=report_id)
    return found


def _mismatch(mismatch_id: int) -> Mismatch:
    related = ("sync__business", "sync__source", "sync__target", "sync__version", "sync__lane", "link", "report")
    found: Mismatch = get_object_or_404(Mismatch.objects.select_related(*related), pk=mismatch_id)
    return found


# All syncs


@login_required
@require_safe
def reconciliation(request: HttpRequest, business_id: int) -> HttpResponse:
    access.demand(request, business_id, Action.VIEW)
    return render(request, "portal/reconciliation.html", _state())


@login_required
@require_safe
def reconciliation_live(request: HttpRequest, business_id: int) -> HttpResponse:
    """The part of the page that changes by itself."""
    access.demand(request, business_id, Action.VIEW)
    return render(request, "portal/_reconciliation.html", _state())


def _state() -> dict[str, Any]:
    related = ("business", "source", "target", "lane", "version")
    rows = [_standing(sync) for sync in Sync.objects.select_related(*related).order_by("pk")]
    busy = any(row["progress"] or row["sync"].report_asked_at for row in rows)
    silent = sync_pages.NOBODY_WORKS if busy and beats.silent() else ""
    return {"rows": rows, "every": 1 if busy else "", "silent": silent}


def _standing(sync: Sync) -> dict[str, Any]:
    latest, terms = reports.latest(sync), wording.terms_of(sync)
    running = Run.objects.filter(sync=sync, state=Run.State.RUNNING, kind=Run.Kind.RECONCILE).first()
    return {
        "sync": sync, "terms": terms, "latest": latest, "open": mismatches.open_count(latest),
        "tabs": mismatches.tabs(latest) if latest else [],
        "progress": figures.progress(running, terms, 0) if running else None,
        "waits": sync_pages.lane_words(sync.lane, terms) if running else "",
        "choices": Sync.Reconciling.choices,
    }  # fmt: skip


@login_required
@require_POST
def reconciliation_start(request: HttpRequest, business_id: int, sync_id: int) -> HttpResponse:
    access.demand(request, business_id, Action.RUN)
    sync = sync_pages.find(sync_id)
    broken = reviews.broken(sync)
    if sync.mode == Sync.Mode.OFF:
        messages.warning(request, f"“{sync}” is paused. Resume it first.")
    elif broken:
        messages.warning(request, f"{broken[0].service.name} is not connected. Connect it again first.")
    elif reports.start(sync, cast(User, request.user)) is None:
        messages.info(request, "It is being read for another reason just now. The report is made right after that.")
    else:
        messages.success(request, "Started. Both sides are read whole; nothing is written before the report stands.")
    return redirect("reconciliation", business_id)


@login_required
@require_POST
def reconciliation_settings(request: HttpRequest, business_id: int, sync_id: int) -> HttpResponse:
    """`every`: how often; `writes`: what can be written is written afterwards."""
    access.demand(request, business_id, Action.CONFIGURE)
    sync, every = sync_pages.find(sync_id), request.POST.get("every", "")
    if every not in Sync.Reconciling:
        raise Http404("No such choice.")
    sync.reconciling, sync.reconciling_writes = every, bool(request.POST.get("writes"))
    sync.save(update_fields=["reconciling", "reconciling_writes"])
    after = "writes what it can" if sync.reconciling_writes else "waits for a person"
    words = f"Set the reconciliation of “{sync}”: {sync.get_reconciling_display().lower()}; afterwards it {after}"
    person = cast(User, request.user)
    audit.record(business_id, person, "reconciliation.settings", sync, words, every=every)
    messages.success(request, "Saved.")
    return redirect("reconciliation", business_id)


# One report


@login_required
@require_safe
def report(request: HttpRequest, business_id: int, report_id: int) -> HttpResponse:
    business = access.demand(request, business_id, Action.VIEW)
    found = find(report_id)
    kind, which = request.GET.get("kind", ""), request.GET.get("which", "")
    page = paging.page(mismatches.listed(found, kind, which), request.GET.get("page"))
    tell, last = sides.teller(found.sync), reports.latest(found.sync)
    alike = found.mismatches.filter(kind=kind, state=Mismatch.State.OPEN).count() if kind in set(Kind) else 0
    context = _about(found) | {
        "kind": kind, "which": which, "page": page, "terms": tell.terms,
        "rows": mismatches.shown(list(page.object_list), tell), "tabs": mismatches.tabs(found),
        "standings": mismatches.standings(found), "months": mismatches.months(found, business.currency),
        "earlier": Report.objects.filter(sync=found.sync, finished_at__isnull=False).exclude(pk=found.pk)[:EARLIER],
        "alike": alike if not which else 0, "newest": last == found, "last": last,
    }  # fmt: skip
    return render(request, "portal/report.html", context)


def _about(found: Report) -> dict[str, Any]:
    return {
        "report": found, "sync": found.sync, "terms": wording.terms_of(found.sync),
        "found": sum(found.counts.get("kinds", {}).values()), "open": mismatches.open_count(found),
    }  # fmt: skip


@login_required
@require_POST
def report_file(request: HttpRequest, business_id: int, report_id: int, form: str) -> HttpResponse:
    """`form`: csv, xlsx or pdf. What leaves the portal is written down."""
    business = access.demand(request, business_id, Action.VIEW)
    found = find(report_id)
    if form not in spreadsheets.FORMS:
        raise Http404("No such file.")
    rows = mismatches.shown(list(mismatches.listed(found, "", "")[:MOST]), sides.teller(found.sync))
    words = f"Downloaded the report on “{found.sync}” of {downloads.day(found)}"
    audit.record(business_id, cast(User, request.user), "report.exported", found, words, form=form, rows=len(rows))
    if form != "pdf":
        return downloads.attached(found, downloads.body(found, rows, form), form)
    months = mismatches.months(found, business.currency)
    return downloads.attached(found, report_pdf.pdf(found, rows, _about(found), months), form)


# Putting it right


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def mismatch(request: HttpRequest, business_id: int, mismatch_id: int) -> HttpResponse:
    """GET: what can be done, and with `way` what it would write. POST: have it done."""
    safe = request.method in {"GET", "HEAD"}
    access.demand(request, business_id, Action.VIEW if safe else Action.DECIDE)
    row = _mismatch(mismatch_id)
    if not safe:
        return _fixed(request, business_id, row)
    tell, way, other = sides.teller(row.sync), request.GET.get("way", ""), request.GET.get("other", "")
    likely = fixing.likely(row) if way == Fix.LINK else []
    context: dict[str, Any] = _about(row.report) | {
        "shown": mismatches.shown([row], tell)[0], "ways": mismatches.ways(row, tell.terms), "way": way, "other": other,
        "likely": likely, "elsewhere": fixing.elsewhere(row),
    }  # fmt: skip
    if not fixing.is_newest(row):
        context |= {"newest": reports.latest(row.sync), "alike": fixing.alike(row)}
    if way and not (likely and not other):
        context |= _preview(request, row, way, other, tell)
    return render(request, "portal/mismatch.html", context)


def _preview(request: HttpRequest, row: Mismatch, way: str, other: str, tell: sides.Teller) -> dict[str, Any]:
    try:
        found = fixing.preview(row, way, other)
    except TooLate as late:
        messages.warning(request, str(late))
        return {"way": ""}
    changes, where = mismatches.changes([found.plan], tell)[0], _where(found, tell)
    return {
        "preview": found, "words": mismatches.way_words(way, tell.terms),
        "undo": mismatches.undo_words(way, tell.terms, {where}), "changes": changes, "plan": found.plan, "where": where,
    }  # fmt: skip


def _where(found: fixing.Preview, tell: sides.Teller) -> str:
    """Which of the two services it would be written in."""
    return tell.terms.source if found.plan and found.plan.back else tell.terms.target


def _fixed(request: HttpRequest, business_id: int, row: Mismatch) -> HttpResponse:
    sent, person = request.POST, cast(User, request.user)
    way = sent.get("way", "")
    try:
        shown, other, why = (sent.get(name, "")[:500] for name in ("shown", "other", "why"))
        fixing.fix(row, way, person, shown, other=other, why=why)
    except TooLate as late:
        messages.warning(request, str(late))
    else:
        noted = "Noted." if way == Fix.MEANT else "Noted. It is carried out next, and looked at again after that."
        messages.success(request, noted)
    return redirect("mismatch", business_id, row.pk)


@login_required
@require_POST
def mismatch_undo(request: HttpRequest, business_id: int, mismatch_id: int) -> HttpResponse:
    access.demand(request, business_id, Action.DECIDE)
    row = _mismatch(mismatch_id)
    try:
        fixing.undo(row, cast(User, request.user))
    except TooLate as late:
        messages.warning(request, str(late))
    else:
        messages.success(request, "Taken back.")
    return redirect("mismatch", business_id, row.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def report_together(request: HttpRequest, business_id: int, report_id: int) -> HttpResponse:
    """Alike ones at once: GET shows what each would have written, POST has done what was shown."""
    safe = request.method in {"GET", "HEAD"}
    access.demand(request, business_id, Action.VIEW if safe else Action.DECIDE)
    found, asked = find(report_id), request.GET if safe else request.POST
    kind, way = asked.get("kind", ""), asked.get("way", "")
    if kind not in set(Kind) or way not in fixing.TOGETHER:
        raise Http404("No such choice.")
    if found != reports.latest(found.sync):
        messages.warning(request, fixing.EARLIER)
        return redirect("report", business_id, found.pk)
    rows = list(_alike(found, kind))
    if not safe:
        return _all_fixed(request, business_id, found, rows, way)
    tell = sides.teller(found.sync)
    each = _each(rows, way)
    changes = mismatches.changes([p.plan if p else None for p in each], tell)
    pairs = zip(mismatches.shown(rows, tell), each, changes, strict=True)
    told = [(shown, p, c, _where(p, tell)) for shown, p, c in pairs if p]
    context = {"kind": kind, "kind_words": LABELS[Kind(kind)], "way": way, "rows": told}
    undo = mismatches.undo_words(way, tell.terms, {where for *_, where in told})
    words = {"words": mismatches.way_words(way, tell.terms), "undo": undo}
    return render(request, "portal/report_together.html", _about(found) | context | words)


def _alike(found: Report, kind: str) -> Any:
    related = ("sync__business", "sync__source", "sync__target", "sync__version", "sync__lane", "link", "report")
    rows = found.mismatches.filter(kind=kind, state=Mismatch.State.OPEN).select_related(*related)
    return rows.order_by("pk")[:AT_ONCE]


def _each(rows: list[Mismatch], way: str) -> list[fixing.Preview | None]:
    found: list[fixing.Preview | None] = []
    for row in rows:
        try:
            found.append(fixing.preview(row, way))
        except TooLate:
            found.append(None)
    return found


def _all_fixed(
    request: HttpRequest, business_id: int, found: Report, rows: list[Mismatch], way: str
) -> HttpResponse:  # fmt: skip
    """Only those that the page has shown."""
    sent = request.POST
    told = {row: sent[f"shown:{row.pk}"] for row in rows if f"shown:{row.pk}" in sent}
    done, late = fixing.fix_all(told, way, cast(User, request.user), sent.get("why", "")[:500])
    if done:
        messages.success(request, f"Noted for {done}. {'' if way == Fix.MEANT else 'They are looked at next.'}".strip())
    if late:
        messages.warning(request, f"{late} had changed since they were shown; nothing was changed there.")
    return redirect("report", business_id, found.pk)


urlpatterns = [
    path("b/<int:business_id>/reconciliation/", reconciliation, name="reconciliation"),
    path("b/<int:business_id>/reconciliation/live/", reconciliation_live, name="reconciliation_live"),
    path("b/<int:business_id>/reconciliation/<int:sync_id>/start/", reconciliation_start, name="reconciliation_start"),
    path(
        "b/<int:business_id>/reconciliation/<int:sync_id>/settings/", reconciliation_settings,
        name="reconciliation_settings",
    ),
    path("b/<int:business_id>/reconciliation/reports/<int:report_id>/", report, name="report"),
    path("b/<int:business_id>/reconciliation/reports/<int:report_id>/together/", report_together,
         name="report_together"),
    path("b/<int:business_id>/reconciliation/reports/<int:report_id>/report.<slug:form>", report_file,
         name="report_file"),
    path("b/<int:business_id>/reconciliation/mismatches/<int:mismatch_id>/", mismatch, name="mismatch"),
    path("b/<int:business_id>/reconciliation/mismatches/<int:mismatch_id>/undo/", mismatch_undo, name="mismatch_undo"),
]  # fmt: skip
