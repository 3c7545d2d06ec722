"""Connecting in the browser: every way the service may send somebody back."""

from datetime import timedelta
from unittest.mock import MagicMock
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from django_scopes import scope

from connectors.base import Account, Setting
from connectors.errors import AuthError, TransientError, UnknownOutcome
from portal import connect, tokens
from portal.models import Business, Connection, ConnectStart, Membership, User
from tests import factories
from tests.portal.conftest import connected
from tests.portal.fake_service import FakeService

pytestmark = pytest.mark.django_db
BACK = "/connect/jobber/callback/"


@pytest.fixture
def browser(client: Client, owner: User, service: FakeService, parking: MagicMock) -> Client:
    client.force_login(owner)
    return client


def press(browser: Client, business: Business) -> dict[str, str]:
    answer = browser.post(f"/b/{business.pk}/connections/jobber/start/")
    assert answer.status_code == 302
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.url).query, keep_blank_values=True).items()}


def come_back(browser: Client, **query: str) -> object:
    return browser.get(BACK, query)


def test_the_whole_way_stores_the_account(browser: Client, garden: Business, service: FakeService) -> None:
    asked = press(browser, garden)
    assert asked["redirect_uri"] == f"{settings.BASE_URL}{BACK}"
    answer = come_back(browser, code="c", state=asked["state"])
    row = Connection._base_manager.get()
    assert answer.url == f"/b/{garden.pk}/connections/{row.pk}/"
    assert (row.account_id, row.account_name, row.status) == ("acc-1", "Green Gardens", "active")
    assert connect._challenge(service.exchanged[0]["verifier"]) == asked["challenge"]
    assert service.exchanged[0]["redirect_uri"] == asked["redirect_uri"]


def test_the_redirect_address_ignores_the_host_header(browser: Client, garden: Business) -> None:
    answer = browser.post(f"/b/{garden.pk}/connections/jobber/start/", headers={"host": "evil.example"})
    assert "evil" not in answer.url


@pytest.mark.parametrize("case", ["unknown", "session", "user", "replayed", "old", "connector"])
def test_a_state_that_is_not_this_start_makes_no_token_call(
    case: str, browser: Client, garden: Business, service: FakeService, owner: User
) -> None:
    state, path = press(browser, garden)["state"], BACK
    if case == "unknown":
        state = "guess"
    if case == "session":
        browser.logout()
        browser.force_login(owner)
    if case == "user":
        other = User.objects.create_user(email="mallory@example.com")
        Membership.objects.create(business=garden, user=other, role="owner")
        browser.logout()
        browser.force_login(other)
    if case == "replayed":
        ConnectStart._base_manager.update(used_at=timezone.now())
    if case == "old":
        ConnectStart._base_manager.update(created_at=timezone.now() - timedelta(minutes=11))
    if case == "connector":
        path = "/connect/stripe/callback/"
    answer = browser.get(path, {"code": "c", "state": state})
    assert answer.status_code == 400
    assert b"Nothing was connected" in answer.content
    assert service.exchanged == []


def test_a_denial_without_parameters_is_met_kindly(browser: Client, garden: Business, service: FakeService) -> None:
    press(browser, garden)
    answer = come_back(browser)
    assert answer.status_code == 200
    assert b"You chose not to allow" in answer.content
    assert service.exchanged == []


def test_a_bare_callback_out_of_nowhere_is_a_400(browser: Client) -> None:
    assert come_back(browser).status_code == 400


def test_access_denied_is_met_kindly(browser: Client, garden: Business) -> None:
    state = press(browser, garden)["state"]
    answer = come_back(browser, error="access_denied", state=state)
    assert answer.status_code == 200
    assert b"You chose not to allow" in answer.content


def test_a_start_from_the_marketplace_asks_first(browser: Client, garden: Business, service: FakeService) -> None:
    answer = come_back(browser, code="c")
    assert b"Connect Jobber to Garden" in answer.content
    assert service.exchanged == []


def test_a_used_code_says_so_and_offers_another_try(browser: Client, garden: Business, service: FakeService) -> None:
    service.exchange_error = AuthError("invalid_grant")
    answer = come_back(browser, code="c", state=press(browser, garden)["state"])
    assert answer.status_code == 400
    assert b"used already or is too old" in answer.content
    assert f"/b/{garden.pk}/connections/".encode() in answer.content


def test_a_service_that_is_down_says_so(browser: Client, garden: Business, service: FakeService) -> None:
    service.account_error = TransientError("Jobber is not available.")
    answer = come_back(browser, code="c", state=press(browser, garden)["state"])
    assert answer.status_code == 503


def test_an_account_of_another_business_is_refused_without_naming_it(
    browser: Client, garden: Business, service: FakeService
) -> None:
    connected(service, Business.objects.create(name="Secret Rival"))
    answer = come_back(browser, code="c", state=press(browser, garden)["state"])
    assert answer.status_code == 409
    assert b"connected to another business here" in answer.content
    assert b"Secret Rival" not in answer.content
    assert service.disconnected == []


@pytest.mark.parametrize("status", ["active", "needs_reconnect"])
def test_another_account_is_refused_and_the_old_one_kept(
    status: str, browser: Client, garden: Business, service: FakeService
) -> None:
    row = connected(service, garden, status=status)
    service.account = Account("acc-2", "Blue Pools")
    answer = come_back(browser, code="c", state=press(browser, garden)["state"])
    assert answer.status_code == 409
    assert b"Green Gardens" in answer.content
    assert b"Blue Pools" in answer.content
    assert Connection._base_manager.get().credentials_digest == row.credentials_digest


@pytest.mark.parametrize(("mode", "status"), [("live", 409), ("preview", 409), ("off", 302)])
def test_another_account_takes_no_place_that_a_sync_keeps_for_the_old_one(
    mode: str, status: int, browser: Client, garden: Business, service: FakeService
) -> None:
    with scope(business=garden):
        sync = factories.sync(garden, mode=mode)
        Connection.objects.filter(pk=sync.source_id).update(status="off", account_id="acc-1", account_name="Green")
    service.account = Account("acc-2", "Blue Pools")
    answer = come_back(browser, code="c", state=press(browser, garden)["state"])
    assert answer.status_code == status
    if status == 409:
        assert b"belongs to Green, but you signed in to Blue Pools" in answer.content
        assert not Connection._base_manager.filter(account_id="acc-2").exists()


@pytest.mark.parametrize("status", ["off", "needs_reconnect"])
def test_the_same_account_comes_back_to_its_row(
    status: str, browser: Client, garden: Business, service: FakeService, parking: MagicMock
) -> None:
    row = connected(service, garden, status=status)
    come_back(browser, code="c", state=press(browser, garden)["state"])
    again = Connection._base_manager.get()
    assert (again.pk, again.status) == (row.pk, "active")
    parking.unpark.assert_called_once()


def test_a_pasted_key_is_checked_and_stored(browser: Client, garden: Business, service: FakeService) -> None:
    address = f"/b/{garden.pk}/connections/jobber/key/"
    wrong = browser.post(address, {"key": "sk_live_wrong"})
    assert b"restricted key" in wrong.content
    assert b"sk_live_wrong" not in wrong.content
    assert browser.post(address, {"key": "rk_test_good"}).status_code == 302


def test_a_mistyped_key_was_never_accepted(browser: Client, garden: Business, service: FakeService) -> None:
    service.account_error = AuthError("Jobber no longer accepts our access: Invalid API Key provided")
    answer = browser.post(f"/b/{garden.pk}/connections/jobber/key/", {"key": "rk_test_mistyped"})
    assert answer.status_code == 400
    said = answer.content.decode()
    assert f"{service.name} does not accept this key" in said
    assert f"Copy the key again in {service.name}" in said
    assert "no longer" not in said


@pytest.mark.parametrize("role", ["office", "staff", "support", "read_only"])
def test_only_owners_connect(role: str, browser: Client, garden: Business, owner: User, service: FakeService) -> None:
    row = connected(service, garden)
    Membership.objects.filter(user=owner).update(role=role)
    for path in ("jobber/start/", "jobber/key/", f"{row.pk}/disconnect/"):
        assert browser.post(f"/b/{garden.pk}/connections/{path}").status_code == 403
    assert Connection._base_manager.get().status == "active"


def test_starting_and_disconnecting_need_a_post(browser: Client, garden: Business, service: FakeService) -> None:
    row = connected(service, garden)
    for path in ("jobber/start/", f"{row.pk}/disconnect/"):
        assert browser.get(f"/b/{garden.pk}/connections/{path}").status_code == 405


def test_strangers_find_no_such_business(browser: Client, service: FakeService) -> None:
    other = Business.objects.create(name="Other")
    row = connected(service, other)
    for path in ("", f"{row.pk}/"):
        assert browser.get(f"/b/{other.pk}/connections/{path}").status_code == 404


@pytest.mark.parametrize("error", [None, UnknownOutcome("No answer."), TransientError("Down.")])
def test_disconnecting_forgets_the_tokens_whatever_the_service_says(
    error: Exception | None, browser: Client, garden: Business, service: FakeService, parking: MagicMock
) -> None:
    row = connected(service, garden)
    service.disconnect_error = error
    answer = browser.post(f"/b/{garden.pk}/connections/{row.pk}/disconnect/", follow=True)
    row = Connection._base_manager.get()
    assert (row.status, row.credentials_digest, bool(row.credentials)) == ("off", "", False)
    assert (b"could not be told" in answer.content) == bool(error)
    parking.park.assert_called_once()


def test_a_goodbye_from_the_service_forgets_the_tokens(
    garden: Business, service: FakeService, parking: MagicMock
) -> None:
    row = connected(service, garden)
    connect.disconnected_by_service(row, "Late.", occurred_at=timezone.now() - timedelta(hours=1))
    assert row.status == "active"
    connect.disconnected_by_service(row, "Disconnected in Jobber.")
    row = Connection._base_manager.get()
    assert (row.status, bool(row.credentials)) == ("off", False)
    with pytest.raises(AuthError):
        tokens.current(row)


def test_the_report_names_a_service_that_is_down(browser: Client, garden: Business, service: FakeService) -> None:
    row = connected(service, garden)
    service.doctor_error = TransientError("No answer.")
    answer = browser.get(f"/b/{garden.pk}/connections/{row.pk}/")
    assert b"Jobber does not answer" in answer.content
    assert b"Green Gardens" in answer.content
    assert b"May change invoices: not given" in answer.content
    assert b"write_invoices" not in answer.content


def test_the_page_lets_the_browser_go_on_to_the_consent_page(browser: Client, garden: Business) -> None:
    answer = browser.get(f"/b/{garden.pk}/connections/")
    assert "form-action 'self' https://fake.example" in answer.headers["Content-Security-Policy"]


def test_the_report_speaks_plainly(browser: Client, garden: Business, service: FakeService) -> None:
    row = connected(service, garden, country="AU", account_id="Z2lkOi8vSm9iYmVyL0FjY291bnQvMQ==")
    html = browser.get(f"/b/{garden.pk}/connections/{row.pk}/").content.decode()
    before, hidden = html.split("Details for support")
    assert "<dd>Australia</dd>" in before
    assert "Z2lkOi8v" not in before
    assert "Z2lkOi8v" in hidden
    assert "May see clients" in html
    assert "<dt>Kind</dt><dd>Live</dd>" in html


def test_a_sandbox_says_that_nothing_in_it_is_real(
    browser: Client, garden: Business, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = connected(service, garden)
    url = Setting("FAKE_URL", "Where it answers.", "https://api.fake.example", "url")
    monkeypatch.setattr(FakeService, "settings", (url,))
    for answers_at, kind in (("http://127.0.0.1:8001/", "A sandbox: nothing in it is real"), (url.default, "Live")):
        service.config = {"FAKE_URL": answers_at}
        html = browser.get(f"/b/{garden.pk}/connections/{row.pk}/").content.decode()
        assert f"<dt>Kind</dt><dd>{kind}</dd>" in html


def test_a_disconnected_account_says_it_in_one_sentence(
    browser: Client, garden: Business, service: FakeService
) -> None:
    connected(service, garden, status="off", status_reason="Disconnected here.", status_since=timezone.now())
    html = browser.get(f"/b/{garden.pk}/connections/").content.decode()
    assert "was disconnected: Disconnected here." in html
    assert "</time>. " not in html
