"""Places at which a crash test lets this process die, as by kill -9. Without FAILPOINT in the environment: nothing.

FAILPOINT=send.before:3 dies at the third time that a process passes it. FAILPOINT=@path reads that from a file, which
is gone once somebody has died of it: so a process that is started again lives. A name that ends in `!` (send.before!:3)
is stopped there, as by SIGSTOP, instead.
"""

import os
import signal
import threading
from collections import Counter
from pathlib import Path

POINTS = (
    "task.taken", "claim.before", "claim.after", "claims.counted", "read.before", "read.after", "page.read",
    "checkpoint.inside", "checkpoint.after", "looks.inside", "looks.after", "intend.before", "intend.inside",
    "intend.after", "send.before", "send.after", "settle.before", "settle.inside", "settle.links", "settle.after",
    "release.before", "refresh.before", "refresh.answered", "refresh.saved", "event.inside", "event.stored",
)  # fmt: skip
_SET = os.environ.get("FAILPOINT", "")
_passed: Counter[str] = Counter()
_lock = threading.Lock()


def failpoint(name: str) -> None:
    if _SET:
        _pass(name)


def _pass(name: str) -> None:
    armed = _armed()
    wanted, _, number = armed.partition(":")
    if wanted.rstrip("!") != name:
        return
    with _lock:  # calls to the services are made on threads
        _passed[armed] += 1
        if _passed[armed] == int(number or 1) and _mine():
            os.kill(os.getpid(), signal.SIGSTOP if wanted.endswith("!") else signal.SIGKILL)


def _armed() -> str:
    if not _SET.startswith("@"):
        return _SET
    try:
        return Path(_SET[1:]).read_text().strip()
    except OSError:
        return ""


def _mine() -> bool:
    """Of several processes that come here one alone dies, and it is not armed again."""
    if not _SET.startswith("@"):
        return True
    try:
        Path(_SET[1:]).unlink()
    except OSError:
        return False
    return True
