"""The Jobber stand-in's GraphQL API: questions, changes, errors in Jobber's shapes, and one account's walls."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from connectors.jobber.sandbox.answers import Asked, answer
from connectors.jobber.sandbox.prepared import document
from connectors.jobber.sandbox.resolvers import RESOLVERS
from connectors.sandbox.running import running
from tests.connectors.jobber_calls import Calls

pytestmark = pytest.mark.sandbox
READ = """query($id: EncodedId!) { client(id: $id) {
  name firstName lastName companyName title isCompany isArchived updatedAt email phone
  emails { id address description primary } phones { id number normalizedPhoneNumber primary smsAllowed }
  billingAddress { street street1 street2 city province postalCode country }
  tags(first: 10) { nodes { label } totalCount }
  customFields { __typename ... on CustomFieldText { id label valueText customFieldConfiguration { id } }
    ... on CustomFieldDropdown { label valueDropdown dropdownOptions customFieldConfiguration { id } }
    ... on CustomFieldNumeric { label valueNumeric unit } ... on CustomFieldLink { valueLink { text url } } } } }"""
EDIT = """mutation($id: EncodedId!, $input: ClientEditInput!) {
  clientEdit(clientId: $id, input: $input) { client { id } userErrors { message path } } }"""


@pytest.fixture(scope="module")
def jobber() -> Iterator[Calls]:
    with running({"SANDBOX_LIMITS": "off"}) as found:
        yield Calls(found)


def read(jobber: Calls, client: str) -> dict[str, Any]:
    found: dict[str, Any] = jobber.ask(READ, id=client)["client"]
    return found


def edit(jobber: Calls, client: str, **given: Any) -> list[dict[str, Any]]:
    errors: list[dict[str, Any]] = jobber.ask(EDIT, id=client, input=given)["clientEdit"]["userErrors"]
    return errors


def listed(jobber: Calls, arguments: str, token: str = "operator-jobber-token") -> list[dict[str, Any]]:
    query = f"{{ clients({arguments}) {{ nodes {{ id name isLead isArchived isCompany updatedAt }} }} }}"
    found: list[dict[str, Any]] = jobber.ask(query, token)["clients"]["nodes"]
    return found


# Reading


def test_a_client_is_read_as_it_was_made(jobber: Calls) -> None:
    client = jobber.create(
        firstName="Zoë", lastName="Müller", title="DR", companyName="Müller & Sons", isCompany=True,
        emails=[{"address": "Zoe@Example.com"}, {"address": "work@example.com", "primary": True}],
        phones=[{"number": "0412 345 678", "smsAllowed": True}, {"number": "ask the neighbour"}],
        billingAddress={"street1": "1 High St", "street2": "Unit 2", "city": "Darwin", "postalCode": "0800"},
    )  # fmt: skip
    found = read(jobber, client)
    assert (found["name"], found["title"], found["companyName"]) == ("Müller & Sons", "Dr.", "Müller & Sons")
    assert [(e["address"], e["primary"]) for e in found["emails"]] == [
        ("Zoe@Example.com", False),
        ("work@example.com", True),
    ]
    assert [(p["normalizedPhoneNumber"], p["primary"]) for p in found["phones"]] == [
        ("+61412345678", True),
        (None, False),
    ]
    assert found["billingAddress"]["street"] == "1 High St, Unit 2"
    assert found["billingAddress"]["country"] == ""
    assert (found["email"], found["phone"]) == ("work@example.com", "0412 345 678")


def test_all_pages_together_are_all_clients_once(jobber: Calls) -> None:
    query = """query($first: Int!, $after: String) { clients(first: $first, after: $after) {
      totalCount edges { cursor node { id } } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } }"""
    ids, after, pages = [], None, 0
    while pages == 0 or after:
        found = jobber.ask(query, first=70, after=after)["clients"]
        ids += [e["node"]["id"] for e in found["edges"]]
        info = found["pageInfo"]
        assert info["startCursor"] == found["edges"][0]["cursor"]
        assert info["hasPreviousPage"] is (pages > 0)
        after = info["endCursor"] if info["hasNextPage"] else None
        pages += 1
    assert len(ids) == len(set(ids)) == found["totalCount"]
    assert pages == -(-found["totalCount"] // 70)


def test_what_is_added_or_destroyed_meanwhile_moves_no_page(jobber: Calls) -> None:
    query = "query($after: String) { clients(first: 5, after: $after) { nodes { id } pageInfo { endCursor } } }"
    first = jobber.ask(query)["clients"]
    before = jobber.ask(query, after=first["pageInfo"]["endCursor"])["clients"]["nodes"]
    account = jobber.running.sandbox.services["jobber"].state["accounts"]["1"]
    every = dict(account["clients"])
    del account["clients"][first["nodes"][1]["id"]]
    try:
        assert jobber.ask(query, after=first["pageInfo"]["endCursor"])["clients"]["nodes"] == before
    finally:
        account["clients"] = every


def test_never_more_than_100_on_a_page(jobber: Calls) -> None:
    assert len(listed(jobber, "first: 150")) == 100
    assert len(listed(jobber, "searchTerm: \"\"")) == 100  # fmt: skip


def test_last_and_before_count_from_the_end(jobber: Calls) -> None:
    every = [c["id"] for c in listed(jobber, "first: 10")]
    query = "{ clients(first: 10) { edges { cursor } } }"
    cursor = jobber.ask(query)["clients"]["edges"][6]["cursor"]
    assert [c["id"] for c in listed(jobber, f'last: 3, before: "{cursor}"')] == every[3:6]


def test_filters(jobber: Calls) -> None:
    assert len(listed(jobber, "filter: { isLead: true }")) == 4
    assert len(listed(jobber, "filter: { isArchived: true }")) == 3
    assert all(c["isCompany"] for c in listed(jobber, "filter: { isCompany: true }"))
    tagged = jobber.ask('{ clients(filter: { tags: ["VIP"] }) { nodes { tags(first: 9) { nodes { label } } } } }')
    labels = [[t["label"] for t in c["tags"]["nodes"]] for c in tagged["clients"]["nodes"]]
    assert labels
    assert all("VIP" in each for each in labels)


def test_both_ends_of_a_time_filter_count(jobber: Calls) -> None:
    client = listed(jobber, "first: 9")[8]
    at = client["updatedAt"]
    after = datetime.fromisoformat(at) + timedelta(milliseconds=1)
    inside = listed(jobber, f'filter: {{ updatedAt: {{ after: "{at}", before: "{at}" }} }}')
    outside = listed(jobber, f'filter: {{ updatedAt: {{ after: "{after.isoformat()}" }} }}')
    assert [c["id"] for c in inside] == [client["id"]]
    assert outside
    assert client["id"] not in [c["id"] for c in outside]


@pytest.mark.parametrize("direction", ["ASCENDING", "DESCENDING"])
def test_sorted_pages_follow_each_other(jobber: Calls, direction: str) -> None:
    query = """query($after: String, $way: SortDirectionEnum!) {
      clients(first: 60, after: $after, sort: { key: LAST_NAME, direction: $way }) {
        nodes { lastName } pageInfo { endCursor hasNextPage } totalCount } }"""
    names, after = [], None
    while True:
        found = jobber.ask(query, after=after, way=direction)["clients"]
        names += [c["lastName"].casefold() for c in found["nodes"]]
        after = found["pageInfo"]["endCursor"]
        if not found["pageInfo"]["hasNextPage"]:
            break
    assert len(names) == found["totalCount"]
    assert names == sorted(names, reverse=direction == "DESCENDING")


def test_aliases_fragments_and_directives(jobber: Calls) -> None:
    client = listed(jobber, "first: 1")[0]["id"]
    query = """query($id: EncodedId!, $with: Boolean!) { a: client(id: $id) { ...N key: id @include(if: $with) }
      b: client(id: $id) { __typename ...N @skip(if: $with) } }  fragment N on Client { called: name }"""
    name = read(jobber, client)["name"]
    assert jobber.ask(query, id=client, **{"with": True}) == {
        "a": {"called": name, "key": client},
        "b": {"__typename": "Client"},
    }
    assert jobber.ask(query, id=client, **{"with": False}) == {
        "a": {"called": name},
        "b": {"__typename": "Client", "called": name},
    }


def test_a_page_of_100_is_answered_in_under_30_ms(jobber: Calls) -> None:
    import time

    from connectors.jobber import documents

    asked = document(documents.text("clients_page"))
    variables = asked.variables({"first": 100})
    account = jobber.running.sandbox.services["jobber"].state["accounts"]["1"]
    best = 1.0
    for _ in range(5):
        started = time.perf_counter()
        found = answer(asked.prepared(variables).steps, {}, Asked(RESOLVERS, variables, account, None))
        best = min(best, time.perf_counter() - started)
    assert len(found["clients"]["nodes"]) == 100
    assert best < 0.030


# Changing


def test_edits_are_deltas_by_id(jobber: Calls) -> None:
    client = jobber.create(firstName="A", emails=[{"address": "a@example.com"}, {"address": "b@example.com"}])
    first, second = read(jobber, client)["emails"]
    assert edit(
        jobber, client, firstName="B", emailsToEdit=[{"id": second["id"], "address": "B@example.com", "primary": True}],
        emailsToDelete=[first["id"]], emailsToAdd=[{"address": "c@example.com"}], phonesToAdd=[{"number": "1300 1"}],
        tagsToAdd=["VIP", "Gas"],
    ) == []  # fmt: skip
    found = read(jobber, client)
    assert [(e["address"], e["primary"]) for e in found["emails"]] == [
        ("B@example.com", True),
        ("c@example.com", False),
    ]
    assert found["firstName"] == "B"
    assert sorted(t["label"] for t in found["tags"]["nodes"]) == ["Gas", "VIP"]
    edit(jobber, client, tagsToDelete=["VIP"], billingAddress={"city": "Perth"})
    edit(jobber, client, billingAddress={"postalCode": "6000"})
    found = read(jobber, client)
    assert [t["label"] for t in found["tags"]["nodes"]] == ["Gas"]
    assert (found["billingAddress"]["city"], found["billingAddress"]["postalCode"]) == ("Perth", "6000")


def test_an_edit_that_cannot_be_done_changes_nothing(jobber: Calls) -> None:
    client = jobber.create(firstName="A", emails=[{"address": "a@example.com"}])
    other = jobber.create(firstName="O", emails=[{"address": "o@example.com"}])
    foreign = read(jobber, other)["emails"][0]["id"]
    errors = edit(jobber, client, firstName="Changed", emailsToEdit=[{"id": foreign, "address": "x@example.com"}])
    assert errors[0]["path"] == ["input", "emailsToEdit", "0", "id"]
    assert read(jobber, client)["firstName"] == "A"
    assert read(jobber, other)["email"] == "o@example.com"


def test_custom_fields_are_set_by_their_configuration(jobber: Calls) -> None:
    client = jobber.create(firstName="A")
    fields = {f.get("label"): f for f in read(jobber, client)["customFields"]}
    assert fields["Gate code"]["id"] is None
    assert fields["Gate code"]["valueText"] == ""
    code = fields["Gate code"]["customFieldConfiguration"]["id"]
    choice = fields["Preferred contact"]["customFieldConfiguration"]["id"]
    errors = edit(
        jobber,
        client,
        customFields=[
            {"customFieldConfigurationId": code, "valueText": "#1234"},
            {"customFieldConfigurationId": choice, "valueDropdown": "Email"},
        ],
    )
    assert errors == []
    fields = {f.get("label"): f for f in read(jobber, client)["customFields"]}
    assert fields["Gate code"]["valueText"] == "#1234"
    assert fields["Preferred contact"]["valueDropdown"] == "Email"
    edit(jobber, client, customFields=[{"id": fields["Gate code"]["id"], "valueText": "#5"}])
    assert read(jobber, client)["customFields"][0]["valueText"] == "#5"
    errors = edit(jobber, client, customFields=[{"customFieldConfigurationId": choice, "valueDropdown": "Pigeon"}])
    assert errors[0]["message"] == "This is not one of the choices"


def test_a_client_must_have_a_name(jobber: Calls) -> None:
    words = {"message": "A client needs a first name, a last name or a company name", "path": ["input"]}
    query = "mutation($input: ClientCreateInput!) { clientCreate(input: $input) { userErrors { message path } } }"
    for given in ({}, {"firstName": " ", "emails": [{"address": "a@example.com"}]}):
        assert jobber.ask(query, input=given)["clientCreate"]["userErrors"] == [words]
    client = jobber.create(lastName="Only")
    assert edit(jobber, client, lastName="") == [words]
    assert read(jobber, client)["name"] == "Only"


def test_archiving_and_back(jobber: Calls) -> None:
    client = jobber.create(firstName="A")
    for mutation, archived in (("clientArchive", True), ("clientUnarchive", False)):
        payload = "{ client { isArchived } userErrors { message } }"
        query = f"mutation($id: EncodedId!) {{ {mutation}(clientId: $id) {payload} }}"
        assert jobber.ask(query, id=client)[mutation] == {"client": {"isArchived": archived}, "userErrors": []}


def test_only_a_change_moves_the_time_of_change(jobber: Calls) -> None:
    client = jobber.create(firstName="A")
    before = read(jobber, client)["updatedAt"]
    jobber.running.sandbox.frame.clock.advance(60)
    edit(jobber, client, firstName="A")
    assert read(jobber, client)["updatedAt"] == before
    edit(jobber, client, firstName="B")
    moved = datetime.fromisoformat(read(jobber, client)["updatedAt"]) - datetime.fromisoformat(before)
    assert timedelta(seconds=55) < moved < timedelta(seconds=120)


@pytest.mark.parametrize("name", ["x" * 5000, "🙂 emoji", "=cmd()", "<script>alert(1)</script>", "\ud83d half"])
def test_odd_names_come_back_as_they_are(jobber: Calls, name: str) -> None:
    assert read(jobber, jobber.create(firstName=name))["firstName"] == name


# Errors


def test_an_id_that_is_none(jobber: Calls) -> None:
    error = jobber.post("query($id: EncodedId!) { client(id: $id) { id } }", id="1").json()["errors"][0]
    assert error["message"] == "Variable $id of type EncodedId! was provided invalid value"
    explanation = "'1' is not a valid EncodedId"
    assert error["extensions"]["value"] == "1"
    assert error["extensions"]["problems"] == [{"path": [], "explanation": explanation, "message": explanation}]


def test_an_unknown_client_is_null(jobber: Calls) -> None:
    assert jobber.ask(READ, id="MQ==") == {"client": None}


def test_unknown_fields_and_arguments_are_named_in_jobbers_words(jobber: Calls) -> None:
    def refused(query: str) -> dict[str, Any]:
        answer = jobber.post(query).json()
        assert "data" not in answer
        found: dict[str, Any] = answer["errors"][0]
        return found

    unknown = refused("{ clients(filter: { x: 1 }) { totalCount } }")
    assert unknown["message"] == "InputObject 'ClientFilterAttributes' doesn't accept argument 'x'"
    assert unknown["extensions"]["code"] == "argumentNotAccepted"
    assert refused("{ account { owner } }")["message"] == "Field 'owner' doesn't exist on type 'Account'"


def test_who_asks_must_be_known(jobber: Calls) -> None:
    nobody = jobber.post("{ account { id } }", token="")
    assert nobody.status_code == 200
    assert nobody.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    stranger = jobber.post("{ account { id } }", token="made-up")
    assert (stranger.status_code, stranger.json()) == (401, {"message": "Token not recognized"})


def test_the_request_must_have_its_headers(jobber: Calls) -> None:
    url, body = f"{jobber.url}/api/graphql", {"query": "{ account { id } }"}
    token = {"Authorization": "Bearer operator-jobber-token"}
    assert jobber.http.post(url, json=body, headers=token).status_code == 400
    assert (
        jobber.http.post(url, data=body, headers=token | {"X-JOBBER-GRAPHQL-VERSION": "2025-04-16"}).status_code == 415
    )


def test_what_the_scopes_do_not_reach_is_hidden(jobber: Calls) -> None:
    jobber.switch(read_users=False)
    answer = jobber.post("{ users(first: 1) { nodes { id } } }", jobber.pair()["access_token"]).json()
    assert answer["data"] is None
    words = "The field users on an object of type Query was hidden due to permissions"
    assert (answer["errors"][0]["message"], answer["errors"][0]["path"]) == (words, ["users"])
    jobber.switch()
    assert jobber.ask("{ users(first: 1) { nodes { name { full } } } }", jobber.pair()["access_token"])["users"][
        "nodes"
    ]


def test_a_version_near_its_end_is_warned_of(jobber: Calls) -> None:
    jobber.switch(version_ends=True)
    versioning = jobber.post("{ account { id } }").json()["extensions"]["versioning"]
    assert versioning["version"] == "2025-04-16"
    assert "no longer supported" in versioning["warning"]
    jobber.switch()


# Accounts


def test_each_account_sees_its_own_clients_alone(jobber: Calls) -> None:
    mine = listed(jobber, "first: 100")
    theirs = listed(jobber, "first: 100", "operator-jobber-token-2")
    assert len(theirs) == 12
    assert not {c["id"] for c in mine} & {c["id"] for c in theirs}
    assert listed(jobber, "first: 100", "operator-jobber-token-3") == []
    for token in ("operator-jobber-token-2", jobber.pair("2")["access_token"]):
        assert jobber.ask(READ, token, id=mine[0]["id"]) == {"client": None}


def test_another_accounts_client_cannot_be_changed(jobber: Calls) -> None:
    mine = listed(jobber, "first: 1")[0]
    answer = jobber.ask(EDIT, "operator-jobber-token-2", id=mine["id"], input={"firstName": "Taken over"})["clientEdit"]
    assert answer["client"] is None
    assert answer["userErrors"] == [{"message": "Client not found", "path": ["clientId"]}]
    assert listed(jobber, "first: 1")[0]["name"] == mine["name"]


def test_a_closed_account_is_not_served(jobber: Calls) -> None:
    jobber.http.post(f"{jobber.url}/accounts/3/active")
    answer = jobber.post("{ account { id } }", "operator-jobber-token-3")
    assert answer.json() == {"error": {"message": "This account is not active"}}
    jobber.http.post(f"{jobber.url}/accounts/3/active")
    assert jobber.ask("{ account { name } }", "operator-jobber-token-3") == {"account": {"name": "Empty Co"}}
