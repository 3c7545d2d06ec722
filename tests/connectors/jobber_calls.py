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
