"""Signs of life. Each supervised worker is named so that others can tell whether it is still there.

A name is three parts: the machine's boot and process space, the process, and when that was born.
"""

import os
import socket
import uuid
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path

from django.db.models import Max
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from portal import broker
from portal.health import WORKER_SILENT
from portal.models import WorkerBeat

#: Workers that stopped this long ago are forgotten.
FORGET = timedelta(days=7)


@cache
def place() -> str:
    """Names this machine's boot and process space; where that cannot be told, a name nobody else has."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return uuid.uuid4().hex[:10]
    return sha256(f"{boot}/{space}".encode()).hexdigest()[:10]


def name() -> str:
    return f"{place()}-{os.getpid()}-{_birth(os.getpid()) or 0}"


def _birth(pid: int) -> str:
    """When the process was born, in ticks since the boot; '' when there is none such, or only its remains."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return ""
    return "" if state in {"Z", "X"} else fields[18]


def is_gone(supervisor: str) -> bool:
    """True only for a supervisor known to be dead: one of this place whose process is not there any more."""
    where, _, rest = supervisor.partition("-")
    pid, _, birth = rest.partition("-")
    return where == place() and pid.isdigit() and _birth(int(pid)) != birth


def remains(parent: int) -> set[int]:
    """Children of this process that are dead, while the parent has not taken note; empty where that cannot be told."""
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    except OSError:
        return set()
    return {int(pid) for pid in children if not _birth(int(pid))}


# Beats


def begin(supervisor: str) -> None:
    WorkerBeat.objects.update_or_create(
        supervisor=supervisor,
        defaults={"host": socket.gethostname()[:120], "pid": os.getpid(), "started_at": timezone.now()},
    )


def ask(supervisor: str) -> None:
    """Put a heartbeat in the queue for this supervisor's own worker, unless one waits there."""
    if not OrmQ.objects.filter(key=supervisor).exists():
        async_task("portal.beats.beat", supervisor, cluster=supervisor)


def beat(supervisor: str) -> None:
    """The task: it came through the queue to a living worker."""
    WorkerBeat.objects.filter(supervisor=supervisor).update(beat_at=timezone.now())


def heard(supervisor: str) -> datetime | None:
    return WorkerBeat.objects.filter(supervisor=supervisor).values_list("beat_at", flat=True).first()


def restarted(supervisor: str, why: str) -> None:
    """The queue's processes died and come again: what they had in hand is forgotten."""
    broker.forget(supervisor)
    row = WorkerBeat.objects.filter(supervisor=supervisor).first()
    if row:
        row.restarts, row.last_restart = row.restarts + 1, why[:200]
        row.save(update_fields=["restarts", "last_restart"])


def end(supervisor: str) -> None:
    broker.forget(supervisor)
    WorkerBeat.objects.filter(supervisor=supervisor).update(stopped_at=timezone.now())


def prune() -> None:
    WorkerBeat.objects.filter(stopped_at__lt=timezone.now() - FORGET).delete()


def age() -> float | None:
    """Seconds since the last heartbeat of any worker that has not stopped; None when there is none."""
    last = WorkerBeat.objects.filter(stopped_at=None).aggregate(last=Max("beat_at"))["last"]
    return max(0.0, (timezone.now() - last).total_seconds()) if last else None


def silent() -> bool:
    """No worker has given a sign of life lately: what waits, waits for nothing."""
    last = age()
    return last is None or last > WORKER_SILENT.total_seconds()
