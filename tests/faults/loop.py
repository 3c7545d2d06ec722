"""One thread, one clock, one order: everything that happens in a simulation has its place in a single queue.

Whatever runs in a process of the simulation is a greenlet. It gives way only at switch points: outside calls, and the
edges of what is written to the database. There a process may also be killed, or frozen for a while.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from greenlet import getcurrent, greenlet


class Killed(BaseException):
    """The process is gone. Nothing that it does from here on reaches the database or the outside."""


@dataclass(eq=False)
class Process:
    """Greenlets that live and die together. `mortal`: chance may kill or freeze it."""

    name: str
    mortal: bool = False
    dead: bool = False
    frozen_until: float = 0.0
    on_death: list[Callable[["Process"], None]] = field(default_factory=list)


class Loop:
    """`now` is the virtual time.monotonic(); `moved` is told of every step of the clock."""

    def __init__(self, rng: random.Random, moved: Callable[[float], None]) -> None:
        self.rng, self.now, self._moved = rng, 1000.0, moved
        self._queue: list[tuple[float, int, Any, Process | None]] = []
        self._number = 0
        self._hub = getcurrent()
        self._processes: dict[greenlet, Process] = {}
        #: Asked at every switch point of a mortal process: "", "kill" or "freeze".
        self.fate: Callable[[Process, str], str] = lambda process, place: ""
        self.freeze_seconds: Callable[[], float] = lambda: 200.0
        self.crashes: list[str] = []

    @property
    def process(self) -> Process | None:
        """Whose code runs now; None for the simulation's own."""
        return self._processes.get(getcurrent())

    def at(self, seconds: float, act: Callable[[], object]) -> None:
        """The simulation itself does this so many seconds from now."""
        self._push(self.now + seconds, act, None)

    def spawn(self, process: Process, work: Callable[[], object]) -> None:
        made = greenlet(lambda: self._guarded(work), parent=self._hub)
        self._processes[made] = process
        self._push(self.now, made, process)

    def _guarded(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Killed:
            pass
        finally:
            self._processes.pop(getcurrent(), None)

    def _push(self, moment: float, what: Any, process: Process | None) -> None:
        self._number += 1
        heapq.heappush(self._queue, (moment, self._number, what, process))

    # Inside a process

    def sleep(self, seconds: float) -> None:
        self._push(self.now + seconds, getcurrent(), self.process)
        self.give_way()

    def give_way(self) -> None:
        """Somebody else has seen to it that this greenlet goes on."""
        self._hub.switch()
        self.check_alive()

    def check_alive(self) -> None:
        process = self.process
        if process and process.dead:
            raise Killed(process.name)

    def step(self, place: str, seconds: float) -> None:
        """A switch point: others have their turn, and this may be the process's last."""
        process = self.process
        if process is None:
            return
        self.check_alive()
        fate = self.fate(process, place) if process.mortal else ""
        if fate == "kill":
            self.kill(process, place)
            raise Killed(process.name)
        if fate == "freeze":
            process.frozen_until = self.now + self.freeze_seconds()
        self.sleep(seconds)

    def kill(self, process: Process, place: str) -> None:
        process.dead = True
        self.crashes.append(place)
        for tell in process.on_death:
            tell(process)

    # Around all of them

    def run(self, until: float) -> None:
        """All that happens up to this moment, in its order."""
        while self._queue and self._queue[0][0] <= until:
            moment, _, what, process = heapq.heappop(self._queue)
            if process and process.frozen_until > max(moment, self.now) and not process.dead:
                self._push(process.frozen_until, what, process)
                continue
            self._advance(moment)
            if not isinstance(what, greenlet):
                what()
            elif not what.dead:
                what.switch()
        self._advance(until)

    def _advance(self, moment: float) -> None:
        if moment > self.now:
            self._moved(moment - self.now)
            self.now = moment

    def close(self) -> None:
        """Nothing goes on after this."""
        for process in set(self._processes.values()):
            process.dead = True
        for left in list(self._processes):
            if left:
                left.throw(Killed)
        self._queue.clear()


class Box:
    """Something that somebody waits for: an answer, a ring of the bell. What comes first counts."""

    def __init__(self, loop: Loop) -> None:
        self._loop, self.full = loop, False
        self._value: Any = None
        self._error: BaseException | None = None
        self._waiting: list[tuple[greenlet, Process | None]] = []

    def put(self, value: Any = None, error: BaseException | None = None) -> None:
        if self.full:
            return
        self.full, self._value, self._error = True, value, error
        for waiting, process in self._waiting:
            self._loop._push(self._loop.now, waiting, process)
        self._waiting = []

    def wait(self) -> Any:
        if not self.full:
            self._waiting.append((getcurrent(), self._loop.process))
            self._loop.give_way()
        if self._error is not None:
            raise self._error
        return self._value

    def result(self, timeout: float | None = None) -> Any:
        """As a Future calls it. Nobody pauses anything here, so there is no need to look up meanwhile."""
        return self.wait()


class Pool:
    """In the place of the engine's threads: calls run beside each other in the process that asked for them."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def submit(self, work: Callable[..., Any], *args: Any) -> Box:
        box, process = Box(self._loop), self._loop.process
        assert process is not None
        self._loop.spawn(process, lambda: self._into(box, work, args))
        return box

    def _into(self, box: Box, work: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            found = work(*args)
        except Exception as error:
            box.put(error=error)
        else:
            box.put(found)
