"""Stripe's invoices, payments, tax rates and payment records as records; what is sent, as Stripe's parameters."""

from typing import Any

import pytest
from stripe.params import _payment_record_report_payment_params

from connectors.base import Record
from connectors.stripe import invoices, money, paid_elsewhere, payments, rates, records
from connectors.stripe.kinds import KINDS
from connectors.stripe.resources import FIELDS, RESOURCES
from tests.connectors import stripe_samples as samples
from tests.connectors.stripe_calls import needed_contract
from tests.connectors.stripe_samples import NOW, listed

DISPUTE = {"id": "dp_1", "status": "needs_response", "evidence_details": {"due_by": NOW + 9 * 86_400}}


def test_the_samples_are_stripes() -> None:
    contract = needed_contract()
    paid = samples.invoice(payments=listed(samples.invoice_payment()))
    for sample in (paid, samples.invoice_payment(), samples.charge(), samples.intent(), samples.tax_rate()):
        assert contract.check_object(sample) == [], sample["object"]


def described(record: Record, resource: str) -> bool:
    known = {f.path.split(".")[0] for f in FIELDS[resource]}
    return {path.split(".")[0] for path in record.data} <= known


def test_a_draft_as_a_record() -> None:
    record = invoices.record(samples.invoice())
    assert record.data == {
        "id": "in_1", "status": "draft", "customer": "cus_1", "currency": "AUD", "collection_method": "send_invoice",
        "auto_advance": False, "subtotal": 3105, "tax": 310, "total": 3415, "amount_due": 3415, "amount_paid": 0,
        "amount_remaining": 3415, "metadata.jobber_invoice_id": "Z2lk", "created": NOW, "livemode": False,
        "lines": [{
            "id": "il_1", "description": "Labour", "quantity": "1.5", "unit_amount": "2070", "amount": 3105,
            "tax_rates": ["txr_1"],
        }],
    }  # fmt: skip
    assert (record.label, record.references) == ("Draft invoice, Mrs Nguyen", {"jobber_invoice_id": "Z2lk"})
    assert record.url == "https://dashboard.stripe.com/test/invoices/in_1"
    assert described(record, "invoices")


def test_an_open_invoice_with_its_payments() -> None:
    attached = {"type": "payment_record", "payment_record": "pr_1"}
    earlier = samples.invoice_payment(
        "inpay_9", amount_paid=1000, amount_requested=1000, status="paid", created=NOW - 5, payment=attached
    )
    found = samples.invoice(
        number="FB-0001", status="open", payments=listed(samples.invoice_payment(), earlier),
        custom_fields=[{"name": "Jobber invoice", "value": "1042"}], hosted_invoice_url="https://invoice.stripe.com/1",
        status_transitions={"finalized_at": NOW + 9, "paid_at": None}, due_date=NOW + 99,
    )  # fmt: skip
    record = invoices.record(found)
    assert record.label == "Invoice FB-0001, Mrs Nguyen"
    assert record.data["payments"] == [
        {"id": "inpay_9", "amount": 1000, "status": "paid", "kind": "payment_record", "payment": "pr_1"},
        {"id": "inpay_1", "amount": 3415, "status": "open", "kind": "payment_intent", "payment": "pi_1"},
    ]
    assert record.data["custom_fields"] == [{"name": "Jobber invoice", "value": "1042"}]
    assert (record.data["finalized_at"], record.data["due_date"]) == (NOW + 9, NOW + 99)
    assert described(record, "invoices")
    other = invoices.record(found | {"hosted_invoice_url": "https://invoice.stripe.com/2"})
    assert other.data["hosted_url"] != record.data["hosted_url"]
    assert other.fingerprint == record.fingerprint
    assert invoices.record(found | {"footer": "Thanks"}).fingerprint != record.fingerprint


@pytest.mark.parametrize(
    ("change", "whole"),
    [({}, True), ({"lines": listed(more=True)}, False), ({"payments": listed(more=True)}, False)],
)
def test_whether_an_invoice_shows_all_of_itself(change: dict[str, Any], whole: bool) -> None:
    assert invoices.whole(samples.invoice(**change)) == whole
    assert not invoices.whole({k: v for k, v in samples.invoice(**change).items() if k != "payments"})


def test_lines_as_stripe_takes_them() -> None:
    rates_, about = ["txr_1"], {"jobber_line_id": "7"}
    hours = {
        "description": "Labour\nby the hour", "quantity_decimal": "1.50", "unit_amount_decimal": "2070.5",
        "tax_rates": rates_, "metadata": about,
    }  # fmt: skip
    assert invoices.line_params(hours, "aud") == {
        "description": "Labour\nby the hour", "quantity_decimal": "1.5", "tax_rates": rates_, "metadata": about,
        "price_data": {"currency": "aud", "unit_amount_decimal": "2070.5", "product_data": {"name": "Labour"}},
    }  # fmt: skip
    less = {"description": "Discount", "quantity_decimal": "1.5", "unit_amount_decimal": "-333"}
    assert invoices.line_params(less, "aud") == {"description": "Discount", "amount": -500}
    assert invoices.line_params({"description": "Rounding", "amount": 1, "tax_rates": []}, "aud") == {
        "description": "Rounding", "amount": 1, "tax_rates": "",
    }  # fmt: skip
    assert not invoices.priced([{"amount": 1}, {"unit_amount_decimal": ""}])


ACTIONS = {
    "add_lines": {"lines": [{"description": "A", "unit_amount_decimal": "5", "tax_rates": ["txr_1"]}]},
    "update_lines": {"lines": [{"id": "il_1", "description": "B"}]},
    "remove_lines": {"ids": ["il_1", "il_2"]},
    "attach_payment": {"payment_record": "pr_1"},
}


@pytest.mark.parametrize("action", invoices.ACTIONS)
def test_every_action_is_one_that_stripe_takes(action: str) -> None:
    sent = invoices.action_params(action, ACTIONS.get(action, {}), "AUD") | {"expand": ["payments"]}
    path = f"/v1/invoices/in_1/{invoices.ACTIONS[action]}"
    assert needed_contract().check_params("POST", path, pairs(sent)) == []


def pairs(sent: Any, name: str = "") -> list[tuple[str, str]]:
    if isinstance(sent, dict):
        return [pair for key, value in sent.items() for pair in pairs(value, f"{name}[{key}]" if name else key)]
    if isinstance(sent, list):
        return [pair for place, value in enumerate(sent) for pair in pairs(value, f"{name}[{place}]")]
    return [(name, str(sent).lower() if isinstance(sent, bool) else str(sent))]


def test_what_the_catalogue_calls_writable_is_taken_when_one_is_made() -> None:
    data = {
        "number": "FB-1", "customer": "cus_1", "currency": "AUD", "description": "d", "footer": "f",
        "collection_method": "send_invoice", "auto_advance": False, "due_date": NOW, "effective_at": NOW,
        "custom_fields": [{"name": "n", "value": "v"}], "metadata.a.b": "c",
    }  # fmt: skip
    assert data.keys() - {"metadata.a.b"} == {f.path for f in invoices.FIELDS if f.writable} - {"metadata.*"}
    sent = invoices.params(data)
    assert (sent["currency"], sent["metadata"]) == ("aud", {"a.b": "c"})
    assert needed_contract().check_params("POST", "/v1/invoices", pairs(sent)) == []
    assert invoices.params({"footer": None, "custom_fields": [], "metadata.a": ""}) == {
        "footer": "", "custom_fields": "", "metadata": {"a": ""},
    }  # fmt: skip


REFUNDED = {"amount_refunded": 11000, "refunded": True}


@pytest.mark.parametrize(
    ("charge", "dispute", "status"),
    [
        ({}, None, "paid"),
        ({"amount_refunded": 1}, None, "part_refunded"),
        (REFUNDED, None, "refunded"),
        ({"disputed": True}, None, "disputed"),
        ({"disputed": True}, "under_review", "disputed"),
        ({"disputed": True}, "warning_needs_response", "disputed"),
        ({"disputed": True}, "lost", "dispute_lost"),
        ({"disputed": True}, "won", "paid"),
        ({"disputed": True, **REFUNDED}, "warning_closed", "refunded"),
        ({"status": "pending"}, None, "processing"),
        ({"status": "failed", "captured": False}, None, "failed"),
        ({"captured": False}, None, "authorised"),
        ({"status": "of_another_kind"}, None, "of_another_kind"),
    ],
)
def test_a_charge_says_how_its_payment_stands(charge: dict[str, Any], dispute: str | None, status: str) -> None:
    about = {"id": "dp_1", "status": dispute} if dispute else None
    by_intent = payments.intent(samples.intent(latest_charge=samples.charge(**charge)), "in_1", about)
    bare = payments.bare_charge(samples.charge("ch_2", payment_intent=None, **charge), about)
    assert [by_intent.data["status"], bare.data["status"]] == [status, status]
    assert status == "of_another_kind" or status in dict(payments.STATUSES)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"status": "requires_payment_method"}, "none"),
        ({"status": "requires_payment_method", "last_payment_error": {"type": "card_error"}}, "failed"),
        ({"status": "requires_action"}, "none"),
        ({"status": "processing"}, "processing"),
        ({"status": "requires_capture"}, "authorised"),
        ({"status": "canceled"}, "cancelled"),
        ({"status": "canceled", "latest_charge": samples.charge(captured=False, **REFUNDED)}, "cancelled"),
        ({"status": "canceled", "latest_charge": samples.charge(status="failed")}, "failed"),
        ({"status": "of_another_kind"}, "of_another_kind"),
    ],
)
def test_an_intent_that_took_no_money(change: dict[str, Any], status: str) -> None:
    found = samples.intent(**{"latest_charge": None, "amount_received": 0, **change})
    record = payments.intent(found, "", None)
    assert record.data["status"] == status
    assert "paid_at" not in record.data
    assert described(record, "payments")


def test_a_payment_as_a_record() -> None:
    customer = {"id": "cus_1", "name": "Mrs Nguyen"}
    found = samples.intent(customer=customer, metadata={"jobber_invoice_id": "Z2lk"}, description="Payment for Invoice")
    record = payments.intent(found, "in_1", DISPUTE)
    assert record.data == {
        "id": "pi_1", "status": "disputed", "amount": 11000, "amount_received": 11000, "amount_refunded": 0,
        "currency": "AUD", "customer": "cus_1", "invoice": "in_1", "charge": "ch_1", "method": "card visa 4242",
        "description": "Payment for Invoice", "dispute_id": "dp_1", "dispute_status": "needs_response",
        "dispute_due_at": NOW + 9 * 86_400, "dispute_url": "https://dashboard.stripe.com/test/disputes/dp_1",
        "receipt_url": "https://pay.stripe.com/receipts/1", "created": NOW, "tried_at": NOW + 60,
        "paid_at": NOW + 60, "livemode": False, "metadata.jobber_invoice_id": "Z2lk",
    }  # fmt: skip
    assert (record.label, record.references) == ("Payment $110.00, Mrs Nguyen", {"jobber_invoice_id": "Z2lk"})
    assert record.passing == {"receipt_url"}
    assert described(record, "payments")


def test_a_failed_payment_says_why() -> None:
    refused = samples.charge(
        status="failed", captured=False, failure_code="card_declined", failure_message="Your card was declined."
    )
    record = payments.intent(samples.intent(status="requires_payment_method", latest_charge=refused), "", None)
    assert record.data["failure_code"] == "card_declined"
    assert (record.data["created"], record.data["tried_at"]) == (NOW, NOW + 60)
    assert record.data["failure_message"] == "Your card was declined."
    error = {"type": "card_error", "code": "card_declined", "decline_code": "expired_card", "message": "Expired."}
    unsent = samples.intent(status="requires_payment_method", latest_charge=None, last_payment_error=error)
    assert payments.intent(unsent, "", None).data["failure_code"] == "expired_card"


def test_a_payment_by_bank_debit_and_one_without_a_name() -> None:
    debit = {"type": "au_becs_debit", "au_becs_debit": {"last4": "3456", "bsb_number": "000000"}}
    nobody = samples.charge(payment_method_details=debit, billing_details=None, currency="jpy", payment_intent=None)
    record = payments.bare_charge(nobody, None)
    assert (record.data["method"], record.label) == ("bank debit 3456", "Payment JPY 11,000, ch_1")
    assert (record.data["charge"], record.data["amount_received"]) == ("ch_1", 11000)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (123450, "AUD", "$1,234.50"), (5, "EUR", "EUR 0.05"), (-1050, "NZD", "-$10.50"), (500, "JPY", "JPY 500"),
        (1234500, "KWD", "KWD 1,234.500"), (0, "USD", "$0.00"),
    ],
)  # fmt: skip
def test_amounts_as_people_read_them(amount: int, currency: str, text: str) -> None:
    assert money.shown(amount, currency) == text


def test_a_tax_rate_as_a_record() -> None:
    record = rates.record(samples.tax_rate())
    assert record.data == {
        "id": "txr_1", "name": "GST", "percent": "10", "inclusive": False, "country": "AU", "active": True,
        "created": NOW, "livemode": False,
    }  # fmt: skip
    assert (record.label, rates.record(samples.tax_rate(percentage=8.875)).data["percent"]) == ("GST 10%", "8.875")
    sent = rates.params({"name": "GST", "percent": "10", "inclusive": True, "country": "AU", "metadata.a": "b"})
    assert needed_contract().check_params("POST", "/v1/tax_rates", pairs(sent)) == []


def test_a_payment_record_as_a_record() -> None:
    record = paid_elsewhere.record(samples.payment_record())
    assert record.data == {
        "id": "pr_1", "amount": 5000, "currency": "AUD", "customer": "cus_1", "method": "Cash", "reference": "1042-1",
        "created": NOW, "livemode": False, "metadata.jobber_payment_id": "77",
    }  # fmt: skip
    assert (record.label, record.references) == ("Payment $50.00, Cash", {"jobber_payment_id": "77"})


def test_a_payment_record_is_found_by_the_payment_that_it_is() -> None:
    both = {"jobber_invoice_id": "9", "jobber_payment_id": "77", "note": "x"}
    record = paid_elsewhere.record(samples.payment_record(metadata=both))
    assert list(record.references.items()) == [("jobber_payment_id", "77"), ("jobber_invoice_id", "9")]


def test_a_payment_record_as_stripe_takes_it() -> None:
    whole = {"amount": 5000, "currency": "AUD", "initiated_at": NOW, "method": "Cash", "reference": "1042-1"}
    assert paid_elsewhere.params(whole) == {
        "amount_requested": {"value": 5000, "currency": "aud"}, "initiated_at": NOW, "outcome": "guaranteed",
        "guaranteed": {"guaranteed_at": NOW},
        "payment_method_details": {"type": "custom", "custom": {"display_name": "Cash"}},
        "processor_details": {"type": "custom", "custom": {"payment_reference": "1042-1"}},
    }  # fmt: skip
    least = paid_elsewhere.params({"amount": 1, "currency": "aud", "initiated_at": NOW})
    assert least["payment_method_details"] == {"type": "custom", "custom": {"display_name": "Other"}}
    assert "processor_details" not in least


def test_what_is_told_of_a_payment_record_has_the_names_of_stripes_own_package() -> None:
    data = {f.path: "1" for f in paid_elsewhere.FIELDS if f.writable and f.path != "metadata.*"}
    sent = paid_elsewhere.params(data)
    assert strange(sent, "PaymentRecordReportPaymentParams") == []
    assert strange(sent | {"amount": 1}, "PaymentRecordReportPaymentParams") == ["amount"]
    assert params_of("PaymentRecordReportPaymentParams").__required_keys__ - {"expand"} <= sent.keys()


def params_of(name: str) -> Any:
    return getattr(_payment_record_report_payment_params, name)


def strange(sent: dict[str, Any], name: str) -> list[str]:
    """Keys that the package's type of that name has not, at any depth: it names inner types after their keys."""
    known = params_of(name).__annotations__
    inner = {k: name + k.title().replace("_", "") for k, v in sent.items() if isinstance(v, dict) and k in known}
    return [k for k in sent if k not in known] + [k for at, of in inner.items() for k in strange(sent[at], of)]


def test_a_refused_parameter_has_its_path_in_the_catalogue() -> None:
    assert KINDS["tax_rates"].path("display_name") == "name"
    assert KINDS["payment_records"].path("amount_requested.value") == "amount"
    assert KINDS["invoices"].path("custom_fields.0.value") == "custom_fields.0.value"


def test_each_resource_has_its_fields_and_each_kind_is_one() -> None:
    assert FIELDS.keys() == RESOURCES.keys() == {*KINDS, "payments"}
    assert records.identity(None) == ""
