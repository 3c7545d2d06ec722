"""Webhooks on their way out: signed when sent, sent again when not taken, seen in a log."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from connectors.sandbox.clock import Clock
from connectors.sandbox.faults import WEBHOOK, Faults
from connectors.sandbox.postman import Postman

#: Seconds of waiting before each further try.
BACKOFF = (1.0, 3.0, 10.0, 30.0, 120.0, 600.0)
AT_ONCE = 24
KEPT = 500
#: A setting forward of the clock is seen this soon, in real seconds.
GLANCE_SECONDS = 0.25

#: (body, seconds since the epoch) -> headers.
type Sign = Callable[[bytes, float], dict[str, str]]


@dataclass(slots=True, eq=False)
class Parcel:
    """`at`: when it was handed in, by the sandbox's clock. `log`: a line per try. `taken`: answered with 2xx."""

    number: int
    service: str
    url: str
    topic: str
    body: bytes
    sign: Sign
    timeout: float
    at: float
    on_taken: Callable[[], None] | None = None
    tries: int = 0
    status: str = "waiting"
    taken: bool = False
    log: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Delivery:
    """Runs inside the sandbox's event loop. `sent` keeps the latest parcels for the control pages."""

    def __init__(self, clock: Clock, faults: Faults) -> None:
        self._clock, self._faults = clock, faults
        self._queue: asyncio.Queue[Parcel] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._postman = Postman()
        self._number = 0
        self.sent: deque[Parcel] = deque(maxlen=KEPT)

    def start(self) -> None:
        for _ in range(AT_ONCE):
            self._spawn(self._carry())

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._postman.close()

    def send(
        self, service: str, url: str, topic: str, body: bytes, sign: Sign, timeout: float = 10.0,
        on_taken: Callable[[], None] | None = None,
    ) -> None:  # fmt: skip
        """Queue one delivery; faults may drop, double, delay or garble it. `on_taken` is called at its first 2xx."""
        if not url:
            return
        self._number += 1
        parcel = Parcel(self._number, service, url, topic, body, sign, timeout, self._clock.time(), on_taken)
        self.sent.append(parcel)
        fault = self._faults.take(service, f"webhook {topic}", WEBHOOK)
        kind = fault.kind if fault else ""
        if kind == "drop":
            parcel.status = "dropped by a fault"
            return
        if kind == "garble":
            parcel.sign = lambda body, now: {k: v[:-4] + "0000" for k, v in sign(body, now).items()}
        if fault and kind == "delay":
            self._spawn(self._later(parcel, fault.seconds or 5.0))
            return
        self._queue.put_nowait(parcel)
        if kind == "double":
            self._queue.put_nowait(parcel)

    def again(self, parcel: Parcel) -> None:
        """Send what was sent before, once more, as from the service's own dashboard."""
        self._queue.put_nowait(parcel)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self) -> None:
        while True:
            parcel = await self._queue.get()
            started = time.monotonic()
            status = await self._postman.post(
                parcel.url, parcel.body, parcel.sign(parcel.body, self._clock.time()), parcel.timeout
            )
            parcel.seconds = time.monotonic() - started
            self._note(parcel, status)
            if not parcel.taken and parcel.tries <= len(BACKOFF):
                self._spawn(self._later(parcel, BACKOFF[parcel.tries - 1]))

    def _note(self, parcel: Parcel, status: int) -> None:
        parcel.tries += 1
        parcel.status = f"{status or 'no answer'} after {parcel.seconds * 1000:.0f} ms"
        parcel.log.append(f"{self._clock.iso()}: {parcel.status}")
        first, parcel.taken = not parcel.taken, parcel.taken or 200 <= status < 300
        if parcel.taken and first and parcel.on_taken:
            parcel.on_taken()

    async def _later(self, parcel: Parcel, seconds: float) -> None:
        due = self._clock.time() + seconds
        while (left := due - self._clock.time()) > 0:
            await asyncio.sleep(min(left, GLANCE_SECONDS))
        self._queue.put_nowait(parcel)
