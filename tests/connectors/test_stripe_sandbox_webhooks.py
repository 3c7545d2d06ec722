"""The Stripe stand-in's webhooks, taken as the portal takes them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.base import NoticeKind
from connectors.errors import SignatureError
from connectors.sandbox.running import running
from connectors.stripe import webhooks
from connectors.stripe.sandbox.events import signature
from tests.connectors.letterbox import Letterbox, letterbox
from tests.connectors.stripe_calls import HARBOUR, PLATFORM, Calls, contract, eventually

pytestmark = pytest.mark.sandbox
SECRET = "whsec_sandbox"


@pytest.fixture
def box() -> Iterator[Letterbox]:
    with letterbox() as found:
        yield found


@pytest.fixture
def stripe(box: Letterbox) -> Iterator[Calls]:
    """Harbour Plumbing is connected."""
    with running({"SANDBOX_LIMITS": "off", "SANDBOX_PORTAL_URL": box.url}, seed="empty") as found:
        calls = Calls(found)
        answer = calls.consent(redirect_uri=f"{box.url}/connect/stripe/callback/")
        code = answer.headers["location"].partition("code=")[2].partition("&")[0]
        calls.token(grant_type="authorization_code", code=code)
        yield calls


def letters(box: Letterbox, count: int) -> list[dict[str, Any]]:
    eventually(lambda: len(box.letters) >= count)
    return [json.loads(body) for body in box.bodies]


def test_an_edit_arrives_signed_and_says_what_to_look_at(stripe: Calls, box: Letterbox) -> None:
    made = stripe.create("key-1", name="A", email="A@example.com")
    eventually(lambda: box.letters)
    path, body, headers = box.letters[0]
    assert path == "/webhooks/stripe/"
    webhooks.verify(body, headers, [SECRET])
    notice = webhooks.parse(body)
    assert (notice.topic, notice.kind, notice.resource) == ("customer.created", NoticeKind.CHANGED, "customers")
    assert (notice.account_id, notice.record_id, notice.write_key) == (HARBOUR, made["id"], "key-1")
    assert notice.hint is not None
    assert (notice.hint.id, notice.hint.email) == (made["id"], "a@example.com")
    if held := contract():
        assert held.check_object(json.loads(body)) == []


@pytest.mark.parametrize("place", [0, 40, -1])
def test_one_flipped_byte_is_refused(stripe: Calls, box: Letterbox, place: int) -> None:
    stripe.create(name="A")
    eventually(lambda: box.letters)
    _, body, headers = box.letters[0]
    broken = bytearray(body)
    broken[place] ^= 1
    with pytest.raises(SignatureError):
        webhooks.verify(bytes(broken), headers, [SECRET])
    with pytest.raises(SignatureError):
        webhooks.verify(body, headers, ["whsec_other"])
    with pytest.raises(SignatureError):
        webhooks.verify(body, {}, [SECRET])


def test_while_a_secret_is_rolled_both_are_good() -> None:
    import time

    header = {"Stripe-Signature": signature(b"{}", int(time.time()), ["whsec_new", "whsec_old"])}
    webhooks.verify(b"{}", header, ["whsec_old"])
    webhooks.verify(b"{}", header, ["whsec_new"])
    stale = {"Stripe-Signature": signature(b"{}", int(time.time()) - 310, ["whsec_new"])}
    with pytest.raises(SignatureError):
        webhooks.verify(b"{}", stale, ["whsec_new"])


def test_every_kind_of_event_is_told(stripe: Calls, box: Letterbox) -> None:
    page = f"{stripe.url}/accounts/1"
    at = f"customers/{stripe.create(name='A')['id']}"
    stripe.post(at, name="B")
    stripe.send("DELETE", at)
    stripe.http.post(page, data={"do": "payouts_enabled", "value": "off"})
    stripe.http.post(page, data={"do": "require", "value": "company.tax_id"})
    stripe.let_go()
    found = letters(box, 6)
    kinds = {e["type"]: webhooks.parse(json.dumps(e).encode()).kind for e in found}
    assert kinds == {
        "customer.created": NoticeKind.CHANGED,
        "customer.updated": NoticeKind.CHANGED,
        "customer.deleted": NoticeKind.DELETED,
        "account.updated": NoticeKind.ACCOUNT,
        "account.application.deauthorized": NoticeKind.DISCONNECTED,
    }
    told = [e["data"]["previous_attributes"] for e in found if e["type"] == "account.updated"]
    assert {"payouts_enabled": True} in told
    assert any("currently_due" in each.get("requirements", {}) for each in told)
    assert all(e["account"] == HARBOUR for e in found)


def test_only_connected_accounts_are_told_of(stripe: Calls, box: Letterbox) -> None:
    stripe.as_("sk_test_operator_2").create(name="unheard")
    stripe.let_go()
    eventually(lambda: box.letters)
    stripe.create(name="unheard too")
    stripe.connect(redirect_uri=f"{box.url}/connect/stripe/callback/")
    stripe.create(name="heard")
    found = letters(box, 2)
    assert [e["data"]["object"].get("name") for e in found] == ["Fieldbridge", "heard"]
    assert "account.application.authorized" in {e["type"] for e in stripe.get("events")["data"]}


def test_a_delivery_that_is_not_taken_comes_again_signed_anew(stripe: Calls, box: Letterbox) -> None:
    box.answers += [500, 0]
    stripe.create(name="A")
    eventually(lambda: box.letters)
    assert len(stripe.get("events", delivery_success="false", type="customer.created")["data"]) == 1
    stripe.forward(2)
    eventually(lambda: len(box.letters) >= 2)
    stripe.forward(5)
    eventually(lambda: len(box.letters) >= 3)
    assert len(set(box.bodies)) == 1
    assert len({headers["Stripe-Signature"] for _, _, headers in box.letters}) == 3
    webhooks.verify(box.letters[-1][1], box.letters[-1][2], [SECRET])
    eventually(lambda: not stripe.get("events", delivery_success="false", type="customer.created")["data"])
    taken = stripe.get("events", delivery_success="true", type="customer.created")["data"]
    assert [e["pending_webhooks"] for e in taken] == [0]


def test_what_the_platform_writes_is_told_like_anybodys_edit(stripe: Calls, box: Letterbox) -> None:
    stripe.as_(PLATFORM, **{"Stripe-Account": HARBOUR}).create("fb-1", name="A")
    assert letters(box, 1)[0]["request"]["idempotency_key"] == "fb-1"


def test_a_persons_edit_on_the_control_page_is_told_without_a_key(stripe: Calls, box: Letterbox) -> None:
    made = stripe.create(name="A", email="a@example.com")
    form = {"name": "B", "email": "a@example.com", "metadata": "gate: 12"}
    stripe.http.post(f"{stripe.url}/accounts/1/customers/{made['id']}", data=form)
    updated = next(e for e in letters(box, 2) if e["type"] == "customer.updated")
    assert updated["data"]["previous_attributes"] == {"name": "A", "metadata": {"gate": None}}
    assert updated["request"]["idempotency_key"] is None


def test_an_invoices_steps_arrive_and_say_which_invoice(stripe: Calls, box: Letterbox) -> None:
    made = stripe.post("invoices", "fb-1", customer=stripe.create(name="A")["id"]).json()
    at = f"invoices/{made['id']}"
    stripe.post(f"{at}/add_lines", "fb-2", **{"lines[0][amount]": "11000"})
    stripe.post(f"{at}/finalize", "fb-3")
    stripe.post(f"{at}/void", "fb-4")
    found = [e for e in letters(box, 11) if e["type"].startswith("invoice.")]
    assert sorted((e["type"], e["request"]["idempotency_key"]) for e in found) == [
        ("invoice.created", "fb-1"), ("invoice.finalized", "fb-3"), ("invoice.updated", "fb-2"),
        ("invoice.updated", "fb-3"), ("invoice.updated", "fb-4"), ("invoice.voided", "fb-4"),
    ]  # fmt: skip
    notices = [webhooks.parse(json.dumps(e).encode()) for e in found]
    assert {(n.kind, n.resource, n.record_id) for n in notices} == {(NoticeKind.CHANGED, "invoices", made["id"])}


def test_an_invoices_page_is_where_people_reach_the_sandbox() -> None:
    with running({"SANDBOX_LIMITS": "off", "SANDBOX_URL": "https://sandbox.example.com/"}, seed="empty") as found:
        calls = Calls(found)
        made = calls.post("invoices", customer=calls.create(name="A")["id"]).json()
        page = calls.post(f"invoices/{made['id']}/finalize").json()["hosted_invoice_url"]
        assert page.startswith(f"https://sandbox.example.com/stripe/i/{HARBOUR}/test_{made['id'][3:]}")
