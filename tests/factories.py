"""Rows made directly, as the engine would leave them. Inside a tenant scope."""

import itertools
import json
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from connectors.base import Record
from connectors.likeness import phone_key
from portal.models import Business, Connection
from syncs import finding, money, recipes
from syncs.models import (
    Attempt,
    Event,
    FieldMapping,
    Incident,
    Invoice,
    Lane,
    Link,
    Payment,
    Run,
    Snapshot,
    Sync,
    Version,
    Write,
)

_number = itertools.count(1)
RESOURCES = {"jobber": "clients", "stripe": "customers"}


def connection(business: Business, connector: str = "jobber", **changes: Any) -> Connection:
    number = next(_number)
    values = {"method": "oauth", "account_id": f"{connector}-{number}", "account_name": f"{business} {connector}"}
    return Connection.objects.create(business=business, connector=connector, **{**values, **changes})


def sync(business: Business, mode: str = "live", recipe: str = "clients-to-customers", **changes: Any) -> Sync:
    """The recipe's own: connections, lane, draft and first version with it."""
    return _sync(business, mode, recipes.get(recipe), **changes)


def _sync(business: Business, mode: str, recipe: recipes.Recipe, **changes: Any) -> Sync:
    source = changes.pop("source", None) or connection(business, recipe.source)
    target = changes.pop("target", None) or connection(business, recipe.target)
    lane, _ = Lane.objects.get_or_create(target=target, defaults={"business": business})
    values = {
        "recipe": recipe.slug, "name": recipe.name, "source": source, "source_resource": recipe.source_resource,
        "target": target, "target_resource": recipe.target_resource, "lane": lane, "mode": mode,
        "options": dict(recipe.options), "live_since": timezone.now() if mode == "live" else None,
    }  # fmt: skip
    made = Sync.objects.create(business=business, **{**values, **changes})
    rows = [
        FieldMapping(
            business=business, sync=made, position=n, sources=row["sources"], target_path=row["target"],
            transforms=row["transforms"], mode=row["mode"], owner=row["owner"], back_path=row["back"],
            back_transforms=row["back_transforms"],
        )
        for n, row in enumerate(recipe.mappings)
    ]  # fmt: skip
    FieldMapping.objects.bulk_create(rows)
    made.version = version(made)
    made.save(update_fields=["version"])
    return made


def version(made_for: Sync, **changes: Any) -> Version:
    recipe = recipes.get(made_for.recipe)
    content = json.loads(json.dumps({"mappings": list(recipe.mappings), "options": made_for.options}))
    number = Version.objects.filter(sync=made_for).count() + 1
    values = {"number": number, "content": content, "note": "As the recipe comes"}
    return Version.objects.create(business=made_for.business, sync=made_for, **{**values, **changes})


def client(business: Business, source: Connection, client_id: str = "", **data: Any) -> Snapshot:
    """A Jobber client as last read. Keywords are catalogue paths with __ for the dot."""
    client_id = client_id or f"client-{next(_number)}"
    filled = {"id": client_id, "name": "Ann Smith", "tags": []} | _paths(data)
    return _snapshot(business, source, client_id, filled, url=f"https://secure.getjobber.com/clients/{client_id}")


def customer(business: Business, target: Connection, customer_id: str = "", **data: Any) -> Snapshot:
    """A Stripe customer as last read."""
    customer_id = customer_id or f"cus_{next(_number)}"
    filled = {"id": customer_id, "name": "Ann Smith"} | _paths(data)
    references = {k.removeprefix("metadata."): v for k, v in filled.items() if k.endswith("_client_id")}
    url = f"https://dashboard.stripe.com/customers/{customer_id}"
    return _snapshot(business, target, customer_id, filled, references=references, url=url)


def written_invoice(business: Business, source: Connection, invoice_id: str = "", **data: Any) -> Snapshot:
    """A Jobber invoice as last read, of $110.00 with GST unless the keywords say otherwise, and its row of money."""
    number = next(_number)
    invoice_id = invoice_id or f"job-inv-{number}"
    filled = {
        "id": invoice_id, "number": str(1000 + number), "status": "awaiting_payment", "client_id": "client-of-it",
        "client_name": "Ann Smith", "issued_on": "2026-11-02T00:00:00Z", "due_on": "2026-12-02T00:00:00Z",
        "tax_calculation": "exclusive", "tax_rate.name": "GST", "tax_rate.percent": "10", "subtotal": "100.00",
        "tax": "10.00", "total": "110.00", "balance": "110.00",
        "lines": [{"id": "l1", "name": "Mowing", "description": "Front and back", "quantity": "2",
                   "unit_price": "50.00", "total": "100.00", "taxable": True}],
    } | _paths(data)  # fmt: skip
    label = f"Invoice {filled['number']}, {filled['client_name']}"
    url = f"https://secure.getjobber.com/invoices/{invoice_id}"
    return _kept(_snapshot(business, source, invoice_id, filled, resource="invoices", label=label, url=url))


def paid_invoice(business: Business, target: Connection, invoice_id: str = "", **data: Any) -> Snapshot:
    """A Stripe invoice as last read: the counterpart of `written_invoice`, open for payment."""
    number = next(_number)
    invoice_id = invoice_id or f"in_{number}"
    filled = {
        "id": invoice_id, "number": f"FB-{number:04}", "status": "open", "customer": "cus_of_it", "currency": "AUD",
        "effective_at": 1793580000, "due_date": 1796130000, "subtotal": 10000, "tax": 1000, "total": 11000,
        "amount_due": 11000, "amount_paid": 0, "amount_remaining": 11000,
        "lines": [{"id": "il_1", "description": "Mowing\nFront and back", "quantity": "2", "unit_amount": "5000",
                   "amount": 10000, "tax_rates": ["txr_gst"], "metadata": {"jobber_line_id": "l1"}}],
        "hosted_url": f"https://invoice.stripe.com/i/{invoice_id}",
    } | _paths(data)  # fmt: skip
    references = {k.removeprefix("metadata."): v for k, v in filled.items() if k == "metadata.jobber_invoice_id"}
    url = f"https://dashboard.stripe.com/invoices/{invoice_id}"
    more = {"label": f"Invoice {filled['number']}", "references": references, "url": url}
    return _kept(_snapshot(business, target, invoice_id, filled, resource="invoices", **more))


def payment(business: Business, target: Connection, payment_id: str = "", **data: Any) -> Snapshot:
    """A Stripe payment as last read, of $110.00 by card, and its row of money."""
    payment_id = payment_id or f"pi_{next(_number)}"
    filled = {
        "id": payment_id, "status": "paid", "amount": 11000, "amount_received": 11000, "currency": "AUD",
        "customer": "cus_of_it", "method": "card visa 4242", "created": 1793620000, "paid_at": 1793620000,
    } | _paths(data)  # fmt: skip
    url = f"https://dashboard.stripe.com/payments/{payment_id}"
    label = "Payment $110.00, Ann Smith"
    return _kept(_snapshot(business, target, payment_id, filled, resource="payments", label=label, url=url))


def _kept(snapshot: Snapshot) -> Snapshot:
    money.keep(snapshot.connection, snapshot.resource, [snapshot])
    return snapshot


def invoice_of(snapshot: Snapshot) -> Invoice:
    return Invoice.objects.get(connection=snapshot.connection, external_id=snapshot.external_id)


def payment_of(snapshot: Snapshot) -> Payment:
    return Payment.objects.get(connection=snapshot.connection, external_id=snapshot.external_id)


def _paths(data: dict[str, Any]) -> dict[str, Any]:
    return {path.replace("__", "."): value for path, value in data.items()}


def _snapshot(business: Business, held_by: Connection, key: str, data: dict[str, Any], **more: Any) -> Snapshot:
    now = timezone.now()
    record = Record(key, data, str(more.pop("label", data.get("name")))[:300])
    reference = next((f"{k}={v}" for k, v in more.get("references", {}).items()), "")
    resource = more.pop("resource", RESOURCES[held_by.connector])
    made = Snapshot(
        business=business, connection=held_by, resource=resource, external_id=key, data=data,
        fingerprint=record.fingerprint, label=record.label, email=str(data.get("email", "")).lower(),
        phone=phone_key(data.get("phone")), reference=reference, read_at=now, updated_at=now,
        created_at=now - timedelta(days=30), **more,
    )  # fmt: skip
    made.words = finding.words_of(made.as_record())
    made.save(force_insert=True)
    return made


def link(of: Sync, source: Snapshot, target: Snapshot | None = None, state: str = "in_step", **changes: Any) -> Link:
    """Handled, unless the changes say otherwise."""
    values = {
        "source_id": source.external_id, "target_id": target.external_id if target else None, "label": source.label,
        "state": state, "noticed": 1, "handled": 1, "noticed_by": "First-sync review", "noticed_at": timezone.now(),
        "verdict": {"held": "hold", "skipped": "skip", "in_step": "skip"}.get(state, ""), "version": of.version,
    }  # fmt: skip
    return Link.objects.create(business=of.business, sync=of, **{**values, **changes})


def planned(of: Sync, source: Snapshot, verdict: str = "create", **changes: Any) -> Link:
    """A record of the review, with the look that planned it."""
    made = link(of, source, None, "planned", verdict=verdict, cause="There is no such customer yet.")
    attempt(made, verdict=verdict, outcome="planned", **changes)
    return made


def attempt(of: Link, verdict: str = "update", outcome: str = "written", **changes: Any) -> Attempt:
    plan = {
        "verdict": verdict,
        "code": "",
        "reason": "",
        "target_id": of.target_id or "",
        "changes": [],
        "warnings": [],
    }
    now = timezone.now()
    values: dict[str, Any] = {
        "version": of.version, "noticed_by": "webhook CLIENT_UPDATE", "noticed_at": now - timedelta(seconds=1),
        "plan": {**plan, **changes.pop("plan", {})}, "verdict": verdict, "outcome": outcome, "at": now,
    }  # fmt: skip
    return Attempt.objects.create(business=of.business, link=of, **{**values, **changes})


def write(of: Link, verb: str = "update", state: str = "confirmed", **changes: Any) -> Write:
    number, now = next(_number), timezone.now()
    values = {
        "connection": of.sync.target, "resource": of.sync.target_resource, "target_id": of.target_id or "",
        "key": f"fb-key-{number}", "params": {"name": of.label}, "intended_at": now - timedelta(seconds=1),
        "outside_id": of.target_id or "", "request_id": f"req_{number}", "duration_ms": 82.4, "settled_at": now,
    }  # fmt: skip
    return Write.objects.create(business=of.business, link=of, verb=verb, state=state, **{**values, **changes})


def event(held_by: Connection, record_id: str, topic: str = "CLIENT_UPDATE", **changes: Any) -> Event:
    values = {
        "event_id": f"evt-{next(_number)}", "verdict": "marked", "body": "{}", "answered_ms": 4.2,
        "resource": RESOURCES[held_by.connector],
    }  # fmt: skip
    return Event.objects.create(
        business=held_by.business, connection=held_by, connector=held_by.connector, topic=topic,
        record_id=record_id, **{**values, **changes},
    )  # fmt: skip


def incident(of: Sync, cause_code: str = "ambiguous", records: int = 1, **changes: Any) -> Incident:
    values = {
        "sync": of, "subject": f"sync:{of.pk}", "title": f"{records} clients may already exist in Stripe",
        "next_step": "Say who is who on the list of records that need a look.",
    }  # fmt: skip
    return Incident.objects.create(
        business=of.business, cause_code=cause_code, records=records, **{**values, **changes}
    )  # fmt: skip


def run(of: Sync, kind: str = "review", state: str = "done", **changes: Any) -> Run:
    ended: datetime | None = None if state == "running" else timezone.now()
    values = {"side": "work", "counts": {"seen": 0}, "finished_at": ended}
    return Run.objects.create(business=of.business, sync=of, kind=kind, state=state, **{**values, **changes})
