"""The only module that speaks plain HTTP for connectors: timeouts, caps, and status to error.

One client per process and service, so that connections and the TLS context are reused.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx

from connectors.errors import (
    AuthError,
    ContractError,
    MissingError,
    RateLimited,
    RejectedError,
    ScopeError,
    TransientError,
    UnknownOutcome,
)

#: Called right before each network call of any connector; a hook may raise to forbid it.
before_request: list[Callable[[], None]] = []
#: Called after each with (method, host, status or 0, seconds).
after_request: list[Callable[[str, str, int, float], None]] = []
MOST_BYTES = 5 * 1024 * 1024
TIMEOUT = httpx.Timeout(30.0, connect=5.0)
DEADLINE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Numbers with a point come as Decimal: they may be money. ValueError when it is not JSON."""
        return json.loads(self.body, parse_float=Decimal)


class Http:
    """Requests to one service. `name` is what messages call it; `writes` says whether a lost answer may hide an effect."""

    def __init__(self, name: str, transport: httpx.BaseTransport | None = None) -> None:
        self.name = name
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=64, keepalive_expiry=30)
        self._client = httpx.Client(timeout=TIMEOUT, limits=limits, transport=transport, follow_redirects=False)

    def post(self, url: str, *, headers: Mapping[str, str], writes: bool, **content: Any) -> Response:
        """`content` is json=..., data=... or content=.... Raises TransientError (not sent) or UnknownOutcome."""
        for hook in before_request:
            hook()
        started, status = time.monotonic(), 0
        try:
            response = self._exchange(url, headers, content, started)
            status = response.status
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol):
            raise TransientError(f"{self.name} could not be reached.") from None
        except httpx.HTTPError:
            raise self._lost(writes, f"{self.name} gave no answer in time.") from None
        finally:
            for tell in after_request:
                tell("POST", self.name, status, time.monotonic() - started)
        self._check(response, writes)
        return response

    def _exchange(self, url: str, headers: Mapping[str, str], content: Mapping[str, Any], started: float) -> Response:
        with self._client.stream("POST", url, headers=dict(headers), **content) as response:
            body = bytearray()
            for part in response.iter_bytes():
                body += part
                if len(body) > MOST_BYTES:
                    raise ContractError(f"{self.name} sent an answer of more than 5 MB.")
                if time.monotonic() - started > DEADLINE_SECONDS:
                    raise httpx.ReadTimeout("deadline")
            return Response(response.status_code, response.headers, bytes(body))

    def _lost(self, writes: bool, message: str) -> TransientError:
        return UnknownOutcome(message) if writes else TransientError(message)

    def _check(self, response: Response, writes: bool) -> None:
        """Statuses that mean the same everywhere. 4xx with a body of the service's own is left to the caller."""
        if response.status == 429:
            raise RateLimited(f"{self.name} asks us to slow down.", after=_retry_after(response), reason="requests")
        if response.status >= 500:
            raise self._lost(writes, f"{self.name} has a problem of its own (status {response.status}).")

    def read_json(self, response: Response, *, writes: bool) -> Any:
        """The body as JSON; a page or a broken text is no answer."""
        try:
            return response.json()
        except ValueError:
            if writes:
                raise UnknownOutcome(f"{self.name} sent an answer that cannot be read.") from None
            raise ContractError(f"{self.name} sent an answer that cannot be read.") from None


def _retry_after(response: Response) -> float:
    value = response.headers.get("retry-after", "")
    return float(value) if value.isdigit() else 5.0


def refusal(name: str, status: int, message: str) -> AuthError | RejectedError:
    """The error for a 4xx, when the body says no more than `message`."""
    if status == 401:
        return AuthError(f"{name} no longer accepts our sign-in: {message}", status=status)
    if status == 403:
        return ScopeError(f"{name} does not allow this: {message}", status=status)
    if status == 404:
        return MissingError(f"{name} has no such thing: {message}", status=status)
    return RejectedError(f"{name} refused the request: {message}", status=status)
