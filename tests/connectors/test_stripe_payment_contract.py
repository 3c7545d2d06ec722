"""The stand-in's payments, held to Stripe's published types, used through Stripe's own package, and told by webhook."""

import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import stripe as package
from stripe import RequestOptions
from stripe.params import _payment_record_report_payment_params as reporting

from connectors.base import NoticeKind
from connectors.sandbox.running import running
from connectors.stripe import webhooks
from connectors.stripe.sandbox import charging, payment_records, payments, refunds
from connectors.stripe.sandbox.events import HEARD
from tests.connectors.letterbox import letterbox
from tests.connectors.stripe_bills import charged, customer, opened, reported
from tests.connectors.stripe_calls import EMPTY, HARBOUR, Calls, eventually, needed_contract

pytestmark = pytest.mark.sandbox
TAKEN = {
    "PaymentIntentCreateParams": charging.ON_CREATE,
    "PaymentIntentConfirmParams": charging.ON_CONFIRM,
    "PaymentIntentUpdateParams": charging.ON_UPDATE,
    "RefundCreateParams": refunds.ON_CREATE,
    "InvoicePayParams": payments.ON_PAY,
    "InvoiceAttachPaymentParams": payments.ON_ATTACH,
}


@pytest.fixture(scope="module")
def contract() -> ModuleType:
    return needed_contract()


@pytest.fixture
def stripe() -> Iterator[Calls]:
    with running({"SANDBOX_LIMITS": "off"}, seed="empty") as found:
        yield Calls(found, EMPTY)


@pytest.fixture
def client(stripe: Calls) -> package.StripeClient:
    return package.StripeClient(EMPTY, base_addresses={"api": stripe.url})


@pytest.mark.parametrize("name", TAKEN)
def test_the_stand_in_knows_stripes_parameters_and_no_others(contract: ModuleType, name: str) -> None:
    assert set(contract.DEFS[name]["properties"]) == set(TAKEN[name])


def test_every_event_that_is_delivered_is_one_of_stripes(contract: ModuleType) -> None:
    assert contract.DOC["events"].keys() >= HEARD


def test_a_payment_is_reported_as_stripes_package_has_it() -> None:
    told = reporting.PaymentRecordReportPaymentParams.__annotations__.keys() - RequestOptions.__annotations__.keys()
    assert told == payment_records.ON_REPORT


def test_a_payment_record_is_as_stripes_package_has_it(client: package.StripeClient) -> None:
    made = client.v1.payment_records.report_payment(
        {
            "amount_requested": {"value": 5000, "currency": "aud"}, "initiated_at": 1790000000,
            "outcome": "guaranteed", "guaranteed": {"guaranteed_at": 1790000000}, "description": "Deposit",
            "payment_method_details": {"type": "custom", "custom": {"display_name": "Cash"}},
            "processor_details": {"type": "custom", "custom": {"payment_reference": "1042-1"}},
            "customer_details": {"email": "ann@example.com"}, "metadata": {"jobber_payment_id": "P1"},
        }
    )  # fmt: skip
    annotated = {n for n in package.PaymentRecord.__annotations__ if n.islower()} - {"object"}
    assert set(made.to_dict()) - {"object"} == annotated
    assert (made.amount_guaranteed.value, made.amount_failed.value, made.reported_by) == (5000, 0, "self")
    assert made.processor_details.custom is not None
    assert made.processor_details.custom.payment_reference == "1042-1"
    again = client.v1.payment_records.retrieve(made.id)
    assert again.to_dict() == made.to_dict()
    assert [r.id for r in client.v1.payment_records.list({"created_after": made.created - 1}).data] == [made.id]
    assert client.v1.payment_records.list({"created_before": made.created}).data == []


def test_a_report_that_is_not_whole_is_refused(stripe: Calls) -> None:
    at = "payment_records/report_payment"
    whole = {
        "amount_requested[value]": "5", "amount_requested[currency]": "aud", "initiated_at": "1",
        "payment_method_details[type]": "custom",
    }  # fmt: skip
    for left_out in ("amount_requested[value]", "initiated_at", "payment_method_details[type]"):
        status, error = stripe.refusal(at, **{k: v for k, v in whole.items() if k != left_out})
        assert (status, error["code"]) == (400, "parameter_missing"), left_out
    for wrong in (
        {"amount_requested[value]": "0"}, {"amount_requested[currency]": "AUD"}, {"outcome": "guaranteed"},
        {"outcome": "maybe"}, {"guaranteed[guaranteed_at]": "1"}, {"processor_details[custom][payment_reference]": "1"},
        {"customer_details[customer]": "cus_no"}, {"payment_method_details[type]": "card"}, {"nonsense": "1"},
    ):  # fmt: skip
        assert stripe.refusal(at, **(whole | wrong))[0] == 400, wrong
    assert stripe.get("payment_records")["data"] == []
    assert stripe.post(at, **whole).json()["amount_guaranteed"]["value"] == 0


def test_the_whole_life_of_a_payment_through_stripes_package(client: package.StripeClient, stripe: Calls) -> None:
    v1 = client.v1
    ann = customer(stripe)
    bill = opened(stripe, ann)
    v1.invoices.attach_payment(bill["id"], {"payment_record": reported(stripe, "1000")["id"]})
    method = v1.payment_methods.attach("pm_card_visa_chargeDeclinedInsufficientFunds", {"customer": ann})
    with pytest.raises(package.CardError) as refusal:
        v1.invoices.pay(bill["id"], {"payment_method": method.id})
    error: Any = refusal.value.error
    assert (refusal.value.code, error.decline_code) == ("card_declined", "insufficient_funds")
    assert error.advice_code == "try_again_later"
    assert error.payment_intent.status == "requires_payment_method"
    good = v1.payment_methods.attach("pm_card_au", {"customer": ann})
    paid = v1.invoices.pay(bill["id"], {"payment_method": good.id, "expand": ["payments"]})
    assert (paid.status, paid.amount_paid) == ("paid", 11000)
    assert paid.payments is not None
    kinds = {p.payment.type: p.amount_paid for p in paid.payments.data}
    assert kinds == {"payment_intent": 10000, "payment_record": 1000}
    intent = v1.payment_intents.retrieve(error.payment_intent.id, {"expand": ["latest_charge.balance_transaction"]})
    charge: Any = intent.latest_charge
    assert (intent.status, charge.balance_transaction.fee) == ("succeeded", 200)
    back = v1.refunds.create({"payment_intent": intent.id, "amount": 400})
    assert (back.status, v1.charges.retrieve(charge.id).amount_refunded) == ("succeeded", 400)
    with pytest.raises(package.InvalidRequestError) as too_much:
        v1.refunds.create({"payment_intent": intent.id, "amount": 10000})
    assert (too_much.value.param, too_much.value.code) == ("amount", None)
    disputed = v1.payment_intents.create(
        {"amount": 5000, "currency": "aud", "confirm": True, "payment_method": "pm_card_createDispute"}
    )
    found = v1.disputes.list({"payment_intent": disputed.id}).data[0]
    assert v1.disputes.update(found.id, {"evidence": {"uncategorized_text": "winning_evidence"}}).status == "won"
    assert [p.id for p in v1.payment_intents.list({"limit": 1}).auto_paging_iter()] == [disputed.id, intent.id]
    links = v1.invoice_payments.list({"payment": {"type": "payment_intent", "payment_intent": intent.id}}).data
    assert [link.invoice for link in links] == [bill["id"]]


def test_what_happens_to_a_payment_arrives_signed_and_names_it() -> None:
    with (
        letterbox() as box,
        running({"SANDBOX_LIMITS": "off", "SANDBOX_PORTAL_URL": box.url}, seed="empty") as found,
    ):
        stripe = Calls(found)
        answer = stripe.consent(redirect_uri=f"{box.url}/connect/stripe/callback/")
        code = answer.headers["location"].partition("code=")[2].partition("&")[0]
        stripe.token(grant_type="authorization_code", code=code)
        box.answers = [500]
        made = charged(stripe, "pm_card_createDispute")
        eventually(lambda: sum(b"payment_intent.created" in body for body in box.bodies) == 1)
        stripe.forward(2)  # what was not taken is sent again
        eventually(lambda: len(box.letters) >= 7)
        topics = {}
        for _, body, headers in box.letters:
            notice = webhooks.parse(body)
            topics[notice.topic] = (notice.kind, notice.resource, notice.record_id, notice.account_id)
            assert headers["Stripe-Signature"]
        sent = [json.loads(body)["type"] for body in box.bodies]
    assert sorted(topics) == [
        "charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.succeeded", "charge.updated",
        "payment_intent.created", "payment_intent.succeeded",
    ]  # fmt: skip
    assert set(topics.values()) == {(NoticeKind.CHANGED, "payments", made["id"], HARBOUR)}
    assert len(sent) == 7
