"""Hands outside of the portal: the tradesperson's edits, what Stripe holds, webhooks as the services sign them."""

import asyncio
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.jobber.sandbox.hooks import Hooks
from connectors.sandbox.service import Frame
from connectors.stripe.sandbox.events import API_VERSION, signature
from portal.demo.environment import Place
from tests.bench.wire import Wire

AT_ONCE = 64
JOBBER = {
    "Authorization": "Bearer operator-jobber-token",
    "X-JOBBER-GRAPHQL-VERSION": "2025-04-16",
    "Content-Type": "application/json",
}
STRIPE = {"Authorization": "Bearer sk_test_operator"}
ADD = "mutation($input: ClientCreateInput!) { clientCreate(input: $input) { client { id } userErrors { message } } }"
EDIT = (
    "mutation($id: EncodedId!, $input: ClientEditInput!)"
    " { clientEdit(clientId: $id, input: $input) { client { id } userErrors { message } } }"
)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A webhook to send. `about` is the record's id."""

    path: str
    about: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Delivered:
    """`at`: seconds since the epoch when it was sent; `ms` until it was answered."""

    parcel: Parcel
    at: float
    ms: float
    status: int


class Outside:
    """Made inside an event loop, for one asyncio.run."""

    def __init__(self, place: Place, jobber: dict[str, str] | None = None) -> None:
        self._sandbox, self._portal = Wire(place.sandbox_url), Wire(place.url)
        self._as = jobber or JOBBER
        self._slots = asyncio.Semaphore(AT_ONCE)

    # Jobber, by its operator

    async def _jobber(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        async with self._slots:
            found = (await self._sandbox.post("/jobber/api/graphql", body, self._as)).json()
        if "errors" in found:
            raise RuntimeError(f"The Jobber stand-in says: {found['errors']}")
        return found["data"]

    async def add(self, name: str) -> str:
        """A new client's id."""
        emails = [{"address": f"{name.replace(' ', '.').lower()}@example.com", "primary": True}]
        first, _, last = name.partition(" ")
        made = await self._jobber(ADD, input={"firstName": first, "lastName": last, "emails": emails})
        return str(made["clientCreate"]["client"]["id"])

    async def edit(self, client_id: str, **changes: Any) -> None:
        await self._jobber(EDIT, id=client_id, input=changes)

    # Stripe, by its operator

    async def customers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            page = (await self._sandbox.get(f"/stripe/v1/customers?limit=100{after}", STRIPE)).json()
            found += page["data"]
            if not page["has_more"]:
                return found
            after = f"&starting_after={found[-1]['id']}"

    # The stand-ins themselves

    async def latency(self, milliseconds: float) -> None:
        """Of every call that goes out from now on."""
        await self._control({"latency_ms": milliseconds})

    async def silent(self, webhooks: int) -> None:
        """So many of Jobber's webhooks are not sent."""
        await self._control({"kind": "drop", "service": "jobber", "operation": "webhook CLIENT", "times": webhooks})

    async def _control(self, asked: dict[str, Any]) -> None:
        await self._sandbox.post("/_control/faults", json.dumps(asked).encode(), {"Content-Type": "application/json"})

    # Webhooks

    async def volley(self, parcels: Sequence[Parcel], per_second: float) -> list[Delivered]:
        """Each leaves at its time, whether or not those before it were answered."""
        begun = time.perf_counter()
        sent = []
        for number, parcel in enumerate(parcels):
            await asyncio.sleep(max(0.0, begun + number / per_second - time.perf_counter()))
            sent.append(asyncio.create_task(self._deliver(parcel)))
        return await asyncio.gather(*sent)

    async def _deliver(self, parcel: Parcel) -> Delivered:
        at, started = time.time(), time.perf_counter()
        answer = await self._portal.post(parcel.path, parcel.body, parcel.headers)
        return Delivered(parcel, at, (time.perf_counter() - started) * 1000, answer.status)


class Post:
    """Webhooks as the services write and sign them."""

    def __init__(self, environ: dict[str, str], jobber_account: str, stripe_account: str) -> None:
        self._environ, self._jobber_account, self._stripe_account = environ, jobber_account, stripe_account
        self._hooks = Hooks(Frame({}), "", environ["JOBBER_CLIENT_SECRET"])

    def client(self, client_id: str, topic: str = "CLIENT_UPDATE", at: float = 0.0) -> Parcel:
        moment = datetime.fromtimestamp(at or time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        event = {
            "topic": topic, "appId": "bench", "accountId": self._jobber_account, "itemId": client_id,
            "occurredAt": moment,
        }  # fmt: skip
        body = json.dumps({"data": {"webHookEvent": event}}).encode()
        return _parcel("jobber", client_id, body, self._hooks.signed(body, 0.0))

    def customer(self, customer: dict[str, Any]) -> Parcel:
        """customer.updated with the whole customer in it."""
        event = {
            "id": f"evt_{secrets.token_hex(12)}", "object": "event", "account": self._stripe_account,
            "api_version": API_VERSION, "created": int(time.time()), "livemode": False, "type": "customer.updated",
            "data": {"object": customer, "previous_attributes": {}}, "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
        }  # fmt: skip
        body = json.dumps(event).encode()
        signed = signature(body, int(time.time()), [self._environ["STRIPE_WEBHOOK_SECRET"]])
        return _parcel("stripe", customer["id"], body, {"Stripe-Signature": signed})


def named(first: str, last: str) -> dict[str, object]:
    """The changes to a client that make this its name, also where it was a company."""
    return {"firstName": first, "lastName": last, "companyName": "", "isCompany": False}


def _parcel(service: str, about: str, body: bytes, signed: dict[str, str]) -> Parcel:
    return Parcel(f"/webhooks/{service}/", about, body, {"Content-Type": "application/json", **signed})
