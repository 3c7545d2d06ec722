"""The stand-in's invoices, held to Stripe's published types and used through Stripe's own package."""

from collections.abc import Iterator
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
import stripe as package

from connectors.sandbox.running import running
from connectors.stripe.sandbox import credit_notes, invoices, items, problems, tax_rates
from connectors.stripe.sandbox.customers import new as new_customer
from connectors.stripe.sandbox.events import HEARD
from connectors.stripe.sandbox.seeding import fresh_accounts
from tests.connectors.stripe_calls import EMPTY, Calls, needed_contract

pytestmark = pytest.mark.sandbox
PROFILE: Any = next(iter(fresh_accounts(0).values()))["profile"]
TAKEN = {
    "InvoiceCreateParams": invoices.ON_CREATE,
    "InvoiceUpdateParams": invoices.ON_UPDATE,
    "InvoiceItemCreateParams": items.ON_CREATE,
    "InvoiceItemUpdateParams": items.ON_UPDATE,
    "InvoiceAddLinesParams.Line": items.ON_LINE | {"invoice_item"},
    "InvoiceUpdateLinesParams.Line": items.ON_LINE | {"id"},
    "InvoiceUpdateLineItemParams": items.ON_LINE | {"expand"},
    "TaxRateCreateParams": tax_rates.ON_CREATE,
    "TaxRateUpdateParams": tax_rates.ON_UPDATE,
    "CreditNoteCreateParams": credit_notes.ON_CREATE,
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
    assert set(contract.DEFS[name]["properties"]) == TAKEN[name]


def test_the_whole_life_of_an_invoice_through_stripes_package(client: package.StripeClient) -> None:
    v1 = client.v1
    customer = v1.customers.create({"name": "Ann", "email": "ann@example.com"})
    gst = v1.tax_rates.create({"display_name": "GST", "percentage": 10, "inclusive": False, "country": "AU"})
    made = v1.invoices.create(
        {
            "customer": customer.id, "collection_method": "send_invoice", "days_until_due": 14, "auto_advance": False,
            "custom_fields": [{"name": "Jobber invoice", "value": "1042"}], "metadata": {"jobber_invoice_id": "J1"},
        },
        {"idempotency_key": "create"},
    )  # fmt: skip
    price: Any = {"currency": "aud", "product_data": {"name": "Work"}, "unit_amount_decimal": Decimal("2070.25")}
    row: Any = {"description": "Work", "quantity_decimal": Decimal("1.5"), "price_data": price, "tax_rates": [gst.id]}
    made = v1.invoices.add_lines(made.id, {"lines": [row, {"amount": -105, "tax_rates": [gst.id]}]})
    assert [line.amount for line in made.lines.data] == [3105, -105]
    assert made.lines.data[0].quantity_decimal == Decimal("1.5")
    assert (made.subtotal, made.total) == (3000, 3300)
    made = v1.invoices.finalize_invoice(made.id, {"auto_advance": False})
    assert (made.status, made.amount_due) == ("open", 3300)
    assert [line.id for line in v1.invoices.line_items.list(made.id).auto_paging_iter()] == [
        line.id for line in made.lines.data
    ]
    assert [i.id for i in v1.invoices.list({"customer": customer.id, "status": "open"}).data] == [made.id]
    with pytest.raises(package.InvalidRequestError) as refusal:
        v1.invoices.add_lines(made.id, {"lines": [row]})
    assert refusal.value.code == "invoice_not_editable"
    assert v1.invoices.mark_uncollectible(made.id).status == "uncollectible"
    assert v1.invoices.void_invoice(made.id).status == "void"
    gone = v1.invoices.delete(v1.invoices.create({"customer": customer.id}).id)
    assert gone.deleted


def test_every_event_and_what_it_is_about_is_one_of_stripes(contract: ModuleType, stripe: Calls) -> None:
    customer = stripe.create(name="Ann")["id"]
    rate = stripe.post("tax_rates", display_name="GST", percentage="10", inclusive="true").json()["id"]
    stripe.post(f"tax_rates/{rate}", active="false")
    stripe.post("invoiceitems", customer=customer, amount="100")
    form = {"customer": customer, "collection_method": "send_invoice", "days_until_due": "1"}
    one, two, three = (stripe.post("invoices", **form).json()["id"] for _ in range(3))
    for each in (one, two):
        stripe.post(f"invoices/{each}/add_lines", **{"lines[0][amount]": "5000"})
        stripe.post(f"invoices/{each}/send")
    note = stripe.post("credit_notes", invoice=one, amount="100").json()["id"]
    stripe.post(f"credit_notes/{note}/void")
    stripe.post("credit_notes", invoice=one, amount="5000")
    stripe.post(f"invoices/{two}/mark_uncollectible")
    stripe.post(f"invoices/{two}/void")
    stripe.send("DELETE", f"invoices/{three}")
    item = stripe.get("invoiceitems", pending="true")["data"][0]["id"]
    stripe.send("DELETE", f"invoiceitems/{item}")
    found = stripe.get("events", limit=100)["data"]
    for event in found:
        assert contract.check_object(event) == []
        assert contract.check_object(event["data"]["object"]) == []
        assert contract.DOC["events"][event["type"]]
    assert {e["type"] for e in found} >= {
        "tax_rate.created", "tax_rate.updated", "invoice.created", "invoice.updated", "invoice.finalized",
        "invoice.sent", "invoice.paid", "invoice.payment_succeeded", "invoice.marked_uncollectible", "invoice.voided",
        "invoice.deleted", "invoiceitem.created", "invoiceitem.deleted", "credit_note.created", "credit_note.voided",
    }  # fmt: skip


def test_the_webhooks_are_of_types_that_stripe_has(contract: ModuleType) -> None:
    assert contract.DOC["events"].keys() >= HEARD


def opened() -> invoices.Invoice:
    """11000 minor units, due."""
    draft = invoices.new("in_1", 0, PROFILE, new_customer("cus_1", 0, "AB"), "aud") | {"total": 11000}
    return invoices.finalized(draft, "AB-0001", "http://127.0.0.1/i", 10)


def test_an_invoice_is_paid_in_parts_and_over() -> None:
    part = invoices.pay(opened(), 5000, 20)
    assert (part["status"], part["amount_paid"], part["amount_remaining"]) == ("open", 5000, 6000)
    rest = invoices.pay(part, 7000, 30)
    assert (rest["status"], rest["amount_paid"], rest["amount_remaining"]) == ("paid", 12000, 0)
    assert (rest["amount_overpaid"], rest["status_transitions"]["paid_at"]) == (1000, 30)
    bad = invoices.pay(invoices.uncollectible(opened(), 15), 11000, 20)
    assert bad["status"] == "paid"


@pytest.mark.parametrize(
    ("before", "words"),
    [(invoices.pay(opened(), 11000, 20), "Invoice is already paid"),
     (invoices.voided(opened(), 20), "You can't pay an invoice that is void."),
     (opened() | {"status": "draft"}, "You can't pay an invoice that is draft.")],
    ids=["paid", "void", "draft"],
)  # fmt: skip
def test_what_cannot_be_paid(before: invoices.Invoice, words: str) -> None:
    with pytest.raises(problems.Problem, match=words):
        invoices.pay(before, 1, 30)


def test_what_has_money_in_it_is_not_voided() -> None:
    with pytest.raises(problems.Problem, match="cannot be voided"):
        invoices.voided(invoices.pay(opened(), 1, 20), 30)
