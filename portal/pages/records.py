"""Records of a business and the story of one of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page
from django.db.models import Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from portal import (
    access,
    answers,
    approving,
    clashes,
    moments,
    numbers,
    paging,
    receivables,
    sides,
    statements,
    stories,
    ties,
    wording,
)
from portal.access import Action
from portal.approving import Asked
from portal.models import Business, User
from portal.sides import Sides, Teller
from portal.stories import Tale
from syncs import approvals, bothways, candidates, deciding, flagging, ledger, notice
from syncs.candidates import Candidate
from syncs.deciding import Choice, TooLate
from syncs.ledger import DUE
from syncs.models import Attempt, Incident, Invoice, Link, Snapshot, Sync
from syncs.rules.judging import RAISED

#: Records whose email or name on the other side is looked through for a search, at most.
MOST_FOUND = 500
#: Invoices and payments shown with a client.
SHOWN = 20
#: No id has as many digits.
LONGEST_ID = 19
#: Of each, how many have their own story told with the client's.
MOST_TALES = 10
#: What is read with a sync whose records' stories are told.
TOLD = ("business", "source", "target", "version")
_S = Link.State
#: Filter of the list -> its words, the place in the ledger's equation, the states.
FILTERS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "in_step": ("In step", ("written", "unchanged"), (_S.IN_STEP,)),
    "waiting": ("Waiting", ("waiting",), (_S.DUE, _S.PLANNED, _S.RETRYING)),
    "look": ("Needs a look", ("held",), (_S.HELD, _S.CONFLICT)),
    "failed": ("Failed", ("failed",), (_S.PARKED,)),
    "out": ("Left out", ("skipped",), (_S.SKIPPED, _S.ENDED)),
}


# All of them


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the list."""

    link: Link
    title: str
    badge: wording.Badge
    email: str
    next_step: str


@login_required
@require_safe
def records(request: HttpRequest, business_id: int) -> HttpResponse:
    business = access.demand(request, business_id, Action.VIEW)
    syncs = {s.pk: s for s in Sync.objects.order_by("pk")}
    asked, state = request.GET.get("q", "").strip()[:200], request.GET.get("state", "")
    kind = next((pk for pk in syncs if str(pk) == request.GET.get("sync", "")), None)
    raised = _raised(request.GET.get("incident", ""))
    links = flagging.records_of(raised) if raised else Link.objects.filter(sync__in=[kind] if kind else list(syncs))
    links, written = numbers.written(links, request.GET.get("written", ""), wording.zone(business))
    places = ledger.count(links)
    found = filtered(searched(links, asked), state)
    standing = {key: sum(places[p] for p in where) for key, (_, where, _) in FILTERS.items()}
    known = None if asked else standing.get(state, places["seen"])
    page = paging.page(found.order_by("-pk"), request.GET.get("page"), known)
    context = {
        "q": asked,
        "state": state if state in FILTERS else "",
        "page": page,
        "filters": [(key, words, standing[key]) for key, (words, _, _) in FILTERS.items()],
        "seen": places["seen"],
        "records": _listed(syncs, page),
        "syncs": list(syncs.values()) if len(syncs) > 1 else [],
        "kind": kind,
        "raised": raised,
        "written": written,
    }
    return render(request, "portal/records.html", context)


def _raised(asked: str) -> Incident | None:
    """An incident that a rule has raised, whose records alone are asked for."""
    if not asked.isdecimal() or len(asked) >= LONGEST_ID:
        return None
    raised = Incident.objects.select_related("sync__version").filter(cause_code__startswith=RAISED)
    return raised.filter(pk=asked, sync__isnull=False).first()


def searched(links: QuerySet[Link], asked: str) -> QuerySet[Link]:
    """By part of the name, part of the email, or a whole id of either side."""
    if not asked:
        return links
    by_email = Snapshot.objects.filter(email__contains=asked.casefold()).values_list("external_id", flat=True)
    ids = list(by_email[:MOST_FOUND]) if "@" in asked or len(asked) > 2 else []
    either = Q(label__icontains=asked) | Q(source_id=asked) | Q(target_id=asked)
    return links.filter(either | Q(source_id__in=ids) | Q(target_id__in=ids) if ids else either)


def filtered(links: QuerySet[Link], state: str) -> QuerySet[Link]:
    """As the ledger counts: a record with a notice not yet worked waits, whatever its state."""
    if state not in FILTERS:
        return links
    by_state = Q(state__in=FILTERS[state][2])
    return links.filter(DUE | by_state) if state == "waiting" else links.filter(by_state).exclude(DUE)


def _listed(syncs: Mapping[int, Sync], page: Page[Any]) -> list[Listed]:
    rows: Sequence[Link] = list(page.object_list)
    of = {syncs[row.sync_id] for row in rows}
    held = Snapshot.objects.filter(
        connection__in=[s.source_id for s in of], resource__in=[s.source_resource for s in of],
        external_id__in=[row.source_id for row in rows],
    )  # fmt: skip
    number = KeyTextTransform("metadata.jobber_invoice_number", "data")
    said = held.annotate(number=number).values_list("external_id", "data__email", "number") if rows else ()
    known = {key: (email or "", number or "") for key, email, number in said}
    return [_line(syncs[row.sync_id], row, *known.get(row.source_id, ("", ""))) for row in rows]


def _line(sync: Sync, row: Link, email: str, number: str) -> Listed:
    title = wording.title(sync.recipe, str(row), number)
    return Listed(row, title, wording.badge(row), email, _next(sync, row))


def _next(sync: Sync, link: Link) -> str:
    return wording.next_step(link, wording.terms_of(sync))


# One of them


def find(link_id: int) -> Link:
    """Http404 for a record of another business."""
    related = ("sync__business", "sync__source", "sync__target", "sync__version", "sync__lane", "version", "waits_for")
    found: Link = get_object_or_404(Link.objects.select_related(*related), pk=link_id)
    return found


@login_required
@require_safe
def record(request: HttpRequest, business_id: int, link_id: int) -> HttpResponse:
    business = access.demand(request, business_id, Action.VIEW)
    link = find(link_id)
    invoice = _invoice_of(link)
    if invoice:
        return redirect("invoice", business_id, invoice.pk)
    return render(request, "portal/record.html", _client(request, business, link) or about(request, link))


def _invoice_of(link: Link) -> Invoice | None:
    """The invoice that this link is about, where it has a page of its own."""
    if not receivables.books([link.sync]).syncs:
        return None
    return Invoice.objects.filter(connection=link.sync.source_id, external_id=link.source_id).first()


def about(
    request: HttpRequest, link: Link, beside: Sequence[Tale] = (), held: Sequence[Snapshot] = ()
) -> dict[str, Any]:  # fmt: skip
    """How one record stands, what can be decided about it, and its story with that of what is beside it. `held`: what
    is read already of both sides."""
    tell = sides.teller(link.sync)
    tales = [Tale(tell, link), *beside]
    looks = stories.looks_at([tale.link for tale in tales])
    mine = [look for look in looks if look.link_id == link.pk]
    both = sides.of(tell, link, link.target_id or _planned_for(link, mine), held)
    choices = deciding.choices(link)
    asked = _asked(request, link) if Choice.THROUGH in choices else None
    found = clashes.of(tell, link, mine[0] if mine else None) if Choice.HERE in choices else []
    return {
        "link": link,
        "sync": link.sync,
        "tell": tell,
        "terms": tell.terms,
        "called": wording.title(link.sync.recipe, str(link)),
        "badge": wording.badge(link),
        "answer": answers.of(tell, link, mine, both),
        "sides": both,
        "moments": moments.of(tell, link, mine, both, request.GET.get("then", "")),
        "timeline": stories.timeline(tales, looks),
        "most": stories.MOST,
        "choices": choices if asked or Choice.THROUGH not in choices else (),
        "asked": asked,
        "clashes": found,
        "conflict": clashes.conflict(found, both.source, both.target),
        "candidates": _candidates(link, both) if Choice.SAME in choices else [],
        "left_out": link.decision.get("choice") == Choice.LEAVE,
        "pending": bool(link.decision.get("choice")) and link.noticed > link.handled,
        "unmade": link.source_id.startswith(bothways.UNMADE),
    }


def _asked(request: HttpRequest, link: Link) -> Asked | None:
    """What of it waits for approval."""
    row = approvals.waiting_for([link]).get(link.pk)
    if row is None:
        return None
    row.link, row.sync = link, link.sync
    return approving.shown(access.role_in(request), [row])[0]


def _client(request: HttpRequest, business: Business, link: Link) -> dict[str, Any]:
    """A client with what is owed and was paid, and the story of both; nothing for records of another kind."""
    kept = receivables.current(*TOLD) if link.sync.source_resource == "clients" else None
    if kept is None or not kept.syncs:
        return {}
    theirs = receivables.of_client(kept, link)
    owed, received = theirs.money(timezone.now())
    rows, paid = list(theirs.invoices[:SHOWN]), list(theirs.payments[:SHOWN])
    tied = ties.of(kept, rows, paid)
    first = {row.external_id for row in rows[:MOST_TALES]} | {row.external_id for row in paid[:MOST_TALES]}
    return about(request, link, tales(tied.told(first))) | {
        "owed": owed, "owed_shown": owed.shown(business.currency), "received": received,
        "received_shown": received.shown(business.currency), "money_shown": SHOWN, "kept_terms": kept.terms,
        "invoices": statements.invoice_lines(kept, rows, tied, business.currency, timezone.now()),
        "payments": statements.payment_lines(paid, tied, business.currency),
    }  # fmt: skip


def tales(links: Iterable[Link]) -> list[Tale]:
    """What is told beside a record, in the words of each one's own sync, which comes with what is TOLD of it."""
    tellers: dict[int, Teller] = {}
    return [Tale(tellers.setdefault(row.sync_id, sides.teller(row.sync)), row) for row in links]


def _candidates(link: Link, both: Sides) -> list[Candidate]:
    sources = {link.source_id: both.source} if both.source else {}
    return candidates.of(link.sync, [link], sources).get(link.pk, [])


def _planned_for(link: Link, looks: Sequence[Attempt]) -> str:
    """The counterpart that the review has found, before anything is linked."""
    planned = link.state in {Link.State.PLANNED, Link.State.IN_STEP} and looks
    return str(looks[0].plan.get("target_id") or "") if planned else ""


@login_required
@require_POST
def record_again(request: HttpRequest, business_id: int, link_id: int) -> HttpResponse:
    access.demand(request, business_id, Action.RUN)
    link = find(link_id)
    if link.sync.mode == Sync.Mode.OFF:
        messages.warning(request, f"“{link.sync}” is paused. Resume it first.")
    else:
        notice.ask(link, cast(User, request.user).get_short_name())
        messages.success(request, f"{link} is looked at next.")
    return _back(request, business_id, link)


@login_required
@require_POST
def record_decide(request: HttpRequest, business_id: int, link_id: int) -> HttpResponse:
    """`choice`: same, new, leave, through, decline or reconsider; `target_id` says with whom it is the same, `shown`
    what was shown of the plan that waits, `reason` why it is declined, `edit:<field>` what is to be written instead."""
    access.demand(request, business_id, Action.DECIDE)
    link, person, choice = find(link_id), cast(User, request.user), request.POST.get("choice", "")
    if not access.decides(request, deciding.asked_of(link)):
        raise PermissionDenied(f"{access.decider(deciding.asked_of(link))} decides about this.")
    try:
        if choice == "reconsider":
            deciding.reconsider(link, person)
        elif choice in set(Choice):
            target_id, shown = request.POST.get("target_id", ""), request.POST.get("shown", "")
            reason, edits = request.POST.get("reason", ""), approving.edits_in(request.POST)
            deciding.decide(link, Choice(choice), target_id, person, shown=shown, reason=reason, edits=edits)
        else:
            raise Http404("No such choice.")
    except (TooLate, ValueError) as why_not:
        messages.warning(request, f"{link}: {why_not}")
    else:
        noted = f"{link}: noted. {_followed(link.sync)}"
        messages.success(request, f"Declined: {link}. Nothing is written." if choice == Choice.DECLINE else noted)
    return _back(request, business_id, link)


@login_required
@require_POST
def record_sides(request: HttpRequest, business_id: int, link_id: int) -> HttpResponse:
    """Field by field: `side:<field>` is source or target; `always` makes it so for every record from now on."""
    always = bool(request.POST.get("always"))
    access.demand(request, business_id, Action.DECIDE)
    if always:
        access.demand(request, business_id, Action.CONFIGURE)
    link, person = find(link_id), cast(User, request.user)
    said = {key.removeprefix("side:"): str(side) for key, side in request.POST.items() if key.startswith("side:")}
    try:
        found = clashes.of(sides.teller(link.sync), link, next(iter(stories.looks_at([link])), None))
        deciding.choose_sides(link, clashes.chosen(found, said), person, always=always)
    except (TooLate, ValueError) as why_not:
        messages.warning(request, f"{link}: {why_not}")
    else:
        messages.success(request, f"{link}: noted. {_followed(link.sync)}")
    return _back(request, business_id, link)


def _followed(sync: Sync) -> str:
    if sync.writes:
        return "It is carried out next."
    return "It is planned that way; nothing is written before the sync is live."


def _back(request: HttpRequest, business_id: int, link: Link) -> HttpResponse:
    """To the page the button was on: one of ours, named in the form."""
    if request.POST.get("back") in {"attention", "approvals"}:
        return redirect(request.POST["back"], business_id)
    return redirect("record", business_id, link.pk)


urlpatterns = [
    path("b/<int:business_id>/records/", records, name="records"),
    path("b/<int:business_id>/records/<int:link_id>/", record, name="record"),
    path("b/<int:business_id>/records/<int:link_id>/again/", record_again, name="record_again"),
    path("b/<int:business_id>/records/<int:link_id>/decide/", record_decide, name="record_decide"),
    path("b/<int:business_id>/records/<int:link_id>/sides/", record_sides, name="record_sides"),
]
