"""Work that does not move is found and told, and closes when it moves again; silent webhooks and lost fields too."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from django_scopes import scope

from portal import ticking
from portal.admin import standing
from portal.models import Business, Connection, WorkerBeat
from syncs import runs, watching
from syncs.models import Event, Incident, Lane, Link, Run, Sync, Write
from tests import factories
from tests.syncs.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def sync(acme: Business) -> Sync:
    with scope(business=acme):
        return factories.sync(acme, polled_until=timezone.now())


def ago(minutes: float) -> object:
    return timezone.now() - timedelta(minutes=minutes)


def due(sync: Sync, **more: object) -> Link:
    values = {"state": "due", "handled": 0, "noticed_at": ago(40), **more}
    return factories.link(sync, factories.client(sync.business, sync.source), **values)  # type: ignore[arg-type]


def stuck_write(sync: Sync) -> None:
    link = factories.link(sync, factories.client(sync.business, sync.source))
    factories.write(link, "create", "unknown", intended_at=ago(150), settled_at=None)


def stuck_run(sync: Sync) -> None:
    factories.run(sync, "backfill", "running", side="source", moved_at=ago(45), started_at=ago(90))


def stuck_lane(sync: Sync) -> None:
    later = timezone.now() + timedelta(minutes=1)
    Lane.objects.update(lease="w/1/x", lease_until=later, served_at=ago(15))


def down(sync: Sync) -> None:
    due(sync, noticed_at=ago(300))
    Lane.objects.update(failures=9, resume_at=timezone.now() + timedelta(minutes=30))


def unread(sync: Sync) -> None:
    """Nothing is known to wait: of what the source cannot tell."""
    factories.run(sync, "poll", "running", side="source", moved_at=ago(300), started_at=ago(300))
    Lane.objects.update(failures=9, resume_at=timezone.now() + timedelta(minutes=30), failing=sync.source)


def moves(sync: Sync) -> None:
    Link.objects.update(handled=9)
    Write.objects.update(state="confirmed")
    Run.objects.update(state="done")
    Lane.objects.update(lease="", lease_until=None, failures=0, resume_at=None)


def test_the_service_that_is_away_is_the_one_that_is_named(sync: Sync) -> None:
    with scope(business=sync.business):
        due(sync, noticed_at=ago(300))
        Lane.objects.update(failures=9, resume_at=timezone.now() + timedelta(minutes=30), failing=sync.source)
    ticking.watch()
    with scope(business=sync.business):
        found = Incident.objects.get()
        assert found.title == "Clients to customers: 1 record waits because Jobber has not answered for hours"
        assert "See whether Jobber reports trouble" in found.next_step


@pytest.mark.parametrize(("code", "make"), [
    ("stuck_due", due), ("stuck_write", stuck_write), ("stuck_run", stuck_run), ("stuck_lane", stuck_lane),
    ("service_down", down), ("service_down", unread),
])  # fmt: skip
def test_what_does_not_move_is_told_and_closes_when_it_moves(
    sync: Sync, code: str, make: Callable[[Sync], object]
) -> None:
    with scope(business=sync.business):
        make(sync)
    WorkerBeat.objects.create(supervisor="w", host="h", pid=1, started_at=timezone.now(), beat_at=timezone.now())
    for _ in range(2):
        ticking.watch()
    with scope(business=sync.business):
        (found,) = Incident.objects.all()
        assert (found.cause_code, found.state, found.subject) == (code, "open", f"work:{sync.pk}")
        assert found.title.startswith("Clients to customers: ")
        assert found.next_step
        whole = Sync.objects.select_related(*standing.RELATED).get()
        (stands,) = standing.of([whole])
        assert stands.health.level == "broken"
        assert (stands.health.why, stands.health.since) == (f"{found.title}.", found.opened_at)
        moves(sync)
    ticking.watch()
    with scope(business=sync.business):
        assert Incident.objects.get().state == "resolved"


@pytest.mark.parametrize("make", [
    lambda s: due(s, noticed_at=ago(20)),  # its turn comes
    lambda s: due(s, next_try=timezone.now() + timedelta(minutes=50), state="retrying"),  # it waits at its own word
    lambda s: (due(s, priority=5), factories.attempt(Link.objects.get())),  # a first reading that gets ahead
    lambda s: (due(s), Lane.objects.update(parked="Sign in again.", parked_code="auth")),  # told of otherwise
    lambda s: (due(s), Lane.objects.update(failures=3, resume_at=timezone.now() + timedelta(minutes=5))),
    lambda s: (due(s), Sync.objects.update(mode="off")),
    lambda s: factories.run(s, "backfill", "running", side="source", started_at=ago(300)),
    lambda s: factories.run(s, "backfill", "running", side="work", moved_at=ago(300)),
])  # fmt: skip
def test_what_only_takes_its_time_is_not_told(sync: Sync, make: Callable[[Sync], object]) -> None:
    with scope(business=sync.business):
        make(sync)
    ticking.watch()
    with scope(business=sync.business):
        assert not Incident.objects.exists()


def test_what_a_worker_died_before_saying_is_said(sync: Sync) -> None:
    """It had stored that a record waits for a person. Who holds the lane now says it by itself."""
    with scope(business=sync.business):
        link = due(sync, handled=1, state="held", cause_code="ambiguous")
        for held in (timedelta(minutes=1), timedelta(minutes=-1)):
            assert not Incident.objects.exists()
            Lane.objects.update(lease="a worker", lease_until=timezone.now() + held)
            ticking.watch()
        found = Incident.objects.get()
        assert (found.cause_code, found.records, found.state) == ("ambiguous", 1, "open")
        Link.objects.filter(pk=link.pk).update(state="in_step", cause_code="")
        ticking.watch()
        assert Incident.objects.get().state == "resolved"


def test_pausing_the_sync_closes_what_was_stuck(sync: Sync) -> None:
    with scope(business=sync.business):
        due(sync)
    ticking.watch()
    with scope(business=sync.business):
        Sync.objects.update(mode="off")
    ticking.watch()
    with scope(business=sync.business):
        assert Incident.objects.get().state == "resolved"


def test_a_first_reading_that_stands_still_is_told(sync: Sync) -> None:
    with scope(business=sync.business):
        due(sync, priority=5)
    ticking.watch()
    with scope(business=sync.business):
        assert Incident.objects.get().cause_code == "stuck_due"


# Webhooks


def poll(sync: Sync, found: int, minutes: float) -> None:
    factories.run(sync, "poll", counts={"seen": 3, "found": found}, started_at=ago(minutes))


def silent(sync: Sync) -> bool:
    ticking.watch()
    with scope(business=sync.business):
        return Incident.objects.filter(cause_code=watching.SILENT, state="open").exists()


def test_webhooks_that_stay_away_while_polls_find_changes_are_told(sync: Sync) -> None:
    with scope(business=sync.business):
        poll(sync, 2, 40)
    assert not silent(sync)
    with scope(business=sync.business):
        poll(sync, 1, 20)
    assert silent(sync)
    with scope(business=sync.business):
        Run.objects.update(started_at=ago(60 * 5))
        assert "3 changes were found by looking" in Incident.objects.get().title
    assert silent(sync)  # that nothing changes proves nothing
    with scope(business=sync.business):
        factories.event(sync.source, "client-1")
    assert not silent(sync)
    with scope(business=sync.business):
        assert Incident.objects.get().state == "resolved"


@pytest.mark.parametrize("why", ["a webhook came", "nothing was found", "it sends none", "one poll only"])
def test_silence_that_is_as_it_should_be_is_not_told(sync: Sync, why: str) -> None:
    with scope(business=sync.business):
        for minutes in (40, 20):
            poll(sync, 0 if why == "nothing was found" or (why == "one poll only" and minutes == 20) else 2, minutes)
        if why == "a webhook came":
            factories.event(sync.source, "client-1")
        if why == "it sends none":
            Connection.objects.filter(pk=sync.source_id).update(method="key")
    assert not silent(sync)


def test_a_poll_counts_what_nobody_had_told_of(here: World) -> None:
    here.jobber.add("Ann", "Smith", "ann@example.com")
    Connection.objects.filter(pk=here.sync.source_id).update(method="oauth")
    for n in range(2):
        Sync.objects.update(polled_until=timezone.now() - timedelta(minutes=20 - n))
        ticking.start_polls()
        here.work()
        if not n:
            here.jobber.add("Bob", "Jones", "bob@example.com")
    polls = Run.objects.filter(kind="poll").order_by("pk")
    assert [run.counts["found"] for run in polls] == [1, 1]
    assert not Event.objects.exists()
    ticking.watch()
    assert Incident.objects.get().cause_code == watching.SILENT


# Fields that are gone


def reading(here: World, *fields: str) -> list[str]:
    """The account's own fields that the live version reads one by one; all is read whole with it. Titles of what is
    told then."""
    assert here.sync.version
    content = json.loads(json.dumps(here.sync.version.content))
    rows = [row for row in content["mappings"] if not row["sources"][0].startswith("custom.")]
    rows += [
        {"sources": [f"custom.{name}"], "target": f"metadata.{name}", "transforms": [], "mode": "always"}
        for name in fields
    ]
    here.sync.version = factories.version(here.sync, content={**content, "mappings": rows})
    here.sync.save()
    runs.start(here.sync, Run.Kind.BACKFILL)
    here.work()
    ticking.watch()
    return list(Incident.objects.filter(cause_code=watching.DRIFT, state="open").values_list("title", flat=True))


def test_a_mapped_field_that_no_record_has_any_more_is_told_until_no_row_reads_it(here: World) -> None:
    ann = here.jobber.add("Ann", "Smith", "ann@example.com")
    assert reading(here, "gate_code") == []
    assert reading(here, "gate_code", "key_box") == ["Clients to customers: no record in Jobber has “Key box” any more"]
    here.jobber.edit(ann, lastName="Smyth")
    here.work()
    ticking.watch()
    assert Incident.objects.filter(cause_code=watching.DRIFT, state="open").exists()  # a change proves nothing
    assert reading(here, "gate_code") == []
    assert Incident.objects.get(cause_code=watching.DRIFT).state == "resolved"


def test_an_account_without_any_record_shows_nothing_about_its_fields(here: World) -> None:
    assert reading(here, "key_box") == []
