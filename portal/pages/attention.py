"""What needs a person: records to settle and open incidents, by cause, each with its one next step."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, F, Min, Q, Sum, Window
from django.db.models.functions import RowNumber
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from portal import access, clashes, disputes, figures, receivables, sides, wording
from portal.access import Action
from portal.clashes import Conflict
from portal.models import Business, User
from portal.pages import syncs as sync_pages
from portal.receivables import Sums
from portal.wording import Terms
from syncs import candidates, deciding, flagging, handling, incidents
from syncs.candidates import Candidate
from syncs.deciding import Choice
from syncs.invoices.totals import ROUNDS
from syncs.ledger import DUE
from syncs.models import Incident, Link, Sync
from syncs.rules.holding import role_of

#: Records of one cause that are shown; the others come as these are settled.
SHOWN = 10
DISPUTES_SHOWN = 50
#: Conflicts that one press settles, at most.
AT_ONCE = 500

_HELPED_BY_TRYING = {"gave_up", "contract", "kills_worker"}


@dataclass(frozen=True, slots=True)
class Case:
    """One record that needs a decision."""

    link: Link
    choices: tuple[Choice, ...]
    candidates: Sequence[Candidate]
    conflict: Conflict | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """Records of one sync that stopped for the same reason."""

    sync: Sync
    terms: Terms
    code: str
    title: str
    next_step: str
    count: int
    since: datetime
    cases: list[Case]
    #: What these records come to, where they are invoices.
    worth: str = ""
    #: Conflicts that one press settles, by their links.
    together: Sequence[int] = ()
    incident: Incident | None = None

    @property
    def more(self) -> int:
        return self.count - len(self.cases)

    @property
    def again(self) -> bool:
        """Another try can help without anybody deciding first."""
        return not self.approvals and not any(set(c.choices) - {Choice.LEAVE, Choice.SETTLED} for c in self.cases)

    @property
    def again_helps(self) -> bool:
        """Nothing need be corrected before another try."""
        return self.code in _HELPED_BY_TRYING

    @property
    def approvals(self) -> bool:
        """These are decided on the page of approvals."""
        return bool(role_of(self.code))

    @property
    def settings_help(self) -> bool:
        """Another try alone changes nothing, but a setting of the sync may."""
        return self.code == ROUNDS


@login_required
@require_safe
def attention(request: HttpRequest, business_id: int) -> HttpResponse:
    business = access.demand(request, business_id, Action.VIEW)
    related = ("business", "source", "target", "lane", "version")
    syncs = {s.pk: s for s in Sync.objects.select_related(*related).order_by("pk")}
    now = timezone.now()
    unsettled = Incident.objects.exclude(state=Incident.State.RESOLVED).select_related("connection", "assignee")
    standing = list(handling.once(unsettled))
    aside = [i for i in standing if handling.is_aside(i, now)]
    opened = [i for i in standing if i not in aside]
    kept = receivables.books(syncs.values())
    disputed = disputes.waiting(kept, business.currency, DISPUTES_SHOWN)
    known = {(i.sync_id, i.cause_code): i for i in (*opened, *aside) if i.subject.startswith("sync:")}
    causes = [cause for cause in _causes(business, syncs, known) if cause.incident not in aside]
    raised = _raised(syncs, opened)
    context: dict[str, Any] = {
        "causes": causes,
        "raised": raised,
        "others": [i for i in opened if not i.subject.startswith("sync:")],
        "aside": aside,
        "waits": _waits(s for s in syncs.values() if not (s.lane.parked and s.pk in _told_of(opened, syncs))),
        "disputes": disputed,
        "attention_count": sum(i.records or 1 for i in opened) + len(disputed),
    }
    return render(request, "portal/attention.html", context)


def _raised(syncs: Mapping[int, Sync], opened: Iterable[Incident]) -> list[tuple[Incident, list[Link]]]:
    """Incidents that rules have raised, each with the first of its records."""
    rules = [i for i in opened if i.sync_id in syncs and flagging.is_raised(i.cause_code)]
    rows = flagging.first_records({i.sync_id for i in rules}, SHOWN)
    for row in rows:
        row.sync = syncs[row.sync_id]
    about = {i: [r for r in rows if r.sync_id == i.sync_id and flagging.is_about(r.flags, i.cause_code)] for i in rules}
    return [(i, found[:SHOWN]) for i, found in about.items()]


def _told_of(opened: Iterable[Incident], syncs: Mapping[int, Sync]) -> set[int]:
    """Syncs that wait for a connection which an open incident speaks of already."""
    lost = {i.connection_id for i in opened if i.subject.startswith("connection:")}
    return {s.pk for s in syncs.values() if {s.source_id, s.target_id} & lost}


def _waits(syncs: Iterable[Sync]) -> list[tuple[Sync, str]]:
    found = [(s, sync_pages.lane_words(s.lane, wording.terms_of(s))) for s in syncs if s.mode != Sync.Mode.OFF]
    return [(sync, words) for sync, words in found if words]


def _causes(
    business: Business, syncs: Mapping[int, Sync], opened: Mapping[tuple[int | None, str], Incident]
) -> list[Cause]:
    """One query for the first records of every cause, how many there are, since when, and what they come to."""
    stopped = Link.objects.filter(sync__in=list(syncs), state__in=figures.OPEN).exclude(DUE)
    by = [F("sync"), F("cause_code")]
    money = [*by, F("money")]
    ranked = receivables.worth(stopped).annotate(
        place=Window(RowNumber(), partition_by=by, order_by="pk"),
        alike=Window(Count("pk"), partition_by=by),
        first=Window(Min("since"), partition_by=by),
        nth=Window(RowNumber(), partition_by=money, order_by="pk"),
        whole=Window(Sum("cents"), partition_by=money),
    )
    shown = Q(place__lte=SHOWN) | Q(nth=1)  # and one of each currency, which says what its like come to
    rows = list(ranked.filter(shown).order_by("sync_id", "cause_code", "pk"))
    for row in rows:
        row.sync = syncs[row.sync_id]
    alike, clashing = _asked_about(syncs, rows)
    groups = groupby(rows, key=lambda row: (row.sync_id, row.cause_code))
    bills = receivables.books(syncs.values()).syncs
    found = [
        _cause(
            syncs[pk], code, (each := list(group))[:SHOWN], opened.get((pk, code)), alike, clashing,
            _worth(each).shown(business.currency) if syncs[pk] in bills else "",
        )
        for (pk, code), group in groups
    ]  # fmt: skip
    return sorted(found, key=lambda cause: cause.since)


def _worth(rows: Sequence[Any]) -> Sums:
    return Sums(rows[0].alike, {row.money or "": row.whole or 0 for row in rows})


def _asked_about(
    syncs: Mapping[int, Sync], rows: Sequence[Any]
) -> tuple[dict[int, list[Candidate]], dict[int, Conflict]]:
    """Who the records may be, for those that this is asked about; and what both sides say of those that both have
    changed."""
    who, which = ([row for row in rows if choice in deciding.choices(row)] for choice in (Choice.SAME, Choice.HERE))
    held = sides.read(key for row in (*who, *which) for key in sides.keys_of(row.sync, row))
    alike: dict[int, list[Candidate]] = {}
    clashing: dict[int, Conflict] = {}
    for pk, sync in syncs.items():
        if mine := [row for row in who if row.sync_id == pk]:
            here = {row.source_id: held[key] for row in mine if (key := sides.keys_of(sync, row)[0]) in held}
            alike |= candidates.of(sync, mine, here)
        if both := [row for row in which if row.sync_id == pk]:
            clashing |= clashes.of_several(sides.teller(sync), both, held)
    return alike, clashing


def _together(sync: Sync, code: str, rows: Sequence[Any]) -> list[int]:
    """All of the conflicts there are, so that one press settles these and none that come later."""
    if code != deciding.BOTH_CHANGED or rows[0].alike == 1:
        return []
    if rows[0].alike == len(rows):
        return [row.pk for row in rows]
    every = Link.objects.filter(sync=sync, state__in=figures.OPEN, cause_code=code).exclude(DUE).order_by("pk")
    return list(every.values_list("pk", flat=True)[:AT_ONCE])


def _cause(
    sync: Sync, code: str, rows: Sequence[Any], incident: Incident | None, alike: Mapping[int, list[Candidate]],
    clashing: Mapping[int, Conflict], worth: str,
) -> Cause:  # fmt: skip
    title, step = incidents.words(code, rows[0].alike, sync)
    return Cause(
        sync, wording.terms_of(sync), code, incident.title if incident else title,
        incident.next_step if incident else step, rows[0].alike, rows[0].first,
        [Case(row, deciding.choices(row), alike.get(row.pk, []), conflict=clashing.get(row.pk)) for row in rows], worth,
        _together(sync, code, rows), incident,
    )  # fmt: skip


@login_required
@require_POST
def attention_again(request: HttpRequest, business_id: int, sync_id: int) -> HttpResponse:
    """Every record of the sync that stopped for one cause is tried once more."""
    access.demand(request, business_id, Action.RUN)
    sync = sync_pages.find(sync_id)
    if sync.mode == Sync.Mode.OFF:
        messages.warning(request, f"“{sync}” is paused. Resume it first.")
        return redirect("attention", business_id)
    person = cast(User, request.user).get_short_name()
    count = deciding.again(sync, request.POST.get("cause", "")[:60], person)
    words = wording.terms_of(sync).count(count)
    if count:
        messages.success(request, f"{words} {'is' if count == 1 else 'are'} tried again now.")
    else:
        messages.info(request, "They are being tried again already.")
    return redirect("attention", business_id)


@login_required
@require_POST
def attention_sides(request: HttpRequest, business_id: int, sync_id: int) -> HttpResponse:
    """The same side is right in every one of these conflicts: `side` is source or target, `links` names them."""
    access.demand(request, business_id, Action.DECIDE)
    sync, side = sync_pages.find(sync_id), request.POST.get("side", "")
    if side not in clashes.SIDES:
        raise Http404("No such side.")
    ids = [int(each) for each in request.POST.get("links", "").split(",") if each.isdecimal() and len(each) < 19]
    links = Link.objects.filter(sync=sync, pk__in=ids[:AT_ONCE]).select_related("sync").order_by("pk")
    decided, late = deciding.choose_for_all(links, side, cast(User, request.user))
    told = messages.success if decided else messages.info
    told(request, _decided(sync, side, decided, late))
    return redirect("attention", business_id)


def _decided(sync: Sync, side: str, decided: int, late: int) -> str:
    names = wording.terms_of(sync)
    right = names.source if side == "source" else names.target
    words = f"Noted for {names.count(decided)}: {right} is right. " if decided else ""
    if late:
        others = names.count(late) if not decided else f"{late:,} more"
        words += f"{others} {'was' if late == 1 else 'were'} settled already, and nothing was changed there."
    return words.strip() or "There was nothing to decide."


urlpatterns = [
    path("b/<int:business_id>/attention/", attention, name="attention"),
    path("b/<int:business_id>/attention/<int:sync_id>/again/", attention_again, name="attention_again"),
    path("b/<int:business_id>/attention/<int:sync_id>/sides/", attention_sides, name="attention_sides"),
]
