"""How a connection or a sync is doing, in one word and one sentence. Pure: facts in, health out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

#: A record may wait this long before it counts as late.
WAITS_TOO_LONG = timedelta(minutes=15)
#: Workers report every few seconds; silence for longer than this means that nobody works.
WORKER_SILENT = timedelta(minutes=2)
#: Missed looks for changes before the sync counts as late.
POLLS_MISSED = 3


class Level(StrEnum):
    """From good to bad."""

    OK = "ok"
    LATE = "late"
    NEEDS_YOU = "needs_you"
    BROKEN = "broken"

    @property
    def rank(self) -> int:
        return list(Level).index(self)

    @property
    def words(self) -> str:
        return {"ok": "All well", "late": "Late", "needs_you": "Needs you", "broken": "Not working"}[self]


@dataclass(frozen=True, slots=True)
class Health:
    """`why` is a sentence; `since` when it began, where known; `next_step` is empty where there is nothing to do."""

    level: Level
    why: str
    since: datetime | None = None
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """`status` as portal.Connection has it; `used`: a sync that is not off reads or writes through it."""

    service: str
    status: str
    reason: str = ""
    since: datetime | None = None
    refreshed_at: datetime | None = None
    refresh_failed_at: datetime | None = None
    last_ok_at: datetime | None = None
    used: bool = True
    #: What the service says about the account itself, and what to do: the first counts.
    told: str = ""
    told_step: str = ""


@dataclass(frozen=True, slots=True)
class SyncFacts:
    """`mode` as syncs.Sync has it. `held` wait for a decision, `failed` were given up, `waiting` are to be worked.

    `resume_at`: the lane works nothing before then, after `failures` in a row. `beat_at`: when a worker last reported.
    """

    mode: str
    connections: tuple[Health, ...] = ()
    parked: str = ""
    resume_at: datetime | None = None
    failures: int = 0
    waiting: int = 0
    waiting_since: datetime | None = None
    held: int = 0
    failed: int = 0
    polled_until: datetime | None = None
    poll_minutes: int = 15
    beat_at: datetime | None = None
    #: What holds up the work although nothing should (syncs.watching), since when, and what to do.
    stuck: str = ""
    stuck_since: datetime | None = None
    stuck_step: str = ""


def of_connection(facts: ConnectionFacts) -> Health:
    service = facts.service
    match facts.status:
        case "active" if _refresh_fails(facts):
            why = f"The last renewal of access to {service} did not work; it is tried again by itself."
            return Health(Level.LATE, why, facts.refresh_failed_at)
        case "active" if facts.told:
            return Health(Level.NEEDS_YOU, f"{facts.told}.", None, facts.told_step)
        case "active":
            return Health(Level.OK, f"Connected to {service}.", facts.last_ok_at)
        case "off" if not facts.used:
            return Health(Level.OK, f"{service} is disconnected, and nothing uses it.", facts.since)
        case "off":
            return Health(Level.NEEDS_YOU, f"{service} is disconnected.", facts.since, f"Connect {service} again.")
    why = facts.reason or f"{service} does not accept our access any more."
    return Health(Level.NEEDS_YOU, why, facts.since, f"Connect {service} again.")


def _refresh_fails(facts: ConnectionFacts) -> bool:
    failed = facts.refresh_failed_at
    return failed is not None and all(t is None or t < failed for t in (facts.refreshed_at, facts.last_ok_at))


def of_sync(facts: SyncFacts, now: datetime) -> Health:
    """The worst thing that holds it up; of equals the one that must be put right first."""
    if facts.mode == "off":
        return Health(Level.OK, "Paused: nothing is read or written.", None, "Resume it when you are ready.")
    found = [h for h in (*facts.connections, *_work(facts, now)) if h.level != Level.OK]
    if found:
        return max(found, key=lambda h: h.level.rank)
    if facts.mode == "preview":
        return Health(
            Level.OK, "Preview: every record is planned, nothing is written.", None, "Go live when it is right."
        )
    waits = " Every change waits for approval first." if facts.mode == "approve" else ""
    return Health(
        Level.OK, f"Everything is in step.{waits}" if not facts.waiting else f"Working on {_records(facts.waiting)}."
    )


def _work(facts: SyncFacts, now: datetime) -> list[Health]:
    checks = (
        _silent(facts, now),
        _stuck(facts),
        _parked(facts),
        _undecided(facts),
        _pausing(facts, now),
        _slow(facts, now),
        _unread(facts, now),
    )
    return [h for h in checks if h]


def _silent(facts: SyncFacts, now: datetime) -> Health | None:
    if not facts.waiting or (facts.beat_at is not None and now - facts.beat_at < WORKER_SILENT):
        return None
    why = f"No worker is running, and {_records(facts.waiting)} {_wait(facts.waiting)}."
    return Health(Level.BROKEN, why, facts.beat_at or facts.waiting_since, "Start the worker: manage.py worker.")


def _stuck(facts: SyncFacts) -> Health | None:
    return Health(Level.BROKEN, f"{facts.stuck}.", facts.stuck_since, facts.stuck_step) if facts.stuck else None


def _parked(facts: SyncFacts) -> Health | None:
    if not facts.parked:
        return None
    return Health(Level.NEEDS_YOU, facts.parked, None, "Put right what it says; work goes on by itself then.")


def _undecided(facts: SyncFacts) -> Health | None:
    if not facts.held + facts.failed:
        return None
    parts = [f"{_records(facts.held)} need{'s' if facts.held == 1 else ''} a look"] if facts.held else []
    parts += [f"{_records(facts.failed)} failed after many tries"] if facts.failed else []
    return Health(Level.NEEDS_YOU, f"{' and '.join(parts)}.", None, "Open the records: each says what it needs.")


def _pausing(facts: SyncFacts, now: datetime) -> Health | None:
    """A short pause that the service asked for is no trouble; a pause after failures is."""
    if facts.parked or not facts.failures or facts.resume_at is None or facts.resume_at <= now:
        return None
    times = "once" if facts.failures == 1 else f"{facts.failures} times in a row"
    why = f"The service has not answered {times}; it is tried again soon."
    return Health(Level.LATE, why, facts.waiting_since)


def _slow(facts: SyncFacts, now: datetime) -> Health | None:
    if facts.waiting_since is None or now - facts.waiting_since < WAITS_TOO_LONG:
        return None
    return Health(
        Level.LATE, f"{_records(facts.waiting)} {_wait(facts.waiting)} longer than usual.", facts.waiting_since
    )


def _unread(facts: SyncFacts, now: datetime) -> Health | None:
    if facts.mode not in {"approve", "live"} or facts.polled_until is None:
        return None
    if now - facts.polled_until < POLLS_MISSED * timedelta(minutes=facts.poll_minutes) + WAITS_TOO_LONG:
        return None
    return Health(
        Level.LATE, "It has not looked for missed changes for a while.", facts.polled_until, "Press “Sync now”."
    )


def _records(count: int) -> str:
    return f"{count:,} record{'' if count == 1 else 's'}"


def _wait(count: int) -> str:
    return "waits" if count == 1 else "wait"
