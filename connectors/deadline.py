"""A time limit for a whole call: httpx and the library below it know one for each step only."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore

_limit = threading.local()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Every step that this thread's connections take inside must end `seconds` from now."""
    _limit.at = time.monotonic() + seconds
    try:
        yield
    finally:
        del _limit.at


def _left(timeout: float | None, over: type[Exception]) -> float:
    """Seconds that one step of this thread's call may take; `over` when there are none."""
    left = float(getattr(_limit, "at", float("inf"))) - time.monotonic()
    if left <= 0:
        raise over("The time for the whole call is up.")
    return left if timeout is None else min(timeout, left)


class Stream(httpcore.NetworkStream):
    """A connection whose every read and write ends at the deadline of the call that makes it."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> "Stream":
        left = _left(timeout, httpcore.ConnectTimeout)
        return Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class Backend(httpcore.SyncBackend):
    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        left = _left(timeout, httpcore.ConnectTimeout)
        return Stream(super().connect_tcp(host, port, left, local_address, socket_options))
