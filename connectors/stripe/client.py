"""A session with one Stripe account, through Stripe's own package."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import stripe

from connectors.base import Account, Budget, Check, Credentials, Data, Field, Page, Record, Session, WriteResult
from connectors.errors import ContractError, MissingError, RateLimited, ScopeError
from connectors.stripe import records
from connectors.stripe.failures import limit_reason, translated
from connectors.stripe.pacing import pacer
from connectors.stripe.transport import Transport

stripe.enable_telemetry = False
PAGE = 100
#: A read waits at most so long for its turn.
READ_PATIENCE = 20.0
_CREATED_SLACK = timedelta(seconds=60)


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
        self._client = stripe.StripeClient(
            key,
            stripe_account=credentials.account_id if on_behalf else None,
            stripe_version=version or None,
            base_addresses={"api": api_url},
            http_client=transport(),
        )
        self._pacer = pacer(credentials.account_id or key[-8:], livemode=credentials.livemode)

    def account(self) -> Account:
        found = self._read("GET account", lambda: self._client.v1.accounts.retrieve_current()).to_dict()
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

    def doctor(self) -> list[Check]:
        found = self._read("GET account", lambda: self._client.v1.accounts.retrieve_current()).to_dict()
        due = (found.get("requirements") or {}).get("currently_due") or []
        fill_in = "Open your Stripe dashboard and complete what it asks for."
        checks = [
            Check("Can take payments", bool(found.get("charges_enabled")), _can(found.get("charges_enabled")), fill_in),
            Check("Can pay out to your bank", bool(found.get("payouts_enabled")), _can(found.get("payouts_enabled")), fill_in),
            Check("Nothing missing at Stripe", not due, f"Stripe asks for {len(due)} more details." if due else "All given.", fill_in),
            self._may_read(),
        ]  # fmt: skip
        if not self.credentials.livemode:
            checks.append(Check("Test mode", None, "This is a Stripe test account: no real money moves."))
        if self.credentials.method == "key" and self.credentials.access_token.reveal().startswith("sk_"):
            checks.append(
                Check("Restricted key", False, "This key may do anything.", "Paste a restricted key instead.")
            )
        return checks

    def _may_read(self) -> Check:
        try:
            self._read("GET customers", lambda: self._client.v1.customers.list({"limit": 1}))
        except ScopeError as error:
            return Check("May read customers", False, str(error), "Give the key read and write access to customers.")
        return Check("May read customers", True, "Yes.")

    def fields(self, resource: str) -> list[Field]:
        return list(records.FIELDS)

    def page(self, resource: str, cursor: str | None = None, *, updated_since: datetime | None = None) -> Page:
        """Newest first, 100 at a time."""
        params: dict[str, Any] = json.loads(cursor) if cursor else {}
        if updated_since and not cursor:
            params["created"] = {"gte": int(updated_since.timestamp())}
        return self._list({**params, "limit": PAGE}, params)

    def _list(self, params: dict[str, Any], carried: dict[str, Any]) -> Page:
        found = self._read("GET customers", lambda: self._client.v1.customers.list(params)).to_dict()
        rows = [_record(row) for row in found["data"]]
        last = rows[-1].id if rows else ""
        cursor = json.dumps({**carried, "starting_after": last}) if found.get("has_more") and rows else None
        return Page(rows, cursor)

    def fetch(self, resource: str, ids: Sequence[str]) -> dict[str, Record | None]:
        """One call each, some at once: Stripe has no reading of several by id."""
        if len(ids) == 1:
            return {ids[0]: self._retrieve(ids[0])}
        return dict(zip(ids, _readers().map(self._retrieve, ids), strict=True))

    def _retrieve(self, record_id: str) -> Record | None:
        try:
            found = self._read("GET customer", lambda: self._client.v1.customers.retrieve(record_id)).to_dict()
        except MissingError:
            return None
        return None if found.get("deleted") else _record(found)

    def create(self, resource: str, data: Data, *, key: str, deadline: float) -> WriteResult:
        sent = records.params({p: v for p, v in data.items() if v not in ("", None)})
        return self._write("POST customers", lambda o: self._client.v1.customers.create(sent, o), key, deadline)

    def update(self, resource: str, record_id: str, data: Data, *, key: str, deadline: float) -> WriteResult:
        sent = records.params(data)
        return self._write(
            "POST customer", lambda o: self._client.v1.customers.update(record_id, sent, o), key, deadline
        )

    def find_by_email(self, resource: str, email: str) -> list[Record]:
        """Stripe's filter minds the case, so the usual spellings are asked for."""
        found: dict[str, Record] = {}
        for spelling in dict.fromkeys((email, email.lower())):
            for record in self._list({"email": spelling, "limit": PAGE}, {}).records:
                found[record.id] = record
        return list(found.values())

    def find_by_reference(self, resource: str, name: str, value: str, *, since: datetime) -> list[Record]:
        carried: dict[str, Any] = {"created": {"gte": int((since - _CREATED_SLACK).timestamp())}}
        found: list[Record] = []
        cursor: str | None = json.dumps(carried)
        while cursor:
            params = json.loads(cursor)
            page = self._list({**params, "limit": PAGE}, params)
            found += [r for r in page.records if r.references.get(name) == value]
            cursor = page.next_cursor
        return found

    def budgets(self) -> list[Budget]:
        return [Budget(f"Stripe, {name}", rate, rate, rate) for name, rate in self._pacer.rates().items()]

    def _read(self, endpoint: str, call: Callable[[], Any]) -> Any:
        return self._call(endpoint, call, time.monotonic() + READ_PATIENCE, writes=False)

    def _write(self, endpoint: str, call: Callable[[Any], Any], key: str, deadline: float) -> WriteResult:
        found = self._call(endpoint, lambda: call({"idempotency_key": key}), deadline, writes=True)
        headers = {k.lower(): v for k, v in dict(found.last_response.headers).items()}
        replayed = headers.get("idempotent-replayed") == "true"
        return WriteResult(_record(found.to_dict()), headers.get("request-id", ""), replayed)

    def _call(self, endpoint: str, call: Callable[[], Any], deadline: float, *, writes: bool) -> Any:
        """Send when it is our turn; a 429 had no effect, so the same call is made again while there is time."""
        while True:
            self._wait_turn(endpoint, deadline)
            try:
                return self._held(call)
            except stripe.StripeError as error:
                if error.http_status != 429:
                    raise translated(error, writes=writes) from None
                after = self._pacer.refused(endpoint, limit_reason(error))
                if time.monotonic() + after >= deadline:
                    raise translated(error, writes=writes) from None
                _pause(after)
            except json.JSONDecodeError:
                raise ContractError("Stripe sent an answer that cannot be read.") from None

    def _wait_turn(self, endpoint: str, deadline: float) -> None:
        wait = self._pacer.permit(endpoint, deadline)
        if wait is None:
            raise RateLimited("Stripe's rate limit leaves no room just now.", after=0.5, reason="pacing")
        if wait:
            _pause(wait)

    def _held(self, call: Callable[[], Any]) -> Any:
        slot = self._pacer.slot()
        if slot is None:
            return call()
        with slot:
            return call()


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)


def _record(found: dict[str, Any]) -> Record:
    try:
        return records.customer(found)
    except (KeyError, TypeError, ValueError) as error:
        raise ContractError(f"Stripe's customer is not as we know it: {type(error).__name__} at {error}.") from None


def _can(enabled: object) -> str:
    return "Yes." if enabled else "Not at the moment."
