"""What a fresh Stripe stand-in holds of invoices and payments: those of the made-up ones that were paid at Stripe."""

from collections import Counter
from collections.abc import Iterator

import pytest

from connectors.sandbox.app import Sandbox
from connectors.sandbox.paper import paper
from connectors.sandbox.people import people
from connectors.sandbox.running import running
from tests.connectors.stripe_calls import COASTLINE, Calls

pytestmark = pytest.mark.sandbox
FOUR = [each for each in paper() if each.paid_at_stripe]


@pytest.fixture(scope="module")
def stripe() -> Iterator[Calls]:
    with running({"SANDBOX_LIMITS": "off"}) as found:
        yield Calls(found)


def test_the_invoices_are_those_of_jobber_to_the_cent(stripe: Calls) -> None:
    found = {i["metadata"]["jobber_invoice_id"]: i for i in stripe.get("invoices", limit=100)["data"]}
    assert found.keys() == {each.jobber_id for each in FOUR}
    for each in FOUR:
        made = found[each.jobber_id]
        total = int(sum(line.total for line in each.lines) * 100)
        assert (made["status"], made["total"], made["amount_paid"]) == ("paid", total, total)
        assert made["total_taxes"][0]["amount"] == (2 * total + 11) // 22
        assert made["metadata"]["jobber_invoice_number"] == each.number
        assert [line["description"] for line in made["lines"]["data"]] == [line.name for line in each.lines]


def test_they_are_the_clients_that_jobber_knows(stripe: Calls) -> None:
    known = {p.number: p for p in people(200)}
    assert len(stripe.everything(limit=100)) == 40
    for made, each in zip(stripe.get("invoices", limit=100)["data"][::-1], FOUR, strict=True):
        customer = stripe.get(f"customers/{made['customer']}")
        assert customer["email"] == made["customer_email"] == known[each.person].email
        assert customer["currency"] == "aud"
        assert made["number"] == f"{customer['invoice_prefix']}-0001"


def test_three_are_paid_and_one_is_disputed(stripe: Calls) -> None:
    about = {"expand[0]": "data.latest_charge.balance_transaction", "expand[1]": "data.customer"}
    intents = stripe.get("payment_intents", **about)["data"]
    assert Counter(p["status"] for p in intents) == {"succeeded": 4}
    assert Counter(p["latest_charge"]["disputed"] for p in intents) == {False: 3, True: 1}
    dispute = stripe.get("disputes")["data"][0]
    about_it = stripe.get("invoice_payments", **{
        "payment[type]": "payment_intent", "payment[payment_intent]": dispute["payment_intent"],
        "expand[]": "data.invoice",
    })["data"]  # fmt: skip
    disputed = next(each for each in FOUR if each.paid_at_stripe == "disputed")
    assert [p["invoice"]["metadata"]["jobber_invoice_id"] for p in about_it] == [disputed.jobber_id]
    assert (dispute["status"], dispute["balance_transactions"][0]["fee"]) == ("needs_response", 2500)
    assert all(p["latest_charge"]["balance_transaction"]["fee"] > 30 for p in intents)


def test_each_is_linked_with_its_invoice(stripe: Calls) -> None:
    for made in stripe.get("invoices", limit=100, **{"expand[]": "data.payments"})["data"]:
        (link,) = made["payments"]["data"]
        assert (link["status"], link["amount_paid"], link["is_default"]) == ("paid", made["total"], True)
        assert link["status_transitions"]["paid_at"] == made["status_transitions"]["paid_at"]
        assert made["created"] < made["status_transitions"]["paid_at"]


def test_it_is_the_same_on_every_machine_and_only_in_the_first_account() -> None:
    one, two = (Sandbox().services["stripe"].state["accounts"] for _ in range(2))
    for kind in ("invoices", "payment_intents", "charges", "disputes", "invoice_payments", "tax_rates"):
        ids = [list(state["acct_1SandboxHarbour1"][kind]) for state in (one, two)]
        assert ids[0] == ids[1]
        assert len(ids[0]) == {"disputes": 1, "tax_rates": 1}.get(kind, 4)
    assert one[COASTLINE]["invoices"] == {}
    assert Sandbox(seed="empty").services["stripe"].state["accounts"]["acct_1SandboxHarbour1"]["invoices"] == {}
