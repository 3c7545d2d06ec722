"""The Stripe stand-in's lists, search and events."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.running import running
from tests.connectors.stripe_calls import Calls

pytestmark = pytest.mark.sandbox


@pytest.fixture
def stripe() -> Iterator[Calls]:
    with running({"SANDBOX_LIMITS": "off"}, seed="empty") as found:
        yield Calls(found)


def fill(stripe: Calls, count: int) -> list[str]:
    """Ids, newest first, as a list gives them."""
    return [stripe.create(name=f"N{n}", email=f"n{n}@example.com")["id"] for n in range(count)][::-1]


def test_a_list_is_newest_first_and_ten_long_unless_asked(stripe: Calls) -> None:
    made = fill(stripe, 12)
    page = stripe.get("customers")
    assert [row["id"] for row in page["data"]] == made[:10]
    assert (page["object"], page["has_more"], page["url"]) == ("list", True, "/v1/customers")


@pytest.mark.parametrize("size", [1, 4, 7, 100])
def test_pages_leave_no_gap_and_repeat_nothing(stripe: Calls, size: int) -> None:
    made = fill(stripe, 23)
    assert stripe.everything(limit=size) == made


def test_what_is_made_or_deleted_meanwhile_shifts_nothing(stripe: Calls) -> None:
    made = fill(stripe, 9)
    first = stripe.get("customers", limit=3)["data"]
    stripe.create(name="late")
    stripe.send("DELETE", f"customers/{first[-1]['id']}")
    rest = stripe.everything(limit=3, starting_after=first[-1]["id"])
    assert rest == made[3:]


def test_backwards_from_a_cursor(stripe: Calls) -> None:
    made = fill(stripe, 9)
    page = stripe.get("customers", limit=3, ending_before=made[6])
    assert [row["id"] for row in page["data"]] == made[3:6]
    assert page["has_more"]
    assert not stripe.get("customers", limit=3, ending_before=made[3])["has_more"]


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 0}, {"limit": 101}, {"limit": "many"}, {"starting_after": "cus_none"}, {"colour": "red"},
        {"created[after]": 1}, {"created[gte]": "soon"}, {"test_clock": "clock_1"}, {"expand[]": "data.wishes"},
    ],
    ids=str,
)  # fmt: skip
def test_a_list_refuses_what_stripe_refuses(stripe: Calls, params: dict[str, Any]) -> None:
    assert stripe.send("GET", "customers", params=params).status_code == 400


def test_two_cursors_exclude_each_other(stripe: Calls) -> None:
    one, two = fill(stripe, 2)
    assert stripe.send("GET", "customers", params={"starting_after": one, "ending_before": two}).status_code == 400


def test_the_email_filter_minds_the_case(stripe: Calls) -> None:
    lower, upper = stripe.create(email="jane@example.com"), stripe.create(email="Jane@example.com")
    assert [c["id"] for c in stripe.get("customers", email="jane@example.com")["data"]] == [lower["id"]]
    assert [c["id"] for c in stripe.get("customers", email="Jane@example.com")["data"]] == [upper["id"]]
    assert stripe.get("customers", email="JANE@example.com")["data"] == []
    assert stripe.get("customers", email="jane")["data"] == []


def test_the_email_filter_follows_every_change(stripe: Calls) -> None:
    twins = [stripe.create(email="twin@example.com")["id"] for _ in range(3)]
    stripe.post(f"customers/{twins[0]}", email="other@example.com")
    stripe.post(f"customers/{twins[1]}", email="")
    assert [c["id"] for c in stripe.get("customers", email="twin@example.com")["data"]] == [twins[2]]
    assert [c["id"] for c in stripe.get("customers", email="other@example.com")["data"]] == [twins[0]]


def test_the_created_filter(stripe: Calls) -> None:
    old = stripe.create(name="old")
    stripe.forward(1000)
    new = stripe.create(name="new")
    assert stripe.everything(**{"created[gte]": new["created"]}) == [new["id"]]
    assert stripe.everything(**{"created[gt]": new["created"]}) == []
    assert stripe.everything(**{"created[lt]": new["created"]}) == [old["id"]]
    assert stripe.everything(**{"created[lte]": new["created"], "created[gt]": old["created"]}) == [new["id"]]
    assert stripe.everything(created=old["created"]) == [old["id"]]


def search(stripe: Calls, query: str, **params: Any) -> list[str]:
    return [row["name"] for row in stripe.get("customers/search", query=query, **params)["data"]]


def test_search_sees_a_change_twenty_seconds_later(stripe: Calls) -> None:
    at = f"customers/{stripe.create(name='A', email='a@example.com')['id']}"
    assert search(stripe, "email:'a@example.com'") == []
    assert len(stripe.get("customers", email="a@example.com")["data"]) == 1
    stripe.forward(19)
    assert search(stripe, "email:'a@example.com'") == []
    stripe.forward(2)
    assert search(stripe, "email:'A@Example.com'") == ["A"]
    stripe.post(at, name="B")
    assert search(stripe, "email:'a@example.com'") == ["A"]
    stripe.forward(21)
    assert search(stripe, "email:'a@example.com'") == ["B"]
    stripe.send("DELETE", at)
    assert search(stripe, "email:'a@example.com'") == ["B"]
    stripe.forward(21)
    assert search(stripe, "email:'a@example.com'") == []


QUERIES = [
    ("name:'Anna'", ["Anna"]),
    ("name~'nn'", ["Hanna", "Anna"]),
    ("name~\"NN\" AND phone:'2'", ["Hanna"]),
    ("name:'Anna' OR name:'Bob'", ["Bob", "Anna"]),
    ("-name~'nn'", ["Bob"]),
    ("metadata['client']:'7'", ["Anna"]),
    ('metadata["client"]:null', ["Hanna", "Bob"]),
    ("-metadata['client']:null", ["Anna"]),
    ("created>0 name:'Bob'", ["Bob"]),
    ("created<10", []),
]


@pytest.mark.parametrize(("query", "names"), QUERIES, ids=[q for q, _ in QUERIES])
def test_the_search_language(stripe: Calls, query: str, names: list[str]) -> None:
    stripe.create(**{"name": "Anna", "phone": "1", "metadata[client]": "7"})
    stripe.create(name="Bob", phone="3")
    stripe.create(name="Hanna", phone="2")
    stripe.forward(21)
    assert search(stripe, query) == names


@pytest.mark.parametrize(
    "query",
    ["", "Anna", "wishes:'x'", "name:'a' AND name:'b' OR name:'c'", "metadata['a']~'b'", "name>'a'", "created:'soon'",
     " ".join(["name:'a'"] * 11)],
)  # fmt: skip
def test_search_refuses_what_it_cannot_read(stripe: Calls, query: str) -> None:
    assert stripe.send("GET", "customers/search", params={"query": query}).status_code == 400


def test_search_pages(stripe: Calls) -> None:
    fill(stripe, 5)
    stripe.forward(21)
    first = stripe.get("customers/search", query="name~'N'", limit=3, **{"expand[]": "total_count"})
    assert (first["object"], first["has_more"], first["total_count"]) == ("search_result", True, 5)
    rest = stripe.get("customers/search", query="name~'N'", limit=3, page=first["next_page"])
    assert (rest["has_more"], rest["next_page"]) == (False, None)
    assert [row["name"] for row in (*first["data"], *rest["data"])] == ["N4", "N3", "N2", "N1", "N0"]


def test_events_tell_what_changed_by_which_request(stripe: Calls) -> None:
    made = stripe.post(
        "customers", "key-1", **{"name": "A", "metadata[a]": "1", "metadata[b]": "2", "address[city]": "X"}
    )
    at = f"customers/{made.json()['id']}"
    changed = stripe.post(at, "key-2", **{"name": "B", "metadata[b]": "3", "address[city]": "Y"})
    stripe.send("DELETE", at)
    deleted, updated, created = stripe.get("events")["data"]
    assert [e["type"] for e in (created, updated, deleted)] == [
        f"customer.{k}" for k in ("created", "updated", "deleted")
    ]
    assert created["request"] == {"id": made.headers["request-id"], "idempotency_key": "key-1"}
    assert updated["request"] == {"id": changed.headers["request-id"], "idempotency_key": "key-2"}
    assert created["data"] == {"object": made.json()}
    assert updated["data"]["previous_attributes"] == {"name": "A", "metadata": {"b": "2"}, "address": {"city": "X"}}
    assert deleted["data"]["object"] == changed.json()
    for event in (created, updated, deleted):
        assert (event["account"], event["livemode"]) == ("acct_1SandboxHarbour1", False)
        assert event["api_version"] == "2026-10-28.endive"
        assert stripe.get(f"events/{event['id']}") == event


def test_an_update_that_changes_nothing_is_no_event(stripe: Calls) -> None:
    at = f"customers/{stripe.create(name='A')['id']}"
    stripe.post(at, name="A", metadata="")
    assert [e["type"] for e in stripe.get("events")["data"]] == ["customer.created"]


def test_events_are_filtered_and_paged_like_any_list(stripe: Calls) -> None:
    ids = fill(stripe, 3)
    stripe.post(f"customers/{ids[0]}", name="new")
    assert len(stripe.get("events", type="customer.updated")["data"]) == 1
    assert len(stripe.get("events", **{"types[0]": "customer.updated", "types[1]": "customer.created"})["data"]) == 4
    seen = [stripe.get("events", limit=1)["data"][0]["id"]]
    for _ in itertools.repeat(None, 3):
        seen.append(stripe.get("events", limit=1, starting_after=seen[-1])["data"][0]["id"])
    assert len(set(seen)) == 4
    oldest_first = stripe.get("events", ending_before=seen[3])["data"]
    assert [e["id"] for e in oldest_first] == seen[:3]


def test_events_are_kept_for_thirty_days(stripe: Calls) -> None:
    fill(stripe, 1)
    event = stripe.get("events")["data"][0]
    stripe.forward(30 * 86400 + 5)
    assert stripe.get("events")["data"] == []
    assert stripe.send("GET", f"events/{event['id']}").status_code == 404
