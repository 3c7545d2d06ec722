"""The admin's first page: health across the businesses one looks after, in a fixed number of queries."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from portal import figures, freshness, receivables
from portal.access import Action
from portal.admin import lastday, standing, support
from portal.admin.base import businesses_where
from portal.admin.display import Tile, list_of
from portal.admin.standing import Standing
from portal.figures import Counts
from portal.health import WORKER_SILENT, Level
from portal.models import Business, Connection, RefusedDelivery, WorkerBeat
from syncs.models import Incident, Lane, Link, Sync

SHOWN = 8
#: Of a sync and what comes with it, what is long and not asked for here.
UNREAD = (
    "options", "version__content", "source__credentials", "source__scopes", "source__budgets", "source__concerns",
    "target__credentials", "target__scopes", "target__budgets", "target__concerns",
)  # fmt: skip


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Six questions to the database, however many businesses there are."""
    now = timezone.now()
    syncs, workers = (
        list(Sync.objects.select_related(*standing.RELATED).defer(*UNREAD)),
        list(WorkerBeat.objects.filter(stopped_at=None)),
    )
    open_incidents = support.incidents(now)
    beat = max((w.beat_at for w in workers if w.beat_at), default=None)
    needy, worth = support.needy(), receivables.stopped(receivables.books(syncs))
    lately = figures.lately(now, {s.business_id for s in syncs}, [*standing.waiting(syncs), *support.counted(now)])
    counts = lately.parts
    stands = standing.judged(syncs, counts.get(standing.LINKS, ()), support.stuck(open_incidents), beat)
    day, (hour, whole) = lately.hours, figures.parted(lately.timed, now, (freshness.HOUR, figures.DAY))
    return {
        **context,
        "tiles": [*_business_tiles(request, counts), *_connection_tiles(counts), *_work_tiles(stands)],
        "troubled": _troubled(stands),
        "incidents": support.causes(open_incidents, worth, needy)[:SHOWN],
        "incidents_address": list_of(Incident, state__exact="open"),
        "needy": {"rows": needy[:SHOWN], "more": max(0, len(needy) - SHOWN), "address": list_of(Connection)},
        "day": lastday.totals(day),
        "chart": json.dumps(lastday.chart(day, now)),
        "chart_rows": lastday.rows(day, now),
        "chart_options": lastday.CHART_OPTIONS,
        "lanes": _waiting_lanes(stands, now),
        "slow": support.slowest(stands)[:SHOWN],
        "speeds": [("last hour", freshness.told(hour)), ("last day", freshness.told(whole))],
        "refused": _refused(counts),
        "workers": _workers(workers, now),
        "now": now,
    }


def _business_tiles(request: HttpRequest, counts: Mapping[str, Counts]) -> list[Tile]:
    seen = businesses_where(request, Action.VIEW)
    count = sum(n for _, _, n, _ in counts.get(support.BUSINESSES, ())) if seen is None else len(seen)
    return [Tile("Businesses", count, list_of(Business))]


def _connection_tiles(counts: Mapping[str, Counts]) -> list[Tile]:
    looks = {"active": "good", "needs_reconnect": "bad", "off": "plain"}
    found = dict.fromkeys(map(str, Connection.Status.values), 0)
    found |= {status: n for status, _, n, _ in counts.get(support.CONNECTIONS, ())}
    return [
        Tile(
            str(label),
            found[value],
            list_of(Connection, status__exact=value),
            looks[value] if found[value] else "plain",
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
        "address": list_of(Sync),
        "well": len(running) - len(found),
        "all": len(running),
    }


def _waiting_lanes(stands: Sequence[Standing], now: datetime) -> dict[str, Any]:
    lanes = {s.sync.lane_id: s.sync.lane for s in stands}
    waiting = [x for x in lanes.values() if x.parked or (x.resume_at and x.resume_at > now)]
    waiting.sort(key=lambda x: (not x.parked, x.resume_at or now))
    return {"rows": waiting[:SHOWN], "more": max(0, len(waiting) - SHOWN), "address": list_of(Lane)}


def _refused(counts: Mapping[str, Counts]) -> list[Tile]:
    labels = dict(RefusedDelivery.Reason.choices)
    found = sorted(((n, reason) for reason, _, n, _ in counts.get(support.REFUSED, ())), reverse=True)
    return [
        Tile(
            str(labels.get(reason, reason)), n, list_of(RefusedDelivery, reason__exact=reason, within="24h"), "warn"
        )
        for n, reason in found
    ]  # fmt: skip


def _workers(rows: Sequence[WorkerBeat], now: datetime) -> dict[str, Any]:
    beating = [w for w in rows if w.beat_at and now - w.beat_at < WORKER_SILENT]
    return {"rows": rows[:SHOWN], "beating": len(beating), "address": list_of(WorkerBeat)}
