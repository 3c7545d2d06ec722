"""Jobber's limits: the published cost rule with its own examples, the bucket, the count of requests."""

from collections.abc import Iterator

import pytest
from graphql import build_schema, parse

from connectors.jobber import documents
from connectors.jobber.reading import KINDS
from connectors.jobber.sandbox.costs import cost
from connectors.jobber.sandbox.prepared import document
from connectors.jobber.sandbox.throttle import Throttle
from connectors.sandbox.running import running
from tests import shared
from tests.connectors.jobber_calls import Calls

pytestmark = pytest.mark.sandbox
FIELDS = "id cost quoteNumber quoteStatus title"


@pytest.fixture(scope="module")
def jobber() -> Iterator[Calls]:
    with running() as found:
        yield Calls(found)


def full(jobber: Calls) -> str:
    """A new app's token on account 1, with its bucket full."""
    jobber.running.sandbox.frame.clock.advance(300)
    return jobber.pair()["access_token"]


# The rule


@pytest.mark.parametrize(
    ("query", "points"),
    [
        ('{ quote(id: "MTc1") { id cost title client { id firstName } } }', 7),
        (f"{{ quotes(first: 10) {{ edges {{ node {{ {FIELDS} }} }} }} }}", 50),
        (f"{{ quotes {{ edges {{ node {{ {FIELDS} }} }} }} }}", 500),
        (f"{{ quotes(last: 10) {{ nodes {{ {FIELDS} }} }} }}", 50),
    ],
)
def test_the_examples_of_jobbers_own_page(query: str, points: int) -> None:
    schema = build_schema(shared.file("jobber-schema.graphql").read_text())
    selection = parse(query).definitions[0].selection_set
    assert cost(selection, "Query", schema, {}, lambda node: False).requested({}) == points


@pytest.mark.parametrize(
    ("query", "requested", "actual"),
    [
        ("{ account { id name } }", 3, 3),
        ("{ clients(first: 10) { nodes { id name } } }", 20, 20),
        ('{ clients(first: 50, searchTerm: "nobody at all") { nodes { id name } } }', 100, 0),
        ("{ clients(first: 10) { nodes { id } pageInfo { endCursor hasNextPage } totalCount } }", 14, 14),
        ("{ clients(first: 10) { edges { cursor node { id } } } }", 20, 20),
        ("{ clients(filter: { isLead: true }, first: 20) { nodes { id emails { address primary } } } }", 80, 16),
        ("{ a: account { id } b: account { id } }", 4, 4),
        ("query($no: Boolean = false) { account { id name @include(if: $no) } }", 2, 2),
    ],
)
def test_what_is_asked_for_and_what_came_back(jobber: Calls, query: str, requested: int, actual: int) -> None:
    found = jobber.cost(query)
    assert (found["requestedQueryCost"], found["actualQueryCost"]) == (requested, actual)


def test_a_connection_within_a_connection_multiplies(jobber: Calls) -> None:
    query = '{ clients(first: 3, filter: { tags: ["VIP"] }) { nodes { id tags(first: 20) { nodes { label } } } } }'
    nodes = jobber.ask(query)["clients"]["nodes"]
    tags = sum(len(n["tags"]["nodes"]) for n in nodes)
    found = jobber.cost(query)
    assert (found["requestedQueryCost"], found["actualQueryCost"]) == (3 * (1 + 20), 3 + tags)


@pytest.mark.parametrize("name", ["clients_first", "invoices_first", "notes_page"])
def test_our_pages_cost_what_the_connector_reckons_with(name: str) -> None:
    asked, kind = document(documents.text(name)), name.partition("_")[0]
    size = KINDS[kind].page
    variables = asked.variables({"first": size})
    points = asked.prepared(variables).cost.requested(variables)
    assert points - size * documents.COSTS[kind] == documents.PAGE_COST - (kind == "notes")  # they are not counted
    assert points < 10_000 * 0.85, "a full page fits the bucket with room left for live work"


# The bucket


def test_only_the_actual_cost_is_taken_and_it_comes_back(jobber: Calls) -> None:
    token, clock = full(jobber), jobber.running.sandbox.frame.clock
    query = "{ clients(first: 100) { nodes { id name firstName lastName email phone isLead isArchived title } } }"
    first = jobber.cost(query, token)
    assert first["throttleStatus"] == {"maximumAvailable": 10_000, "currentlyAvailable": 9_100, "restoreRate": 500}
    clock.advance(1.0)
    second = jobber.cost("{ account { id name countryCode industry phone createdAt } }", token)["throttleStatus"]
    assert 9_593 <= second["currentlyAvailable"] < 9_993


def test_a_question_that_costs_more_than_is_there_is_throttled(jobber: Calls) -> None:
    token = full(jobber)
    query = "{ clients { nodes { id tags { nodes { id } } } } }"
    answer = jobber.post(query, token)
    assert answer.status_code == 200
    found = answer.json()
    assert "data" not in found
    assert found["errors"][0]["message"] == "Throttled"
    assert found["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert found["extensions"]["cost"] == {
        "requestedQueryCost": 100 + 100 * 100,
        "actualQueryCost": 0,
        "throttleStatus": {"maximumAvailable": 10_000, "currentlyAvailable": 10_000, "restoreRate": 500},
    }


def test_one_accounts_thirst_is_not_anothers(jobber: Calls) -> None:
    first, second = full(jobber), jobber.pair("2")["access_token"]
    page = documents.text("clients_page")
    assert jobber.cost(page, first, first=100)["throttleStatus"]["currentlyAvailable"] < 6_000
    assert jobber.cost("{ account { id } }", second)["throttleStatus"]["currentlyAvailable"] == 9_998


def test_a_throttled_change_is_not_made(jobber: Calls) -> None:
    token = full(jobber)
    page = documents.text("clients_page")
    jobber.cost(page, token, first=100)
    big = """mutation { clientCreate(input: { firstName: "Never" }) {
      client { id tags { nodes { id label } } } userErrors { message } } }"""
    many = "mutation { " + " ".join(f"m{n}: {big[big.index('clientCreate') : -1]}" for n in range(60)) + "}"
    assert jobber.post(many, token).json()["errors"][0]["message"] == "Throttled"
    assert jobber.ask('{ clients(first: 1, searchTerm: "Never") { totalCount } }')["clients"]["totalCount"] == 0


def test_more_than_2500_requests_in_five_minutes_are_answered_429() -> None:
    now = [1_000_200.0]
    throttle = Throttle(lambda: now[0])
    assert not any(throttle.too_many("1") for _ in range(2_500))
    assert throttle.too_many("1")
    assert not throttle.too_many("2")
    now[0] += 300
    assert not throttle.too_many("1")


def test_the_429_has_no_retry_after(jobber: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    token = full(jobber)
    monkeypatch.setattr("connectors.jobber.sandbox.throttle.REQUESTS", 0)
    answer = jobber.post("{ account { id } }", token)
    assert answer.status_code == 429
    assert "retry-after" not in answer.headers


def test_limits_can_be_switched_off() -> None:
    with running({"SANDBOX_LIMITS": "off"}, seed="empty") as found:
        calls = Calls(found)
        token = calls.pair()["access_token"]
        heavy = calls.cost("{ clients { nodes { tags { nodes { id label } } } } }", token)
        assert heavy["requestedQueryCost"] == 20_000
        assert heavy["throttleStatus"]["currentlyAvailable"] == 10_000


@pytest.mark.parametrize("name", [f.stem for f in documents.FOLDER.glob("*_more.graphql")])
def test_reading_on_costs_no_more_than_the_connector_reckons_with(name: str) -> None:
    asked = document(documents.text(name))
    variables = asked.variables({"id": "Z2lkOi8vSm9iYmVyL0ludm9pY2UvMQ=="})
    assert asked.prepared(variables).cost.requested(variables) <= documents.MORE_COST
