"""Jobber: read only, tokens that expire and rotate."""

from urllib.parse import parse_qs, urlsplit

import pytest

from connectors import http
from connectors.base import Connector, Credentials
from connectors.sandbox.running import Running
from tests.connectors.cases.base import Case
from tests.connectors.jobber_calls import Calls

EDIT = (
    "mutation($id: EncodedId!, $name: String!)"
    " { clientEdit(clientId: $id, input: { lastName: $name }) { client { id } userErrors { message } } }"
)


class JobberCase(Case):
    slug = "jobber"
    renewed_by = "oauth"
    seeded = {"clients": 200}
    unknown_ids = {"clients": ("Z2lkOi8vSm9iYmVyL0NsaWVudC85OTk5OTk5", "not an id", "")}
    reading = {"clients": "ClientsPage"}
    knows_edits = True

    def __init__(self, running: Running, portal: str = "http://portal.example.com") -> None:
        super().__init__(running, portal)
        self.there = Calls(running)

    def connector(self) -> Connector:
        return self.there.connector()

    def connect(self, account: int = 1, method: str = "") -> Credentials:
        method, code = self.code(account)
        return self.connector().exchange(method, code=code, redirect_uri=self.address)

    def code(self, account: int = 1) -> tuple[str, str]:
        place = self.there.consent(account=str(account), redirect_uri=self.address).headers["location"]
        return "oauth", parse_qs(urlsplit(place).query)["code"][0]

    def add(self, resource: str, name: str, email: str) -> str:
        return self.there.create(lastName=name, emails=[{"address": email, "primary": True}])

    def edit(self, resource: str, record_id: str, name: str) -> None:
        assert not self.there.ask(EDIT, id=record_id, name=name)["clientEdit"]["userErrors"]

    def remove(self, resource: str, record_id: str) -> None:
        self.there.http.post(f"{self.there.url}/accounts/1/clients/{self._number(record_id)}/destroy")

    def _number(self, record_id: str) -> str:
        found = self.there.ask("query($id: EncodedId!) { client(id: $id) { jobberWebUri } }", id=record_id)
        return str(found["client"]["jobberWebUri"]).rpartition("/")[2]

    def let_go(self) -> None:
        self.there.http.post(f"{self.there.url}/accounts/1/disconnect")

    def in_a_hurry(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(http, "DEADLINE_SECONDS", 0.5)
