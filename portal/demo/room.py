"""Is there room for a demo: nobody else's demo in this folder, both ports free, no leftovers of a killed run."""

import contextlib
import fcntl
import json
import os
import shutil
import socket
from types import TracebackType

import psutil

from portal.demo.environment import Place


class NoRoom(Exception):
    """Why the demo cannot start here, and what to do about it."""


class Room:
    """Holds the folder while the demo runs, and remembers its children for the case that it is killed."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._noted: list[tuple[int, float]] = []
        self._record = place.folder / "running.json"

    def __enter__(self) -> "Room":
        self.place.folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self.place.folder / "lock").open("a+")
        try:
            self._take()
            self._end_leftovers()
            self._check_ports()
        except BaseException:
            self._lock.close()
            raise
        self._lock.truncate(0)
        self._lock.write(f"on {self.place.url} (process {os.getpid()})")
        self._lock.flush()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._record.unlink(missing_ok=True)
        self._lock.truncate(0)
        self._lock.close()

    def _take(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            words = self._lock.read().strip() or "already"
            raise NoRoom(f"A demo is running {words}. Stop it there with Ctrl-C first.") from None

    def _check_ports(self) -> None:
        for name, port in (("PORT", self.place.port), ("SANDBOX_PORT", self.place.sandbox_port)):
            if _is_busy(port):
                raise NoRoom(
                    f"Port {port} is in use by another program. Stop that one, or choose another port: "
                    f"{name}={port + 10} make demo"
                )

    def note(self, pid: int) -> None:
        """A child was started: should we be killed, the next demo ends it."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self._noted.append((pid, psutil.Process(pid).create_time()))
            self._record.write_text(json.dumps(self._noted))

    def empty(self) -> None:
        """Throw away everything of an earlier demo. The lock stays."""
        for path in self.place.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != "lock":
                path.unlink()

    def _end_leftovers(self) -> None:
        """Children of a demo that was killed: the very processes it noted, and theirs."""
        left = [p for pid, born in self._read() if (p := _same(pid, born))]
        family = [child for p in left for child in p.children(recursive=True)]
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        _, stubborn = psutil.wait_procs([*left, *family], timeout=10)
        for process in stubborn:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if left:
            print("Ended what a killed demo had left running.")

    def _read(self) -> list[tuple[int, float]]:
        try:
            return [(int(pid), float(born)) for pid, born in json.loads(self._record.read_text())]
        except (OSError, ValueError, TypeError):
            return []


def _same(pid: int, born: float) -> psutil.Process | None:
    """The process, if it is still that one and not another with its number."""
    try:
        process = psutil.Process(pid)
        return process if abs(process.create_time() - born) < 1 else None
    except psutil.NoSuchProcess:
        return None


def _is_busy(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("localhost", port), timeout=1):  # ::1 as well
        return True
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
