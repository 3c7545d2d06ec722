"""The demo's processes: started together, shown together, stopped together; one that dies is named and replaced."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from portal.demo.environment import ROOT

#: A child that lives no longer than this time and again is not started for ever.
SHORT_LIFE_SECONDS = 20.0
MOST_DEATHS = 3
STOP_SECONDS = 10.0
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


class DiedTooOften(Exception):
    """A child cannot be kept alive; the text holds its last words."""


@dataclass
class Child:
    name: str
    command: list[str]
    environ: Mapping[str, str]
    last: deque[str] = field(default_factory=lambda: deque(maxlen=15))
    short_lives: int = 0
    started: float = 0.0

    def start(self) -> int:
        self.started = time.monotonic()
        self.last.clear()
        self.process = subprocess.Popen(  # in a session of its own: Ctrl-C comes to us alone, who stop all in order
            self.command, cwd=ROOT, env=self.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
            preexec_fn=_end_with(os.getpid()),  # one system call, no locks
        )  # fmt: skip
        self._reader = threading.Thread(target=self._show, args=(self.process,), daemon=True)
        self._reader.start()
        return self.process.pid

    def _show(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None  # noqa: S101  # a pipe was asked for
        for line in process.stdout:
            self.last.append(line.rstrip())
            print(f"[{self.name}] {line.rstrip()}", flush=True)

    def has_died(self) -> bool:
        return self.process.poll() is not None

    def farewell(self) -> str:
        """How it ended, with its last lines."""
        self._reader.join(1)
        code = self.process.returncode
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        words = "".join(f"\n    {line}" for line in self.last) or "\n    (it said nothing)"
        return f"The {self.name} {how}. Its last lines:{words}"

    def ask_to_stop(self) -> None:
        if not self.has_died():
            self.process.terminate()

    def make_stop(self, deadline: float) -> None:
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            print(f"The {self.name} does not stop by itself: ending it.", flush=True)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)  # whatever of its own processes is left
        self.process.wait()


def _end_with(parent: int) -> Callable[[], None]:
    """In the child: be asked to stop when the parent dies, however it dies. Only Linux can."""

    def ask() -> None:
        if _prctl and _prctl(1, signal.SIGTERM, 0, 0, 0) == 0 and os.getppid() != parent:
            os._exit(1)

    return ask


class Family:
    def __init__(self, on_start: Callable[[int], None]) -> None:
        self.children: list[Child] = []
        self._on_start = on_start

    def start(self, name: str, command: list[str], environ: Mapping[str, str]) -> None:
        child = Child(name, command, environ)
        self.children.append(child)
        self._on_start(child.start())

    def look_after(self) -> None:
        """Name and replace who has died. DiedTooOften when that is of no use."""
        for child in self.children:
            if not child.has_died():
                continue
            short = time.monotonic() - child.started < SHORT_LIFE_SECONDS
            child.short_lives = child.short_lives + 1 if short else 0
            if child.short_lives >= MOST_DEATHS or (short and child.process.returncode > 0):
                raise DiedTooOften(child.farewell())
            print(f"\n{child.farewell()}\nStarting it again.\n", flush=True)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.process.pid, signal.SIGKILL)
            self._on_start(child.start())

    def stop(self) -> None:
        """The last started first: the worker may still need the sandbox to finish what it has begun."""
        for child in reversed(self.children):
            child.ask_to_stop()
            if child.name == "worker":
                child.make_stop(time.monotonic() + STOP_SECONDS)
        deadline = time.monotonic() + STOP_SECONDS
        for child in self.children:
            child.make_stop(deadline)
