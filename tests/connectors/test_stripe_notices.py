"""What each of Stripe's events says to look at. Bodies are made here; those that a stand-in sends are tested beside."""

import json
from typing import Any

import pytest

from connectors.base import Notice, NoticeKind
from connectors.errors import ContractError
from connectors.stripe import webhooks
from tests.connectors import stripe_samples as samples
from tests.connectors.stripe_calls import needed_contract
from tests.connectors.stripe_samples import NOW, listed

REFUND = {"id": "re_1", "object": "refund", "charge": "ch_1", "payment_intent": "pi_1"}
DISPUTE = {"id": "dp_1", "object": "dispute", "charge": "ch_1", "payment_intent": "pi_1"}
BARE = {"payment_intent": None}


def parsed(topic: str, about: dict[str, Any]) -> Notice:
    event = {
        "id": "evt_1", "object": "event", "type": topic, "account": "acct_1", "created": NOW, "livemode": False,
        "request": {"id": "req_1", "idempotency_key": "fb-1"}, "data": {"object": about},
    }  # fmt: skip
    return webhooks.parse(json.dumps(event).encode())


@pytest.mark.parametrize(
    ("topic", "about", "resource", "record_id"),
    [
        ("customer.updated", {"id": "cus_1"}, "customers", "cus_1"),
        ("invoice.created", samples.invoice(), "invoices", "in_1"),
        ("invoice.finalized", samples.invoice(), "invoices", "in_1"),
        ("invoice.voided", samples.invoice(), "invoices", "in_1"),
        ("invoice_payment.paid", samples.invoice_payment(), "invoices", "in_1"),
        ("invoice_payment.paid", samples.invoice_payment(invoice=samples.invoice("in_2")), "invoices", "in_2"),
        ("payment_intent.succeeded", samples.intent(), "payments", "pi_1"),
        ("payment_intent.payment_failed", samples.intent(), "payments", "pi_1"),
        ("charge.succeeded", samples.charge(), "payments", "pi_1"),
        ("charge.refunded", samples.charge(payment_intent=samples.intent("pi_2")), "payments", "pi_2"),
        ("charge.refunded", samples.charge(payment_intent=None), "payments", "ch_1"),
        ("charge.refund.updated", REFUND, "payments", "pi_1"),
        ("refund.created", REFUND | BARE, "payments", "ch_1"),
        ("charge.dispute.closed", DISPUTE, "payments", "pi_1"),
        ("charge.dispute.created", DISPUTE | BARE, "payments", "ch_1"),
    ],
)
def test_an_event_says_which_record_changed(topic: str, about: dict[str, Any], resource: str, record_id: str) -> None:
    notice = parsed(topic, about)
    assert (notice.kind, notice.resource, notice.record_id) == (NoticeKind.CHANGED, resource, record_id)
    assert (notice.topic, notice.account_id, notice.write_key) == (topic, "acct_1", "fb-1")
    assert needed_contract().DOC["events"].get(topic)


@pytest.mark.parametrize(("topic", "resource"), [("customer.deleted", "customers"), ("invoice.deleted", "invoices")])
def test_what_was_deleted_is_gone(topic: str, resource: str) -> None:
    notice = parsed(topic, {"id": "x_1"})
    assert (notice.kind, notice.resource, notice.record_id) == (NoticeKind.DELETED, resource, "x_1")
    assert notice.hint is None


@pytest.mark.parametrize(
    "topic", ["invoice.upcoming", "invoiceitem.created", "tax_rate.updated", "customer.tax_id.created", "payout.paid"]
)
def test_everything_else_is_passed_over(topic: str) -> None:
    notice = parsed(topic, {"object": "invoice"})
    assert (notice.kind, notice.resource, notice.record_id) == (NoticeKind.IGNORED, "", "")


def test_a_hint_is_given_only_where_the_body_shows_the_whole_record() -> None:
    whole = samples.invoice()
    shown = parsed("invoice.updated", whole).hint
    assert shown is not None
    assert shown.data["total"] == 3415
    as_stripe_sends_it = {name: value for name, value in whole.items() if name != "payments"}
    long = samples.invoice(lines=listed(samples.line(), more=True))
    for about in (as_stripe_sends_it, long, {"id": "in_1", "lines": 1, "payments": 2}):
        notice = parsed("invoice.updated", about)
        assert (notice.kind, notice.hint) == (NoticeKind.CHANGED, None)
    assert parsed("payment_intent.succeeded", samples.intent()).hint is None


@pytest.mark.parametrize("about", [{}, [], None, "in_1"])
def test_an_event_about_nothing_cannot_be_read(about: Any) -> None:
    for topic in ("invoice.paid", "charge.succeeded", "invoice_payment.paid"):
        with pytest.raises(ContractError):
            parsed(topic, about)
