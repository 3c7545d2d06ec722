"""A session with one Stripe account, through Stripe's own package."""

import contextlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import stripe

from connectors.base import Account, Budget, Check, Credentials, Data, Field, Page, Record, Session, WriteResult
from connectors.errors import ContractError, MissingError, ScopeError, UnknownOutcome
from connectors.stripe import records
from connectors.stripe.pacing import pacer
from connectors.stripe.sending import READ_PATIENCE, Answer, Sender
from connectors.stripe.transport import Transport

CUSTOMERS = "/v1/customers"
PAGE = 100


@cache
def transport() -> Transport:
    return Transport()


@cache
def _readers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(16, thread_name_prefix="stripe-read")


class StripeSession(Session):
    """`customers` is the one resource. Edits carry no time in Stripe: `updated_since` filters by creation, and later
    edits come by events."""

    def __init__(self, credentials: Credentials, *, platform_key: str, api_url: str, version: str) -> None:
        self.credentials = credentials
        on_behalf = credentials.method == "connect"
        key = platform_key if on_behalf else credentials.access_token.reveal()
        client = stripe.StripeClient(
            key,
            stripe_account=credentials.account_id if on_behalf else None,
            stripe_version=version or None,
            base_addresses={"api": api_url},
            http_client=transport(),
        )
        self._stripe = Sender(client, pacer(credentials.account_id or key[-8:], livemode=credentials.livemode))

    def account(self) -> Account:
        found = self._own_account()
        profile = found.get("business_profile") or {}
        dashboard = (found.get("settings") or {}).get("dashboard") or {}
        return Account(
            id=str(found["id"]),
            name=dashboard.get("display_name") or profile.get("name") or found.get("email") or str(found["id"]),
            country=found.get("country") or "",
            currency=(found.get("default_currency") or "").upper(),
            livemode=self.credentials.livemode,
            url="https://dashboard.stripe.com/",
        )

    def _own_account(self) -> dict[str, Any]:
        return self._stripe.get("GET account", "/v1/account", {}, "id")

    def doctor(self) -> list[Check]:
        found = self._own_account()
        due = (found.get("requirements") or {}).get("currently_due") or []
        fill_in = "Open your Stripe dashboard and complete what it asks for."
        pays, pays_out = bool(found.get("charges_enabled")), bool(found.get("payouts_enabled"))
        asks = f"Stripe asks for {len(due)} more {'detail' if len(due) == 1 else 'details'}." if due else "All given."
        checks = [
            Check("Can take payments", pays, _can(pays), fill_in),
            Check("Can pay out to your bank", pays_out, _can(pays_out), fill_in),
            Check("Nothing missing at Stripe", not due, asks, fill_in),
            self._may("read"),
            self._may("change"),
        ]
        if not self.credentials.livemode:
            checks.append(Check("Test mode", None, "This is a Stripe test account: no real money moves."))
        if self.credentials.method == "key" and self.credentials.access_token.reveal().startswith("sk_"):
            checks.append(
                Check("Restricted key", False, "This key may do anything.", "Paste a restricted key instead.")
            )
        return checks

    def _may(self, verb: str) -> Check:
        label = f"May {verb} customers"
        try:
            self._try_to(verb)
        except ScopeError as error:
            return Check(label, False, str(error), "Give the key read and write access to customers.")
        return Check(label, True, "Yes.")

    def _try_to(self, verb: str) -> None:
        """Without any effect: Stripe looks at the permission before it looks for a customer that does not exist."""
        if verb == "read":
            self._stripe.get("GET customers", CUSTOMERS, {"limit": 1}, "data")
            return
        with contextlib.suppress(MissingError):
            deadline = self._stripe.pacer.clock() + READ_PATIENCE
            self._stripe.post("POST customer", f"{CUSTOMERS}/cus_none", {}, key=f"fb-{uuid4().hex}", deadline=deadline)

    def fields(self, resource: str) -> list[Field]:
        return list(records.FIELDS)

    def page(self, resource: str, cursor: str | None = None, *, updated_since: datetime | None = None) -> Page:
        """Newest first, 100 at a time."""
        asked: dict[str, Any] = json.loads(cursor) if cursor else {}
        if updated_since and not cursor:
            asked["created"] = {"gte": int(updated_since.timestamp())}
        seconds = asked.pop("seconds", None)
        try:
            return self._list(asked)
        except MissingError:
            if seconds is None:
                raise
        # The customer that the last page ended with is gone for good: go on from its second, seeing a few twice.
        del asked["starting_after"]
        return self._list(asked | {"created": {**asked.get("created", {}), "lte": seconds}})

    def _list(self, asked: dict[str, Any]) -> Page:
        found = self._stripe.get("GET customers", CUSTOMERS, {**asked, "limit": PAGE}, "data", "has_more")
        if not isinstance(found["data"], list):
            raise ContractError("Stripe's list is not as we know it.")
        rows = [_record(row) for row in found["data"]]
        if not found["has_more"] or not rows:
            return Page(rows, None)
        place = {"starting_after": rows[-1].id, "seconds": int(found["data"][-1]["created"])}
        return Page(rows, json.dumps({**asked, **place}))

    def fetch(self, resource: str, ids: Sequence[str]) -> dict[str, Record | None]:
        """One call each, some at once: Stripe has no reading of several by id."""
        if len(ids) == 1:
            return {ids[0]: self._retrieve(ids[0])}
        return dict(zip(ids, _readers().map(self._retrieve, ids), strict=True))

    def _retrieve(self, record_id: str) -> Record | None:
        try:
            found = self._stripe.get("GET customer", _at(record_id), {}, "id")
        except MissingError:
            return None
        return None if found.get("deleted") else _record(found)

    def create(self, resource: str, data: Data, *, key: str, deadline: float) -> WriteResult:
        sent = records.params({p: v for p, v in data.items() if v not in ("", None)})
        return _result(self._stripe.post("POST customers", CUSTOMERS, sent, key=key, deadline=deadline))

    def update(self, resource: str, record_id: str, data: Data, *, key: str, deadline: float) -> WriteResult:
        sent = records.params(data)
        return _result(self._stripe.post("POST customer", _at(record_id), sent, key=key, deadline=deadline))

    def find_by_email(self, resource: str, email: str) -> list[Record]:
        """Stripe's filter minds the case: asked for as given, and in lower case."""
        found = {r.id: r for each in dict.fromkeys((email, email.lower())) for r in self._list({"email": each}).records}
        return list(found.values())

    def budgets(self) -> list[Budget]:
        return [Budget(f"Stripe, {name}", rate, rate, rate) for name, rate in self._stripe.pacer.rates().items()]


def _at(record_id: str) -> str:
    return f"{CUSTOMERS}/{quote(record_id, safe='')}"


def _result(answer: Answer) -> WriteResult:
    try:
        record = _record(answer.body)
    except ContractError as error:
        raise UnknownOutcome(f"{error}") from None  # it may well have happened
    return WriteResult(record, answer.header("Request-Id"), answer.header("Idempotent-Replayed") == "true")


def _record(found: Any) -> Record:
    try:
        return records.customer(found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ContractError(f"Stripe's customer is not as we know it: {type(error).__name__} at {error}.") from None


def _can(enabled: object) -> str:
    return "Yes." if enabled else "Not at the moment."
