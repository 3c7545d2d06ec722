"""The control pages of the Stripe stand-in, used as a person uses them."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from connectors.sandbox.running import running
from tests.connectors.stripe_calls import Calls

pytestmark = pytest.mark.sandbox
FORM = {
    "name": "Ann <b>",
    "email": "ann@example.com",
    "phone": "1",
    "line1": "1 High St",
    "metadata": "gate: 12\nkey:a",
}


@pytest.fixture
def stripe() -> Iterator[Calls]:
    with running({"SANDBOX_LIMITS": "off"}) as found:
        yield Calls(found)


def page(stripe: Calls, path: str, status: int = 200, **params: Any) -> str:
    answer = stripe.http.get(f"{stripe.url}/{path}", params=params)
    assert answer.status_code == status
    assert "<script" not in answer.text
    assert " style=" not in answer.text
    return answer.text


def submit(stripe: Calls, path: str, **form: str) -> httpx.Response:
    return stripe.http.post(f"{stripe.url}/{path}", data=form)


def test_the_three_accounts_are_listed(stripe: Calls) -> None:
    text = page(stripe, "")
    for words in ("Harbour Plumbing", "40 customers", "Coastline Electrical", "3 customers", "Empty Co", "0 customers"):
        assert words in text
    assert text.count("Not connected") == 3
    stripe.connect()
    assert "Connected to Fieldbridge" in page(stripe, "")


def test_keys_are_shown(stripe: Calls) -> None:
    text = page(stripe, "accounts/2")
    for key in ("sk_test_operator_2", "rk_test_sandbox_2_write", "rk_test_sandbox_2_read"):
        assert key in text


def test_a_customer_is_added_edited_and_deleted(stripe: Calls) -> None:
    added = submit(stripe, "accounts/1/customers/new", **FORM)
    identity = added.headers["location"].rpartition("/")[2].partition("?")[0]
    made = stripe.get(f"customers/{identity}")
    assert (made["name"], made["metadata"]) == ("Ann <b>", {"gate": "12", "key": "a"})
    assert made["address"]["line1"] == "1 High St"
    at = f"accounts/1/customers/{identity}"
    assert "Ann &lt;b&gt;" in page(stripe, at)
    submit(stripe, at, **{**FORM, "name": "Bea", "line1": "", "metadata": "gate: 13"})
    after = stripe.get(f"customers/{identity}")
    assert (after["name"], after["address"], after["metadata"]) == ("Bea", None, {"gate": "13"})
    submit(stripe, at, do="delete")
    assert stripe.get(f"customers/{identity}")["deleted"]
    page(stripe, at, 404)
    kinds = [e["type"] for e in stripe.get("events")["data"]]
    assert kinds == ["customer.deleted", "customer.updated", "customer.created"]


def test_what_stripe_refuses_is_said_and_what_was_typed_stays(stripe: Calls) -> None:
    answer = submit(stripe, "accounts/1/customers/new", **{**FORM, "email": "no address"})
    assert answer.status_code == 400
    assert "Invalid email address: no address" in answer.text
    assert 'value="no address"' in answer.text
    assert 'value="1 High St"' in answer.text
    assert len(stripe.everything(limit=100)) == 40


def test_saving_without_a_change_tells_nobody(stripe: Calls) -> None:
    submit(stripe, "accounts/1/customers/new", **FORM)
    identity = stripe.everything(limit=1)[0]
    submit(stripe, f"accounts/1/customers/{identity}", **FORM)
    assert len(stripe.get("events")["data"]) == 1


def test_customers_are_searched_and_paged(stripe: Calls) -> None:
    for n in range(20):
        stripe.create(**{"name": f"Needle {n:02}", "metadata[note]": "hay" if n == 7 else "x"})
    text = page(stripe, "accounts/1/customers")
    assert "60 customers" in text
    assert "Needle 19" in text
    older = page(stripe, "accounts/1/customers", page=2)
    assert older.count('data-label="Email"') == 10
    found = page(stripe, "accounts/1/customers", q="NEEDLE")
    assert "20 customers with" in found
    assert page(stripe, "accounts/1/customers", q="hay").count("Needle 07") == 1
    assert "No customer has" in page(stripe, "accounts/1/customers", q="<nobody>")
    assert "Page 1" in page(stripe, "accounts/1/customers", page="x")


def test_payments_payouts_and_requirements_are_switched(stripe: Calls) -> None:
    for name in ("charges_enabled", "payouts_enabled"):
        submit(stripe, "accounts/1", do=name, value="off")
        assert stripe.get("account")[name] is False
        submit(stripe, "accounts/1", do=name, value="on")
        assert stripe.get("account")[name] is True
    submit(stripe, "accounts/1", do="require", value="company.tax_id")
    asked = stripe.get("account")["requirements"]
    assert (asked["currently_due"], asked["past_due"], asked["disabled_reason"]) == (["company.tax_id"], [], None)
    assert asked["current_deadline"] > 0
    assert "company.tax_id" in page(stripe, "accounts/1")
    submit(stripe, "accounts/1", do="overdue")
    late = stripe.get("account")
    assert (late["requirements"]["past_due"], late["payouts_enabled"]) == (["company.tax_id"], False)
    assert late["requirements"]["disabled_reason"] == "requirements.past_due"
    submit(stripe, "accounts/1", do="require", value="company.tax_id")
    assert stripe.get("account")["requirements"]["currently_due"] == []
    submit(stripe, "accounts/1", do="charges_enabled", value="on")
    assert len(stripe.get("events")["data"]) == 7


def test_events_are_listed_and_shown_whole(stripe: Calls) -> None:
    assert "Nothing happened yet" in page(stripe, "accounts/1/events")
    stripe.create("key-1", name="Ann")
    event = stripe.get("events")["data"][0]
    listed = page(stripe, "accounts/1/events")
    assert "customer.created" in listed
    assert "Ann" in listed
    assert "key-1" in page(stripe, f"accounts/1/events/{event['id']}")


@pytest.mark.parametrize("path", ["accounts/9", "accounts/acct_1SandboxPlatform0", "accounts/1/customers/cus_none",
                                  "accounts/1/events/evt_none", "accounts/2/customers/new/x"])  # fmt: skip
def test_what_is_not_there(stripe: Calls, path: str) -> None:
    page(stripe, path, 404)


def test_a_customer_of_another_account_is_not_there(stripe: Calls) -> None:
    identity = stripe.everything(limit=1)[0]
    page(stripe, f"accounts/1/customers/{identity}")
    page(stripe, f"accounts/2/customers/{identity}", 404)
