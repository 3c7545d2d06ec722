"""One incident: its records, what they come to, who takes care of it; another try with a dry run first."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import access, exports, figures, paging, receivables, replays, sides, spreadsheets, wording
from portal.access import Action
from portal.models import Business, Membership, User
from portal.pages import records as record_pages
from portal.pages import syncs as sync_pages
from syncs import audit, deciding, handling, notice, replaying
from syncs.ledger import DUE
from syncs.models import AuditEntry, Incident, Link, Sync
from syncs.replaying import Expected

#: Records that a dry run looks at.
DRY_RUN = 200
EVENTS = 30
#: What a dry run expects, in words, and the look of its badge.
EXPECTED = {
    Expected.WRITTEN: ("would be written", "badge-ok"),
    Expected.REFUSED: ("would most likely be refused again", "badge-bad"),
    Expected.STOPS: ("would wait for a person again", "badge-warn"),
    Expected.WAITS: ("would wait for another record", ""),
    Expected.NOTHING: ("would need nothing", ""),
    Expected.UNREAD: ("must be read before anybody can say", ""),
}


def find(incident_id: int) -> Incident:
    """Http404 for an incident of another business."""
    related = ("business", "connection", "assignee", "sync__business", "sync__source", "sync__target", "sync__lane",
               "sync__version")  # fmt: skip
    found: Incident = get_object_or_404(Incident.objects.select_related(*related), pk=incident_id)
    return found


def worth(business: Business, row: Incident) -> str:
    """What its records come to, where they are invoices: '$4,210.00 and $5.00 USD', else ''."""
    if row.sync is None:
        return ""
    sums = receivables.stopped(receivables.books([row.sync])).get((row.sync.pk, row.cause_code))
    return sums.shown(business.currency) if sums else ""


@login_required
@require_safe
def incident(request: HttpRequest, business_id: int, incident_id: int) -> HttpResponse:
    business = access.demand(request, business_id, Action.VIEW)
    row = find(incident_id)
    links = handling.records(row).select_related("sync")
    page = paging.page(links, request.GET.get("page"))
    entries = AuditEntry.objects.filter(subject=f"incident:{row.pk}")[:EVENTS]
    now = timezone.now()
    context: dict[str, Any] = {
        "incident": row, "sync": row.sync, "worth": worth(business, row), "page": page, "entries": entries,
        "lines": [(link, wording.title(link.sync.recipe, str(link))) for link in page],
        "people": _people(business), "over": row.state == Incident.State.RESOLVED,
        "aside": handling.is_aside(row, now),
        "soon": _morning(business, now), "about_records": row.subject.startswith("sync:"),
        "tries": row.sync is not None and row.sync.mode != Sync.Mode.OFF,
    }  # fmt: skip
    return render(request, "portal/incident.html", context)


def _people(business: Business) -> list[Membership]:
    return list(business.memberships.select_related("user").order_by("user__name", "user__email"))


def _morning(business: Business, now: datetime) -> str:
    """Eight o'clock the next morning there, as a form's field holds it."""
    there = now.astimezone(wording.zone(business)) + timedelta(days=1)
    return f"{there:%Y-%m-%d}T08:00"


@login_required
@require_POST
def incident_handle(request: HttpRequest, business_id: int, incident_id: int) -> HttpResponse:
    """`do`: assign (to `who`), note (`note`), snooze (until `until`), ignore or reopen."""
    business = access.demand(request, business_id, Action.RUN)
    row, person = find(incident_id), cast(User, request.user)
    try:
        _handle(request, business, row, person)
    except handling.TooLate as late:
        messages.warning(request, str(late))
    except ValueError as wrong:
        messages.error(request, str(wrong))
    else:
        messages.success(request, "Noted.")
    return redirect("incident", business_id, row.pk)


def _handle(request: HttpRequest, business: Business, row: Incident, person: User) -> None:
    match request.POST.get("do", ""):
        case "assign":
            handling.assign(row, _member(business, request.POST.get("who", "")), person)
        case "note":
            handling.note(row, request.POST.get("note", ""), person)
        case "snooze":
            handling.snooze(row, later(business, request.POST.get("until", "")), person)
        case "ignore":
            handling.ignore(row, person)
        case "reopen":
            handling.reopen(row, person)
        case _:
            raise Http404("No such thing to do.")


def _member(business: Business, asked: str) -> User | None:
    """'' is nobody. Http404 for a person of another business."""
    if not asked:
        return None
    number = int(asked) if asked.isdecimal() and len(asked) < 19 else 0
    found = Membership.objects.filter(business=business, user_id=number).select_related("user").first()
    if found is None:
        raise Http404("No such person here.")
    return found.user


def later(business: Business, asked: str) -> datetime:
    """A moment to come, in the business's time zone. ValueError with words for who wrote it."""
    try:
        at = datetime.fromisoformat(asked).replace(tzinfo=wording.zone(business)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("Choose a day and a time.") from None
    if not timedelta(0) < at - timezone.now() < timedelta(days=366):
        raise ValueError("Choose a time within the next year.")
    return at


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def incident_try(request: HttpRequest, business_id: int, incident_id: int) -> HttpResponse:
    """What another try of all its records would come to; a press then tries them."""
    access.demand(request, business_id, Action.RUN)
    row = find(incident_id)
    if row.sync is None or not row.subject.startswith("sync:"):
        raise Http404("There are no records to try.")
    if request.method == "POST":
        return _try_all(request, business_id, row, row.sync)
    links = handling.records(row)
    total = links.count()
    found = replaying.dry_run(row.sync, list(links[:DRY_RUN]))
    context = {
        "incident": row, "sync": row.sync, "terms": wording.terms_of(row.sync), "total": total, "most": DRY_RUN,
        "counts": [(n, *EXPECTED[kind]) for kind, n in found.counts.items()], "fails": found.fails_again,
        "guesses": [(g, *EXPECTED[g.expected]) for g in found.guesses],
        "waits": sync_pages.lane_words(row.sync.lane, wording.terms_of(row.sync)),
    }  # fmt: skip
    return render(request, "portal/incident_try.html", context)


def try_again(row: Incident, sync: Sync, by: User) -> int:
    """All of its records are looked at once more. Returns how many."""
    with transaction.atomic():
        count = deciding.again(sync, row.cause_code, by.get_short_name())
        if count:
            words = f"Had {wording.terms_of(sync).count(count)} of “{row}” tried again"
            audit.record(row.business_id, by, "incident.retried", row, words, records=count)
    return count


def _try_all(request: HttpRequest, business_id: int, row: Incident, sync: Sync) -> HttpResponse:
    if sync.mode == Sync.Mode.OFF:
        messages.warning(request, f"“{sync}” is paused. Resume it first.")
        return redirect("incident", business_id, row.pk)
    count = try_again(row, sync, cast(User, request.user))
    words = wording.terms_of(sync).count(count)
    if count:
        messages.success(request, f"{words} {'is' if count == 1 else 'are'} tried again now.")
    else:
        messages.info(request, "They are being tried again already.")
    return redirect("incident", business_id, row.pk)


@login_required
@require_POST
def attention_export(request: HttpRequest, business_id: int) -> HttpResponse:
    """Every record that waits for a person, or those of one incident (`incident`), as CSV: written down."""
    business = access.demand(request, business_id, Action.VIEW)
    asked, on, told = request.POST.get("incident", ""), cast(Any, business), "the records that wait for a person"
    if asked:
        on = row = find(int(asked) if asked.isdecimal() and len(asked) < 19 else 0)
        links, what, told = handling.records(row), slugify(row.cause_code), f"the records of “{row}”"
    else:
        links = Link.objects.filter(state__in=figures.OPEN).exclude(DUE).order_by("since", "pk")
        what = "needs-attention"
    name = f"{slugify(business.name)}-{what}-{timezone.localdate(timezone=wording.zone(business)):%Y-%m-%d}"
    audit.record(business.pk, cast(User, request.user), "incident.exported", on, f"Downloaded {told}")
    return spreadsheets.attachment(name, exports.stopped(business, links))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def record_replay(request: HttpRequest, business_id: int, link_id: int) -> HttpResponse:
    """One look (`look`) gone through again, shown only; a press asks for a real look at the record."""
    action = Action.RUN if request.method == "POST" else Action.VIEW
    access.demand(request, business_id, action)
    link = record_pages.find(link_id)
    if request.method == "POST":
        if link.sync.mode == Sync.Mode.OFF:
            messages.warning(request, f"“{link.sync}” is paused. Resume it first.")
        else:
            notice.ask(link, cast(User, request.user).get_short_name())
            messages.success(request, f"{link} is looked at next.")
        return redirect("record", business_id, link.pk)
    looked = replays.chosen(link, request.GET.get("look", ""))
    if looked is None and request.GET.get("look"):
        raise Http404("No such look.")
    tell = sides.teller(link.sync)
    context = {
        "link": link, "sync": link.sync, "terms": tell.terms, "called": wording.title(link.sync.recipe, str(link)),
        "replay": replays.of(tell, link, looked) if looked else None, "looks": link.history.all()[:EVENTS],
    }  # fmt: skip
    return render(request, "portal/replay.html", context)


urlpatterns = [
    path("b/<int:business_id>/incidents/<int:incident_id>/", incident, name="incident"),
    path("b/<int:business_id>/incidents/<int:incident_id>/handle/", incident_handle, name="incident_handle"),
    path("b/<int:business_id>/incidents/<int:incident_id>/try/", incident_try, name="incident_try"),
    path("b/<int:business_id>/attention/export/", attention_export, name="attention_export"),
    path("b/<int:business_id>/records/<int:link_id>/replay/", record_replay, name="record_replay"),
]
