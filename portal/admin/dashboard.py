"""The admin's first page: health across the businesses one looks after, in a fixed number of queries."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Sum
from django.http import HttpRequest
from django.utils import timezone

from portal import figures, freshness
from portal.access import Action
from portal.admin import lastday, standing
from portal.admin.base import businesses_where
from portal.admin.display import Tile, list_of
from portal.admin.standing import Standing
from portal.health import WORKER_SILENT, Level
from portal.models import Business, Connection, RefusedDelivery, WorkerBeat
from syncs import flagging, handling
from syncs.models import Attempt, Incident, Lane, Link, Sync

SHOWN = 8
CAUSES = {
    "ambiguous": "May already exist there", "target_deleted": "Counterpart deleted", "taken": "Counterpart taken",
    "gave_up": "Given up after many tries", "contract": "An answer we do not know", "kills_worker": "Stops the worker",
    "stuck_due": "Records wait too long", "stuck_lane": "A worker holds on", "stuck_write": "Calls without an outcome",
    "stuck_run": "A run does not get ahead", "service_down": "A service does not answer",
    "webhooks_silent": "No webhooks come",
    "charges_off": "Account takes no payments", "payouts_off": "Account pays nothing out",
    "details_asked": "Account has to give details", "details_overdue": "Details of the account overdue",
    "dispute": "Disputed payment",
    "auth": "Access refused", "scope": "A permission is missing", "rejected": "Refused by the service",
    "rule_incident": "Raised by a rule", "route_circle": "Sent in a circle by rules",
    "route_gone": "Sent to a sync that is gone",
}  # fmt: skip


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    now = timezone.now()
    stands = standing.of(list(Sync.objects.select_related(*standing.RELATED)))
    day = figures.by_hour(now)
    return {
        **context,
        "tiles": [*_business_tiles(request), *_connection_tiles(), *_work_tiles(stands)],
        "troubled": _troubled(stands),
        "incidents": _incidents(),
        "day": lastday.totals(day),
        "chart": json.dumps(lastday.chart(day, now)),
        "chart_options": lastday.CHART_OPTIONS,
        "lanes": _waiting_lanes(stands, now),
        "slowest": _slowest(stands),
        "speeds": [
            (words, freshness.told(figures.speed(Attempt.objects.all(), now - long)))
            for words, long in (("last hour", freshness.HOUR), ("last day", figures.DAY))
        ],
        "refused": _refused(now),
        "workers": _workers(now),
        "now": now,
    }


def _business_tiles(request: HttpRequest) -> list[Tile]:
    seen = businesses_where(request, Action.VIEW)
    count = Business.objects.count() if seen is None else len(seen)
    return [Tile("Businesses", count, list_of(Business))]


def _connection_tiles() -> list[Tile]:
    counts = dict(Connection.objects.values_list("status").annotate(n=Count("pk")).order_by())
    looks = {"active": "good", "needs_reconnect": "bad", "off": "plain"}
    return [
        Tile(
            str(label),
            counts.get(value, 0),
            list_of(Connection, status__exact=value),
            looks[value] if counts.get(value) else "plain",
        )
        for value, label in Connection.Status.choices
    ]


def _work_tiles(stands: Sequence[Standing]) -> list[Tile]:
    waiting = sum(s.waiting for s in stands if s.sync.mode != Sync.Mode.OFF)
    held, failed = sum(s.held for s in stands), sum(s.failed for s in stands)
    return [
        Tile("Waiting", waiting, list_of(Link, place="due"), "busy" if waiting else "plain"),
        Tile("Needs a look", held, list_of(Link, place="held"), "warn" if held else "plain"),
        Tile("Failed", failed, list_of(Link, place="failed"), "bad" if failed else "plain"),
    ]


def _troubled(stands: Sequence[Standing]) -> dict[str, Any]:
    """The worst first; of equals the one that has waited longest."""
    running = [s for s in stands if s.sync.mode != Sync.Mode.OFF]
    found = [s for s in running if s.health.level != Level.OK]
    found.sort(key=lambda s: (-s.health.level.rank, s.health.since or timezone.now()))
    return {
        "rows": found[:SHOWN],
        "more": max(0, len(found) - SHOWN),
        "well": len(running) - len(found),
        "all": len(running),
    }


def _incidents() -> list[dict[str, Any]]:
    """By cause, over all businesses: how many, since when, how many records."""
    rows = Incident.objects.filter(handling.asking(timezone.now())).values("cause_code").order_by()
    causes = rows.annotate(n=Count("pk"), oldest=Min("opened_at"), records=Sum("records"), step=Min("next_step"))
    return [
        {
            **row,
            "words": cause_words(row["cause_code"]),
            "address": list_of(Incident, cause_code=row["cause_code"], state__exact="open"),
        }
        for row in causes.order_by("oldest")[:SHOWN]
    ]


def cause_words(code: str) -> str:
    """“rejected:email” -> “Refused: email”."""
    head, _, field = code.partition(":")
    if flagging.is_raised(code):
        field = ""  # it stands for the name of the rule
    return f"{CAUSES.get(head, head.replace('_', ' ').capitalize())}{f': {field}' if field else ''}"


def _waiting_lanes(stands: Sequence[Standing], now: datetime) -> dict[str, Any]:
    lanes = {s.sync.lane_id: s.sync.lane for s in stands}
    waiting = [x for x in lanes.values() if x.parked or (x.resume_at and x.resume_at > now)]
    waiting.sort(key=lambda x: (not x.parked, x.resume_at or now))
    return {"rows": waiting[:SHOWN], "more": max(0, len(waiting) - SHOWN), "address": list_of(Lane)}


def _slowest(stands: Sequence[Standing]) -> Standing | None:
    """Of the lanes with work, the one whose oldest record waits longest."""
    waiting = [s for s in stands if s.waiting_since and s.sync.mode != Sync.Mode.OFF]
    return min(waiting, key=lambda s: s.waiting_since or timezone.now(), default=None)


def _refused(now: datetime) -> list[Tile]:
    rows = (
        RefusedDelivery.objects.filter(hour__gte=now - figures.DAY)
        .values("reason")
        .annotate(n=Sum("count"))
        .order_by("-n")
    )
    labels = dict(RefusedDelivery.Reason.choices)
    return [
        Tile(
            str(labels.get(r["reason"], r["reason"])),
            r["n"],
            list_of(RefusedDelivery, reason__exact=r["reason"], within="24h"),
            "warn",
        )
        for r in rows
    ]


def _workers(now: datetime) -> dict[str, Any]:
    rows = list(WorkerBeat.objects.filter(stopped_at=None)[:SHOWN])
    beating = [w for w in rows if w.beat_at and now - w.beat_at < WORKER_SILENT]
    return {"rows": rows, "beating": len(beating), "address": list_of(WorkerBeat)}
