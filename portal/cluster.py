"""django-q2's processes as the supervisor wants them: all stop when it hangs up, all give up when one is killed."""

import ctypes
import gc
import logging
import os
import select
import signal
import sys
import threading
import uuid
from importlib import import_module
from typing import Any

from django_q.cluster import Sentinel
from django_q.conf import Conf

from connectors import registry

log = logging.getLogger(__name__)
#: Exit status of a cluster that gave up because one of its processes was killed.
MAIMED = 70
#: A look at hundreds of records makes many objects that all end with it; Python's own figures search them too often.
_COLLECT_AFTER = (20_000, 20, 50)
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


class Line:
    """Stands in for django-q2's stop event: says stop when the supervisor hangs up, on purpose or by dying.

    An event shared between processes could not be used: setting it waits for its sleeper, who may be dead.
    """

    def __init__(self, end: int) -> None:
        self.end = end

    def is_set(self) -> bool:
        return self.wait(0)

    def wait(self, seconds: float) -> bool:
        return bool(select.select([self.end], [], [], seconds)[0])


class Cluster(Sentinel):  # type: ignore[misc]  # django-q2 ships no types
    def reincarnate(self, process: Any) -> None:
        """Replace a process that ended or ran out of time, but give up all when one was killed."""
        timer = getattr(process, "timer", None)
        timed_out = timer is not None and timer.value == 0
        if not timed_out and (process.exitcode or 0) < 0:
            log.error("Process %s of the task queue was killed by signal %s", process.pid, -process.exitcode)
            os._exit(MAIMED)
        super().reincarnate(process)


def be_cluster(parent: int, line: int) -> None:
    """The forked process: never returns."""
    try:
        os.setsid()
        _die_with(parent)
        _make_children_die_with_us()
        Cluster(Line(line), threading.Event(), uuid.uuid4(), timeout=Conf.TIMEOUT)
        sys.stdout.flush()
        os._exit(0)
    except BaseException:
        log.exception("The task queue could not go on")
        os._exit(1)


def _make_children_die_with_us() -> None:
    forker = {"pid": os.getpid()}
    os.register_at_fork(
        before=lambda: forker.update(pid=os.getpid()), after_in_child=lambda: _die_with(forker["pid"])
    )  # fmt: skip


def _die_with(parent: int) -> None:
    """Be killed when the parent dies, even by kill -9. Only Linux can; elsewhere leases run out instead."""
    if _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) and os.getppid() != parent:
        os._exit(1)


def _prctl(option: int, value: int) -> bool:
    return sys.platform == "linux" and bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)


def adopt_orphans() -> None:
    """Processes whose parent dies become ours, so that their own death can be waited for."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def preload() -> None:
    """Import what is slow once, before the fork, so that a new process works at once."""
    for slug in registry.CONNECTORS:
        registry.connector_class(slug)
        import_module(f"connectors.{slug}.client")
    import_module("syncs.tasks")
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
