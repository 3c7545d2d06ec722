"""The supervised task queue: nothing stalls, nothing outlives it, nothing is lost when it dies."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from django.db import OperationalError, connection, connections
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ, Task
from django_q.tasks import async_task
from django_scopes import scope, scopes_disabled

from portal import beats, broker, ticking
from portal.models import Business, Connection, WorkerBeat
from portal.supervisor import Supervisor
from syncs import choosing, recipes, runs
from syncs.models import Lane, Link, Run, Sync

ROOT = Path(__file__).resolve().parents[2]


def until[T](found: Callable[[], T], seconds: float = 30.0) -> T:
    """What `found` gives once it gives something."""
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return value


# Whole processes, on a database of their own


class Running:
    def __init__(self, path: Path) -> None:
        self.path = path / "worker.sqlite3"
        self.environ = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{self.path}",
            "DJANGO_SETTINGS_MODULE": "tests.settings",
        }
        self.log = (path / "log").open("w+")
        self.started: list[subprocess.Popen[bytes]] = []

    def manage(self, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "manage.py", *words]
        return subprocess.Popen(command, cwd=ROOT, env=self.environ, stdout=self.log, stderr=self.log)

    def worker(self) -> psutil.Process:
        """A worker from which a first heartbeat came."""
        process = self.manage("worker")
        self.started.append(process)
        until(lambda: self.beat_of(process.pid))
        return psutil.Process(process.pid)

    def ask(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        with sqlite3.connect(self.path, timeout=20) as database:
            return database.execute(sql, values).fetchall()

    def beat_of(self, pid: int) -> object:
        rows = self.ask("SELECT beat_at FROM portal_workerbeat WHERE pid = ? ORDER BY id DESC", pid)
        return rows[0][0] if rows else None

    def beats_again(self, pid: int) -> None:
        """One more heartbeat than now goes through the whole queue."""
        last = self.beat_of(pid)
        until(lambda: self.beat_of(pid) != last)

    def text(self) -> str:
        self.log.flush()
        return Path(self.log.name).read_text()


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    running = Running(tmp_path_factory.mktemp("migrated"))
    assert running.manage("migrate", "-v0").wait() == 0
    return running.path


@pytest.fixture
def system(tmp_path: Path, migrated: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    shutil.copy(migrated, running.path)
    yield running
    for process in running.started:
        process.kill()
        process.wait()
    running.log.close()


def gone(processes: list[psutil.Process]) -> Callable[[], bool]:
    return lambda: all(not p.is_running() or p.status() == psutil.STATUS_ZOMBIE for p in processes)


def test_a_killed_idle_worker_does_not_stall_the_queue(system: Running) -> None:
    supervisor = system.worker()
    cluster = supervisor.children()[0]
    waiting = cluster.children()
    waiting[0].send_signal(signal.SIGKILL)
    until(gone([cluster, *waiting]))
    system.beats_again(supervisor.pid)
    assert supervisor.is_running()
    ((restarts, why),) = system.ask("SELECT restarts, last_restart FROM portal_workerbeat")
    assert restarts == 1
    assert "one of its processes was killed" in str(why)


def test_a_guard_that_is_stuck_is_replaced_with_the_rest(system: Running) -> None:
    """As when a process dies holding a lock its guard waits for."""
    supervisor = system.worker()
    cluster = supervisor.children()[0]
    waiting = cluster.children()
    cluster.suspend()
    waiting[0].send_signal(signal.SIGKILL)
    until(gone([cluster, *waiting]))
    system.beats_again(supervisor.pid)
    ((why,),) = system.ask("SELECT last_restart FROM portal_workerbeat")
    assert "its guard is stuck" in str(why)


def test_nothing_outlives_a_killed_supervisor_and_another_frees_what_it_held(system: Running) -> None:
    supervisor, other = system.worker(), system.worker()
    family = supervisor.children(recursive=True)
    assert len(family) == 5
    supervisor.send_signal(signal.SIGKILL)
    until(gone(family), 5)
    system.started[0].wait()
    other.children()[0].send_signal(signal.SIGKILL)  # its restart ticks at once
    dead = "SELECT stopped_at FROM portal_workerbeat WHERE pid = ?"
    until(lambda: system.ask(dead, supervisor.pid)[0][0])
    system.beats_again(other.pid)


def test_asked_to_stop_it_stops_whole(system: Running) -> None:
    supervisor = system.worker()
    family = supervisor.children(recursive=True)
    supervisor.terminate()
    assert system.started[0].wait(20) == 0
    until(gone(family), 5)
    assert "has stopped" in system.text()
    assert system.ask("SELECT count(*) FROM portal_workerbeat WHERE stopped_at IS NULL") == [(0,)]


def test_it_will_not_work_on_a_database_of_an_older_version(tmp_path: Path) -> None:
    environ = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path}/empty", "DJANGO_SETTINGS_MODULE": "tests.settings"}
    ended = subprocess.run(
        [sys.executable, "manage.py", "worker"], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1
    assert "manage.py migrate" in ended.stderr


# The supervisor's judgement


@pytest.mark.django_db
def test_silence_is_noticed_only_while_the_database_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    watcher, now, restarts = Supervisor(), [1000.0], []
    beats.begin(watcher.name)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(watcher, "_ended", lambda: None)
    monkeypatch.setattr(watcher, "_restart", restarts.append)
    beats.beat(watcher.name)
    watcher._beat()
    now[0] += 119
    watcher._watch()
    assert restarts == []

    def away() -> None:
        raise OperationalError("gone")

    watcher._when_database_answers(away)
    now[0] += 119
    watcher._watch()
    assert restarts == []
    now[0] += 2
    watcher._watch()
    assert len(restarts) == 1
    assert "no heartbeat" in restarts[0]


@pytest.mark.django_db
def test_beats_do_not_pile_up(db: None) -> None:
    beats.begin("w")
    for _ in range(3):
        beats.ask("w")
    assert OrmQ.objects.filter(key="w").count() == 1
    beats.end("w")
    assert OrmQ.objects.filter(key="w").count() == 0


def test_only_the_dead_of_this_place_are_known_to_be_gone() -> None:
    own = beats.name()
    place, pid, birth = own.split("-")
    assert not beats.is_gone(own)
    assert beats.is_gone(f"{place}-{pid}-{int(birth) + 1}"), "another process with the same number"
    assert beats.is_gone(f"{place}-4194305-1")
    assert not beats.is_gone("elsewhere-4194305-1")
    assert not beats.is_gone("none")
    assert not beats.is_gone("")


# What time brings


@pytest.fixture
def sync(acme: Business) -> Sync:
    with scope(business=acme):
        rows = [
            Connection.objects.create(business=acme, connector=c, method="oauth", account_id=a)
            for c, a in (("jobber", "A1"), ("stripe", "acct_1"))
        ]
        sync = choosing.choose(acme, recipes.get("clients-to-customers"), *rows, by=None)
        runs.stop(sync)
        Lane.objects.update(woken_at=None)
    OrmQ.objects.all().delete()
    return sync


def queued(function: str) -> list[tuple[object, ...]]:
    return [row.task["args"] for row in OrmQ.objects.order_by("pk") if row.task["func"] == function]


def due_link(sync: Sync, **fields: object) -> None:
    with scope(business=sync.business):
        Link.objects.create(business=sync.business, sync=sync, source_id="C1", noticed=1, **fields)


def test_a_lane_whose_wake_up_was_lost_is_woken(sync: Sync) -> None:
    assert ticking.wake() == 0
    due_link(sync)
    OrmQ.objects.all().delete()
    assert ticking.wake() == 1
    assert queued("syncs.tasks.work_lane") == [(sync.lane_id,)]
    assert ticking.wake() == 0, "it is in the queue already"


@pytest.mark.parametrize("why", ["parked", "paused", "held", "later"])
def test_a_lane_that_must_wait_is_left_alone_until_then(why: str, sync: Sync) -> None:
    later = timezone.now() + timedelta(minutes=1)
    due_link(sync, next_try=later if why == "later" else None)
    values = {
        "parked": {"parked": "x"},
        "paused": {"resume_at": later},
        "held": {"lease": "w/1/a", "lease_until": later},
    }
    with scopes_disabled():
        Lane.objects.update(**values.get(why, {}))
    assert ticking.wake() == 0
    with scopes_disabled():
        Lane.objects.update(parked="", resume_at=None, lease="", lease_until=None)
        Link.objects.update(next_try=timezone.now())
    assert ticking.wake() == 1


def test_the_leases_of_a_dead_supervisor_are_freed_and_no_others(sync: Sync, rival: Business) -> None:
    dead, living, later = f"{beats.place()}-4194305-1", beats.name(), timezone.now() + timedelta(minutes=1)
    due_link(sync)
    with scopes_disabled():
        Lane.objects.filter(pk=sync.lane_id).update(lease=f"{dead}/7/abc", lease_until=later, woken_at=timezone.now())
        other = Connection.objects.create(business=rival, connector="stripe", method="oauth", account_id="acct_2")
        Lane.objects.create(business=rival, target=other, lease=f"{living}/8/abc", lease_until=later)
    assert ticking.wake() == 0
    ticking.release_dead()
    with scopes_disabled():
        assert list(Lane.objects.order_by("pk").values_list("lease", flat=True)) == ["", f"{living}/8/abc"]
    assert ticking.wake() == 1


def test_polls_of_one_business_fail_alone(sync: Sync, rival: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    with scopes_disabled():
        other = [
            Connection.objects.create(business=rival, connector=c, method="oauth", account_id=a)
            for c, a in (("jobber", "B1"), ("stripe", "acct_2"))
        ]
    with scope(business=rival):
        second = choosing.choose(rival, recipes.get("clients-to-customers"), *other, by=None)
        runs.stop(second)
    with scopes_disabled():
        Sync.objects.update(mode=Sync.Mode.LIVE)
    start = runs.start_due_polls

    def moody() -> int:
        if Sync.objects.get().business_id == sync.business_id:
            raise ValueError("no")
        return start()

    monkeypatch.setattr(runs, "start_due_polls", moody)
    ticking.start_polls()
    with scopes_disabled():
        assert [run.sync_id for run in Run.objects.filter(state="running")] == [second.pk]


@pytest.mark.django_db
def test_old_traces_are_swept_away() -> None:
    ticking.retention.start_due()  # once a day, and today's is done
    OrmQ.objects.all().delete()
    old, new = timezone.now() - timedelta(days=15), timezone.now()
    for name, when in (("old", old), ("new", new)):
        Task.objects.create(id=name, name=name, func="f", started=when, stopped=when, success=False)
        OrmQ.objects.create(key=name, payload="", lock=when)
        WorkerBeat.objects.create(supervisor=name, host="h", pid=1, started_at=when, stopped_at=when)
    ticking.prune()
    assert list(Task.objects.values_list("name", flat=True)) == ["new"]
    assert list(OrmQ.objects.values_list("key", flat=True)) == ["new"]
    assert list(WorkerBeat.objects.values_list("supervisor", flat=True)) == ["new"]


# The queue


@pytest.mark.django_db
def test_tasks_come_in_order_and_a_workers_own_heartbeat_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDBRIDGE_SUPERVISOR", "me")
    for number in range(3):
        async_task("syncs.tasks.work_lane", number)
    async_task("portal.beats.beat", "me", cluster="me")
    async_task("portal.beats.beat", "other", cluster="other")
    queue = get_broker("fieldbridge")
    order = []
    while taken := queue._take():
        ((row, _),) = taken
        order.append(OrmQ.objects.get(pk=row).task["args"])
    assert order == [("me",), (0,), (1,), (2,)]


@pytest.mark.django_db
def test_a_queue_that_cannot_be_read_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = get_broker("fieldbridge")
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(queue, "get_connection", lambda: None)
    monkeypatch.setattr(type(connections["default"]), "close", lambda self: None)

    def away() -> broker.Taken:
        raise OperationalError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(queue, "_take", away)
        assert queue.dequeue() == []
    async_task("syncs.tasks.work_lane", 1)
    assert len(queue.dequeue()) == 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="the listening queue is for PostgreSQL")
@pytest.mark.django_db(transaction=True)
def test_on_postgresql_a_task_is_told_of_and_taken_by_one_alone() -> None:
    import psycopg

    queue = broker.Listening("fieldbridge")
    assert queue.dequeue() == []
    options = connection.get_connection_params()
    options.pop("cursor_factory", None)
    options.pop("context", None)
    with psycopg.connect(**options, autocommit=True) as ear:
        ear.execute(f"LISTEN {broker.CHANNEL}")
        async_task("syncs.tasks.work_lane", 1)
        assert [n.channel for n in ear.notifies(timeout=5, stop_after=1)] == [broker.CHANNEL]
        with ear.transaction():
            ear.execute("SELECT * FROM django_q_ormq FOR UPDATE")
            assert queue.dequeue() == [], "another holds it"
    assert len(queue.dequeue()) == 1
