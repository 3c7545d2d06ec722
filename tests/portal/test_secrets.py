"""After real work against both stand-ins, with faults on the way, no secret is to be found anywhere it could be read.

The secrets are gathered where they are made, so that none of them can be forgotten here.
"""

import base64
import gc
import hashlib
import hmac
import json
import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
import pytest
from django.conf import settings
from django.core import mail
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection
from django.db.models import Model
from django.test import Client, RequestFactory
from django.utils import timezone
from django.views.debug import get_exception_reporter_class
from django_q.models import OrmQ
from django_q.signing import SignedPackage
from django_scopes import scope

from connectors import registry
from connectors.base import Connector, Credentials, Session
from portal import tokens
from portal.alerts import noting as told
from portal.alerts import tasks
from portal.environment import Environment
from portal.models import Business, Connection, Delivery, User
from syncs import choosing, lanes, recipes, slices
from syncs.models import Incident, Link, Sync
from tests.conftest import PASSWORD, person, signed_in
from tests.portal import outsiders
from tests.portal.outsiders import Side
from tests.syncs import world as worlds
from tests.syncs.world import Bookkeeper, Tradesperson

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]
#: Nobody listens there: the browser is Django's own, and webhooks are handed over by the test.
PORTAL = "http://127.0.0.1:9"


@dataclass
class Place:
    """A business and the browser of its owner, both stand-ins, and what must stay unsaid."""

    sandbox: Any
    business: Business
    browser: Client
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    services: dict[str, Connector] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list, repr=False)

    def keep(self, what: str, value: str) -> None:
        if value:
            self.secrets[f"{what} {len(self.secrets)}"] = value

    def row(self, slug: str) -> Connection:
        with scope(business=self.business):
            return Connection.objects.get(connector=slug)


def noting(place: Place, make: Callable[..., Credentials]) -> Callable[..., Credentials]:
    def noted(*args: Any, **given: Any) -> Credentials:
        found = make(*args, **given)
        place.keep("access token", found.access_token.reveal())
        place.keep("refresh token", found.refresh_token.reveal())
        return found

    return noted


@pytest.fixture
def place(acme: Business, alice: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(settings, "BASE_URL", PORTAL)
    with worlds.sandbox("empty", SANDBOX_PORTAL_URL=PORTAL) as found:
        made = Place(found, acme, signed_in(alice), services=worlds.configured(found.url))
        monkeypatch.setattr(registry, "get", made.services.__getitem__)
        for service in made.services.values():
            for name in ("exchange", "refresh", "from_key"):
                monkeypatch.setattr(service, name, noting(made, getattr(service, name)))
        for name in ("JOBBER_CLIENT_SECRET", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"):
            made.keep(name, worlds.ENVIRON[name])
        for key in (settings.SECRET_KEY, *settings.ENCRYPTION_KEYS, PASSWORD):
            made.keep("own key", key)
        yield made


def connect(place: Place, slug: str, *, late: float = 0.0) -> str:
    """Press Connect and Allow; `late` seconds pass before one comes back. The page one comes to."""
    start = place.browser.post(f"/b/{place.business.pk}/connections/{slug}/start/")
    asked = httpx.URL(start["Location"])
    form = dict(asked.params) | {"account": _first_account(place, slug), "decision": "allow"}
    address = asked if slug == "stripe" else asked.copy_with(query=None)
    back = urlsplit(httpx.post(address, data=form).headers["location"])
    for name, value in parse_qsl(back.query):
        if name in {"code", "state"}:
            place.keep(name, value)
    place.sandbox.sandbox.frame.clock.advance(late)
    return place.browser.get(f"{back.path}?{back.query}", follow=True).content.decode()


def _first_account(place: Place, slug: str) -> str:
    return "1" if slug == "jobber" else next(iter(place.sandbox.sandbox.services["stripe"].state["accounts"]))


def faults(place: Place, *kinds: str) -> None:
    for number, kind in enumerate(kinds):
        operation = "POST customers" if number % 2 else ""
        place.sandbox.sandbox.frame.faults.add(kind, service="stripe", operation=operation, seconds=0.01, skip=number)
    place.sandbox.sandbox.frame.faults.add("html", service="jobber", operation="graphql", skip=2)
    place.sandbox.sandbox.frame.faults.add("500", service="jobber", operation="graphql", skip=5)


def worked(place: Place, sync: Sync) -> None:
    """As the worker would, with no wait for what is to be tried again."""
    for _ in range(12):
        Link.objects.filter(sync=sync).update(next_try=None)
        type(sync.lane).objects.filter(pk=sync.lane_id).update(resume_at=None, lease_until=None)
        if not lanes.with_work().filter(pk=sync.lane_id).exists():
            return
        slices.work(sync.lane_id, 10.0)


def synced(place: Place) -> Sync:
    """A first sync, with every kind of trouble on the way, and the access token of Jobber refused in the middle."""
    clients = [Tradesperson(place.sandbox.url).add("Ann", f"Smith {n}", f"ann{n}@example.com") for n in range(12)]
    Bookkeeper(place.sandbox.url).add(name="Ann", email="ANN1@example.com")
    with scope(business=place.business):
        owner = User.objects.get(email="alice@example.com")
        recipe = recipes.get("clients-to-customers")
        sync = choosing.choose(place.business, recipe, place.row("jobber"), place.row("stripe"), owner)
        faults(place, "429", "500_after")
        worked(place, sync)
        sync.refresh_from_db()
        choosing.go_live(sync, None)
        httpx.post(f"{place.sandbox.url}/jobber/settings", data={"do": "expire"})
        faults(place, "500", "500_after", "html", "truncate", "reset_after", "503")
        worked(place, sync)
        assert Link.objects.filter(state="in_step").count() == len(clients)
    return sync


def deliver(place: Place) -> None:
    """A webhook of each service as it should be, and one that is forged."""
    account = place.row("jobber").account_id
    event = {"topic": "CLIENT_UPDATE", "accountId": account, "itemId": "C1", "occurredAt": timezone.now().isoformat()}
    body = json.dumps({"data": {"webHookEvent": event}}).encode()
    secret = worlds.ENVIRON["JOBBER_CLIENT_SECRET"].encode()
    signed = base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest()).decode()
    for signature, status in ((signed, 200), ("nonsense", 401)):
        sent = {"X-Jobber-Hmac-SHA256": signature}
        answer = Client().post("/webhooks/jobber/", body, "application/json", headers=sent)
        assert answer.status_code == status
    event = {"id": "evt_1", "object": "event", "type": "customer.updated", "account": place.row("stripe").account_id}
    body = json.dumps({**event, "created": int(time.time()), "livemode": False, "data": {"object": {}}}).encode()
    stamp = int(time.time())
    secret = worlds.ENVIRON["STRIPE_WEBHOOK_SECRET"].encode()
    digest = hmac.new(secret, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    sent = {"Stripe-Signature": f"t={stamp},v1={digest}"}
    assert Client().post("/webhooks/stripe/", body, "application/json", headers=sent).status_code == 200


@contextmanager
def traced(place: Place) -> Iterator[None]:
    """What an error of the block would show, on Django's page of it and in a log."""
    try:
        yield
    except Exception as error:
        reporter = get_exception_reporter_class(None)(RequestFactory().post("/", {}), *sys.exc_info())
        place.shown += [reporter.get_traceback_html(), reporter.get_traceback_text(), "".join(_lines(error))]
    else:
        pytest.fail("it went well")


def _lines(error: Exception) -> Iterator[str]:
    yield from traceback.TracebackException.from_exception(error, capture_locals=True).format()


def refused(place: Place, sync: Sync) -> None:
    """A refresh is lost, then Jobber takes neither token any more: an incident, and a mail about it."""
    faulty = place.sandbox.sandbox.frame.faults
    for kind in ("500", "reset"):
        faulty.clear()
        faulty.add(kind, service="jobber")
        with scope(business=place.business), traced(place):
            tokens.renewed(place.row("jobber"), tokens.load(place.row("jobber")))
    faulty.clear()
    httpx.post(f"{place.sandbox.url}/jobber/accounts/1/disconnect")
    with scope(business=place.business):
        choosing.sync_now(sync)
        worked(place, sync)
        row = place.row("jobber")
        assert row.status == Connection.Status.NEEDS_RECONNECT
        with traced(place):
            tokens.renewed(row, tokens.load(row))
        opened = Incident.objects.get(connection=row)
        Incident.objects.filter(pk=opened.pk).update(opened_at=timezone.now() - told.GRACE)
        told.note(place.business)
        for delivery in Delivery.objects.all():
            tasks.send(delivery.pk)
    for service in place.services.values():
        with traced(place):
            service.exchange("", code="no such code", redirect_uri=f"{PORTAL}/", verifier="no such verifier")


# Where somebody might look


def stored() -> Iterator[str]:
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            yield from (f"{table}: {row!r}" for row in cursor.fetchall())
    yield from (f"queued: {SignedPackage.loads(row.payload)!r}" for row in OrmQ.objects.all())


def objects() -> Iterator[str]:
    """The repr of everything of ours that is alive, and of what rows and settings hold."""
    kinds = (Connector, Session, Credentials, Environment, Model)
    for found in [o for o in gc.get_objects() if isinstance(o, kinds)]:
        with suppress(ObjectDoesNotExist):  # left over from another test, whose rows are gone
            yield repr(found)
        yield repr(found.__dict__) if isinstance(found, Model) else ""
    yield repr(settings.ENV)


def pages(place: Place) -> Iterator[str]:
    """Every address there is, as an owner, somebody of the staff and a superuser."""
    owner = User.objects.get(email="alice@example.com")
    side = Side(place.business, owner, [], outsiders.ids(place.business, owner))
    staff = person(place.business, "Stella", "staff", is_staff=True)
    boss = User.objects.create_superuser("boss@example.com", PASSWORD)
    ids = side.ids | outsiders.system_rows()
    for user in (owner, staff, boss):
        browser = signed_in(user)
        for address in outsiders.addresses():
            answer = browser.get(address.filled(side.ids["business_id"], ids))
            assert answer.status_code < 500
            yield f"{user} {address.name}: {answer.headers} {answer.content.decode(errors='replace')}"


def found_in(text: str, place: Place) -> list[str]:
    """Names of the secrets that are in a text, as they are or as an address or JSON would have them."""
    return [what for what, value in place.secrets.items() if any(form in text for form in _forms(value))]


def _forms(value: str) -> set[str]:
    return {value, quote(value, safe=""), json.dumps(value)[1:-1]}


def test_no_secret_is_said_stored_or_shown(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for slug in ("jobber", "stripe"):
        connect(place, slug)
    sync = synced(place)
    deliver(place)
    connect(place, "stripe")
    refused(place, sync)
    assert sum(what.startswith(("access", "refresh")) for what in place.secrets) >= 5
    assert sum(what.startswith(("state", "code")) for what in place.secrets) >= 4
    assert len(mail.outbox) >= 1

    looked_at = {
        "the database": "\n".join(stored()),
        "the log": caplog.text,
        "a mail": "\n".join(f"{m.subject} {m.body}" for m in mail.outbox),
        "an object": "\n".join(objects()),
        "a traceback": "\n".join(place.shown),
        "a page": "\n".join(pages(place)),
    }
    assert [where for where, text in looked_at.items() if not text] == []
    assert {where: found for where, text in looked_at.items() if (found := found_in(text, place))} == {}


@pytest.mark.parametrize("slug", ["jobber", "stripe"])
def test_a_code_that_came_too_late_connects_nothing_and_says_so(slug: str, place: Place) -> None:
    shown = connect(place, slug, late=3600)
    assert "was used already or is too old. Nothing was connected. Press Connect to try again." in shown
    with scope(business=place.business):
        assert Connection.objects.count() == 0
