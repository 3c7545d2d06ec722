"""What Stripe says about an account: told the moment it changes, shown with what to do, and over when it is over."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ
from django_scopes import scope

from connectors import registry
from connectors.base import Connector, Credentials
from connectors.concerns import Concern, Concerns
from connectors.errors import TransientError
from connectors.stripe.client import StripeSession
from portal import access, accountwatch, connect, ticking
from portal.alerts import noting
from portal.models import Alert, Business, Connection, User
from syncs import handling
from syncs.models import Incident
from tests import factories
from tests.conftest import person, signed_in
from tests.connectors.letterbox import Letterbox, letterbox
from tests.connectors.stripe_calls import eventually
from tests.syncs import world as outside

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]


@dataclass
class Till:
    """The owner of a connected account at Stripe's control pages, and the post that brings what Stripe tells of."""

    url: str
    box: Letterbox
    row: Connection
    brought: int = 0

    def does(self, page: str = "", **form: str) -> None:
        """One thing on a control page; what Stripe tells of it arrives, and the worker does what it was asked."""
        before = len(self.box.letters)
        answer = httpx.post(f"{self.url}/stripe/accounts/1{page}", data=form, timeout=10)
        assert answer.status_code in {200, 303}, answer.text
        eventually(lambda: len(self.box.letters) > before)
        self.bring()

    def bring(self) -> None:
        for path, body, headers in self.box.letters[self.brought :]:
            signed = {"Stripe-Signature": next(v for k, v in headers.items() if k.lower() == "stripe-signature")}
            assert Client().post(path, body, "application/json", headers=signed).status_code == 200
        self.brought = len(self.box.letters)
        self.work()

    def work(self) -> None:
        """What is in the queue, as a worker would."""
        for task in OrmQ.objects.order_by("pk"):
            if task.task["func"] == "portal.accountwatch.work":
                accountwatch.work(*task.task["args"])
        OrmQ.objects.all().delete()

    def paid(self) -> str:
        """A payment of $120.00 that went through."""
        before = len(self.box.letters)
        asked = {"amount": "12000", "currency": "aud", "payment_method": "pm_card_visa", "confirm": "true",
                 "return_url": "https://example.com/"}  # fmt: skip
        made = httpx.post(f"{self.url}/stripe/v1/payment_intents", data=asked, auth=(outside.STRIPE_KEY, ""))
        assert made.json()["status"] == "succeeded", made.text
        eventually(lambda: len(self.box.letters) > before)
        return str(made.json()["id"])


def consented(connector: Connector, portal: str) -> Credentials:
    back = f"{portal}/connect/stripe/callback/"
    address = connector.authorize_url("connect", redirect_uri=back, state="s-1")
    answer = httpx.post(address, data={"account": "1", "decision": "allow"})
    (code,) = parse_qs(urlsplit(answer.headers["location"]).query)["code"]
    return connector.exchange("connect", code=code, redirect_uri=back)


@contextmanager
def _till(acme: Business, alice: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    with letterbox() as box, outside.sandbox("empty", SANDBOX_PORTAL_URL=box.url) as found:
        services = outside.configured(found.url)
        monkeypatch.setattr(registry, "get", services.__getitem__)
        with scope(business=acme):
            row = connect.keep(acme, alice, "stripe", consented(services["stripe"], box.url))
            yield Till(found.url, box, row)


@pytest.fixture
def till(acme: Business, alice: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    """Acme's account at Stripe, connected. What waits for a commit is done at once."""
    monkeypatch.setattr("django.db.transaction.on_commit", lambda work: work())
    with _till(acme, alice, monkeypatch) as found:
        yield found


def opened() -> dict[str, Incident]:
    """Incidents that ask for somebody, by cause."""
    return {row.cause_code: row for row in Incident.objects.filter(handling.asking(timezone.now()))}


def page(user: User, path: str) -> str:
    answer = signed_in(user).get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.mark.parametrize(
    ("switch", "code", "title"),
    [
        ("charges_enabled", "charges_off", "Stripe takes no payments for you at the moment"),
        ("payouts_enabled", "payouts_off", "Stripe does not pay out to your bank at the moment"),
    ],
)
def test_what_is_switched_off_is_told_at_once_and_over_when_it_is_on_again(
    till: Till, acme: Business, alice: User, switch: str, code: str, title: str
) -> None:
    till.does(do=switch, value="off")
    (incident,) = opened().values()
    assert (incident.cause_code, incident.title, incident.connection_id) == (code, title, till.row.pk)
    for path in (f"connections/{till.row.pk}/", "", "attention/", f"incidents/{incident.pk}/"):
        assert title in page(alice, f"/b/{acme.pk}/{path}")
    report = page(alice, f"/b/{acme.pk}/connections/{till.row.pk}/")
    assert 'href="https://dashboard.stripe.com/test/account/status"' in report
    assert "Connected, needs you" in page(alice, f"/b/{acme.pk}/connections/")
    till.does(do=switch, value="on")
    assert opened() == {}
    assert title not in page(alice, f"/b/{acme.pk}/")


def test_details_that_are_asked_for_come_with_their_deadline_and_turn_overdue(till: Till, acme: Business) -> None:
    Business.objects.filter(pk=acme.pk).update(time_zone="Australia/Perth")
    till.does(do="require", value="external_account")
    till.does(do="require", value="individual.verification.document")
    (asked,) = opened().values()
    assert asked.cause_code == "details_asked"
    assert asked.next_step.startswith(
        "Open Stripe and give the bank account to pay out to and an identity document. Stripe takes it until "
    )
    assert asked.next_step.endswith((" a.m.", " p.m.", "midnight.", "noon.")), asked.next_step
    opened_at = asked.opened_at
    till.does(do="overdue")
    assert set(opened()) == {"details_overdue", "payouts_off"}
    assert "Details that Stripe asked for are overdue." in opened()["payouts_off"].next_step
    till.does(do="require", value="external_account")
    till.does(do="require", value="individual.verification.document")
    till.does(do="payouts_enabled", value="on")
    assert opened() == {}
    assert Incident.objects.get(cause_code="details_asked").opened_at == opened_at


def test_a_dispute_is_told_once_while_it_lasts_and_then_how_it_ended(till: Till, acme: Business, alice: User) -> None:
    payment = till.paid()
    till.bring()
    till.does(f"/payments/{payment}", do="dispute", value="fraudulent")
    told = opened()["dispute"]
    assert told.title == "A client's bank disputes a payment of $120.00"
    assert "Stripe takes it until" in told.next_step
    html = page(alice, f"/b/{acme.pk}/connections/{till.row.pk}/")
    assert "A client&#x27;s bank disputes a payment of $120.00" in html
    assert "https://dashboard.stripe.com/test/disputes/" in html
    (concern,) = Connection.objects.get(pk=till.row.pk).concerns
    asked = {"evidence[uncategorized_text]": "signed", "submit": "true"}
    disputes = httpx.get(f"{till.url}/stripe/v1/disputes", auth=(outside.STRIPE_KEY, "")).json()["data"]
    before = len(till.box.letters)
    httpx.post(f"{till.url}/stripe/v1/disputes/{disputes[0]['id']}", data=asked, auth=(outside.STRIPE_KEY, ""))
    eventually(lambda: len(till.box.letters) > before)
    till.bring()
    again = opened()["dispute"]
    assert (again.pk, again.title) == (told.pk, "A payment of $120.00 is disputed; you have answered")
    till.does(f"/payments/{payment}", do="close", value="lost")
    assert opened() == {}
    over = Incident.objects.get(cause_code="dispute")
    assert over.title == "The dispute about $120.00 was lost: the money went back to the client"
    assert over.resolved_at is not None
    assert concern["about"] == payment


def test_people_are_told_when_it_begins_and_when_it_is_over(till: Till, acme: Business) -> None:
    later = timezone.now() + timedelta(minutes=5)
    till.does(do="payouts_enabled", value="off")
    noting.note(acme, later)
    alert = Alert.objects.get()
    assert (alert.title, alert.items[0]["severity"]) == (
        "Stripe does not pay out to your bank at the moment",
        "critical",
    )
    noting.note(acme, later)
    till.does(do="payouts_enabled", value="on")
    noting.note(acme, later)
    assert [a.title for a in Alert.objects.order_by("pk")] == [alert.title, f"Over: {alert.title}"]


def test_a_change_that_nobody_told_of_is_found_by_the_regular_look(till: Till) -> None:
    ticking.watch_accounts()
    till.work()
    httpx.post(f"{till.url}/stripe/accounts/1", data={"do": "payouts_enabled", "value": "off"})
    ticking.watch_accounts()
    till.work()
    assert opened() == {}, "it was looked at just now"
    Connection.objects.update(watched_at=timezone.now() - timedelta(minutes=16), watch_asked_at=None)
    ticking.watch_accounts()
    till.work()
    assert set(opened()) == {"payouts_off"}


def test_a_lost_task_is_asked_for_again_and_one_that_came_late_asks_nobody(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticking.watch_accounts()
    OrmQ.objects.all().delete()
    ticking.watch_accounts()
    assert not OrmQ.objects.exists(), "it may still come"
    Connection.objects.update(watch_asked_at=timezone.now() - timedelta(minutes=3))
    ticking.watch_accounts()
    till.work()
    seen = Connection.objects.get(pk=till.row.pk).watched_at
    assert seen is not None
    monkeypatch.setattr(StripeSession, "concerns", lambda session: pytest.fail("Stripe was asked again."))
    accountwatch.work(till.row.pk)


def test_what_cannot_be_asked_now_changes_nothing(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    till.does(do="payouts_enabled", value="off")

    def away(session: StripeSession) -> Concerns:
        raise TransientError("Stripe does not answer.")

    monkeypatch.setattr(StripeSession, "concerns", away)
    accountwatch.ask(till.row)
    till.work()
    assert set(opened()) == {"payouts_off"}


def test_what_the_access_does_not_let_us_ask_stays_as_it_was(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = till.paid()
    till.bring()
    till.does(f"/payments/{payment}", do="dispute", value="fraudulent")
    unread = Concerns((Concern("payouts_off", "Off", "Open Stripe."),), frozenset({"dispute"}))
    monkeypatch.setattr(StripeSession, "concerns", lambda session: unread)
    accountwatch.ask(till.row)
    till.work()
    assert set(opened()) == {"payouts_off", "dispute"}
    assert {one["code"] for one in Connection.objects.get(pk=till.row.pk).concerns} == {"payouts_off", "dispute"}


def test_an_earlier_look_that_answers_late_changes_nothing(till: Till) -> None:
    till.does(do="payouts_enabled", value="off")
    early = timezone.now() - timedelta(minutes=1)
    accountwatch._keep(Connection.objects.get(pk=till.row.pk), Concerns(), early)
    assert set(opened()) == {"payouts_off"}


def test_once_it_is_disconnected_nothing_is_said_about_it(till: Till, acme: Business, alice: User) -> None:
    till.does(do="payouts_enabled", value="off")
    signed_in(alice).post(f"/b/{acme.pk}/connections/{till.row.pk}/disconnect/")
    assert opened() == {}
    assert Connection.objects.get(pk=till.row.pk).concerns == []


def test_a_dispute_that_stands_among_the_payments_is_shown_and_counted_once(acme: Business, alice: User) -> None:
    with scope(business=acme):
        sync = factories.sync(acme, recipe="invoices-to-stripe")
        factories.payment(acme, sync.target, "pi_1", status="disputed")
        for payment in ("pi_1", "pi_2"):
            Incident.objects.create(
                business=acme, connection=sync.target, subject=f"account:{sync.target_id}:{payment}",
                cause_code="dispute", title=f"Disputed {payment}", next_step="Answer it.",
            )  # fmt: skip
    for path, words in (("", "is disputed"), ("attention/", "1 payment disputed")):
        html = page(alice, f"/b/{acme.pk}/{path}")
        assert "Disputed pi_2" in html
        assert "Disputed pi_1" not in html
        assert words in html
    assert access.framed(alice, acme.pk).attention == 2


def test_support_sees_it_on_the_connection(till: Till, acme: Business) -> None:
    till.does(do="charges_enabled", value="off")
    stella = person(acme, "Stella", "staff", is_staff=True)
    html = page(stella, f"/admin/portal/connection/{till.row.pk}/change/")
    assert html.count("Stripe takes no payments for you at the moment") >= 2
