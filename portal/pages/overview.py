"""The page of one business: all is well, or what needs you, each with its one next step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Exists, FilteredRelation, OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal import access, accountwatch, disputes, figures, health, receivables, wording
from portal.access import Action
from portal.disputes import Dispute
from portal.health import Health, Level
from portal.models import Business, Connection, WorkerBeat
from portal.receivables import Standing, Sums
from portal.wording import Terms
from syncs import handling, ledger, recipes
from syncs.models import Incident, Lane, Link, Run, Sync, Write
from syncs.recipes import Recipe
from syncs.rules.holding import role_of

RECENT = 8
#: Disputed payments that are named one by one.
DISPUTES = 5


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the guided path. `address` and `action` are '' where it is not its turn."""

    title: str
    words: str
    done: bool
    address: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """Something that needs a person: what, and the one next step."""

    title: str
    words: str
    address: str
    action: str
    since: datetime | None = None
    dispute: Dispute | None = None


@login_required
@require_safe
def overview(request: HttpRequest, business_id: int) -> HttpResponse:
    business = access.demand(request, business_id, Action.VIEW)
    return render(request, "portal/overview.html", context(business))


@login_required
@require_safe
def overview_live(request: HttpRequest, business_id: int) -> HttpResponse:
    """The part of the overview that changes by itself."""
    business = access.demand(request, business_id, Action.VIEW)
    return render(request, "portal/_overview.html", context(business))


def context(business: Business) -> dict[str, Any]:
    alive = WorkerBeat.objects.filter(stopped_at=None, beat_at__isnull=False).order_by("-beat_at").values("beat_at")
    done = Run.objects.filter(sync=OuterRef("pk"), state=Run.State.DONE)
    running = FilteredRelation("runs", condition=Q(runs__state=Run.State.RUNNING))  # there is one at most
    rows: Any = Sync.objects.annotate(beat=Subquery(alive[:1]), reviewed=Exists(done), running=running)
    syncs: list[Any] = list(rows.select_related("source", "target", "lane", "running").order_by("pk"))
    connections = _connections(syncs)
    for row in connections:
        row.business = business
    incidents = list(handling.once(Incident.objects.filter(handling.asking(timezone.now()))))
    live = [s for s in syncs if s.live_since and s.mode != Sync.Mode.PREVIEW]
    kept = receivables.books(syncs)
    stands = receivables.standing(kept, timezone.now())
    disputed = disputes.waiting(kept, business.currency, DISPUTES) if stands.disputed.count else []
    found: dict[str, Any] = {
        "connections": [(row, health_of(row, told=True)) for row in connections],
        "attention_count": sum(i.records or 1 for i in incidents) + stands.disputed.count,
        "needs": _needs(business, connections, syncs, incidents, stands, disputed),
        "amounts": amounts(business, stands, kept.terms) if kept.syncs else [],
        "amounts_at": min((s.polled_until for s in kept.syncs if s.polled_until), default=None),
    }
    if not live:
        return found | {"steps": steps(business, connections, syncs)}
    return found | _live(business, live)


def _connections(syncs: Sequence[Sync]) -> list[Connection]:
    """Those of the syncs; all that are not off where a sync has lost one of its own."""
    used = {c.pk: c for s in syncs for c in (s.source, s.target)}
    if used and all(c.status != Connection.Status.OFF for c in used.values()):
        return sorted(used.values(), key=lambda c: c.connector)
    standing = Connection.objects.exclude(status=Connection.Status.OFF)
    return sorted({**used, **{c.pk: c for c in standing}}.values(), key=lambda c: (c.connector, c.pk))


def health_of(row: Connection, *, told: bool = False) -> Health:
    """`told`: with what the service says about the account, which holds up no sync."""
    said = next(iter(accountwatch.told(row)), None) if told else None
    facts = health.ConnectionFacts(
        row.service.name, row.status, row.status_reason, row.status_since, row.refreshed_at, row.refresh_failed_at,
        row.last_ok_at, told=said.title if said else "", told_step=said.next_step if said else "",
    )  # fmt: skip
    return health.of_connection(facts)


# Money


@dataclass(frozen=True, slots=True)
class Amount:
    """`key` names it on the page; `look` is '' or the class of what needs somebody."""

    key: str
    shown: str
    words: str
    address: str
    look: str = ""


def amounts(business: Business, stands: Standing, names: Terms) -> list[Amount]:
    """What is owed and what is not as it should be; what there is none of is left out, but for the unpaid."""
    page, paid = reverse("invoices", args=[business.pk]), reverse("payments", args=[business.pk])

    def amount(key: str, sums: Sums, words: str, look: str = "", address: str = page) -> Amount:
        count = f"{sums.count:,} {'payment' if address == paid else 'invoice'}{'' if sums.count == 1 else 's'}"
        return Amount(key, sums.shown(business.currency), f"{count} {words}", f"{address}?show={key}", look)

    open_here = f"paid in {names.target}, still open in {names.source}"
    found = [
        (stands.overdue, amount("overdue", stands.overdue, "overdue", "stat-warn")),
        (stands.paid_there, amount("paid_there", stands.paid_there, open_here)),
        (stands.held, amount("held", stands.held, "waiting for a person", "stat-warn")),
        (stands.disputed, amount("disputed", stands.disputed, "disputed", "stat-bad", paid)),
    ]
    return [amount("unpaid", stands.unpaid, "unpaid"), *(shown for sums, shown in found if sums.count)]


# Before anything is live


def steps(business: Business, connections: Sequence[Connection], syncs: Sequence[Any]) -> list[Step]:
    """The way from nothing to live; only the first that is not done has a button."""
    recipe = _recipe(syncs)
    names = wording.terms(recipe)
    active = {c.connector for c in connections if c.status == Connection.Status.ACTIVE}
    sync = next((s for s in syncs if s.mode != Sync.Mode.OFF), None)
    reviewed = sync is not None and sync.reviewed
    page = reverse("sync", args=[business.pk, sync.pk]) if sync else ""
    found = [
        _connect(business, recipe.source, names.source, f"Your {names.many} are read from there.", active),
        _connect(business, recipe.target, names.target, f"Your {names.target_many} are kept there.", active),
        Step("Choose what to keep in step", "A ready-made sync, with your say in what it covers.", bool(sync),
             reverse("sync_new", args=[business.pk]), "Choose"),
        Step("Review the plan", "See every record and what would happen to it. Nothing is written yet.", reviewed,
             page, "See the review"),
        Step("Go live", "From then on, changes are written within seconds.", False, page, "Check the plan and go live"),
    ]  # fmt: skip
    turn = next((n for n, step in enumerate(found) if not step.done), len(found))
    return [s if n == turn else Step(s.title, s.words, s.done) for n, s in enumerate(found)]


def _recipe(syncs: Sequence[Sync]) -> Recipe:
    """What the business begins with: its first sync's, else the one that needs no other first."""
    return recipes.get(syncs[0].recipe) if syncs else next(r for r in recipes.RECIPES.values() if not r.after)


def _connect(business: Business, slug: str, name: str, words: str, active: set[str]) -> Step:
    return Step(f"Connect {name}", words, slug in active, reverse("connections", args=[business.pk]), f"Connect {name}")


# What needs a person


def _needs(
    business: Business, connections: Sequence[Connection], syncs: Sequence[Sync], incidents: Sequence[Incident],
    stands: Standing, disputed: Sequence[Dispute],
) -> list[Need]:  # fmt: skip
    needs = [n for c in connections if (n := _broken(business, c, syncs))]
    page = reverse("attention", args=[business.pk])
    needs += [Need(d.title, "", page, "Look at it", dispute=d) for d in disputed]
    known = {s.pk for s in syncs}
    works = {c.pk for c in connections if c.status == Connection.Status.ACTIVE}
    refusing = {i.connection_id for i in incidents if i.subject.startswith("connection:")}
    told = {c.pk for c in connections} - works | refusing
    for incident in incidents:
        if incident.subject.startswith("account:"):
            needs.append(_told(business, incident))
        elif incident.subject.startswith("connection:") and incident.connection_id in works:
            address = reverse("connections", args=[business.pk])
            needs.append(
                Need(f"{incident.title}.", incident.next_step, address, "Connect it again", incident.opened_at)
            )
        elif incident.sync_id in known:
            sums = stands.causes.get((incident.sync_id, incident.cause_code))
            title = f"{incident.title}, {sums.shown(business.currency)}." if sums else f"{incident.title}."
            inbox = f"{reverse('approvals', args=[business.pk])}?sync={incident.sync_id}"
            address = inbox if role_of(incident.cause_code) else page
            needs.append(Need(title, incident.next_step, address, "Look at them", incident.opened_at))
    parked = {s.lane_id: s.lane for s in syncs if s.lane.parked and not told & {s.source_id, s.target_id}}
    return [*needs, *(_waiting(business, lane) for lane in parked.values())]


def _broken(business: Business, row: Connection, syncs: Sequence[Sync]) -> Need | None:
    """A connection that something uses and that does not work any more."""
    used = any(row.pk in {s.source_id, s.target_id} and s.mode != Sync.Mode.OFF for s in syncs)
    found = health_of(row)
    if found.level != Level.NEEDS_YOU or not (used or row.status != Connection.Status.OFF):
        return None
    name, address = row.service.name, reverse("connections", args=[business.pk])
    title = found.why if name in found.why else f"{name}: {found.why}"
    return Need(title, "What waits goes on by itself once it is connected.", address, f"Reconnect {name}", found.since)


def _told(business: Business, incident: Incident) -> Need:
    """What a service says about the account."""
    address = reverse("connection", args=[business.pk, incident.connection_id])
    return Need(f"{incident.title}.", incident.next_step, address, "See what to do", incident.opened_at)


def _waiting(business: Business, lane: Lane) -> Need:
    return Need(f"The work waits: {lane.parked}", "", reverse("attention", args=[business.pk]), "See why")


# When it runs


def _live(business: Business, syncs: Sequence[Any]) -> dict[str, Any]:
    links = ledger.by_place(Link.objects.filter(sync__in=syncs))
    lately = figures.lately(timezone.now(), parts=[figures.part("places", links, "place", began="first")])
    places, since = ledger.summed((place, n, first) for place, _, n, first in lately.parts.get("places", ()))
    day = lately.day
    recent = list(
        Write.objects.filter(business=business, state=Write.State.CONFIRMED)
        .select_related("link")
        .order_by("-settled_at")[:RECENT]
    )
    running = [(sync, _running(sync, places["waiting"])) for sync in syncs]
    return {
        "live": True,
        "every": 3 if places["waiting"] or any(progress for _, progress in running) else 10,
        "syncs": running,
        "places": places,
        "in_step": places["written"] + places["unchanged"],
        "trouble": _trouble(syncs, places["waiting"], since),
        "recent": [(write, _title(syncs, write), wording.done(write)) for write in recent],
        "day": day,
        "half": wording.seconds(day.half) if day.half is not None else "",
        "most": wording.seconds(day.most) if day.most is not None else "",
        "looked_at": max((s.polled_until for s in syncs if s.polled_until), default=None),
    }


def _title(syncs: Sequence[Sync], write: Write) -> str:
    recipe = next((s.recipe for s in syncs if s.pk == write.link.sync_id), "")
    return wording.title(recipe, str(write.link))


def _running(sync: Any, waiting: int) -> figures.Progress | None:
    run: Run | None = getattr(sync, "running", None)
    return figures.progress(run, wording.terms_of(sync), waiting) if run else None


def _trouble(syncs: Sequence[Any], waiting: int, since: datetime | None) -> Health | None:
    """What holds the work up without anybody being asked to decide: late work, a service that is down, no worker."""
    turn = waiting if since else 0  # what waits for another record is nobody's turn
    found = [health.of_sync(_facts(s, turn, since, s.beat), timezone.now()) for s in syncs]
    worst = max(found, key=lambda h: h.level.rank, default=None)
    return worst if worst and worst.level in {Level.LATE, Level.BROKEN} else None


def _facts(sync: Sync, waiting: int, since: datetime | None, beat: datetime | None) -> health.SyncFacts:
    lane = sync.lane
    return health.SyncFacts(
        sync.mode, parked=lane.parked, waiting=waiting, waiting_since=since, resume_at=lane.resume_at,
        failures=lane.failures,
        polled_until=sync.polled_until, poll_minutes=sync.poll_minutes, beat_at=beat,
    )  # fmt: skip


urlpatterns = [
    path("b/<int:business_id>/", overview, name="overview"),
    path("b/<int:business_id>/live/", overview_live, name="overview_live"),
]
