"""The Stripe stand-in's customers: what it accepts, how it answers, what it refuses and in which words."""

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.people import people
from connectors.sandbox.running import running
from tests.connectors.stripe_calls import EMPTY, OPERATOR, PLATFORM, Calls

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def shared_stripe() -> Iterator[Calls]:
    with running({"SANDBOX_LIMITS": "off"}) as found:
        yield Calls(found, EMPTY)


@pytest.fixture
def stripe(shared_stripe: Calls) -> Calls:
    return shared_stripe


def test_the_account_says_what_it_may_do(stripe: Calls) -> None:
    found = stripe.as_(OPERATOR).get("account")
    assert (found["id"], found["country"], found["default_currency"]) == ("acct_1SandboxHarbour1", "AU", "aud")
    assert found["settings"]["dashboard"]["display_name"] == "Harbour Plumbing"
    assert found["charges_enabled"]
    assert found["payouts_enabled"]
    assert found["requirements"]["currently_due"] == []


def test_a_customer_is_answered_with_every_key_stripe_always_gives(stripe: Calls) -> None:
    found = stripe.create(name="Zoë O'Brien", email="zoe@example.com")
    always = "id object balance created default_source description email invoice_settings livemode metadata shipping"
    assert set(always.split()) <= found.keys()
    assert (found["object"], found["livemode"], found["description"]) == ("customer", False, None)
    assert "business_name" not in found
    assert stripe.get(f"customers/{found['id']}") == found


def test_everything_that_can_be_set_is_kept(stripe: Calls) -> None:
    form = {
        "name": "Emoji 🔧 Pty <script>", "email": "a.b+c@example.com.au", "phone": "+61412345678",
        "description": "=cmd()", "business_name": "Emoji Pty Ltd", "individual_name": "Em Oji",
        "address[line1]": "1 High St", "address[city]": "Perth", "address[country]": "Australia",
        "shipping[name]": "Em", "shipping[address][line1]": "2 Low St", "metadata[jobber_client_id]": "42",
        "preferred_locales[0]": "en-AU", "tax_exempt": "exempt", "balance": "-500", "invoice_prefix": "EMOJI1",
        "invoice_settings[footer]": "Thanks", "invoice_settings[custom_fields][0][name]": "ABN",
        "invoice_settings[custom_fields][0][value]": "12345678912",
    }  # fmt: skip
    found = stripe.create(**form)
    assert found["name"] == form["name"]
    assert (found["balance"], found["tax_exempt"], found["invoice_prefix"]) == (-500, "exempt", "EMOJI1")
    assert (found["business_name"], found["individual_name"]) == ("Emoji Pty Ltd", "Em Oji")
    assert found["address"] == {
        "city": "Perth", "country": "Australia", "line1": "1 High St",
        "line2": None, "postal_code": None, "state": None,
    }  # fmt: skip
    assert found["shipping"]["address"]["line1"] == "2 Low St"
    assert found["metadata"] == {"jobber_client_id": "42"}
    assert found["preferred_locales"] == ["en-AU"]
    assert found["invoice_settings"]["custom_fields"] == [{"name": "ABN", "value": "12345678912"}]


def test_an_update_changes_what_it_names_and_nothing_else(stripe: Calls) -> None:
    made = stripe.create(**{"name": "A", "phone": "1", "address[line1]": "1 High St", "address[city]": "Perth"})
    after = stripe.post(f"customers/{made['id']}", **{"address[city]": "Darwin", "description": "x"}).json()
    assert after["address"]["city"] == "Darwin"
    assert after["address"]["line1"] == "1 High St"
    assert (after["name"], after["phone"], after["description"]) == ("A", "1", "x")


def test_an_empty_text_clears_a_field(stripe: Calls) -> None:
    made = stripe.create(
        **{"name": "A", "email": "a@example.com", "phone": "1", "business_name": "B", "address[city]": "X"}
    )
    after = stripe.post(f"customers/{made['id']}", name="", email="", phone="", business_name="", address="").json()
    assert (after["name"], after["email"], after["phone"], after["address"]) == (None, None, None, None)
    assert "business_name" not in after


def test_metadata_merges_and_an_empty_value_takes_a_key_away(stripe: Calls) -> None:
    made = stripe.create(**{"metadata[a]": "1", "metadata[b]": "2"})
    at = f"customers/{made['id']}"
    assert stripe.post(at, **{"metadata[b]": "", "metadata[c]": "3"}).json()["metadata"] == {"a": "1", "c": "3"}
    assert stripe.post(at, metadata="").json()["metadata"] == {}


def test_a_deleted_customer_stays_known_but_is_in_no_list(stripe: Calls) -> None:
    made = stripe.create(email="gone@example.com")
    at = f"customers/{made['id']}"
    gone = {"id": made["id"], "object": "customer", "deleted": True}
    assert stripe.send("DELETE", at).json() == gone
    assert stripe.get(at) == gone
    assert stripe.get("customers", email="gone@example.com")["data"] == []
    assert made["id"] not in stripe.everything(limit=100)
    assert stripe.send("DELETE", at).status_code == 404
    assert stripe.post(at, name="again").json()["error"]["code"] == "resource_missing"


def test_a_tax_id_comes_with_the_customer_when_it_is_expanded(stripe: Calls) -> None:
    made = stripe.create(**{"tax_id_data[0][type]": "au_abn", "tax_id_data[0][value]": "12345678912"})
    assert "tax_ids" not in made
    found = stripe.get(f"customers/{made['id']}", **{"expand[]": "tax_ids"})["tax_ids"]["data"]
    assert [(t["type"], t["value"], t["country"]) for t in found] == [("au_abn", "12345678912", "AU")]


LONG = "x" * 5001
REFUSED: list[tuple[dict[str, str], str | None, str]] = [
    ({"first_name": "Jane"}, "parameter_unknown", "first_name"),
    ({"address[suburb]": "X"}, "parameter_unknown", "address[suburb]"),
    ({"email": "none"}, "email_invalid", "email"),
    ({"email": "a@b"}, "email_invalid", "email"),
    ({"email": "a b@example.com"}, "email_invalid", "email"),
    ({"email": "a@" + "b" * 510 + ".au"}, None, "email"),
    ({"name": "x" * 257}, None, "name"),
    ({"business_name": "x" * 151}, None, "business_name"),
    ({"individual_name": "x" * 151}, None, "individual_name"),
    ({"phone": "1" * 21}, None, "phone"),
    ({"description": LONG}, None, "description"),
    ({"address[line1]": LONG}, None, "address[line1]"),
    ({"address": "1 High St"}, None, "address"),
    ({"name[first]": "Jane"}, None, "name"),
    ({"balance": "12.5"}, "parameter_invalid_integer", "balance"),
    ({"tax_exempt": "maybe"}, None, "tax_exempt"),
    ({"invoice_prefix": "lower"}, None, "invoice_prefix"),
    ({"shipping[name]": "Jane"}, "parameter_missing", "shipping[address]"),
    ({"metadata[" + "k" * 41 + "]": "1"}, None, "metadata[" + "k" * 41 + "]"),
    ({"metadata[k]": "v" * 501}, None, "metadata[k]"),
    ({"metadata[a][b]": "1"}, None, "metadata[a]"),
    ({f"metadata[k{n}]": "1" for n in range(51)}, None, "metadata"),
    ({"tax_id_data[0][type]": "au_abn", "tax_id_data[0][value]": "123"}, "tax_id_invalid", "value"),
    ({"payment_method": "pm_1"}, "resource_missing", "payment_method"),
    ({"expand[]": "wishes"}, None, "expand"),
    ({f"invoice_settings[custom_fields][{n}][{part}]": "x" for n in range(5) for part in ("name", "value")}, None,
     "invoice_settings[custom_fields]"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "code", "param"), REFUSED, ids=[f"{param}-{code}"[:40] for _, code, param in REFUSED])
def test_what_stripe_refuses_names_the_parameter_and_leaves_nothing(
    stripe: Calls, form: dict[str, str], code: str | None, param: str
) -> None:
    before = stripe.everything(limit=100)
    status, error = stripe.refusal(**form)
    assert (status, error["type"], error.get("code"), error["param"]) == (400, "invalid_request_error", code, param)
    assert stripe.everything(limit=100) == before


@pytest.mark.parametrize("length", [256, 1])
def test_a_name_may_be_as_long_as_stripe_says(stripe: Calls, length: int) -> None:
    assert stripe.create(name="ü" * length)["name"] == "ü" * length


def test_metadata_may_be_as_much_as_stripe_says(stripe: Calls) -> None:
    pairs = {f"metadata[{str(n).zfill(40)}]": "ü" * 500 for n in range(50)}
    made = stripe.create(**pairs)
    assert len(made["metadata"]) == 50
    assert stripe.refusal(f"customers/{made['id']}", **{"metadata[one]": "more"})[1]["param"] == "metadata"


def test_what_does_not_exist(stripe: Calls) -> None:
    answer = stripe.send("GET", "customers/cus_none")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "resource_missing"
    assert answer.json()["error"]["message"] == "No such customer: 'cus_none'"
    nowhere = stripe.send("GET", "wishes")
    assert (nowhere.status_code, "code" in nowhere.json()["error"]) == (404, False)
    assert stripe.send("PUT", "customers").status_code == 404
    assert stripe.send("GET", "customers", {"Stripe-Version": "1999-01-01"}).status_code == 400


def test_the_version_asked_for_is_the_version_answered(stripe: Calls) -> None:
    assert stripe.send("GET", "account").headers["stripe-version"] == "2026-10-28.endive"
    assert stripe.send("GET", "account", {"Stripe-Version": "2025-03-31.basil"}).headers["stripe-version"][:4] == "2025"


@pytest.mark.parametrize("key", ["", "sk_test_wrong", "rk_test_wrong", PLATFORM[:-1]])
def test_a_wrong_key_is_a_401(stripe: Calls, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {"Authorization": ""}
    answer = stripe.send("GET", "customers", headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert key == "" or key not in answer.text


def test_a_key_works_as_basic_auth_too(stripe: Calls) -> None:
    answer = stripe.http.get(f"{stripe.url}/v1/account", auth=(OPERATOR, ""))
    assert answer.json()["id"] == "acct_1SandboxHarbour1"


def test_a_restricted_key_without_write_is_told_the_permission(stripe: Calls) -> None:
    reader = stripe.as_("rk_test_sandbox_1_read")
    assert reader.get("customers")["data"]
    status, error = reader.refusal(name="A")
    assert (status, error["type"]) == (403, "invalid_request_error")
    assert "rak_customer_write" in error["message"]
    assert stripe.as_("rk_test_sandbox_1_write").create(name="A")["name"] == "A"


def test_no_account_sees_anything_of_another(stripe: Calls) -> None:
    mine, other = stripe.as_(OPERATOR), stripe.as_(EMPTY)
    made = mine.create(email="mine@example.com", key="one-key")
    at = f"customers/{made['id']}"
    assert other.send("GET", at).status_code == 404
    assert other.post(at, name="Mallory").status_code == 404
    assert other.send("DELETE", at).status_code == 404
    assert other.get("customers", email="mine@example.com")["data"] == []
    assert other.send("GET", "customers", params={"starting_after": made["id"]}).status_code == 400
    event = mine.get("events", limit=1)["data"][0]
    assert other.send("GET", f"events/{event['id']}").status_code == 404
    # The same idempotency key is another account's own.
    assert other.create(email="other@example.com", key="one-key")["id"] != made["id"]
    assert other.send("GET", "account", {"Stripe-Account": "acct_1SandboxHarbour1"}).status_code == 403


def test_the_demo_holds_forty_customers_some_of_them_known_to_jobber() -> None:
    with running() as found:
        rows = Calls(found).get("customers", limit=100)["data"]
    known = {p.email: p.number for p in people(200) if p.email}
    exact = [row["email"] for row in rows if row["email"] in known]
    other_case = [row["email"] for row in rows if row["email"] not in known and row["email"].lower() in known]
    assert (len(rows), len(exact), len(other_case)) == (40, 31, 4)
    assert exact.count(people(11)[10].email) == 1
    assert len(exact) - len(set(exact)) == 1
    assert not any(row["metadata"] for row in rows)


def test_a_listed_customer_is_the_customer(stripe: Calls) -> None:
    rows: list[dict[str, Any]] = stripe.as_(OPERATOR).get("customers", limit=3)["data"]
    assert [stripe.as_(OPERATOR).get(f"customers/{row['id']}") for row in rows] == rows
