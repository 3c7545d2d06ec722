"""What a monitor is told."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from portal import beats
from portal.models import Business, WorkerBeat


def beat(seconds: float, **fields: object) -> None:
    now = timezone.now()
    WorkerBeat.objects.create(
        supervisor=f"w{seconds}", host="h", pid=1, started_at=now, beat_at=now - timedelta(seconds=seconds), **fields
    )


@pytest.mark.django_db
def test_it_says_ok_and_how_old_the_last_heartbeat_is(client: Client) -> None:
    assert client.get("/health/").json() == {"status": "ok", "database": "ok", "worker": {"heartbeat_age": None}}
    beat(300)
    beat(42)
    beat(1, stopped_at=timezone.now())
    answer = client.get("/health/")
    assert (answer.status_code, round(answer.json()["worker"]["heartbeat_age"])) == (200, 42)
    assert "no-store" in answer.headers["Cache-Control"]
    assert not answer.cookies


def test_it_says_503_without_a_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("FATAL: password authentication failed for user portal")

    monkeypatch.setattr(beats, "age", away)
    answer = client.get("/health/")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "database": "away"}


def test_it_tells_nothing_of_any_business(client: Client, acme: Business) -> None:
    assert b"Acme" not in client.get("/health/").content


@pytest.mark.django_db
def test_it_can_only_be_read(client: Client) -> None:
    assert client.post("/health/").status_code == 405
