"""Alerts: once for what lasts, once when it is over, never twice, never at night; and every sending is a row first."""

import base64
import hashlib
import hmac
import json
import smtplib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core import mail
from django.utils import timezone
from django_q.models import OrmQ
from django_scopes import scope
from hypothesis import given
from hypothesis import strategies as st

from portal import ticking
from portal.alerts import noting, sending, signing, sorting, tasks, writing
from portal.alerts.sorting import Quiet, Severity, Topic
from portal.environment import ROOT
from portal.models import Alert, AlertDestination, AlertSettings, Business, Delivery, User
from portal.pages import alerts as alert_pages
from syncs import incidents
from syncs.models import AuditEntry, Incident, Link, Sync
from tests import factories
from tests.conftest import signed_in
from tests.connectors.letterbox import Letterbox, letterbox

pytestmark = pytest.mark.django_db
SYDNEY = ZoneInfo("Australia/Sydney")
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=SYDNEY)


@pytest.fixture
def sync(acme: Business, alice: User) -> Iterator[Sync]:
    with scope(business=acme):
        yield factories.sync(acme)


@pytest.fixture
def box(settings: Any) -> Iterator[Letterbox]:
    settings.ALERTS_ANYWHERE = True
    with letterbox() as found:
        yield found


def stop(sync: Sync, code: str = "gave_up") -> Link:
    return factories.link(sync, factories.client(sync.business, sync.source), state="held", cause_code=code)


def place(business: Business, kind: str, url: str, **more: Any) -> AlertDestination:
    secret = signing.new_secret() if kind == "webhook" else ""
    return AlertDestination.objects.create(business=business, kind=kind, address=url, secret=secret, **more)


def at(moment: datetime, sync: Sync) -> None:
    """What the worker does then: note, ask, and carry out what was asked."""
    with time_machine.travel(moment, tick=False):
        incidents.refresh(sync)
        ticking.tell()
        for row in list(Delivery.objects.all()):
            tasks.send(row.pk)


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


# Once


def test_what_lasts_is_told_once_and_once_when_it_is_over(sync: Sync) -> None:
    with time_machine.travel(NOON, tick=False):
        link = stop(sync)
        incidents.refresh(sync)
    at(NOON + minutes(0.5), sync)
    assert mail.outbox == []  # it may heal itself yet
    for n in range(2, 6):
        at(NOON + minutes(n), sync)
    assert [m.subject for m in mail.outbox] == ["Acme Plumbing: 1 client could not be written after many tries"]
    assert mail.outbox[0].to == ["alice@example.com"]
    assert f"/b/{sync.business_id}/incidents/{Incident.objects.get().pk}/" in mail.outbox[0].body
    Link.objects.filter(pk=link.pk).update(state="in_step", cause_code="")
    for n in range(10, 14):
        at(NOON + minutes(n), sync)
    assert [m.subject for m in mail.outbox[1:]] == [
        "Acme Plumbing: Over: 1 client could not be written after many tries"
    ]


def test_what_heals_itself_within_a_minute_is_told_to_nobody(sync: Sync) -> None:
    with time_machine.travel(NOON, tick=False):
        link = stop(sync)
        incidents.refresh(sync)
    Link.objects.filter(pk=link.pk).update(state="in_step", cause_code="")
    for n in (0.5, 2, 30):
        at(NOON + minutes(n), sync)
    assert Incident.objects.get().state == "resolved"
    assert (Alert.objects.count(), mail.outbox) == (0, [])


def test_what_comes_and_goes_is_told_once(sync: Sync) -> None:
    """Over for less than a minute, it was never over."""
    with time_machine.travel(NOON, tick=False):
        link = stop(sync)
    at(NOON, sync)
    at(NOON + minutes(2), sync)
    for n in range(3, 23, 2):
        Link.objects.filter(pk=link.pk).update(state="in_step", cause_code="")
        at(NOON + minutes(n), sync)
        Link.objects.filter(pk=link.pk).update(state="held", cause_code="gave_up")
        at(NOON + minutes(n + 0.5), sync)
        at(NOON + minutes(n + 1.9), sync)
    assert len(mail.outbox) == 1
    Link.objects.filter(pk=link.pk).update(state="in_step", cause_code="")
    at(NOON + minutes(30), sync)
    at(NOON + minutes(32), sync)
    assert len(mail.outbox) == 2


def test_a_task_that_is_lost_or_doubled_changes_nothing(sync: Sync) -> None:
    with time_machine.travel(NOON, tick=False):
        stop(sync)
        incidents.refresh(sync)
    with time_machine.travel(NOON + minutes(2), tick=False):
        for _ in range(3):
            noting.note(sync.business)
            ticking.tell()
        assert Delivery.objects.count() == 1
        assert OrmQ.objects.count() == 1
    with time_machine.travel(NOON + minutes(5), tick=False):  # the task was lost
        ticking.tell()
        assert OrmQ.objects.count() == 2
        row = Delivery.objects.get()
        for _ in range(3):
            tasks.send(row.pk)
    assert len(mail.outbox) == 1
    tasks.send(10**9)


def test_two_workers_never_make_the_same_try(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second has read the row before the first has counted its try."""
    with time_machine.travel(NOON, tick=False):
        stop(sync)
    at(NOON, sync)
    with time_machine.travel(NOON + minutes(2), tick=False):
        noting.note(sync.business)
        pk = Delivery.objects.get().pk
        first = sending._out

        def meet(row: Delivery) -> str:
            monkeypatch.setattr(sending, "_out", first)
            sending.send(pk)
            return first(row)

        monkeypatch.setattr(sending, "_out", meet)
        sending.send(pk)
    assert len(mail.outbox) == 1


def test_what_is_put_off_or_ignored_is_not_told(sync: Sync) -> None:
    with time_machine.travel(NOON, tick=False):
        stop(sync)
        stop(sync, "ambiguous")
        incidents.refresh(sync)
    Incident.objects.filter(cause_code="gave_up").update(snoozed_until=NOON + minutes(30))
    Incident.objects.filter(cause_code="ambiguous").update(state="ignored", ignored_at=NOON)
    at(NOON + minutes(5), sync)
    assert mail.outbox == []
    at(NOON + minutes(31), sync)
    assert len(mail.outbox) == 1


# When


def test_what_comes_at_night_is_told_together_in_the_morning(sync: Sync) -> None:
    quiet = {"quiet_from": "20:00", "quiet_until": "07:00", "critical_passes": True}
    AlertSettings.objects.create(business=sync.business, **quiet)
    night = NOON.replace(hour=23)
    with time_machine.travel(NOON, tick=False):
        early = stop(sync, "too_small")
    at(NOON, sync)
    at(NOON + minutes(2), sync)
    with time_machine.travel(night, tick=False):
        for code in ("ambiguous", "gave_up", "rejected:email"):
            stop(sync, code)
    for n in range(0, 470, 10):
        at(night + minutes(n), sync)
        if n == 60:
            Link.objects.filter(pk=early.pk).update(state="in_step", cause_code="")
            Link.objects.filter(cause_code="rejected:email").update(state="in_step", cause_code="")
    assert len(mail.outbox) == 1
    at(night + minutes(8 * 60 + 1), sync)
    at(night + minutes(8 * 60 + 5), sync)
    (bundle,) = mail.outbox[1:]
    assert bundle.subject == "Acme Plumbing: 3 things came up in quiet hours"
    for words in ("may already exist", "could not be written", "Over: 1 client comes to less"):
        assert words in bundle.body
    assert "refused by the service" not in bundle.body  # it had settled itself by then


@pytest.mark.parametrize(("passes", "told"), [(True, 1), (False, 0)])
def test_what_is_urgent_passes_at_night_where_the_business_says_so(sync: Sync, passes: bool, told: int) -> None:
    quiet = {"quiet_from": "20:00", "quiet_until": "07:00", "critical_passes": passes}
    AlertSettings.objects.create(business=sync.business, **quiet)
    night = NOON.replace(hour=23)
    with time_machine.travel(night, tick=False):
        incidents.connection_failed(sync.target, "auth", "Stripe needs signing in", "Connect it again.")
        stop(sync)
    at(night, sync)
    at(night + minutes(5), sync)
    assert len(mail.outbox) == told
    assert all("Stripe needs signing in" in m.subject for m in mail.outbox)


def test_the_daily_summary_comes_every_day_also_when_all_is_well(sync: Sync) -> None:
    AlertSettings.objects.create(business=sync.business, digest_at="08:30")
    for day in range(3):
        for hour in (7, 8, 9, 15):
            at((NOON + timedelta(days=day)).replace(hour=hour, minute=31), sync)
    assert [m.subject for m in mail.outbox] == ["Acme Plumbing: Daily summary: All is well"] * 3
    assert "Written in the last 24 hours: 0" in mail.outbox[0].body


@pytest.mark.parametrize(("begin", "end", "clock", "holds"), [
    ("20:00", "07:00", "19:59", False), ("20:00", "07:00", "20:00", True), ("20:00", "07:00", "00:00", True),
    ("20:00", "07:00", "06:59", True), ("20:00", "07:00", "07:00", False), ("12:00", "13:00", "12:30", True),
    ("12:00", "13:00", "13:00", False), ("08:00", "08:00", "08:00", False), ("", "", "03:00", False),
])  # fmt: skip
def test_quiet_hours_go_over_midnight(begin: str, end: str, clock: str, holds: bool) -> None:
    def of(text: str) -> Any:
        return datetime.strptime(text, "%H:%M").time() if text else None

    there = datetime.combine(NOON.date(), of(clock), SYDNEY)
    assert Quiet(of(begin), of(end)).holds(there) is holds


def test_the_clock_of_the_place_counts(sync: Sync) -> None:
    AlertSettings.objects.create(business=sync.business, quiet_from="20:00", quiet_until="07:00")
    with time_machine.travel(datetime(2026, 11, 25, 10, 0, tzinfo=UTC), tick=False):  # nine in the evening in Sydney
        stop(sync)
    at(datetime(2026, 11, 25, 10, 0, tzinfo=UTC), sync)
    at(datetime(2026, 11, 25, 19, 59, tzinfo=UTC), sync)
    assert mail.outbox == []
    at(datetime(2026, 11, 25, 20, 1, tzinfo=UTC), sync)
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(("subject", "code", "topic", "severity"), [
    ("connection:1", "auth", Topic.ACCOUNTS, Severity.CRITICAL),
    ("work:1", "stuck_due", Topic.WORK, Severity.CRITICAL), ("work:1", "webhooks_silent", Topic.WORK, Severity.NORMAL),
    ("sync:1", "paid_twice", Topic.MONEY, Severity.CRITICAL),
    ("sync:1", "void_there", Topic.MONEY, Severity.NORMAL), ("sync:1", "gave_up", Topic.RECORDS, Severity.NORMAL),
    ("sync:1", "contract", Topic.RECORDS, Severity.CRITICAL),
])  # fmt: skip
def test_how_urgent_it_is_and_what_it_is_about(subject: str, code: str, topic: Topic, severity: Severity) -> None:
    assert (sorting.topic(subject, code), sorting.severity(subject, code)) == (topic, severity)


# Where


def test_each_place_is_told_of_what_it_asked_for(sync: Sync, box: Letterbox) -> None:
    business = sync.business
    place(business, "slack", f"{box.url}/urgent", minimum="critical")
    place(business, "slack", f"{box.url}/money", topics=["money"])
    place(business, "slack", f"{box.url}/off", active=False)
    place(business, "email", "pager@example.com", topics=["records"])
    with time_machine.travel(NOON, tick=False):
        stop(sync)
        stop(sync, "void_there")
        stop(sync, "paid_twice")
    at(NOON, sync)
    at(NOON + minutes(2), sync)
    assert sorted(path for path, _, _ in box.letters) == ["/money", "/money", "/urgent"]
    assert [m.to for m in mail.outbox].count(["pager@example.com"]) == 1


def test_a_slack_message_has_the_words_and_calls_nobody(sync: Sync, box: Letterbox) -> None:
    place(sync.business, "slack", f"{box.url}/hook")
    with time_machine.travel(NOON, tick=False):
        incidents.connection_failed(sync.target, "auth", "<!channel> & co", "Do <b>it</b>.")
    at(NOON + minutes(2), sync)
    text = json.loads(box.bodies[0])["text"]
    assert "&lt;!channel&gt; &amp; co" in text
    assert "<!channel>" not in text
    assert "Do &lt;b&gt;it&lt;/b&gt;." in text


def test_a_webhook_is_signed_so_that_its_receiver_can_tell(sync: Sync, box: Letterbox) -> None:
    hook = place(sync.business, "webhook", f"{box.url}/hook")
    with time_machine.travel(NOON, tick=False):
        stop(sync)
    at(NOON, sync)
    at(NOON + minutes(2), sync)
    ((_, body, headers),) = box.letters
    sent = {name.lower(): value for name, value in headers.items()}
    secret = base64.b64decode(AlertDestination.objects.get(pk=hook.pk).secret.open().removeprefix("whsec_"))
    signed = f"{sent['webhook-id']}.{sent['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert sent["webhook-signature"] == f"v1,{expected}"
    assert sent["webhook-timestamp"] == str(int((NOON + minutes(2)).timestamp()))
    said = json.loads(body)
    assert (said["type"], said["id"]) == ("incidents", sent["webhook-id"])
    (told,) = said["incidents"]
    assert (told["what"], told["cause"], told["records"], told["severity"]) == ("opened", "gave_up", 1, "normal")


@given(st.text(max_size=300), st.text(max_size=300))
def test_whatever_the_words_are_a_message_is_made_of_them(title: str, step: str) -> None:
    business = Business(pk=1, name=title or "x")
    told = {"what": "opened", "incident": 1, "title": title, "next_step": step}
    alert = Alert(business=business, kind="news", title=title, at=NOON)
    delivery = Delivery(business=business, alert=alert, items=[told])
    assert "\n" not in writing.subject(delivery)
    assert len(json.loads(writing.slack(delivery))["text"]) <= writing.MOST
    assert json.loads(writing.webhook(delivery))["incidents"][0]["title"] == title


# What goes wrong


def test_a_place_that_fails_is_tried_again_with_pauses_and_shown(sync: Sync, alice: User, box: Letterbox) -> None:
    hook = place(sync.business, "slack", f"{box.url}/hook", name="Room")
    box.answers += [500, 404, 302]
    with time_machine.travel(NOON, tick=False):
        stop(sync)
    at(NOON, sync)
    at(NOON + minutes(2), sync)
    hook.refresh_from_db()
    assert hook.failing
    assert "status 500" in hook.last_failure
    page = signed_in(alice).get(f"/b/{sync.business_id}/attention/").content.decode()
    assert "Alerts do not arrive" in page
    assert "Room" in page
    assert box.url not in page
    for n in range(2, 20):
        at(NOON + minutes(n / 2), sync)
    assert len(box.letters) == 4
    row = Delivery.objects.get(destination=hook)
    assert (row.state, row.tries, row.answer) == ("sent", 4, "The server took it (status 200).")
    hook.refresh_from_db()
    assert not hook.failing


def test_after_many_tries_it_is_given_up_and_stays_on_the_page(sync: Sync, alice: User, box: Letterbox) -> None:
    hook = place(sync.business, "slack", f"{box.url}/hook")
    box.answers += [503] * 100
    with time_machine.travel(NOON, tick=False):
        stop(sync)
    at(NOON, sync)
    for n in range(2, 60 * 30, 30):
        at(NOON + minutes(n), sync)
    row = Delivery.objects.get(destination=hook)
    assert (row.state, row.tries) == ("failed", sending.MOST_TRIES)
    assert len(box.letters) == sending.MOST_TRIES
    page = signed_in(alice).get(f"/b/{sync.business_id}/settings/alerts/").content.decode()
    assert "Given up" in page


def test_a_mail_server_that_is_away_loses_no_alert(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    real = sending.send_mail

    def refuse(*_: Any, **__: Any) -> None:
        raise smtplib.SMTPServerDisconnected("away")

    with time_machine.travel(NOON, tick=False):
        stop(sync)
    at(NOON, sync)
    monkeypatch.setattr(sending, "send_mail", refuse)
    at(NOON + minutes(2), sync)
    assert AlertDestination.objects.get().failing
    monkeypatch.setattr(sending, "send_mail", real)
    at(NOON + minutes(5), sync)
    assert len(mail.outbox) == 1
    assert not AlertDestination.objects.get().failing


def test_a_key_that_is_gone_is_named_and_nothing_breaks(sync: Sync, settings: Any) -> None:
    from cryptography.fernet import Fernet

    place(sync.business, "email", "pager@example.com")
    with time_machine.travel(NOON, tick=False):
        stop(sync)
    at(NOON, sync)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    at(NOON + minutes(2), sync)
    assert "ENCRYPTION_KEYS" in AlertDestination.objects.get(kind="email").last_failure
    assert [m.to for m in mail.outbox] == [["alice@example.com"]]


# The page


def page_of(user: User, business: Business, what: str = "", **form: Any) -> str:
    path = f"/b/{business.pk}/settings/alerts/{what}"
    client = signed_in(user)
    answer = client.post(path, form, follow=True) if form else client.get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_webhook_is_added_its_secret_shown_once_and_tested(
    acme: Business, alice: User, sync: Sync, box: Letterbox
) -> None:
    url = f"{box.url}/hook?token=very-secret"
    page = page_of(alice, acme, "add/", kind="webhook", address=url, name="Pager", minimum="all")
    row = AlertDestination.objects.get()
    assert row.secret.open() in page
    assert url not in page
    assert row.secret.open() not in page_of(alice, acme)
    tested = page_of(alice, acme, f"{row.pk}/test/", go="1")
    assert "Pager: The server took it (status 200)." in tested
    assert json.loads(box.bodies[0])["type"] == "test"
    box.answers.append(403)
    assert "The server refused it (status 403)." in page_of(alice, acme, f"{row.pk}/test/", go="1")
    page_of(alice, acme, f"{row.pk}/test/", go="1")
    assert "Wait a minute" in page_of(alice, acme, f"{row.pk}/test/", go="1")
    assert len(box.letters) == alert_pages.MOST_TESTS
    renewed = page_of(alice, acme, f"{row.pk}/", act="secret")
    assert AlertDestination.objects.get().secret.open() in renewed
    page_of(alice, acme, f"{row.pk}/", act="off")
    assert "is switched off" in page_of(alice, acme, f"{row.pk}/test/", go="1")
    page_of(alice, acme, f"{row.pk}/", act="remove")
    assert not AlertDestination.objects.exists()
    assert [e.action for e in AuditEntry.objects.order_by("pk")] == [
        f"alerts.destination_{what}" for what in ("added", "secret", "off", "removed")
    ]
    assert "very-secret" not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize(("kind", "address", "words"), [
    ("slack", "http://hooks.example.com/x", "must begin with https://"),
    ("webhook", "https://169.254.169.254/latest", "private network"),
    ("webhook", "https://localhost/x", "whole name of the server"),
    ("slack", "https://hooks.example.com:22/", "Port 22 is not called"), ("email", "not an address", "valid email"),
    ("people", "x@example.com", ""), ("telegram", "https://x.example.com", "Select a valid choice"),
])  # fmt: skip
def test_an_address_that_may_not_be_called_is_refused_in_words(
    acme: Business, alice: User, sync: Sync, kind: str, address: str, words: str, settings: Any
) -> None:
    settings.ALERTS_ANYWHERE = False
    assert words in page_of(alice, acme, "add/", kind=kind, address=address, minimum="all")
    assert not AlertDestination.objects.exclude(kind="people").exists()


def test_quiet_hours_and_the_summary_are_set_and_recorded(acme: Business, alice: User, sync: Sync) -> None:
    page = page_of(alice, acme, quiet_from="20:00", quiet_until="07:00", digest_at="08:00", critical_passes="on")
    assert 'value="20:00"' in page
    assert AuditEntry.objects.get().action == "alerts.times"
    assert "need both" in page_of(alice, acme, quiet_from="20:00")
    assert AlertSettings.objects.get().quiet_until is not None


def test_the_mail_to_people_can_be_tested_and_switched_off(acme: Business, alice: User, sync: Sync) -> None:
    page_of(alice, acme, "add/", kind="people")
    row = AlertDestination.objects.get()
    assert "alice@example.com: The mail server took it." in page_of(alice, acme, f"{row.pk}/test/", go="1")
    page_of(alice, acme, f"{row.pk}/", act="off")
    with time_machine.travel(timezone.now() - minutes(5), tick=False):
        stop(sync)
        incidents.refresh(sync)
    at(timezone.now(), sync)
    assert len(mail.outbox) == 1
    assert signed_in(alice).post(f"/b/{acme.pk}/settings/alerts/{row.pk}/", {"act": "remove"}).status_code == 404


def test_at_most_so_many_places(acme: Business, alice: User, sync: Sync) -> None:
    for n in range(alert_pages.MOST):
        place(acme, "email", f"{n}@example.com")
    assert "as many as a business can have" in page_of(
        alice, acme, "add/", kind="email", address="x@example.com", minimum="all"
    )


def test_the_check_in_the_documents_knows_our_signature_from_another() -> None:
    text = (ROOT / "docs" / "alerts.md").read_text()
    shown: dict[str, Any] = {}
    exec(text.split("```python\n")[1].split("```")[0], shown)
    secret, now, body = signing.new_secret(), int(time.time()), b'{"id": "a"}'
    headers = signing.headers(secret, "a", now, body)
    assert shown["is_ours"](secret, headers, body)
    assert not shown["is_ours"](secret, headers, body + b" ")
    assert not shown["is_ours"](signing.new_secret(), headers, body)
    assert not shown["is_ours"](secret, signing.headers(secret, "a", now - 600, body), body)
