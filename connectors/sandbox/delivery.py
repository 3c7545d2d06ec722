"""Webhooks on their way out: signed when sent, sent again when not taken, seen in a log."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from connectors.sandbox.clock import Clock
from connectors.sandbox.faults import WEBHOOK, Faults

#: Seconds of waiting before each further try.
BACKOFF = (1.0, 3.0, 10.0, 30.0, 120.0, 600.0)
AT_ONCE = 24

type Sign = Callable[[bytes, float], dict[str, str]]


@dataclass(slots=True)
class Parcel:
    service: str
    url: str
    topic: str
    body: bytes
    sign: Sign
    timeout: float
    tries: int = 0
    status: str = "waiting"
    log: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Delivery:
    """Runs inside the sandbox's event loop. `sent` keeps the latest parcels for the control pages."""

    def __init__(self, clock: Clock, faults: Faults) -> None:
        self._clock, self._faults = clock, faults
        self._queue: asyncio.Queue[Parcel] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle: dict[str, list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] = {}
        self.sent: deque[Parcel] = deque(maxlen=500)

    def start(self) -> None:
        for _ in range(AT_ONCE):
            self._spawn(self._carry())

    def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()

    def send(self, service: str, url: str, topic: str, body: bytes, sign: Sign, timeout: float = 10.0) -> None:
        """Queue one delivery; faults may drop, double, delay or garble it."""
        if not url:
            return
        parcel = Parcel(service, url, topic, body, sign, timeout)
        self.sent.append(parcel)
        fault = self._faults.take(service, f"webhook {topic}", WEBHOOK)
        kind = fault.kind if fault else ""
        if kind == "drop":
            parcel.status = "dropped"
            return
        if kind == "garble":
            parcel.sign = lambda body, now: {k: v[:-4] + "0000" for k, v in sign(body, now).items()}
        if kind == "delay" and fault:
            self._spawn(self._later(parcel, fault.seconds or 5.0))
            return
        self._queue.put_nowait(parcel)
        if kind == "double":
            self._queue.put_nowait(parcel)

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self) -> None:
        while True:
            parcel = await self._queue.get()
            started = time.monotonic()
            status = await self._post(parcel)
            parcel.tries += 1
            parcel.seconds = time.monotonic() - started
            taken = 200 <= status < 300
            parcel.status = f"{status or 'no answer'} after {parcel.seconds * 1000:.0f} ms"
            if not taken and parcel.tries <= len(BACKOFF):
                self._spawn(self._later(parcel, BACKOFF[parcel.tries - 1]))

    async def _later(self, parcel: Parcel, seconds: float) -> None:
        due = self._clock.time() + seconds
        while (left := due - self._clock.time()) > 0:
            await asyncio.sleep(min(left, 0.25))
        self._queue.put_nowait(parcel)

    async def _post(self, parcel: Parcel) -> int:
        """The answer's status, 0 for none. Plain HTTP on loopback, connections kept."""
        try:
            return await asyncio.wait_for(self._exchange(parcel), parcel.timeout)
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            return 0

    async def _exchange(self, parcel: Parcel) -> int:
        parts = urlsplit(parcel.url)
        headers = {"Host": parts.netloc, "Content-Type": "application/json", "Content-Length": str(len(parcel.body))}
        headers |= parcel.sign(parcel.body, self._clock.time())
        lines = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        for fresh in (False, True):
            reader, writer = await self._connection(parts.hostname or "", parts.port or 80, fresh=fresh)
            try:
                writer.write(f"POST {parts.path} HTTP/1.1\r\n{lines}\r\n".encode() + parcel.body)
                await writer.drain()
                status, length, keep = await _head(reader)
                await reader.readexactly(length)
            except (OSError, asyncio.IncompleteReadError):
                writer.close()
                if fresh:
                    raise
                continue
            if keep:
                self._idle.setdefault(parts.netloc, []).append((reader, writer))
            else:
                writer.close()
            return status
        return 0

    async def _connection(
        self, host: str, port: int, *, fresh: bool
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        kept = self._idle.get(f"{host}:{port}", [])
        if kept and not fresh:
            return kept.pop()
        return await asyncio.open_connection(host, port)


async def _head(reader: asyncio.StreamReader) -> tuple[int, int, bool]:
    """(status, body length, whether the connection may be kept)."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *rest = head.split("\r\n")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in rest if line)}
    length = headers.get("content-length")
    keep = length is not None and headers.get("connection", "").lower() != "close"
    return int(first.split()[1]), int(length or 0), keep
