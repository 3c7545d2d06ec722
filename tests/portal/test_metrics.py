"""Numbers for the operator's monitor: who may read them, that they count, and that they name no business."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from django_scopes import scope
from prometheus_client.parser import text_string_to_metric_families

from portal import beats
from portal.models import AlertDestination, Business, Delivery, User, WorkerBeat
from syncs.models import Link
from tests import factories
from tests.portal import rows

pytestmark = pytest.mark.django_db
TOKEN = "a-long-token-for-the-monitor"


def read(**headers: Any) -> dict[tuple[str, ...], float]:
    answer = Client().get("/metrics", **headers)
    assert answer.status_code == 200
    found = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        for sample in family.samples:
            found[(sample.name, *(v for _, v in sorted(sample.labels.items())))] = sample.value
    return found


def test_it_counts_what_there_is_over_all_businesses(
    acme: Business, rival: Business, alice: User, mallory: User
) -> None:
    mine, theirs = rows.world(acme, records=4, since=timezone.now() - timedelta(minutes=10)), rows.world(rival)
    with scope(business=acme):
        factories.attempt(mine.links[0], noticed_at=timezone.now() - timedelta(seconds=40))
        factories.write(mine.links[0], state="unknown", settled_at=None)
        Link.objects.filter(pk=mine.links[1].pk).update(state="retrying")
        AlertDestination.objects.update(last_failed_at=timezone.now())
        Delivery.objects.update(state="failed")
    WorkerBeat.objects.create(supervisor="w", host="h", pid=1, started_at=timezone.now(), beat_at=timezone.now())
    found = read()
    assert found["fieldbridge_due_links", "live"] == 3
    assert 590 < found["fieldbridge_due_oldest_seconds",] < 620
    assert found["fieldbridge_retrying_links",] == 1
    assert found["fieldbridge_writes_last_hour", "confirmed"] == 2
    assert found["fieldbridge_writes_open",] == 1
    assert found["fieldbridge_open_incidents", "normal", "records"] == 2
    assert found["fieldbridge_connections", "jobber", "active"] == 2
    assert found["fieldbridge_webhooks_last_hour", "jobber", "marked"] == 2
    assert found["fieldbridge_alert_deliveries", "failed"] == 1
    assert found["fieldbridge_alert_places_failing",] == 1
    assert found["fieldbridge_worker_heartbeat_age_seconds",] < 5
    assert found["fieldbridge_change_seconds_bucket", "60.0"] - found["fieldbridge_change_seconds_bucket", "30.0"] == 1
    assert theirs.sync


def test_nothing_in_it_names_a_business(acme: Business, alice: User) -> None:
    made = rows.world(acme)
    text = Client().get("/metrics").content.decode()
    for word in ("Acme", made.source.account_id, made.source.account_name, "alice", rows.CANARY):
        assert word not in text


def test_it_costs_a_fixed_number_of_queries(acme: Business, alice: User, django_assert_max_num_queries: Any) -> None:
    rows.world(acme, records=30)
    with django_assert_max_num_queries(17):
        read()


@pytest.mark.parametrize(("token", "headers", "status"), [
    ("", {}, 200), ("", {"REMOTE_ADDR": "::1"}, 200), ("", {"REMOTE_ADDR": "203.0.113.9"}, 404),
    ("", {"HTTP_X_FORWARDED_FOR": "203.0.113.9"}, 404), ("", {"HTTP_FORWARDED": "for=203.0.113.9"}, 404),
    (TOKEN, {}, 404), (TOKEN, {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}, 200),
    (TOKEN, {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}", "REMOTE_ADDR": "203.0.113.9"}, 200),
    (TOKEN, {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}x"}, 404), (TOKEN, {"HTTP_AUTHORIZATION": TOKEN}, 404),
    (TOKEN, {"HTTP_AUTHORIZATION": "Bearer ü"}, 404), ("", {"HTTP_AUTHORIZATION": "Bearer "}, 200),
])  # fmt: skip
def test_who_may_read_it(settings: Any, token: str, headers: dict[str, str], status: int) -> None:
    settings.METRICS_TOKEN = token
    assert Client().get("/metrics", **headers).status_code == status  # type: ignore[arg-type]


def test_healthz_says_no_more_than_whether_all_is_there(acme: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask() -> tuple[int, bytes]:
        answer = Client().get("/healthz")
        return answer.status_code, answer.content

    assert ask() == (503, b"no worker\n")
    now = timezone.now()
    beat = WorkerBeat.objects.create(supervisor="w", host="h", pid=1, started_at=now, beat_at=now)
    assert ask() == (200, b"ok\n")
    WorkerBeat.objects.filter(pk=beat.pk).update(beat_at=now - timedelta(minutes=3))
    assert ask() == (503, b"no worker\n")

    def away() -> float:
        raise OperationalError("secret words of the driver")

    monkeypatch.setattr(beats, "age", away)
    assert ask() == (503, b"no database\n")
