"""The only module that speaks plain HTTP for connectors: timeouts, caps, and status to error.

One client per process and service, so that connections and the TLS context are reused.
"""

import json
import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import httpcore
import httpx

from connectors import hearing
from connectors.deadline import Backend, within
from connectors.errors import (
    AuthError,
    ConnectorError,
    ContractError,
    MissingError,
    RateLimited,
    RejectedError,
    ScopeError,
    TransientError,
    UnknownOutcome,
)
from connectors.guard import Guarded

#: Called right before each network call of any connector; a hook may raise to forbid it.
before_request: list[Callable[[], None]] = []
#: Called after each with (method, host, status or 0, seconds).
after_request: list[Callable[[str, str, int, float], None]] = []
MOST_BYTES = 5 * 1024 * 1024
#: For each step; the whole of a call, however slowly its answer drips, ends at the deadline.
TIMEOUT = httpx.Timeout(30.0, connect=5.0, pool=5.0)
DEADLINE_SECONDS = 30.0
#: What people have entered an address for is to answer sooner.
ENTERED_SECONDS = 10.0
#: No service is waited for longer than this at its own word.
LONGEST_PAUSE = 3600.0


@dataclass(frozen=True, slots=True)
class Response:
    """Its repr shows no more than the status: an answer may hold tokens."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Numbers with a point come as Decimal: they may be money. ValueError when it is not JSON."""
        return json.loads(self.body, parse_float=Decimal)


class _Transport(httpx.HTTPTransport):
    """httpx offers no deadline for a whole call, only one for each step."""

    def __init__(self, backend: Backend | None = None) -> None:
        context = httpx.create_ssl_context()
        super().__init__(verify=context)
        self._pool = httpcore.ConnectionPool(
            ssl_context=context, max_connections=64, max_keepalive_connections=64,
            keepalive_expiry=30, network_backend=backend or Backend(),
        )  # fmt: skip


class Http:
    """Requests to one service. `name` is what messages call it; `seconds` a whole call may take, where that is not what
    every service gets. `writes`: a lost answer may hide an effect."""

    def __init__(
        self, name: str, transport: httpx.BaseTransport | None = None, seconds: float | None = None
    ) -> None:  # fmt: skip
        self.name, self._seconds = name, seconds
        self._client = httpx.Client(timeout=TIMEOUT, transport=transport or _Transport(), follow_redirects=False)
        # One client speaks for many accounts: what a service sets for one must not be sent for another.
        self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))

    def post(
        self, url: str, *, headers: Mapping[str, str], writes: bool, deadline: float = math.inf, **content: Any
    ) -> Response:  # fmt: skip
        """`content` is json=..., data=... or content=.... After the `deadline`, a time.monotonic() moment, nothing is
        sent. Raises TransientError (not sent) or UnknownOutcome."""
        for hook in before_request:
            hook()
        started, status = time.monotonic(), 0
        if started > deadline:
            raise TransientError(f"There was no time left to ask {self.name} safely.")
        try:
            with within(self._seconds or DEADLINE_SECONDS):
                response = self._exchange(url, headers, content, writes)
            status = response.status
            hearing.note(status, response.body, writes=writes)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol):
            raise TransientError(f"{self.name} could not be reached.") from None
        except httpx.HTTPError:
            raise self._lost(writes, f"{self.name} gave no answer in time.") from None
        finally:
            for tell in after_request:
                tell("POST", self.name, status, time.monotonic() - started)
        self._check(response, writes)
        return response

    def _exchange(self, url: str, headers: Mapping[str, str], content: Mapping[str, Any], writes: bool) -> Response:
        with self._client.stream("POST", url, headers=dict(headers), **content) as response:
            body = bytearray()
            for part in response.iter_bytes():
                body += part
                if len(body) > MOST_BYTES:
                    raise self._too_long(writes)
            return Response(response.status_code, response.headers, bytes(body))

    def _lost(self, writes: bool, message: str) -> TransientError:
        return UnknownOutcome(message) if writes else TransientError(message)

    def _too_long(self, writes: bool) -> ConnectorError:
        message = f"{self.name} sent an answer of more than 5 MB."
        return UnknownOutcome(message) if writes else ContractError(message)

    def _check(self, response: Response, writes: bool) -> None:
        """Statuses that mean the same everywhere. 4xx with a body of the service's own is left to the caller."""
        status = response.status
        if status == 429:
            raise RateLimited(f"{self.name} asks us to slow down.", after=_retry_after(response), reason="requests")
        if status == 408:
            raise TransientError(f"{self.name} did not wait for our request.", status=status)
        if 300 <= status < 400:
            raise ContractError(f"{self.name} sends us to another address (status {status}).", status=status)
        if status >= 500:
            raise self._lost(writes, f"{self.name} has a problem of its own (status {status}).")

    def read_json(self, response: Response, *, writes: bool) -> Any:
        """The body as JSON. A page or a broken text is no answer of the service's: it counts as a lost one."""
        try:
            return response.json()
        except (ValueError, RecursionError):
            raise self._lost(writes, f"{self.name} sent an answer that cannot be read.") from None


@cache
def entered_by_people(*, anywhere: bool) -> Http:
    """For addresses that people have entered: see connectors.guard. `anywhere`: also on this machine."""
    return Http("The server", _Transport(Guarded(anywhere=anywhere)), ENTERED_SECONDS)


def _retry_after(response: Response) -> float:
    """Seconds, from a number of them or from a moment."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), LONGEST_PAUSE)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return 5.0
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max((aware - datetime.now(UTC)).total_seconds(), 1.0), LONGEST_PAUSE)


_LONG = re.compile(r"[\w+/=.~-]{24,}")


def redacted(words: str) -> str:
    """A service's own words, fit to be shown: whatever is long enough to be a credential is left out."""
    return _LONG.sub("…", " ".join(words.split()))[:200]


def refusal(name: str, status: int, message: str) -> AuthError | RejectedError:
    """The error for a 4xx, when the body says no more than `message`."""
    message = redacted(message)
    if status == 401:
        return AuthError(f"{name} no longer accepts our sign-in: {message}", status=status)
    if status == 403:
        return ScopeError(f"{name} does not allow this: {message}", status=status)
    if status == 404:
        return MissingError(f"{name} has no such thing: {message}", status=status)
    return RejectedError(f"{name} refused the request: {message}", status=status)
