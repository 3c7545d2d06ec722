"""How the whole installation stands, for scripts and monitors: businesses, connections, syncs, workers."""

from datetime import datetime
from typing import Any

from django.db.models import F
from django.utils import timezone
from django_scopes import scope

from portal import beats
from portal.models import Business, Connection
from syncs import ledger
from syncs.models import Incident, Lane, Link, Run, Sync

type Report = dict[str, Any]


def report() -> Report:
    """JSON values only: {"worker", "connections", "syncs", "incidents"}; times in ISO 8601, UTC."""
    found: Report = {"worker": worker(), "connections": [], "syncs": [], "incidents": []}
    for business in Business.objects.order_by("pk"):
        with scope(business=business):
            found["connections"] += [_connection(row) for row in Connection.objects.select_related("business")]
            found["syncs"] += [_sync(row) for row in _syncs()]
            found["incidents"] += [_incident(row) for row in _incidents()]
    return found


def worker() -> Report:
    age = beats.age()
    return {"heartbeat_age": None if age is None else round(age, 1)}


def _syncs() -> list[Sync]:
    return list(Sync.objects.select_related("business", "lane", "source", "target").order_by("pk"))


def _incidents() -> list[Incident]:
    return list(Incident.objects.select_related("business").filter(state=Incident.State.OPEN))


def _connection(row: Connection) -> Report:
    return {
        "business": row.business.name,
        "connector": row.connector,
        "account": row.account_name or row.account_id,
        "account_id": row.account_id,
        "status": row.status,
        "reason": row.status_reason,
        "last_ok": _moment(row.last_ok_at),
    }


def _sync(row: Sync) -> Report:
    places = ledger.equation(row)
    run = Run.objects.filter(sync=row, state=Run.State.RUNNING).first()
    return {
        "id": row.pk,
        "business": row.business.name,
        "name": row.name,
        "source": f"{row.source.connector} {row.source_resource}",
        "target": f"{row.target.connector} {row.target_resource}",
        "mode": row.mode,
        "state": _state(row, run, places),
        "lane": _lane(row.lane),
        "ledger": places,
        "run": _run(run) if run else None,
        "polled_until": _moment(row.polled_until),
    }


def _state(row: Sync, run: Run | None, places: dict[str, int]) -> str:
    """off, parked (a connection needs a person), working, needs_attention or in_step."""
    if row.mode == Sync.Mode.OFF:
        return "off"
    if row.lane.parked:
        return "parked"
    if run or places["waiting"]:
        return "working"
    return "needs_attention" if places["held"] or places["failed"] else "in_step"


def _lane(row: Lane) -> Report:
    now = timezone.now()
    held = row.lease_until is not None and row.lease_until > now
    waits = row.resume_at is not None and row.resume_at > now
    return {
        "state": "parked" if row.parked else "working" if held else "waiting" if waits else "idle",
        "reason": row.parked,
        "resume_at": _moment(row.resume_at) if waits else None,
        "failures": row.failures,
        "served": _moment(row.served_at),
    }


def _run(row: Run) -> Report:
    """`read` of `total` source records are known (None where the service does not say), `left` of them wait."""
    left = Link.objects.filter(run=row, noticed__gt=F("handled")).count()
    read, total = row.counts.get("seen", 0), row.total
    return {
        "kind": row.kind,
        "step": row.side,
        "read": read,
        "total": total,
        "left": left,
        "percent": round(100 * max(0, read - left) / max(total, read, 1)) if total is not None else None,
        "started": _moment(row.started_at),
    }


def _incident(row: Incident) -> Report:
    return {
        "business": row.business.name,
        "title": row.title,
        "cause": row.cause_code,
        "records": row.records,
        "next_step": row.next_step,
        "opened": _moment(row.opened_at),
    }


def _moment(value: datetime | None) -> str | None:
    return value.isoformat(timespec="seconds") if value else None
