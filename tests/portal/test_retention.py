"""What is older than the settings say goes, in batches, and the chains still hold."""

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.core.management import call_command
from django.utils import timezone
from django_q.models import OrmQ
from django_scopes import scope

from portal import retention, ticking
from portal.models import Alert, Delivery, User
from syncs import audit, ledger, proof
from syncs.models import Attempt, AuditEntry, Event, Incident, Report, SnapshotHistory, Write
from tests import factories
from tests.portal.rows import World


@pytest.fixture
def world(here: World, settings: Any) -> Iterator[World]:
    """A row of everything, with two looks at the first record. Tests set what they want gone."""
    settings.KEEP_DAYS = dict.fromkeys(settings.KEEP_DAYS, 0)
    cache.clear()
    with scope(business=here.business):
        factories.attempt(here.links[0])
        factories.event(here.source, "c-1", body='{"name": "Ann"}')
        yield here


def later(days: int) -> time_machine.travel:
    return time_machine.travel(timezone.now() + timedelta(days=days))


def counts() -> dict[str, int]:
    kinds = (Attempt, Event, Incident, Report, SnapshotHistory, Alert, Delivery, Write)
    return {model.__name__: model._base_manager.count() for model in kinds}


@pytest.mark.parametrize(
    ("name", "model", "left"),
    [("webhooks", Event, 0), ("states", SnapshotHistory, 0), ("looks", Attempt, 3), ("alerts", Alert, 0)],
)
def test_what_is_too_old_goes_and_nothing_else(world: World, settings: Any, name: str, model: Any, left: int) -> None:
    settings.KEEP_DAYS[name] = 30
    before = counts()
    with later(29):
        retention.prune()
        assert counts() == before
    with later(31):
        assert retention.prune()
    changed = {key for key, count in counts().items() if count != before[key]}
    assert model._base_manager.count() == left
    assert changed == {model.__name__, *({"Delivery"} if name == "alerts" else ())}


def test_the_body_of_a_webhook_goes_before_the_webhook(world: World, settings: Any) -> None:
    settings.KEEP_DAYS["webhook_bodies"] = 30
    with later(31):
        retention.prune()
    assert set(Event.objects.values_list("body", flat=True)) == {""}


def test_an_alert_that_still_waits_and_an_open_incident_stay(world: World, settings: Any) -> None:
    settings.KEEP_DAYS |= {"alerts": 30, "incidents": 30}
    Delivery.objects.update(state="waiting")
    with later(31):
        retention.prune()
    assert (Alert.objects.count(), Incident.objects.count()) == (1, 1)


def test_what_was_sent_goes_and_the_writes_stay_in_their_chain(world: World, settings: Any) -> None:
    Write._base_manager.all().delete()
    shared = {"business_id": world.business.pk, "link": world.links[0], "connection": world.target}
    made = [
        Write(key=f"k{n}", verb="update", resource="customers", params={"name": "Ann"}, state=state, **shared)
        for n, state in enumerate(("confirmed", "rejected", "unknown"))
    ]
    ledger.append(world.business.pk, made)
    settings.KEEP_DAYS["sent"] = 30
    with later(31):
        retention.prune()
    assert [w.params for w in Write.objects.order_by("pk")] == [{}, {}, {"name": "Ann"}]  # the last may be repeated
    found = proof.of(world.business.pk)
    assert (found.broken, found.writes) == (None, 3)
    Write.objects.filter(key="k0").update(verb="delete")
    assert "ledger of writes, entry 1" in str(proof.of(world.business.pk).broken)


def test_the_old_beginning_of_the_trail_goes_and_the_rest_holds(world: World, settings: Any, alice: User) -> None:
    Write._base_manager.all().delete()
    settings.KEEP_DAYS["audit"] = 100
    with later(80):
        audit.record(world.business.pk, alice, "sync.mode", world.sync, "Later")
    for day in (110, 190):
        with later(day):
            retention.prune()
            assert proof.of(world.business.pk).broken is None
    said = list(AuditEntry.objects.order_by("pk").values_list("words", flat=True))
    assert [words[:22] for words in said] == ["1 entries from before ", "1 entries from before "]
    AuditEntry._base_manager.order_by("pk")[:1].get()
    AuditEntry._base_manager.filter(pk=AuditEntry.objects.earliest("pk").pk)._raw_delete("default")
    assert proof.of(world.business.pk).broken is not None


def test_it_stops_when_its_time_is_over_and_goes_on_the_next_time(
    world: World, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KEEP_DAYS["webhooks"] = 30
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    with later(31):
        left = Event.objects.count()
        assert left > 1
        assert not retention.prune(seconds=1e-9)
        assert Event.objects.count() == left - 1
        out = io.StringIO()
        call_command("prune", stdout=out)
    assert Event.objects.count() == 0
    assert "That a webhook came, and what it was about: 1" in out.getvalue()
    assert "Nothing that is too old is left." in out.getvalue()


def test_the_worker_asks_for_it_once_a_day(world: World) -> None:
    for _ in range(3):
        ticking.prune()
    assert [task.task["func"] for task in OrmQ.objects.all()] == ["portal.retention.work"]
    with later(1):
        ticking.prune()
    assert OrmQ.objects.count() == 2
