"""Calls to a running Jobber stand-in, as an outside script would make them."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from connectors import registry
from connectors.base import Connector, Credentials
from connectors.jobber.sandbox.permissions import SCOPES
from connectors.sandbox.running import Running

VERSION = "2025-04-16"
CALLBACK = "http://portal.example.com/connect/jobber/callback/"
APP = {"client_id": "sandbox-jobber-client", "client_secret": "sandbox-jobber-secret"}
CREATE = "mutation($input: ClientCreateInput!) { clientCreate(input: $input) { client { id } userErrors { path } } }"
EDIT_CLIENT = (
    "mutation($id: EncodedId!, $input: ClientEditInput!)"
    " { clientEdit(clientId: $id, input: $input) { client { id } userErrors { message } } }"
)
BILL = (
    "mutation($input: InvoiceCreateInput!) { invoiceCreate(input: $input) { invoice { id } userErrors { message } } }"
)
EDIT_INVOICE = (
    "mutation($id: EncodedId!, $input: InvoiceEditInput!)"
    " { invoiceEdit(invoiceId: $id, input: $input) { invoice { id } userErrors { message } } }"
)
NOTE = (
    "mutation($id: EncodedId!, $message: String!)"
    " { invoiceCreateNote(invoiceId: $id, input: { message: $message }) { invoiceNote { id } userErrors { message } } }"
)
EDIT_NOTE = (
    "mutation($id: EncodedId!, $message: String!)"
    " { invoiceEditNote(input: { noteId: $id, message: $message }) { invoiceNote { id } userErrors { message } } }"
)


@dataclass
class Calls:
    running: Running
    http: httpx.Client = field(default_factory=httpx.Client)

    @property
    def url(self) -> str:
        return f"{self.running.url}/jobber"

    def post(self, query: str, token: str = "operator-jobber-token", **variables: Any) -> httpx.Response:
        headers = {"X-JOBBER-GRAPHQL-VERSION": VERSION, "Content-Type": "application/json"}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        body = json.dumps({"query": query, "variables": variables})  # escaped: httpx cannot send half a surrogate pair
        return self.http.post(f"{self.url}/api/graphql", content=body, headers=headers)

    def ask(self, query: str, token: str = "operator-jobber-token", **variables: Any) -> Any:
        answer = self.post(query, token, **variables).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def cost(self, query: str, token: str = "operator-jobber-token", **variables: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.post(query, token, **variables).json()["extensions"]["cost"]
        return found

    def create(self, token: str = "operator-jobber-token", **given: Any) -> str:
        return str(self.ask(CREATE, token, input=given)["clientCreate"]["client"]["id"])

    def done(self, query: str, **variables: Any) -> Any:
        """What a mutation answers with, as the operator."""
        (found,) = self.ask(query, **variables).values()
        assert found["userErrors"] == []
        return found

    def edit_client(self, client_id: str, **given: Any) -> None:
        self.done(EDIT_CLIENT, id=client_id, input=given)

    def bill(self, client_id: str, *lines: dict[str, Any], **more: Any) -> str:
        """An invoice that is sent: for one line of $110 unless told otherwise."""
        given = {
            "clientId": client_id, "markSent": True, "dueDetails": {"invoiceNet": 14},
            "lineItems": list(lines) or [{"name": "Work", "quantity": 1.0, "unitPrice": 110.0}],
            "tax": {"taxCalculationMethod": "INCLUSIVE"}, **more,
        }  # fmt: skip
        return str(self.done(BILL, input=given)["invoice"]["id"])

    def edit_invoice(self, invoice_id: str, **given: Any) -> None:
        self.done(EDIT_INVOICE, id=invoice_id, input=given)

    def note(self, invoice_id: str, message: str) -> str:
        return str(self.done(NOTE, id=invoice_id, message=message)["invoiceNote"]["id"])

    def edit_note(self, note_id: str, message: str) -> None:
        self.done(EDIT_NOTE, id=note_id, message=message)

    def page_of(self, kind: str, record_id: str) -> str:
        """The control page of a client or an invoice."""
        query = f"query($id: EncodedId!) {{ {kind}(id: $id) {{ jobberWebUri }} }}"
        number = str(self.ask(query, id=record_id)[kind]["jobberWebUri"]).rpartition("/")[2]
        return f"{self.url}/accounts/1/{kind}s/{number}"

    def destroy(self, kind: str, record_id: str) -> None:
        assert self.http.post(f"{self.page_of(kind, record_id)}/destroy").status_code == 303

    def pay(self, invoice_id: str, amount: str, **more: str) -> None:
        form = {"amount": amount, "kind": "PAYMENT", "method": "BANK_TRANSFER"} | more
        assert self.http.post(f"{self.page_of('invoice', invoice_id)}/pay", data=form).status_code == 303

    def consent(self, **changes: str) -> httpx.Response:
        """What a person's browser posts from the consent page."""
        form = {
            "client_id": APP["client_id"], "redirect_uri": CALLBACK, "response_type": "code", "state": "s-1",
            "account": "1", "decision": "allow",
        }  # fmt: skip
        return self.http.post(f"{self.url}/api/oauth/authorize", data=form | changes)

    def code(self, account: str = "1") -> str:
        place = self.consent(account=account).headers["location"]
        return parse_qs(urlsplit(place).query)["code"][0]

    def token(self, **form: str) -> httpx.Response:
        return self.http.post(f"{self.url}/api/oauth/token", data=APP | form)

    def pair(self, account: str = "1") -> dict[str, str]:
        form = {"grant_type": "authorization_code", "code": self.code(account), "redirect_uri": CALLBACK}
        answer = self.token(**form)
        assert answer.status_code == 200, answer.text
        found: dict[str, str] = answer.json()
        return found

    def refresh(self, token: str) -> httpx.Response:
        return self.token(grant_type="refresh_token", refresh_token=token)

    def switch(self, **switches: bool) -> None:
        """The switches of the control page: those not named are off, but rotation and every scope are on."""
        on = {"rotation": True} | dict.fromkeys(SCOPES, True) | switches
        self.http.post(f"{self.url}/settings", data={name: "on" for name, value in on.items() if value})

    def set_received(self, way: str) -> None:
        """What marking an invoice as received does: balance, nothing or payment."""
        form = {"rotation": "on", "received": way} | dict.fromkeys(SCOPES, "on")
        self.http.post(f"{self.url}/settings", data=form)

    def connector(self) -> Connector:
        """Our own connector, set to speak with the stand-in."""
        environ = {
            "JOBBER_API_URL": f"{self.url}/api/graphql", "JOBBER_OAUTH_URL": f"{self.url}/api/oauth",
            "JOBBER_CLIENT_ID": APP["client_id"], "JOBBER_CLIENT_SECRET": APP["client_secret"],
        }  # fmt: skip
        return registry.configured("jobber", environ)

    def connected(self, account: str = "1") -> Credentials:
        return self.connector().exchange("oauth", code=self.code(account), redirect_uri=CALLBACK)
