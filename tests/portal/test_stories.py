"""The story of a record: what is told beside it, and what stands as one."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scope

from portal.models import Business, User
from syncs.models import Link, Sync
from tests import factories
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def bills(acme: Business, clients: Sync) -> Sync:
    """With two invoices of one client."""
    with scope(business=acme):
        made = factories.sync(acme, recipe="invoices-to-stripe", source=clients.source, target=clients.target)
        for number in ("1", "4"):
            here = factories.written_invoice(acme, made.source, f"ji-{number}", number=number, client_id="cl-1")
            factories.link(made, here, factories.paid_invoice(acme, made.target, f"in-{number}"))
        return made


def invoice_page(user: User, business: Business) -> str:
    with scope(business=business):
        link = Link.objects.get(source_id="ji-4")
    return str(signed_in(user).get(f"/b/{business.pk}/records/{link.pk}/", follow=True).content.decode())


def test_the_story_of_a_client_tells_of_the_invoices_and_payments_too(
    acme: Business, alice: User, clients: Sync, bills: Sync, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    with scope(business=acme):
        notes = factories.sync(acme, recipe="payments-to-jobber", source=bills.target, target=bills.source)
        her = factories.client(acme, bills.source, "cl-1", name="Ann Smith")
        link = factories.link(clients, her, factories.customer(acme, bills.target, "cus_of_it"))
        for n in range(30):
            paid = factories.payment(acme, bills.target, f"pi_{n}", invoice="in-4")
            note = factories.link(notes, paid, target_id=f"note-{n}", label=f"Payment $1{n}.00")
        factories.write(note, "create", resource="notes")
        factories.event(bills.target, "pi_29", "charge.succeeded", resource="payments")
        opened = Link.objects.get(source_id="ji-1")
        factories.write(opened, "finalize")
        factories.payment(acme, bills.target, "pi_other", customer="cus_other")
        stranger = factories.link(notes, factories.payment(acme, bills.target, "pi_x", customer="cus_x"), label="Other")
        factories.write(stranger, "create", resource="notes")
    browser, path = signed_in(alice), f"/b/{acme.pk}/records/{link.pk}/"
    html = browser.get(path).content.decode()
    story = html.split("What happened")[1]
    for title, of, label in (
        ("Created in Jobber", note, "Payment $129.00"), ("Stripe told us of a change", note, "Payment $129.00"),
        ("Opened for payment in Stripe", opened, "Invoice 1, Ann Smith"),
    ):  # fmt: skip
        assert f'{title}</strong> <a href="/b/{acme.pk}/records/{of.pk}/">{label}</a>' in story
    assert "Other" not in story
    with django_assert_max_num_queries(28):
        browser.get(path)


def test_notices_without_anything_between_them_are_told_as_one(acme: Business, alice: User, bills: Sync) -> None:
    with scope(business=acme):
        for n, verdict in enumerate(["marked"] * 4 + ["echo", "echo", "marked"]):
            at = timezone.now() - timedelta(minutes=n)
            more = {"resource": "invoices", "verdict": verdict, "received_at": at}
            factories.event(bills.target, "in-4", f"invoice.kind_{n}", **more)
    html = invoice_page(alice, acme)
    titles = re.findall(r'class="entry-head"><strong>([^<]*)<', html)
    assert titles == ["Stripe told us of 5 changes", "Our own write came back from Stripe, 2 times"]
    assert all(f"invoice.kind_{n}" in html for n in range(7))


def test_looks_that_found_nothing_fold_until_something_was_written(acme: Business, alice: User, bills: Sync) -> None:
    now = timezone.now()
    with scope(business=acme):
        link = Link.objects.get(source_id="ji-4")
        for n in range(6):
            more = {"resource": "invoices", "received_at": now - timedelta(minutes=2 * n)}
            factories.event(bills.target, "in-4", "invoice.updated", **more)
            at, why = now - timedelta(minutes=2 * n - 1), {"reason": f"Why {n}."}
            factories.attempt(link, "skip", "done", noticed_by="webhook x", at=at, plan=why)
        factories.write(link, "finalize", settled_at=now - timedelta(minutes=5))
    html = invoice_page(alice, acme)
    titles = re.findall(r'class="entry-head"><strong>([^<]*)<', html)
    both = ["Looked at: nothing to write, 3 times", "Stripe told us of 3 changes"]
    assert titles == [*both, "Opened for payment in Stripe", *both]
    assert all(f"Why {n}." in html for n in range(6))
