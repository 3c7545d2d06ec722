"""Rows made directly, for tests that look at them: a business with a sync, its records and what happened to them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django_scopes import scope, scopes_disabled

from connectors.base import Credentials, Secret
from portal import tokens
from portal.models import Business, Connection, ConnectStart, Invitation
from syncs import choosing, ledger, recipes
from syncs.models import Attempt, Event, Incident, Link, Run, Snapshot, SnapshotHistory, Sync, Write

#: In every stored credential, so that a page that shows one is found out.
CANARY = "canary-secret"


@dataclass
class World:
    """One business with everything the admin shows, its names all begin with the business's."""

    business: Business
    source: Connection
    target: Connection
    sync: Sync
    links: list[Link]
    attempts: list[Attempt]
    writes: list[Write]
    incident: Incident


def connection(business: Business, slug: str, **changes: Any) -> Connection:
    secret = f"{CANARY}-{business.name}-{slug}"
    credentials = Credentials(
        "oauth", Secret(f"{secret}-access"), Secret(f"{secret}-refresh"), scopes=("read_clients",)
    )
    row = Connection(
        business=business, connector=slug, method="oauth", account_id=f"{slug}-{business.pk}",
        account_name=f"{business.name} at {slug}", last_ok_at=timezone.now(),
    )  # fmt: skip
    for name, value in {**tokens.columns(row, credentials), **changes}.items():
        setattr(row, name, value)
    row.save()
    return row


def world(business: Business, *, records: int = 3, mode: str = "live", since: datetime | None = None) -> World:
    """`records` links: the first in step and written, the second held, the others waiting."""
    with scope(business=business):
        source, target = connection(business, "jobber"), connection(business, "stripe")
        sync = choosing.choose(business, recipes.get("clients-to-customers"), source, target, None)
        sync.mode, sync.polled_until = Sync.Mode(mode), timezone.now()
        sync.live_since = timezone.now() if mode == "live" else None
        sync.save()
        links = [link(sync, n, since) for n in range(records)]
        attempts = [attempt(x, n) for n, x in enumerate(links)]
        writes = [write(links[0])]
        sightings(sync)
        return World(business, source, target, sync, links, attempts, writes, incident(sync))


def link(sync: Sync, number: int, since: datetime | None = None) -> Link:
    states = {0: ("in_step", ""), 1: ("held", "rejected:email")}
    state, cause = states.get(number, ("due", ""))
    return Link.objects.create(
        business=sync.business, sync=sync, source_id=f"{sync.business.name}-client-{number}",
        target_id=f"cus_{sync.pk}_{number}" if number == 0 else None, label=f"{sync.business.name} client {number}",
        noticed=1, handled=0 if state == "due" else 1, noticed_at=since or timezone.now(), noticed_by="webhook",
        state=state, wrote=number == 0, cause_code=cause, cause=f"{sync.business.name}: refused" if cause else "",
        version=sync.version, base={"name": f"{sync.business.name} client {number}"} if number == 0 else {},
    )  # fmt: skip


def attempt(link: Link, number: int, at: datetime | None = None) -> Attempt:
    outcome, verdict = {0: ("written", "create"), 1: ("failed", "hold")}.get(number, ("done", "skip"))
    plan = {"reason": f"{link.label} is new.", "changes": [["name", None, link.label]], "warnings": []}
    return Attempt.objects.create(
        business=link.business, link=link, version=link.version, noticed_by="webhook", verdict=verdict, plan=plan,
        outcome=outcome, error="Refused." if outcome == "failed" else "", at=at or timezone.now(),
    )  # fmt: skip


def write(link: Link) -> Write:
    made = Write(
        business=link.business, link=link, connection=link.sync.target, verb="create", resource="customers",
        key=f"key-{link.pk}", params={"name": link.label}, state="confirmed", outside_id=link.target_id or "",
        duration_ms=81.5, settled_at=timezone.now(),
    )  # fmt: skip
    ledger.append(link.business_id, [made])
    return Write.objects.get(key=made.key)


def sightings(sync: Sync) -> None:
    """The record as last seen on both sides, an earlier state, a delivery, an invitation, a press of Connect."""
    business, now = sync.business, timezone.now()
    for place, resource, external in (
        (sync.source, sync.source_resource, f"{business.name}-client-0"),
        (sync.target, sync.target_resource, f"cus_{sync.pk}_0"),
    ):
        seen = Snapshot.objects.create(
            business=business, connection=place, resource=resource, external_id=external, email="",
            label=f"{business.name} client 0", data={"name": f"{business.name} client 0", "custom.gate_code": "1234"},
            fingerprint="f", read_at=now, created_at=now, updated_at=now, references={},
        )  # fmt: skip
        SnapshotHistory.objects.create(
            business=business, snapshot=seen, data={"name": f"{business.name} old"}, fingerprint="o", read_at=now
        )  # fmt: skip
    Event.objects.create(
        business=business, connection=sync.source, connector="jobber", event_id=f"event-{business.pk}",
        topic="CLIENT_UPDATE", record_id=f"{business.name}-client-0", account_id=sync.source.account_id,
        verdict="marked", body=f'{{"data": {{"itemId": "{business.name}-client-0"}}}}',
    )  # fmt: skip
    Invitation.objects.create(
        business=business, email=f"new@{business.pk}.example.com", role="office",
        key_digest=f"{CANARY}-key-{business.pk}",
    )  # fmt: skip
    ConnectStart.objects.create(
        business=business, user=business.memberships.first().user, connector="jobber", method="oauth",
        state_digest=f"{CANARY}-state-{business.pk}", session_digest=f"{CANARY}-session-{business.pk}",
    )  # fmt: skip


def incident(sync: Sync, code: str = "rejected:email", opened: datetime | None = None) -> Incident:
    return Incident.objects.create(
        business=sync.business, sync=sync, subject=f"sync:{sync.pk}", cause_code=code, records=1,
        title=f"1 {sync.business.name} client refused by the service", next_step="Correct the record.",
        opened_at=opened or timezone.now() - timedelta(hours=2),
    )  # fmt: skip


def everything(model: Any) -> list[Any]:
    """All rows, of whichever business."""
    with scopes_disabled():  # a test looks at both businesses
        return list(model.objects.all())


__all__ = ["CANARY", "Run", "World", "everything", "world"]
