"""How a connection or a sync is said to be doing, from facts alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from portal.health import ConnectionFacts, Health, Level, SyncFacts, of_connection, of_sync

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
AGO = NOW - timedelta(hours=1)
WELL = SyncFacts("live", beat_at=NOW - timedelta(seconds=5), polled_until=NOW - timedelta(minutes=10))
STRIPE = ConnectionFacts("Stripe", "active", last_ok_at=NOW)


@pytest.mark.parametrize(
    ("change", "level", "words", "step"),
    [
        ({}, Level.OK, "Connected to Stripe.", ""),
        ({"status": "needs_reconnect", "since": AGO}, Level.NEEDS_YOU, "does not accept", "Connect Stripe again."),
        ({"status": "needs_reconnect", "reason": "You removed us."}, Level.NEEDS_YOU, "You removed us.", "Connect"),
        ({"status": "off"}, Level.NEEDS_YOU, "Stripe is disconnected.", "Connect Stripe again."),
        ({"status": "off", "used": False}, Level.OK, "nothing uses it", ""),
        ({"refresh_failed_at": NOW, "last_ok_at": AGO, "refreshed_at": AGO}, Level.LATE, "tried again by itself", ""),
        ({"refresh_failed_at": AGO, "refreshed_at": NOW}, Level.OK, "Connected", ""),
    ],
)
def test_connections(change: dict[str, object], level: Level, words: str, step: str) -> None:
    found = of_connection(replace(STRIPE, **change))
    assert found.level == level
    assert words in found.why
    assert step in found.next_step


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        ({}, Level.OK, "Everything is in step."),
        ({"waiting": 3, "waiting_since": NOW}, Level.OK, "Working on 3 records."),
        ({"mode": "off", "held": 4, "parked": "Away"}, Level.OK, "Paused"),
        ({"mode": "preview"}, Level.OK, "nothing is written"),
        ({"held": 1}, Level.NEEDS_YOU, "1 record needs a look."),
        ({"held": 1200, "failed": 2}, Level.NEEDS_YOU, "1,200 records need a look and 2 records failed"),
        ({"parked": "Connect Stripe again."}, Level.NEEDS_YOU, "Connect Stripe again."),
        ({"failures": 1, "resume_at": NOW + timedelta(minutes=1)}, Level.LATE, "not answered once"),
        ({"failures": 4, "resume_at": NOW + timedelta(minutes=1)}, Level.LATE, "4 times in a row"),
        ({"failures": 4, "resume_at": AGO}, Level.OK, "in step"),
        ({"resume_at": NOW + timedelta(minutes=1)}, Level.OK, "in step"),
        ({"waiting": 1, "waiting_since": AGO}, Level.LATE, "1 record waits longer than usual."),
        ({"polled_until": AGO - timedelta(hours=1)}, Level.LATE, "missed changes"),
        ({"waiting": 2, "waiting_since": AGO, "beat_at": AGO}, Level.BROKEN, "No worker is running"),
        ({"waiting": 2, "waiting_since": AGO, "beat_at": None, "held": 1}, Level.BROKEN, "2 records wait."),
        ({"beat_at": AGO}, Level.OK, "in step"),
    ],
)
def test_syncs(change: dict[str, object], level: Level, words: str) -> None:
    found = of_sync(replace(WELL, **change), NOW)
    assert found.level == level
    assert words in found.why


def test_the_account_comes_before_the_records() -> None:
    refused = Health(Level.NEEDS_YOU, "Stripe does not accept our access any more.", AGO, "Connect Stripe again.")
    assert of_sync(replace(WELL, connections=(refused,), held=9, parked="Away"), NOW) == refused
