"""The processes that are measured: sandboxes, web and worker as children, on a database of their own."""

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from portal.demo import environment, processes
from portal.demo.children import Child, Family
from portal.demo.environment import Place

READY_SECONDS = 60.0
#: Beyond this a figure is given up, and the table says so.
LONGEST_SECONDS = 180.0


class GaveUp(Exception):
    """Something did not come about in time; the text says what."""


def place(folder: Path) -> Place:
    """Ports that nobody uses. Other programs' are never disturbed."""
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        return Place(folder, one.getsockname()[1], other.getsockname()[1])


def variables(found: Place, database: str) -> dict[str, str]:
    """The children's environment, and our own."""
    ours = environment.prepare(found, os.environ)
    ours.pop("SANDBOX_LATENCY_MS", None)
    return ours | ({"DATABASE_URL": database} if database else {})


@dataclass
class Stage:
    """One set of processes, fresh. `log` takes what they say."""

    place: Place
    environ: Mapping[str, str]
    log: IO[str]
    family: Family = field(default_factory=lambda: Family(on_start=lambda pid: None))
    #: The worker's CPU time when all was running.
    ready: float = 0.0

    def start(self, name: str, command: list[str], **more: str) -> None:
        self.family.start(name, command, {**self.environ, **more})

    def until(
        self, what: str, happens: Callable[[], object], seconds: float = LONGEST_SECONDS, look: float = 0.05
    ) -> None:
        deadline = time.monotonic() + seconds
        while not happens():
            self.family.look_after()
            if time.monotonic() > deadline:
                raise GaveUp(f"gave up after {seconds:.0f} s of waiting until {what}")
            time.sleep(look)

    def cpu(self, name: str) -> float:
        """Seconds of CPU time, user and system, that this child and all of its own have used."""
        return sum(_used(process) for process in self._processes(name))

    def memory(self, name: str) -> float:
        """Most megabytes that any process of this child has held so far."""
        return max(_peak(process) for process in self._processes(name))

    def process(self, name: str) -> psutil.Process:
        """The child itself, which may have others of its own."""
        return psutil.Process(self._child(name).process.pid)

    def _processes(self, name: str) -> list[psutil.Process]:
        parent = self.process(name)
        return [parent, *parent.children(recursive=True)]

    def _child(self, name: str) -> Child:
        return next(child for child in self.family.children if child.name == name)


def _used(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        ended = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
        return float(times.user + times.system + ended)
    return 0.0


def _peak(process: psutil.Process) -> float:
    """Linux remembers the most; elsewhere what is held now has to do."""
    with contextlib.suppress(psutil.NoSuchProcess, OSError, StopIteration):
        if not psutil.LINUX:
            return float(process.memory_info().rss / 1024**2)
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    return 0.0


@contextlib.contextmanager
def staged(
    found: Place, environ: Mapping[str, str], log: IO[str], *, seed: str, limits: bool, hooks: bool
) -> Iterator[Stage]:
    """All processes running and answering. `hooks`: the stand-ins send webhooks."""
    stage = Stage(found, environ, log)
    told = {"SANDBOX_LIMITS": "on" if limits else "off", "SANDBOX_PORTAL_URL": found.url if hooks else ""}
    with contextlib.redirect_stdout(log):
        try:
            stage.start("sandbox", [*processes.sandbox(found), "--seed", seed], **told)
            stage.start("web", processes.web(found))
            stage.start("worker", processes.worker())
            stage.until("the stand-ins answer", lambda: processes.sandbox_is_up(found), READY_SECONDS)
            stage.until("the portal and its worker answer", lambda: processes.portal_is_up(found), READY_SECONDS)
            stage.ready = stage.cpu("worker")
            yield stage
        finally:
            stage.family.stop()
