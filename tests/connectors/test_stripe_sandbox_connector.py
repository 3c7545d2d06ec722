"""The Stripe connector itself against the stand-in, as a business's connection uses it."""

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors import http, registry
from connectors.base import Connector, Credentials, Secret, Session
from connectors.errors import (
    AuthError,
    ContractError,
    MissingError,
    RateLimited,
    RejectedError,
    ScopeError,
    TransientError,
    UnknownOutcome,
)
from connectors.sandbox.running import running
from connectors.stripe import pacing
from connectors.stripe.transport import Transport
from tests.connectors.stripe_calls import CALLBACK, EMPTY, HARBOUR, PLATFORM, Calls, arguments, environ

pytestmark = pytest.mark.sandbox


@pytest.fixture(autouse=True)
def fresh_pacers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test learns of an account's limits is nothing to the next."""
    monkeypatch.setattr(pacing, "_pacers", {})


@pytest.fixture
def stripe() -> Iterator[Calls]:
    with running({"SANDBOX_LIMITS": "off"}) as found:
        yield Calls(found)


def soon() -> float:
    return time.monotonic() + 10


def by(stripe: Calls, method: str) -> tuple[Connector, Credentials]:
    """Connected as a person would, through the connector's own addresses."""
    connector = stripe.connector()
    address = connector.authorize_url(method, redirect_uri=CALLBACK, state="s-1")
    answer = stripe.http.post(address, data={"account": "1", "decision": "allow"})
    told = arguments(answer)
    assert told["state"] == "s-1"
    return connector, connector.exchange(method, code=told["code"], redirect_uri=CALLBACK)


def fault(stripe: Calls, kind: str, **settings: float | str) -> None:
    stripe.running.sandbox.frame.faults.add(kind, service="stripe", **settings)


@pytest.mark.parametrize("method", ["connect", "apps"])
def test_connecting_gives_a_session_of_that_account(stripe: Calls, method: str) -> None:
    connector, credentials = by(stripe, method)
    assert (credentials.account_id, credentials.livemode) == (HARBOUR, False)
    assert (credentials.expires_at is not None) == (method == "apps")
    account = connector.open(credentials).account()
    assert (account.id, account.name, account.country, account.currency) == (HARBOUR, "Harbour Plumbing", "AU", "AUD")
    assert not account.livemode


def test_connect_acts_with_the_platforms_key_and_stores_nothing_else(stripe: Calls) -> None:
    connector, credentials = by(stripe, "connect")
    made = connector.open(credentials).create("customers", {"name": "A"}, key="k", deadline=soon())
    assert stripe.get(f"customers/{made.record.id}")["name"] == "A"
    assert credentials.refresh_token == Secret("")


def test_a_pasted_key_gives_a_session_too(stripe: Calls) -> None:
    connector = stripe.connector()
    session = connector.open(connector.from_key("key", " rk_test_sandbox_1_write "))
    assert session.account().id == HARBOUR
    assert all(check.ok is not False for check in session.doctor())


def test_the_doctor_finds_what_is_wrong(stripe: Calls) -> None:
    page = f"{stripe.url}/accounts/1"
    stripe.http.post(page, data={"do": "charges_enabled", "value": "off"})
    stripe.http.post(page, data={"do": "payouts_enabled", "value": "off"})
    stripe.http.post(page, data={"do": "require", "value": "company.tax_id"})
    checks = {c.label: c for c in stripe.session("rk_test_sandbox_1_read").doctor()}
    wrong = {label for label, check in checks.items() if check.ok is False}
    assert wrong == {
        "Can take payments", "Can pay out to your bank", "Nothing missing at Stripe", "May change customers",
        "May change invoices", "May change tax rates",
    }  # fmt: skip
    assert "1 more detail." in checks["Nothing missing at Stripe"].detail
    assert all(checks[f"May read {what}"].ok for what in ("customers", "invoices", "payments"))
    assert "rak_invoice_write" in checks["May change invoices"].detail
    assert checks["May change invoices"].next_step == "Give the key read and write access to invoices."
    assert all(check.next_step for check in checks.values() if check.ok is False)
    assert "rk_test_sandbox_1_read" not in f"{checks}"


def test_the_doctor_changes_nothing(stripe: Calls) -> None:
    before = stripe.everything(limit=100)
    assert sum(check.label.startswith("May change ") and bool(check.ok) for check in stripe.session().doctor()) == 3
    assert stripe.everything(limit=100) == before
    assert stripe.get("events")["data"] == []


def test_reading_all_by_pages_leaves_none_out(stripe: Calls) -> None:
    stripe = stripe.as_(EMPTY)
    made = [stripe.create(name=f"N{n}")["id"] for n in range(230)]
    session, found, cursor = stripe.session(EMPTY), [], None
    while True:
        page = session.page("customers", cursor)
        found += [r.id for r in page.records]
        cursor = page.next_cursor
        if cursor is None:
            break
        stripe.create(name="meanwhile")
    assert found == made[::-1]


def test_a_cursor_whose_customer_is_unknown_goes_on_from_its_time(stripe: Calls) -> None:
    stripe = stripe.as_(EMPTY)
    for _ in range(130):
        stripe.create(name="A")
        stripe.forward(1)
    first = stripe.session(EMPTY).page("customers")
    assert first.next_cursor
    cursor = first.next_cursor.replace(first.records[-1].id, "cus_gone")
    rest = stripe.session(EMPTY).page("customers", cursor)
    ids = {r.id for r in (*first.records, *rest.records)}
    assert len(ids) == 130


def test_reading_since_a_moment(stripe: Calls) -> None:
    stripe.forward(3600)
    made = stripe.create(name="new")
    since = datetime.now(UTC) + timedelta(minutes=30)
    assert [r.id for r in stripe.session().page("customers", updated_since=since).records] == [made["id"]]


def test_create_update_and_clear(stripe: Calls) -> None:
    session = stripe.session(EMPTY)
    data = {
        "name": "A", "email": "A@example.com", "phone": "", "address.city": "Perth", "address.line1": "1 High St",
        "metadata.jobber_client_id": "42", "metadata.gate": "#1",
    }  # fmt: skip
    made = session.create("customers", data, key="k-1", deadline=soon())
    assert (made.replayed, made.request_id[:4]) == (False, "req_")
    assert made.record.data["address.city"] == "Perth"
    assert "phone" not in made.record.data
    assert made.record.references == {"jobber_client_id": "42"}
    assert made.record.email == "a@example.com"
    again = session.create("customers", data, key="k-1", deadline=soon())
    assert (again.replayed, again.record.id) == (True, made.record.id)
    change = {"name": "B", "address.city": None, "metadata.gate": ""}
    after = session.update("customers", made.record.id, change, key="k-2", deadline=soon()).record
    assert after.data["name"] == "B"
    assert after.data["address.line1"] == "1 High St"
    assert not {"address.city", "metadata.gate"} & after.data.keys()
    assert session.fetch("customers", [made.record.id])[made.record.id] == after


def test_fetching_many_tells_the_gone_ones(stripe: Calls) -> None:
    ids = [stripe.create(name=f"N{n}")["id"] for n in range(5)]
    stripe.send("DELETE", f"customers/{ids[2]}")
    found = stripe.session().fetch("customers", [*ids, "cus_none"])
    assert [r.label if r else None for r in found.values()] == ["N0", "N1", None, "N3", "N4", None]


@pytest.mark.parametrize("spelling", ["jane.citizen@example.com", "Jane.Citizen@Example.com"])
def test_an_email_is_found_as_it_was_typed(stripe: Calls, spelling: str) -> None:
    made = stripe.create(email=spelling)
    stripe.create(email="jane.citizen2@example.com")
    found = stripe.session().find_by_email("customers", spelling)
    assert [(r.id, r.email) for r in found] == [(made["id"], "jane.citizen@example.com")]


def test_every_customer_of_an_email_is_found_once(stripe: Calls) -> None:
    made = {stripe.create(email=e)["id"] for e in ("o'neil@example.com", "O'Neil@example.com", "o'neil@example.com")}
    found = stripe.session().find_by_email("customers", "O'Neil@example.com")
    assert len(found) == 3
    assert {r.id for r in found} == made
    assert stripe.session().find_by_email("customers", "nobody@example.com") == []


def test_an_app_token_is_refreshed_and_the_old_one_is_spent(stripe: Calls) -> None:
    connector, first = by(stripe, "apps")
    stripe.forward(3601)
    with pytest.raises(AuthError):
        connector.open(first).account()
    second = connector.refresh(first, deadline=math.inf)
    assert connector.open(second).account().id == HARBOUR
    assert second.refresh_token != first.refresh_token
    with pytest.raises(AuthError):
        connector.refresh(first, deadline=math.inf)


def test_a_lost_answer_to_a_refresh_is_an_unknown_outcome(stripe: Calls) -> None:
    connector, first = by(stripe, "apps")
    fault(stripe, "reset_after", operation="POST apps/oauth/token")
    with pytest.raises(UnknownOutcome):
        connector.refresh(first, deadline=math.inf)
    with pytest.raises(AuthError):
        connector.refresh(first, deadline=math.inf)


def test_disconnecting_ends_the_access_and_may_be_repeated(stripe: Calls) -> None:
    connector, credentials = by(stripe, "connect")
    connector.disconnect(credentials)
    with pytest.raises(AuthError) as refusal:
        connector.open(credentials).account()
    assert not isinstance(refusal.value, ScopeError)
    connector.disconnect(credentials)


def test_our_own_wrong_key_is_not_the_businesss_fault(stripe: Calls) -> None:
    _, credentials = by(stripe, "apps")
    wrong = registry.configured("stripe", environ(stripe.running.url) | {"STRIPE_SECRET_KEY": "sk_test_wrong"})
    for call in (lambda: wrong.refresh(credentials, deadline=math.inf), lambda: wrong.disconnect(credentials)):
        with pytest.raises(RejectedError):
            call()


@pytest.mark.parametrize("code", ["ac_none", "used"])
def test_a_code_that_is_none_is_refused(stripe: Calls, code: str) -> None:
    connector = stripe.connector()
    if code == "used":
        code = stripe.code()
        connector.exchange("connect", code=code, redirect_uri=CALLBACK)
    with pytest.raises(AuthError):
        connector.exchange("connect", code=code, redirect_uri=CALLBACK)


def create(session: Session, **data: str) -> None:
    session.create("customers", data or {"name": "A"}, key="k", deadline=soon())


@pytest.mark.parametrize(
    ("kind", "error", "spent", "made"),
    [
        ("500", UnknownOutcome, True, 0),
        ("503", UnknownOutcome, True, 0),
        ("500_after", UnknownOutcome, True, 1),
        ("reset", UnknownOutcome, False, 0),
        ("reset_after", UnknownOutcome, False, 1),
        ("truncate", UnknownOutcome, False, 1),
        ("html", UnknownOutcome, False, 1),
    ],
)
def test_what_a_lost_write_is_called(
    stripe: Calls, kind: str, error: type[UnknownOutcome], spent: bool, made: int
) -> None:
    fault(stripe, kind, operation="POST customers")
    with pytest.raises(error) as lost:
        create(stripe.session(EMPTY))
    assert lost.value.spent == spent
    assert len(stripe.as_(EMPTY).everything()) == made


@pytest.mark.parametrize("kind", ["500", "503", "reset", "reset_after", "truncate", "html"])
def test_a_lost_read_had_no_effect(stripe: Calls, kind: str) -> None:
    fault(stripe, kind, operation="GET customers")
    with pytest.raises(TransientError) as lost:
        stripe.session().page("customers")
    assert not isinstance(lost.value, UnknownOutcome)
    assert stripe.session().page("customers").records


def test_a_429_is_waited_out_and_tried_again(stripe: Calls) -> None:
    fault(stripe, "429", operation="POST customers", times=2)
    create(stripe.session(EMPTY))
    assert stripe.count("POST customers") == 3
    assert len(stripe.as_(EMPTY).everything()) == 1


def test_a_429_past_the_deadline_is_told(stripe: Calls) -> None:
    fault(stripe, "429", operation="POST customers", times=100)
    with pytest.raises(RateLimited):
        stripe.session(EMPTY).create("customers", {"name": "A"}, key="k", deadline=time.monotonic() + 0.3)
    assert stripe.as_(EMPTY).everything() == []


def test_nobody_there_is_no_effect() -> None:
    connector = registry.configured("stripe", environ("http://127.0.0.1:9"))
    session = connector.open(Credentials("key", Secret("rk_test_x"), livemode=False))
    with pytest.raises(TransientError) as lost:
        create(session)
    assert not isinstance(lost.value, UnknownOutcome)


def test_refusals_name_the_field(stripe: Calls) -> None:
    session = stripe.session(EMPTY)
    with pytest.raises(RejectedError) as refusal:
        create(session, email="none")
    assert (refusal.value.field, refusal.value.code) == ("email", "email_invalid")
    with pytest.raises(RejectedError) as refusal:
        create(session, **{"metadata.note": "x" * 501})
    assert refusal.value.field == "metadata.note"
    with pytest.raises(MissingError):
        session.update("customers", "cus_none", {"name": "A"}, key="k2", deadline=soon())


def test_one_key_with_two_requests_is_our_own_mistake(stripe: Calls) -> None:
    session = stripe.session(EMPTY)
    create(session, name="A")
    with pytest.raises(ContractError):
        create(session, name="B")


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'"yes"', b"null", b'{"id": "cus_1"}', b'{"id": "cus_1", "created": "x"}']
)
def test_an_answer_of_another_shape_never_passes_for_a_record(
    stripe: Calls, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    session = stripe.session(EMPTY)
    monkeypatch.setattr(Transport, "request", lambda *args, **kwargs: (body, 200, {"Request-Id": "req_1"}))
    with pytest.raises(UnknownOutcome):
        create(session)
    for read in (lambda: session.page("customers"), lambda: session.fetch("customers", ["cus_1"])):
        with pytest.raises(ContractError):
            read()


def test_an_endless_answer_is_cut_off(stripe: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_BYTES", 2000)
    session = stripe.session()
    with pytest.raises(ContractError):
        session.page("customers")
    monkeypatch.setattr(http, "MOST_BYTES", 100)
    with pytest.raises(UnknownOutcome):
        create(session)


def test_access_errors_are_told_apart(stripe: Calls) -> None:
    with pytest.raises(ScopeError, match="rak_customer_write"):
        create(stripe.session("rk_test_sandbox_1_read"))
    with pytest.raises(AuthError) as refusal:
        stripe.session("rk_test_nobody").account()
    assert not isinstance(refusal.value, ScopeError)
    assert "rk_test_nobody" not in f"{refusal.value}"


def test_a_wrong_address_is_no_proof_that_a_record_is_gone(stripe: Calls) -> None:
    lost = environ(stripe.running.url) | {"STRIPE_API_URL": f"{stripe.running.url}/nowhere"}
    session = registry.configured("stripe", lost).open(Credentials("key", Secret(EMPTY), livemode=False))
    with pytest.raises(ContractError):
        session.fetch("customers", ["cus_1"])


def test_the_consent_address_carries_what_stripe_needs(stripe: Calls) -> None:
    asked = parse_qs(urlsplit(stripe.connector().authorize_url("connect", redirect_uri=CALLBACK, state="s")).query)
    assert asked == {
        "response_type": ["code"], "client_id": ["ca_sandbox"], "redirect_uri": [CALLBACK], "state": ["s"],
        "scope": ["read_write"],
    }  # fmt: skip
    assert PLATFORM not in f"{asked}"
