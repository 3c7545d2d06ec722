"""A business with every kind of trouble there is, so and so many times each."""

from datetime import timedelta

from django.utils import timezone
from django_scopes import scope

from portal.models import Business
from syncs.models import Approval, Link, Sync
from syncs.rules.judging import raised
from tests import factories

#: What stops a record, and in what state it is then.
_STOPS = (("ambiguous", "held"), ("both_changed", "conflict"), ("gave_up", "parked"), ("rejected:email", "held"))


def much(business: Business, times: int) -> Sync:
    """Returns the sync of clients; its first record, which the disputed invoices are of, is held."""
    with scope(business=business):
        clients = factories.sync(business)
        bills = factories.sync(
            business, recipe="invoices-to-stripe", source=clients.source, target=clients.target
        )  # fmt: skip
        notes = factories.sync(
            business, recipe="payments-to-jobber", source=clients.target, target=clients.source
        )  # fmt: skip
        her = factories.client(business, clients.source, "cl-1", name="Mrs Nguyen", email="nguyen@example.com")
        link = factories.link(
            clients, her, factories.customer(business, clients.target, "cus_1"), state="held", cause_code="gave_up"
        )  # fmt: skip
        for number in range(times):
            _records(clients, number)
            _money(bills, notes, number)
            _asked(link, number)
            _flagged(clients, number)
        _accounts(clients, times)
        for code in ("stuck_due", "webhooks_silent", "fields_gone"):
            factories.incident(clients, code, subject=f"work:{clients.pk}:{code}")
    return clients


def _records(clients: Sync, number: int) -> None:
    for code, state in _STOPS:
        shared = f"shared{number}@example.com"
        seen = factories.client(clients.business, clients.source, email=shared)
        there = factories.customer(clients.business, clients.target, email=shared)
        link = factories.link(
            clients, seen, there if state == "conflict" else None, state, cause_code=code, cause="Who is it?"
        )  # fmt: skip
        factories.attempt(link, "hold", "failed")
        factories.write(link, state="rejected", error="It was refused.")
        if number == 0:
            factories.incident(clients, code)


def _money(bills: Sync, notes: Sync, number: int) -> None:
    here = factories.written_invoice(bills.business, bills.source, f"ji-{number}", client_id="cl-1")
    there = factories.paid_invoice(bills.business, bills.target, f"in-{number}", customer="cus_1")
    factories.link(bills, here, there)
    paid = factories.payment(
        bills.business, bills.target, invoice=f"in-{number}", customer="cus_1", status="disputed",
        dispute_status="needs_response", dispute_due_at=int(timezone.now().timestamp()) + 86_400 * (number + 1),
    )  # fmt: skip
    factories.link(notes, paid, state="held", cause_code="total_differs")
    factories.link(
        bills, factories.written_invoice(bills.business, bills.source, client_id="cl-1"), state="held",
        cause_code="total_differs",
    )  # fmt: skip


def _asked(link: Link, number: int) -> None:
    words = "There is no such customer yet."
    plan = {"verdict": "hold", "reason": words, "changes": [["name", None, "Ann"]],
            "hold": {"rule": "", "role": "office", "verb": "create", "planned": words}}  # fmt: skip
    seen = factories.client(link.business, link.sync.source, name=f"New {number}")
    held = factories.link(link.sync, seen, state="held", cause_code="approval:office")
    Approval.objects.create(business=link.business, sync=link.sync, link=held, role="office", plan=plan, shown="abc")


def _flagged(clients: Sync, number: int) -> None:
    rule = f"Rule {number}"
    seen = factories.client(clients.business, clients.source, name=f"Slow {number}")
    link = factories.link(clients, seen)
    Link.objects.filter(pk=link.pk).update(flags=rule)
    factories.incident(clients, raised(rule), title=f"Rule “{rule}” applies to 1 client", records=1)


def _accounts(clients: Sync, times: int) -> None:
    """One that nobody is let into any more, and one about which its service has much to say."""
    here, there = clients.source, clients.target
    here.status, here.status_reason = "needs_reconnect", "Access was taken back."
    here.save()
    factories.incident(clients, "auth", sync=None, connection=here, subject=f"connection:{here.pk}", records=0)
    due = (timezone.now() + timedelta(days=3)).isoformat()
    there.concerns = [
        {"code": "dispute", "about": f"dp_{number}", "title": "A bank disputes a payment of {amount}",
         "next_step": "Answer it.", "due": due, "url": "https://dashboard.stripe.com/", "amount": 11000,
         "currency": "AUD", "over": False}
        for number in range(times)
    ]  # fmt: skip
    there.watched_at = timezone.now()
    there.save()
    for one in there.concerns:
        factories.incident(
            clients, "dispute", sync=None, connection=there, title="A bank disputes a payment", records=0,
            subject=f"account:{there.pk}:{one['about']}",
        )  # fmt: skip
