"""The /v1 API: who calls, how fast, under which key; then the call itself; then the answer with its headers."""

import asyncio
import json
import re
import secrets
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from connectors.sandbox.answering import answered
from connectors.sandbox.service import Frame
from connectors.stripe.sandbox import forms, idempotency, problems
from connectors.stripe.sandbox.access import Access, Caller, no_permission, permission
from connectors.stripe.sandbox.accounts import Account
from connectors.stripe.sandbox.asking import Call, Request
from connectors.stripe.sandbox.billing import Billing
from connectors.stripe.sandbox.calls import Calls
from connectors.stripe.sandbox.events import API_VERSION
from connectors.stripe.sandbox.limits import Limits
from connectors.stripe.sandbox.problems import Declined, Problem

_VERSION = re.compile(r"20\d\d-\d\d-\d\d(\.[a-z]+)?")


@dataclass(slots=True)
class Incoming:
    """One HTTP request as it came. `operation` is what faults and counts call it."""

    method: str
    path: str
    headers: dict[bytes, bytes]
    pairs: list[tuple[str, str]]
    operation: str
    record_id: str
    id: str

    @property
    def key(self) -> str:
        """The idempotency key; other methods than POST have none."""
        return self.headers.get(b"idempotency-key", b"").decode("latin-1") if self.method == "POST" else ""


class Api:
    """An ASGI application, mounted at /v1."""

    def __init__(
        self, frame: Frame, access: Access, accounts: dict[str, Account], limits: Limits, doing: Calls,
        billing: Billing,
    ) -> None:  # fmt: skip
        self._frame, self._access, self._accounts = frame, access, accounts
        self._limits, self._calls, self._billing = limits, doing, billing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"][len(scope["root_path"]) :]
        operation, record_id = self._calls.routes.find(method, path)
        body = await _body(receive) if method == "POST" else scope["query_string"]
        came = Incoming(
            method, f"/v1{path}", dict(scope["headers"]), [], operation, record_id, f"req_{secrets.token_hex(7)}"
        )
        response = await answered(
            self._frame, "stripe", operation or f"{method} {path.strip('/')}",
            lambda: self._answer(came, body), lambda: self._problem(came, problems.too_fast("endpoint-rate")),
            failed=lambda response: self._spoilt(came, response), wait=lambda seconds: self._slowly(came, seconds),
            own={kind: partial(self._problem, came, problem) for kind, problem in problems.own().items()},
            asked=came.path.encode() + body,
        )  # fmt: skip
        response.headers.setdefault("Request-Id", came.id)
        await response(scope, receive, send)

    async def _answer(self, came: Incoming, body: bytes) -> Response:
        try:
            came.pairs = forms.pairs(body)
            _check_version(came)
            caller = self._access.caller(came.headers)
            self._limits.check(caller.account, came.operation)
            return self._called(came, caller)
        except Problem as problem:
            return self._problem(came, problem)

    def _called(self, came: Incoming, caller: Caller) -> Response:
        call = self._calls.named.get(came.operation)
        if call is None:
            words = f"Unrecognized request URL ({came.method}: {came.path}). Please see https://docs.stripe.com."
            raise Problem(404, words)
        if came.method != "GET" and not caller.writes:
            raise no_permission(caller, permission(came.operation))
        self._billing.heard_at(came.headers.get(b"host", b"").decode("latin-1"))
        account = self._accounts[caller.account]
        asked = Request(account, caller, forms.nested(came.pairs), came.record_id, came.id, came.key or None)
        return self._keyed(came, account, call, asked) if came.key else self._ok(came, call(asked))

    def _keyed(
        self, came: Incoming, account: Account, call: Call, asked: Request
    ) -> Response:  # fmt: skip
        """The call once; what it answered ever after. A refusal is kept only where a payment was tried by then."""
        to, digest, now = f"{came.path} with {came.method}", idempotency.digest(came.pairs), self._frame.clock.time()
        before = account.keys.find(came.key, to, digest, now)
        if before:
            again = {"Idempotent-Replayed": "true", "Original-Request": before["request"]}
            return self._ok(came, before["body"], before["status"], again)
        try:
            status, body = 200, call(asked)
        except Declined as declined:
            status, body = declined.status, declined.body(came.id)
        account.keys.save(came.key, to, digest, (status, body), came.id, now)
        return self._ok(came, body, status)

    def _spoilt(self, came: Incoming, response: Response) -> Response:
        """A 500 after the effect: it is what the key answers from now on."""
        problem = problems.broken()
        if came.key and response.status_code == 200:
            self._accounts[self._access.caller(came.headers).account].keys.spoil(came.key, 500, problem.body(came.id))
            self._frame.changed()
        return self._problem(came, problem)

    async def _slowly(self, came: Incoming, seconds: float) -> None:
        """A slow call holds its key, so that the same key meanwhile meets a 409."""
        try:
            busy = self._accounts[self._access.caller(came.headers).account].keys.busy
        except Problem:
            return
        if came.key in busy:
            return
        busy.add(came.key)
        try:
            await asyncio.sleep(seconds)
        finally:
            busy.discard(came.key)

    def _problem(self, came: Incoming, problem: Problem) -> Response:
        if problem.status == 429:
            self._frame.counts["stripe 429"] += 1
        return self._ok(came, problem.body(came.id), problem.status, problem.headers)

    def _ok(self, came: Incoming, body: Any, status: int = 200, extra: dict[str, str] | None = None) -> Response:
        headers = {"Request-Id": came.id, "Stripe-Version": _version(came)} | (extra or {})
        if came.key:
            headers["Idempotency-Key"] = came.key
        if b"stripe-account" in came.headers:
            headers["Stripe-Account"] = came.headers[b"stripe-account"].decode("latin-1")
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return Response(content, status, headers, "application/json")


async def _body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    return body


def _version(came: Incoming) -> str:
    return came.headers.get(b"stripe-version", b"").decode("latin-1") or API_VERSION


def _check_version(came: Incoming) -> None:
    asked = _version(came)
    if not _VERSION.fullmatch(asked) or asked[:10] > API_VERSION[:10]:
        raise Problem(400, f"Invalid Stripe API version: {asked}")
