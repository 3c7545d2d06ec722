"""Stripe: customers, read and written; three ways to connect."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from connectors import http
from connectors.base import Connector, Credentials
from connectors.sandbox.running import Running
from connectors.stripe import client, sending
from tests.connectors.cases.base import Case
from tests.connectors.stripe_calls import COASTLINE, HARBOUR, Calls, arguments

WRITTEN = {
    "name": "Ann 👷 <b>O'Brien</b>", "business_name": "=SUM(A1)", "individual_name": "Ann O'Brien",
    "email": "Ann.Contract@Example.com", "phone": "+61412345678", "description": "مرحبا",
    "address.line1": "1 King St", "address.line2": "Unit 5", "address.city": "Darwin", "address.state": "NT",
    "address.postal_code": "0800", "address.country": "AU", "metadata.jobber_client_id": "Z2lkOi8v",
    "metadata.cf_gate": "#12 & more",
}  # fmt: skip
ACCOUNTS = {1: HARBOUR, 2: COASTLINE}


class StripeCase(Case):
    slug = "stripe"
    renewed_by = "apps"
    seeded = {"customers": 40}
    unknown_ids = {"customers": ("cus_NeverMade", "not an id", "cus_é")}
    reading = {"customers": "GET customers"}
    creating = {"customers": "POST customers"}
    knows_edits = False
    written: ClassVar[Mapping[str, dict[str, Any]]] = {"customers": WRITTEN}
    rewritten: ClassVar[Mapping[str, dict[str, Any]]] = {
        "customers": {
            "name": "Ann Smith", "phone": "", "address.line2": None, "address.city": "Palmerston",
            "metadata.cf_gate": "", "metadata.cf_new": "x",
        },
    }  # fmt: skip
    too_long = {"customers": ("metadata.cf_long", "x" * 501)}
    reference = "jobber_client_id"

    def __init__(self, running: Running, portal: str = "http://portal.example.com") -> None:
        super().__init__(running, portal)
        self.there = Calls(running)

    def connector(self) -> Connector:
        return self.there.connector()

    def connect(self, account: int = 1, method: str = "") -> Credentials:
        way = method or "connect"
        return self.connector().exchange(way, code=self._code(account, way), redirect_uri=self.address)

    def wrong(self) -> Credentials:
        return self.connector().from_key("key", "rk_test_canaryNeverGivenOut")

    def code(self, account: int = 1) -> tuple[str, str]:
        return "connect", self._code(account, "connect")

    def _code(self, account: int, way: str) -> str:
        place = "app" if way == "apps" else "connect"
        return arguments(self.there.consent(place, account=ACCOUNTS[account], redirect_uri=self.address))["code"]

    def add(self, resource: str, name: str, email: str) -> str:
        return str(self.there.create(name=name, email=email)["id"])

    def edit(self, resource: str, record_id: str, name: str) -> None:
        assert self.there.post(f"customers/{record_id}", name=name).status_code == 200

    def remove(self, resource: str, record_id: str) -> None:
        assert self.there.send("DELETE", f"customers/{record_id}").status_code == 200

    def let_go(self) -> None:
        self.there.http.post(f"{self.there.url}/accounts/1", data={"do": "disconnect"})

    def in_a_hurry(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(http, "DEADLINE_SECONDS", 0.5)
        patch.setattr(sending, "READ_PATIENCE", 0.5)
        hurried = client.Transport()
        patch.setattr(client, "transport", lambda: hurried)
