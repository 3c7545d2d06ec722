"""A session with one Stripe account, through Stripe's own package."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cache

import stripe

from connectors.base import Account, Budget, Check, Credentials, Data, Field, Page, Record, Session, WriteResult
from connectors.concerns import Concerns
from connectors.errors import ContractError, MissingError, RateLimited, RejectedError, TransientError, UnknownOutcome
from connectors.stripe import concerns, doctor, invoices, paging, payment_pages
from connectors.stripe.asking import Asking, quoted
from connectors.stripe.kinds import KINDS, Kind
from connectors.stripe.pacing import pacer
from connectors.stripe.records import Json
from connectors.stripe.resources import FIELDS
from connectors.stripe.sending import Answer, Sender
from connectors.stripe.transport import Transport

#: How the label of a budget begins.
_BUDGET = "Stripe, "


@cache
def transport() -> Transport:
    return Transport()


@cache
def _readers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(16, thread_name_prefix="stripe-read")


class StripeSession(Session):
    """Edits carry no time in Stripe: `updated_since` filters by creation, and later edits come by events."""

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
        self._sender = Sender(client, pacer(credentials.account_id or key[-8:], livemode=credentials.livemode))
        self._asking = Asking(self._sender)

    def account(self) -> Account:
        found = doctor.own_account(self._sender)
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
        return doctor.checks(self._sender, self.credentials)

    def concerns(self) -> Concerns:
        return concerns.read(self._sender, self._asking, self.credentials)

    def fields(self, resource: str) -> list[Field]:
        return list(FIELDS[resource])

    def page(self, resource: str, cursor: str | None = None, *, updated_since: datetime | None = None) -> Page:
        """Newest first, 100 at a time."""
        if resource == "payments":
            return payment_pages.page(self._asking, cursor, updated_since)
        kind = KINDS[resource]
        expand = {"expand": [f"data.{part}" for part in kind.expand]} if kind.expand else {}
        place = paging.place_at(cursor, updated_since)
        found, after = paging.rows(self._asking, kind.plural, expand, place, kind.within)
        return paging.page_of(found, lambda row: kind.whole(self._asking, row), after)

    def fetch(self, resource: str, ids: Sequence[str]) -> dict[str, Record | None]:
        """One call each or little more, some at once: Stripe has no reading of several by id."""
        if len(ids) == 1:
            return {ids[0]: self._one(resource, ids[0])}
        return dict(zip(ids, _readers().map(lambda one: self._one(resource, one), ids), strict=True))

    def _one(self, resource: str, record_id: str) -> Record | None:
        if resource == "payments":
            return payment_pages.one(self._asking, record_id)
        kind = KINDS[resource]
        found = self._asking.one(kind.singular, kind.plural, record_id, kind.expand)
        return None if found is None else kind.whole(self._asking, found)

    def create(self, resource: str, data: Data, *, key: str, deadline: float) -> WriteResult:
        kind = _written(resource)
        sent = kind.params({p: v for p, v in data.items() if v not in ("", None)})
        return self._post(kind, kind.made_at or kind.plural, kind.made_at or kind.plural, sent, key, deadline)

    def update(self, resource: str, record_id: str, data: Data, *, key: str, deadline: float) -> WriteResult:
        kind = _written(resource)
        if not kind.changes:
            raise RejectedError(f"Stripe lets nobody change a {kind.label}.")
        return self._post(kind, f"{kind.singular}/{{id}}", _at(kind, record_id), kind.params(data), key, deadline)

    def act(self, resource: str, record_id: str, action: str, data: Data, *, key: str, deadline: float) -> WriteResult:
        """A draft that is gone already counts as deleted."""
        if resource != "invoices" or action not in {*invoices.ACTIONS, "delete"}:
            return super().act(resource, record_id, action, data, key=key, deadline=deadline)
        kind = KINDS[resource]
        if action == "delete":
            return self._delete(kind, record_id, deadline)
        verb = invoices.ACTIONS[action]
        sent = invoices.action_params(action, data, self._currency(record_id, data))
        return self._post(kind, f"invoice/{{id}}/{verb}", f"{_at(kind, record_id)}/{verb}", sent, key, deadline)

    def _currency(self, record_id: str, data: Data) -> str:
        """Of an invoice that gets lines with prices."""
        if not invoices.priced(data.get("lines") or ()):
            return ""
        if data.get("currency"):
            return str(data["currency"])
        found = self._asking.one("invoice", "invoices", record_id)
        if found is None:
            raise MissingError("Stripe has no such invoice.")
        return str(found.get("currency") or "")

    def _post(self, kind: Kind, name: str, path: str, sent: Json, key: str, deadline: float) -> WriteResult:
        """`name`: what the pacing calls the endpoint."""
        expand = {"expand": list(kind.expand)} if kind.expand else {}
        try:
            answer = self._sender.post(f"POST {name}", f"/v1/{path}", {**sent, **expand}, key=key, deadline=deadline)
        except RejectedError as error:
            error.field = kind.path(error.field)
            raise
        return _result(answer, self._written_whole(kind, answer))

    def _written_whole(self, kind: Kind, answer: Answer) -> Record:
        """UnknownOutcome where what was written cannot be shown: the same key shows it when it is sent again."""
        try:
            return kind.whole(self._asking, answer.body)
        except (ContractError, TransientError, RateLimited) as error:
            raise UnknownOutcome(f"{error}", request_id=answer.header("Request-Id")) from None

    def _delete(self, kind: Kind, record_id: str, deadline: float) -> WriteResult:
        gone = Record(record_id, {}, record_id, deleted=True)
        try:
            answer = self._sender.delete(
                f"DELETE {kind.singular}/{{id}}", f"/v1/{_at(kind, record_id)}", deadline=deadline
            )
        except MissingError as error:
            return WriteResult(gone, error.request_id, replayed=True)
        return _result(answer, gone)

    def find_by_email(self, resource: str, email: str) -> list[Record]:
        """Stripe's filter minds the case: asked for as given, and in lower case."""
        if resource != "customers":
            return []
        kind = KINDS[resource]
        found = [self._asking.page(kind.plural, {"email": each})[0] for each in dict.fromkeys((email, email.lower()))]
        return list({row["id"]: kind.whole(self._asking, row) for rows in found for row in rows}.values())

    def budgets(self) -> list[Budget]:
        rates = self._sender.pacer.rates()
        return [Budget(f"{_BUDGET}{name}", rate, rate, rate) for name, rate in rates.items()]

    def recall(self, budgets: Sequence[Budget]) -> None:
        self._sender.pacer.recall({b.label.removeprefix(_BUDGET): b.restore_per_second for b in budgets})


def _written(resource: str) -> Kind:
    if resource not in KINDS:
        raise RejectedError(f"Stripe's {resource} are only read here.")
    return KINDS[resource]


def _at(kind: Kind, record_id: str) -> str:
    return f"{kind.plural}/{quoted(record_id)}"


def _result(answer: Answer, record: Record) -> WriteResult:
    return WriteResult(record, answer.header("Request-Id"), answer.header("Idempotent-Replayed") == "true")
