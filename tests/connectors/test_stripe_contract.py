"""Requests of the connector and answers of the stand-in, held to Stripe's published types."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from connectors.sandbox.running import running
from connectors.stripe import customers
from connectors.stripe.kinds import KINDS
from connectors.stripe.resources import FIELDS
from connectors.stripe.transport import Transport
from tests.connectors import stripe_bills as bills
from tests.connectors.stripe_calls import COASTLINE, EMPTY, HARBOUR, PLATFORM, Calls, needed_contract

pytestmark = pytest.mark.sandbox
#: One value for each path that the catalogue calls writable.
WHOLE = {
    "name": "Zoë & Söhne", "business_name": "Söhne Pty Ltd", "individual_name": "Zoë", "email": "zoe@example.com",
    "phone": "+61412345678", "description": "Note", "address.line1": "1 High St", "address.line2": "Unit 2",
    "address.city": "Perth", "address.state": "WA", "address.postal_code": "6000", "address.country": "AU",
    "metadata.jobber_client_id": "42", "metadata.gate code": "#1",
}  # fmt: skip
BY_THE_DOCTOR = {
    ("GET", "/v1/invoices"), ("POST", "/v1/invoices/in_none"), ("POST", "/v1/tax_rates/txr_none"),
    ("GET", "/v1/payment_intents"), ("GET", "/v1/charges"), ("GET", "/v1/disputes"),
}  # fmt: skip


@pytest.fixture(scope="module")
def contract() -> ModuleType:
    return needed_contract()


@pytest.fixture
def stripe() -> Iterator[Calls]:
    with running({"SANDBOX_LIMITS": "off"}) as found:
        yield Calls(found)


class Wire:
    """What the package sends, as (method, path, parameters), read off the transport."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[tuple[str, str, list[tuple[str, str]]]] = []
        through = Transport.request

        def request(
            transport: Transport, method: str, url: str, headers: Any, post_data: Any = None, **more: Any
        ) -> Any:
            parts = urlsplit(url)
            text = post_data if method == "post" else parts.query
            path = parts.path.removeprefix("/stripe")
            self.sent.append((method.upper(), path, parse_qsl(text or "", keep_blank_values=True)))
            return through(transport, method, url, headers, post_data, **more)

        monkeypatch.setattr(Transport, "request", request)


def test_every_call_of_the_connector_is_one_that_stripe_takes(
    contract: ModuleType, stripe: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire, session = Wire(monkeypatch), stripe.session()
    session.account()
    session.doctor()
    made = session.create("customers", WHOLE, key="k1", deadline=time.monotonic() + 10).record
    session.update("customers", made.id, dict.fromkeys(WHOLE, ""), key="k2", deadline=time.monotonic() + 10)
    session.update("customers", made.id, {"address.city": None}, key="k3", deadline=time.monotonic() + 10)
    session.page("customers", updated_since=datetime.now(UTC) - timedelta(days=1))
    session.page("customers", '{"starting_after": "' + made.id + '", "seconds": 1}')
    session.fetch("customers", [made.id])
    session.find_by_email("customers", "jane@example.com")
    problems = {f"{m} {p} {pairs}": contract.check_params(m, p, pairs) for m, p, pairs in wire.sent}
    assert {call: found for call, found in problems.items() if found} == {}
    assert {(m, p.rpartition("cus_")[1] or p) for m, p, _ in wire.sent} == {
        ("GET", "/v1/account"), ("GET", "/v1/customers"), ("POST", "/v1/customers"), ("GET", "cus_"), ("POST", "cus_"),
        *BY_THE_DOCTOR,
    }  # fmt: skip


def test_every_call_about_invoices_and_payments_is_one_that_stripe_takes(
    contract: ModuleType, stripe: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    whose, paid = stripe.create(name="Ann")["id"], bills.charged(stripe, "pm_card_createDispute")
    wire, session, moment = Wire(monkeypatch), stripe.session(), time.time()
    keys = (f"k{n}" for n in count())

    def made(resource: str, **data: Any) -> str:
        return session.create(resource, data, key=next(keys), deadline=time.monotonic() + 10).record.id

    def act(action: str, to: str, **data: Any) -> dict[str, Any]:
        return session.act("invoices", to, action, data, key=next(keys), deadline=time.monotonic() + 10).record.data

    rate = made("tax_rates", name="GST", percent="10", inclusive=True, country="AU", active=True)
    data = {"customer": whose, "currency": "AUD", "collection_method": "send_invoice", "due_date": int(moment) + 9999}
    one, two, three, four = (made("invoices", **data) for _ in range(4))
    row = {"description": "Work", "quantity_decimal": "1.5", "unit_amount_decimal": "2070.5", "tax_rates": [rate]}
    rows = act("add_lines", one, lines=[row] * 12 + [row | {"unit_amount_decimal": "-1"}])["lines"]
    act("update_lines", one, lines=[{"id": rows[0]["id"], "description": "Other", "tax_rates": []}])
    act("remove_lines", one, ids=[rows[1]["id"]])
    session.update("invoices", one, {"description": "", "custom_fields": []}, key="u", deadline=time.monotonic() + 10)
    for each in (two, three):
        act("add_lines", each, lines=[row])
    for each in (one, two, three):
        act("finalize", each)
    act("send", one)
    elsewhere = made("payment_records", amount=100, currency="AUD", initiated_at=int(moment) - 9, metadata={"a": "b"})
    act("attach_payment", one, payment_record=elsewhere)
    act("pay_out_of_band", one)
    act("mark_uncollectible", two)
    act("void", three)
    act("delete", four)
    since = datetime.now(UTC) - timedelta(days=1)
    for resource in ("invoices", "tax_rates", "payment_records"):
        session.page(resource, updated_since=since)
    after = session.page("payments", updated_since=since).next_cursor
    session.page("payments", after)
    session.fetch("payments", [paid["id"], paid["latest_charge"]])
    held = [(m, p, pairs) for m, p, pairs in wire.sent if not p.startswith("/v1/payment_records")]
    problems = {f"{m} {p} {pairs}": contract.check_params(m, p, pairs) for m, p, pairs in held}
    assert {call: found for call, found in problems.items() if found} == {}
    assert {p.partition(one)[2] for m, p, _ in held if m == "POST" and one in p} == {
        "", "/add_lines", "/update_lines", "/remove_lines", "/finalize", "/send", "/attach_payment", "/pay",
    }  # fmt: skip
    assert {p for m, p, _ in held if m == "GET"} >= {
        "/v1/invoices", f"/v1/invoices/{one}/lines", "/v1/tax_rates", "/v1/payment_intents", "/v1/charges",
        "/v1/invoice_payments", "/v1/disputes", f"/v1/payment_intents/{paid['id']}",
    }  # fmt: skip


def test_every_writable_field_is_sent_and_comes_back(stripe: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    writable = {f.path for f in customers.FIELDS if f.writable and not f.path.endswith("*")}
    assert writable <= WHOLE.keys()
    made = stripe.session(EMPTY).create("customers", WHOLE, key="k", deadline=time.monotonic() + 10).record
    assert {path: made.data[path] for path in WHOLE} == WHOLE


def test_the_length_limits_of_the_catalogue_are_stripes(stripe: Calls) -> None:
    """One character more than the catalogue says is refused, as many as it says are taken."""
    stripe = stripe.as_(EMPTY)
    whose, rate = stripe.create(name="Ann")["id"], {"percentage": "10", "inclusive": "true", "display_name": "GST"}
    needed: dict[str, dict[str, str]] = {"customers": {}, "invoices": {"customer": whose}, "tax_rates": rate}
    for resource, form in needed.items():
        for field in FIELDS[resource]:
            if not field.max_length or field.path in {"address.country", "country", "currency", "email"}:
                continue
            head, _, tail = field.path.replace("*", "key").partition(".")
            name = KINDS[resource].names.get(head, head)
            param = f"{name}[{tail}]" if tail else name
            for length, status in ((field.max_length, 200), (field.max_length + 1, 400)):
                assert stripe.post(resource, **(form | {param: "x" * length})).status_code == status, field.path


def test_the_checker_would_notice(contract: ModuleType, stripe: Calls) -> None:
    """The tests above can fail: a missing key, a wrong type and an unknown parameter are found."""
    found = stripe.create(name="A")
    assert contract.check_object(found) == []
    assert contract.check_object({k: v for k, v in found.items() if k != "invoice_settings"})
    assert contract.check_object(found | {"balance": "none"})
    assert contract.check_params("POST", "/v1/customers", [("first_name", "Jane")])


def test_every_answer_of_the_stand_in_is_one_of_stripes(contract: ModuleType, stripe: Calls) -> None:
    stripe.connect(account=COASTLINE)
    made = stripe.create(**{"name": "A", "shipping[name]": "A", "shipping[address][line1]": "1 High St"})
    at = f"customers/{made['id']}"
    stripe.post(at, **{"invoice_settings[rendering_options][amount_tax_display]": "include_inclusive_tax"})
    stripe.send("DELETE", at)
    stripe.get(at)
    stripe.get("customers", limit=100, **{"expand[]": "data.tax_ids"})
    stripe.forward(30)
    assert stripe.get("customers/search", query="name~'a'")["data"]
    stripe.http.post(f"{stripe.url}/accounts/1", data={"do": "require", "value": "external_account"})
    stripe.http.post(f"{stripe.url}/accounts/1", data={"do": "charges_enabled", "value": "off"})
    found = stripe.get("events", limit=100)["data"]
    assert {e["type"] for e in found} == {
        "customer.created", "customer.updated", "customer.deleted", "account.updated",
    }  # fmt: skip
    for event in found:
        assert contract.check_object(event) == []
        assert contract.check_object(event["data"]["object"]) == []
    platform = stripe.as_(PLATFORM, **{"Stripe-Account": COASTLINE})
    assert platform.get("account")["id"] == COASTLINE
    assert stripe.as_(PLATFORM).get(f"accounts/{COASTLINE}")["id"] == COASTLINE
    assert stripe.as_(PLATFORM).send("GET", f"accounts/{HARBOUR}").status_code == 403


def test_the_sign_in_answers_are_stripes(contract: ModuleType, stripe: Calls) -> None:
    assert contract.check_response("POST", "/oauth/token", stripe.connect()) == []
    assert contract.check_response("POST", "/oauth/deauthorize", stripe.let_go().json()) == []


def test_the_events_told_are_types_that_stripe_has(contract: ModuleType, stripe: Calls) -> None:
    known = contract.DOC["events"]
    for kind in ("authorized", "deauthorized"):
        assert known[f"account.application.{kind}"] == "Application"
    for kind in ("created", "updated", "deleted"):
        assert known[f"customer.{kind}"] == "Customer"
    assert known["account.updated"] == "Account"
    assert contract.DOC["api_version"] == stripe.send("GET", "account").headers["stripe-version"]
