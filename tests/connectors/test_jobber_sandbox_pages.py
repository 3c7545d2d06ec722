"""Acting as the tradesperson on the Jobber stand-in's pages, and the webhooks that follow."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from connectors.base import NoticeKind
from connectors.errors import SignatureError
from connectors.jobber import webhooks
from connectors.sandbox.running import running
from tests.connectors.jobber_calls import APP, Calls

pytestmark = pytest.mark.sandbox
CLIENT = """query($id: EncodedId!) { client(id: $id) { name firstName isLead isArchived title
  emails { id address primary } phones { number primary } tags(first: 9) { nodes { label } }
  billingAddress { street1 city } customFields { ... on CustomFieldText { valueText }
  ... on CustomFieldTrueFalse { valueTrueFalse } ... on CustomFieldNumeric { valueNumeric } } } }"""


class Receiver(ThreadingHTTPServer):
    """Takes what is sent to the portal. `statuses` are answered in turn, then 200."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.news = threading.Condition()
        super().__init__(("127.0.0.1", 0), Handler)

    def wait(self, count: int) -> list[tuple[str, dict[str, str], bytes]]:
        with self.news:
            assert self.news.wait_for(lambda: len(self.got) >= count, 10), f"{len(self.got)} of {count} came"
            return list(self.got)

    def events(self, count: int) -> list[dict[str, Any]]:
        return [json.loads(body)["data"]["webHookEvent"] for _, _, body in self.wait(count)]


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.news:
            self.server.got.append((self.path, dict(self.headers), body))
            status = self.server.statuses.pop(0) if self.server.statuses else 200
            self.server.news.notify_all()
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def portal() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def jobber(portal: Receiver) -> Iterator[Calls]:
    environ = {"SANDBOX_PORTAL_URL": f"http://127.0.0.1:{portal.server_port}", "SANDBOX_LIMITS": "off"}
    with running(environ, seed="40") as found:
        yield Calls(found)


def connect(jobber: Calls, account: str = "1") -> dict[str, str]:
    callback = f"{jobber.running.sandbox.frame.environ['SANDBOX_PORTAL_URL']}/connect/jobber/callback/"
    place = jobber.consent(account=account, redirect_uri=callback).headers["location"]
    code = httpx.URL(place).params["code"]
    answer = jobber.token(grant_type="authorization_code", code=code, redirect_uri=callback)
    assert answer.status_code == 200
    found: dict[str, str] = answer.json()
    return found


def form_of(page: str) -> dict[str, str]:
    """What a browser would post if a person changed nothing."""
    from html.parser import HTMLParser

    found: dict[str, str] = {}

    class Fields(HTMLParser):
        select = ""

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            given = dict(attrs)
            name, value = given.get("name") or "", given.get("value") or ""
            if tag == "select":
                Fields.select = name
                found[name] = ""
            elif tag == "option" and "selected" in given:
                found[Fields.select] = value or "?"
            elif tag == "input" and (given.get("type") not in {"checkbox", "radio"} or "checked" in given):
                found[name] = "on" if given.get("type") == "checkbox" else value

        def handle_data(self, data: str) -> None:
            if found.get(Fields.select) == "?":
                found[Fields.select] = data.strip()

    Fields().feed(page.partition("<form")[2].join(["<form", ""]))
    return found


def client_page(jobber: Calls, number: int) -> str:
    return f"{jobber.url}/accounts/1/clients/{number}"


def client_id(jobber: Calls, place: str) -> str:
    return str(form_id(jobber.http.get(place).text))


def form_id(page: str) -> str:
    return page.partition("<dd><code>")[2].partition("</code>")[0]


# Pages


def test_clients_are_listed_newest_first_page_by_page_and_found(jobber: Calls) -> None:
    place = f"{jobber.url}/accounts/1/clients"
    first, second = jobber.http.get(place).text, jobber.http.get(f"{place}?page=2").text
    assert "40 clients, page 1 of 2" in first
    assert "/clients/1040" in first
    assert "/clients/1001" in second
    name = jobber.ask("{ clients(first: 1) { nodes { name email } } }")["clients"]["nodes"][0]
    found = jobber.http.get(place, params={"q": name["email"].upper()}).text
    assert name["name"] in found
    assert "1 clients" in found
    assert "Nobody is found" in jobber.http.get(place, params={"q": "zzz<b>"}).text


def test_a_client_is_added(jobber: Calls) -> None:
    place = f"{jobber.url}/accounts/1/clients/new"
    form = form_of(jobber.http.get(place).text) | {
        "firstName": "Ada", "lastName": "<Lovelace>", "title": "Dr.", "email_0": "ada@example.com",
        "phone_0": "0412 345 678", "city": "Manly", "tags": "VIP, Gas , VIP", "isLead": "on", "custom_0": "#99",
        "custom_2": "on", "custom_3": "7",
    }  # fmt: skip
    answer = jobber.http.post(place, data=form, follow_redirects=True)
    assert "The client is added." in answer.text
    assert "&lt;Lovelace&gt;" in answer.text
    made = jobber.ask(CLIENT, id=form_id(answer.text))["client"]
    assert (made["name"], made["title"], made["isLead"]) == ("Ada <Lovelace>", "Dr.", True)
    assert made["emails"][0]["address"] == "ada@example.com"
    assert made["phones"] == [{"number": "0412 345 678", "primary": True}]
    assert made["billingAddress"] == {"street1": "", "city": "Manly"}
    assert {t["label"] for t in made["tags"]["nodes"]} == {"VIP", "Gas"}
    assert {"valueText": "#99"} in made["customFields"]
    assert {"valueTrueFalse": True} in made["customFields"]
    assert {"valueNumeric": 7.0} in made["customFields"]


def test_saving_an_unchanged_form_changes_nothing(jobber: Calls) -> None:
    accounts = jobber.running.sandbox.services["jobber"].state["accounts"]["1"]["clients"]
    for number in range(1001, 1041):
        before = dict(accounts)
        place = client_page(jobber, number)
        jobber.http.post(place, data=form_of(jobber.http.get(place).text))
        assert accounts == before


def test_a_client_is_edited(jobber: Calls) -> None:
    place = client_page(jobber, 1002)
    form = form_of(jobber.http.get(place).text)
    changed = form | {"firstName": "New", "email_0": "", "email_1": "new@example.com", "email_primary": "1", "tags": ""}
    answer = jobber.http.post(place, data=changed, follow_redirects=True)
    assert "Saved." in answer.text
    found = jobber.ask(CLIENT, id=form_id(answer.text))["client"]
    assert found["firstName"] == "New"
    assert [(e["address"], e["primary"]) for e in found["emails"]] == [("new@example.com", True)]
    assert found["tags"]["nodes"] == []


def test_a_number_that_is_none_is_said(jobber: Calls) -> None:
    place = client_page(jobber, 1002)
    form = form_of(jobber.http.get(place).text)
    answer = jobber.http.post(place, data=form | {"custom_3": "old", "firstName": "Lost"})
    assert answer.status_code == 400
    assert "Hot water unit age: this is not a number." in answer.text
    assert jobber.ask(CLIENT, id=form_id(answer.text))["client"]["firstName"] != "Lost"


def test_archive_bring_back_and_delete(jobber: Calls) -> None:
    place = client_page(jobber, 1003)
    key = client_id(jobber, place)
    for archived in (True, False):
        jobber.http.post(f"{place}/archive")
        assert jobber.ask(CLIENT, id=key)["client"]["isArchived"] is archived
    jobber.http.post(f"{place}/destroy")
    assert jobber.ask(CLIENT, id=key)["client"] is None
    assert jobber.http.get(place).status_code == 404


def test_other_accounts_clients_are_not_on_this_accounts_pages(jobber: Calls) -> None:
    assert jobber.http.get(f"{jobber.url}/accounts/2/clients/1002").status_code == 404
    assert jobber.http.post(f"{jobber.url}/accounts/2/clients/1002/destroy").status_code == 404
    assert jobber.http.get(f"{jobber.url}/accounts/9/clients").status_code == 404


# Webhooks


def test_nothing_is_told_about_an_account_that_is_not_connected(jobber: Calls, portal: Receiver) -> None:
    connect(jobber, "2")
    jobber.http.post(f"{client_page(jobber, 1003)}/archive")
    assert list(jobber.running.sandbox.frame.delivery.sent) == []


def test_every_kind_of_change_is_told_and_signed(jobber: Calls, portal: Receiver) -> None:
    connect(jobber)
    made = jobber.create(firstName="Ada")
    place = client_page(jobber, 1004)
    other = client_id(jobber, place)
    jobber.http.post(f"{place}/archive")
    jobber.http.post(f"{place}/destroy")
    jobber.http.post(f"{jobber.url}/accounts/1/disconnect")
    account = jobber.ask("{ account { id } }")["account"]["id"]
    events = portal.events(4)
    told = {(e["topic"], e["itemId"]) for e in events if e["topic"] != "APP_DISCONNECT"}
    assert told == {("CLIENT_CREATE", made), ("CLIENT_UPDATE", other), ("CLIENT_DESTROY", other)}
    assert {e["accountId"] for e in events} == {account}
    kinds = {}
    for path, headers, body in portal.wait(4):
        assert path == "/webhooks/jobber/"
        assert headers["Content-Type"] == "application/json"
        webhooks.verify(body, headers, [APP["client_secret"]])
        with pytest.raises(SignatureError):
            webhooks.verify(body + b" ", headers, [APP["client_secret"]])
        notice = webhooks.parse(body)
        kinds[notice.topic] = notice.kind
        assert notice.account_id == account
    assert kinds["CLIENT_DESTROY"] is NoticeKind.DELETED
    assert kinds["APP_DISCONNECT"] is NoticeKind.DISCONNECTED


def test_nothing_is_told_after_the_end(jobber: Calls, portal: Receiver) -> None:
    pair = connect(jobber)
    jobber.ask("mutation { appDisconnect { userErrors { message } } }", pair["access_token"])
    jobber.create(firstName="Ada")
    assert list(jobber.running.sandbox.frame.delivery.sent) == []


def test_what_is_not_taken_is_sent_again(jobber: Calls, portal: Receiver) -> None:
    portal.statuses = [500]
    connect(jobber)
    jobber.create(firstName="Ada")
    (_, _, first), (_, _, second) = portal.wait(2)
    assert first == second


def test_an_accounts_own_endpoint_is_told_its_topic_until_it_is_deleted(jobber: Calls, portal: Receiver) -> None:
    token = connect(jobber)["access_token"]
    url = f"http://127.0.0.1:{portal.server_port}/own/"
    made = jobber.ask(
        """mutation($input: WebhookEndpointCreateInput!) { webhookEndpointCreate(input: $input) {
          webhookEndpoint { id topic url account { id } app { name } } userErrors { message } } }""",
        token, input={"topic": "CLIENT_CREATE", "url": url},
    )["webhookEndpointCreate"]["webhookEndpoint"]  # fmt: skip
    assert (made["topic"], made["url"]) == ("CLIENT_CREATE", url)
    jobber.create(firstName="Ada")
    assert {path for path, _, _ in portal.wait(2)} == {"/webhooks/jobber/", "/own/"}
    gone = jobber.ask(
        """mutation($ids: [EncodedId!]!) { webhookEndpointDelete(webhookEndpointsIds: $ids) {
          deletedWebhookEndpoints { id } userErrors { message } } }""",
        token, ids=[made["id"]],
    )  # fmt: skip
    assert gone["webhookEndpointDelete"]["deletedWebhookEndpoints"] == [{"id": made["id"]}]
    jobber.create(firstName="Bea")
    assert [path for path, _, _ in portal.wait(3)].count("/own/") == 1
