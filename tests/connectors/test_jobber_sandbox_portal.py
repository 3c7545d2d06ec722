"""The portal's own pages against the running stand-in: allow, deny, begin in the marketplace, let go on either side."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import settings
from django.test import Client
from django_scopes import scope

from connectors import registry
from connectors.jobber.sandbox.permissions import SCOPES
from connectors.sandbox.running import running
from portal.models import Business, Connection, User
from tests.conftest import signed_in
from tests.connectors.jobber_calls import Calls

#: Nobody listens there: the browser is Django's own, and webhooks are handed over by the test.
PORTAL = "http://127.0.0.1:9"
pytestmark = [pytest.mark.sandbox, pytest.mark.django_db]


@pytest.fixture
def jobber(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    monkeypatch.setattr(settings, "BASE_URL", PORTAL)
    with running({"SANDBOX_PORTAL_URL": PORTAL, "SANDBOX_LIMITS": "off"}, seed="5") as found:
        calls = Calls(found)
        connector = calls.connector()
        monkeypatch.setattr(registry, "get", lambda slug: connector)
        yield calls


def consent(jobber: Calls, browser: Client, business: Business, decision: str) -> str:
    """Press Connect, then Allow or Deny on Jobber's page. Returns the path that one is sent back to."""
    start = browser.post(f"/b/{business.pk}/connections/jobber/start/")
    asked = httpx.URL(start["Location"])
    assert jobber.http.get(asked).status_code == 200
    form = dict(asked.params) | {"account": "1", "decision": decision}
    back = jobber.http.post(asked.copy_with(query=None), data=form).headers["location"]
    assert back.startswith(f"{PORTAL}/connect/jobber/callback/")
    parts = urlsplit(back)
    return f"{parts.path}?{parts.query}"


def the_connection(business: Business) -> Connection | None:
    with scope(business=business):
        return Connection.objects.filter(connector="jobber").first()


def token_of(jobber: Calls) -> str:
    return str(list(jobber.running.sandbox.services["jobber"].state["access"])[-1])


def test_allowing_connects_the_account(jobber: Calls, acme: Business, alice: User) -> None:
    browser = signed_in(alice)
    page = browser.get(consent(jobber, browser, acme, "allow"), follow=True)
    assert page.status_code == 200
    assert "Harbour Plumbing" in page.content.decode()
    row = the_connection(acme)
    assert row is not None
    assert (row.account_name, row.status, row.scopes) == ("Harbour Plumbing", "active", list(SCOPES))


def test_denying_connects_nothing(jobber: Calls, acme: Business, alice: User) -> None:
    browser = signed_in(alice)
    page = browser.get(consent(jobber, browser, acme, "deny"))
    assert "You chose not to allow" in page.content.decode()
    assert the_connection(acme) is None


def test_the_same_answer_twice_connects_once(jobber: Calls, acme: Business, alice: User) -> None:
    browser = signed_in(alice)
    back = consent(jobber, browser, acme, "allow")
    browser.get(back)
    again = browser.get(back)
    assert again.status_code >= 400
    row = the_connection(acme)
    assert row is not None
    assert row.status == "active"


def test_a_start_in_the_marketplace_leaves_its_code_unused(jobber: Calls, acme: Business, alice: User) -> None:
    place = urlsplit(jobber.http.get(f"{jobber.url}/accounts/1/marketplace").headers["location"])
    page = signed_in(alice).get(f"{place.path}?{place.query}")
    assert "connections" in page.content.decode()
    assert the_connection(acme) is None
    assert jobber.running.sandbox.services["jobber"].state["grants"] == {}


def test_letting_go_here_ends_the_tokens_there(jobber: Calls, acme: Business, alice: User) -> None:
    browser = signed_in(alice)
    browser.get(consent(jobber, browser, acme, "allow"))
    row, token = the_connection(acme), token_of(jobber)
    assert row is not None
    assert jobber.post("{ account { id } }", token).status_code == 200
    browser.post(f"/b/{acme.pk}/connections/{row.pk}/disconnect/")
    assert jobber.post("{ account { id } }", token).status_code == 401
    row.refresh_from_db()
    assert row.status == "off"


def test_webhooks_are_taken_and_a_disconnect_in_jobber_is_seen(jobber: Calls, acme: Business, alice: User) -> None:
    browser = signed_in(alice)
    browser.get(consent(jobber, browser, acme, "allow"))
    jobber.create(firstName="Ada")
    jobber.http.post(f"{jobber.url}/accounts/1/disconnect")
    sent = list(jobber.running.sandbox.frame.delivery.sent)
    assert [p.topic for p in sent] == ["CLIENT_CREATE", "APP_DISCONNECT"]
    for parcel in sent:
        headers = parcel.sign(parcel.body, 0.0)
        answer = Client().post(
            "/webhooks/jobber/", parcel.body, content_type="application/json",
            HTTP_X_JOBBER_HMAC_SHA256=headers["X-Jobber-Hmac-SHA256"],
        )  # fmt: skip
        assert 200 <= answer.status_code < 300
    row = the_connection(acme)
    assert row is not None
    assert row.status != "active"
