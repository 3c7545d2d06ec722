"""One business with a row of everything the admin shows; every name in it begins with the business's own."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django_scopes import scope, scopes_disabled

from connectors.base import Credentials, Secret
from portal import tokens
from portal.models import (
    Alert,
    AlertDestination,
    AlertSettings,
    Business,
    Connection,
    ConnectStart,
    Delivery,
    Invitation,
)
from syncs import audit
from syncs.models import (
    Approval,
    Attempt,
    Erased,
    Incident,
    Invoice,
    Link,
    Mismatch,
    Payment,
    Report,
    Rule,
    SnapshotHistory,
    Sync,
    WhatIf,
    WhatIfRecord,
)  # fmt: skip
from tests import factories

#: In every stored credential, so that a page that shows one is found out.
CANARY = "canary-secret"


@dataclass
class World:
    business: Business
    source: Connection
    target: Connection
    sync: Sync
    links: list[Link]
    incident: Incident


def world(business: Business, *, records: int = 3, since: datetime | None = None) -> World:
    """A live sync with `records` links: the first written and in step, the second held, the others waiting."""
    with scope(business=business):
        source, target = connection(business, "jobber"), connection(business, "stripe")
        sync = factories.sync(business, source=source, target=target, polled_until=timezone.now())
        links = [link(sync, number, since) for number in range(records)]
        for number, made in enumerate(links):
            attempt(made, number)
        factories.write(links[0], "create")
        rule(sync)
        approval(links[0])
        what_if(links[0])
        factories.run(sync)
        factories.event(source, links[0].source_id, body=f'{{"of": "{business}"}}', account_id=source.account_id)
        audit.record(business.pk, None, "sync.mode", sync, f"{business} clients went live")
        Erased.objects.create(business=business, connection=source, resource="clients", external_id=f"{business}-gone")
        beside(business)
        alerts(business)
        report(sync, links[0])
        money(business, target)
        return World(business, source, target, sync, links, incident(sync))


def connection(business: Business, slug: str) -> Connection:
    row = factories.connection(business, slug)
    secret = f"{CANARY}-{business.pk}-{slug}"
    credentials = Credentials(
        "oauth", Secret(f"{secret}-access"), Secret(f"{secret}-refresh"), scopes=("read_clients",)
    )
    for name, value in tokens.columns(row, credentials).items():
        setattr(row, name, value)
    row.save()
    return row


def link(sync: Sync, number: int, since: datetime | None = None) -> Link:
    name = f"{sync.business} client {number}"
    seen = factories.client(sync.business, sync.source, f"{sync.business}-{number}", name=name, custom__gate_code="12")
    if number == 0:
        there = factories.customer(sync.business, sync.target, name=name)
        old = {"name": f"{sync.business} old"}
        SnapshotHistory.objects.create(
            business=sync.business, snapshot=seen, data=old, fingerprint="", read_at=timezone.now()
        )  # fmt: skip
        return factories.link(sync, seen, there, written_at=timezone.now(), base={"name": name})
    if number == 1:
        return factories.link(sync, seen, state="held", cause_code="rejected:email", cause=f"{name}: refused")
    return factories.link(sync, seen, state="due", handled=0, noticed_at=since or timezone.now())


def rule(sync: Sync) -> Rule:
    """Of the draft: leads are left out."""
    leads = {"all": [{"field": "is_lead", "operator": "yes", "value": ""}]}
    words = f"{sync.business} leads stay in Jobber"
    return Rule.objects.create(business=sync.business, sync=sync, name=f"{sync.business} leads", condition=leads,
                               outcome="skip", reason=words)  # fmt: skip


def approval(of: Link) -> Approval:
    """Declined long ago; nothing waits."""
    words = f"{of.label} is new."
    plan = {"verdict": "hold", "reason": words, "changes": [["name", None, of.label]],
            "hold": {"rule": "", "role": "office", "verb": "create", "planned": words}}  # fmt: skip
    return Approval.objects.create(business=of.business, sync=of.sync, link=of, role="office", plan=plan, shown="abc",
                                   amount=11000, currency="AUD", state="declined", who=f"{of.business} office",
                                   decided_at=timezone.now(), reason=f"{of.label} is a test")  # fmt: skip


def what_if(of: Link) -> None:
    """Of a draft that names this record otherwise."""
    shared = {"business": of.business, "label": of.label, "differs": True, "link": of}
    asked = WhatIf.objects.create(
        business=of.business, sync=of.sync, content={"mappings": []}, digest="0" * 64, version=of.sync.version,
        state="done", done=1, total=1, counts={"live": {"in_step": 1}, "draft": {"update": 1}, "differ": 1},
        fields={"|name": {"draft": 1, "differ": 1, "examples": [[of.label, of.label, f"{of.label}!"]]}},
        finished_at=timezone.now(),
    )  # fmt: skip
    made = {"reason": f"{of.label} changed.", "changes": [["name", of.label, f"{of.label}!"]]}
    WhatIfRecord.objects.create(
        what_if=asked, live_outcome="in_step", live_reason="Both sides agree.", draft_outcome="update",
        draft_reason=f"{of.label} changed.", draft=made, **shared,
    )  # fmt: skip


def report(sync: Sync, link: Link) -> Report:
    """Finished, with one mismatch in it."""
    now, run = timezone.now(), factories.run(sync, "reconcile", side="compare")
    counts = {"compared": 3, "kinds": {"field": 1}, "new": 1, "still": 0, "settled": 0, "being_written": 0}
    made = Report.objects.create(business=sync.business, sync=sync, run=run, counts=counts, finished_at=now)
    Mismatch.objects.create(
        business=sync.business, report=made, sync=sync, link=link, kind="field", key=f"field link:{link.pk}",
        label=link.label, source_id=link.source_id, target_id=link.target_id or "", fix="push",
        words=f"Name changed for {link.label}.", fields=[["name", link.label, f"{sync.business} old"]],
    )  # fmt: skip
    return made


def attempt(of: Link, number: int, at: datetime | None = None) -> Attempt:
    outcome, verdict = {0: ("written", "create"), 1: ("failed", "hold")}.get(number, ("done", "skip"))
    plan = {"reason": f"{of.label} is new.", "changes": [["name", None, of.label]]}
    return factories.attempt(of, verdict, outcome, plan=plan, at=at or timezone.now())


def money(business: Business, target: Connection) -> None:
    """An invoice and its payment, as rows of their own."""
    now, shared = timezone.now(), {"business": business, "connection": target, "currency": "AUD"}
    Invoice.objects.create(external_id=f"in_{business.pk}", number="1042", status="open", total=11000, **shared)
    Payment.objects.create(external_id=f"pi_{business.pk}", status="paid", amount=11000, made_at=now, **shared)


def incident(sync: Sync, code: str = "rejected:email") -> Incident:
    title, opened = f"1 {sync.business} client refused by the service", timezone.now() - timedelta(hours=2)
    return factories.incident(sync, code, title=title, opened_at=opened)


def beside(business: Business) -> None:
    """An invitation and a press of Connect."""
    secret = f"{CANARY}-{business.pk}"
    Invitation.objects.create(business=business, email=f"new@{business.pk}.example.com", key_digest=f"{secret}-key")
    ConnectStart.objects.create(
        business=business, user=business.memberships.first().user, connector="jobber", method="oauth",
        state_digest=f"{secret}-state", session_digest=f"{secret}-session",
    )  # fmt: skip


def alerts(business: Business) -> None:
    """A place that alerts go to, an alert, and what came of it."""
    secret = f"{CANARY}-{business.pk}"
    AlertSettings.objects.create(business=business)
    place = AlertDestination.objects.create(
        business=business, kind="email", name=f"{business} pager", address=f"{secret}@example.com", secret=secret,
    )  # fmt: skip
    alert = Alert.objects.create(business=business, key="a", kind="news", title=f"{business} needs somebody")
    Delivery.objects.create(business=business, alert=alert, destination=place, state="sent", tries=1)


def invoices(of: World) -> None:
    """An invoice that is in step and paid, one that is only at Stripe, and a payment of neither."""
    business = of.business
    with scope(business=business):
        sync = factories.sync(business, recipe="invoices-to-stripe", source=of.source, target=of.target)
        name, client = f"{business} client 0", f"{business}-0"
        here = factories.written_invoice(
            business, of.source, number=f"{business} 1", client_id=client, client_name=name
        )
        there = factories.paid_invoice(business, of.target, number=f"{business} FB-1", status="paid")
        factories.link(sync, here, there, label=f"{business} invoice 1")
        factories.paid_invoice(business, of.target, number=f"{business} FB-2", description=f"{business} memo")
        factories.payment(business, of.target, invoice=there.external_id, method=f"{business} card")
        factories.payment(business, of.target, failure_message=f"{business} card refused", status="failed")


def everything(model: Any) -> list[Any]:
    """All rows, of whichever business."""
    with scopes_disabled():  # a test looks at both businesses
        return list(model.objects.all())
