"""Reconciliation through the sandboxes: what differs is found, nothing else is, and nothing is written for it."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from portal.models import User
from syncs import lanes, reports, runs
from syncs.models import Link, Report, Run, Sync
from syncs.sessions import Sessions
from tests.syncs.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]


def report(world: World, *syncs: Sync, by: User | None = None) -> Report:
    """One of the last of these syncs, the engine's own work afterwards included."""
    found = None
    for sync in syncs or (world.sync,):
        sync.refresh_from_db()
        found = reports.start(sync, by)
        world.work()
    assert found is not None
    found.refresh_from_db()
    assert found.finished_at
    return found


def waiting(*syncs: Sync) -> None:
    """What is found waits for a person."""
    Sync.objects.filter(pk__in=[s.pk for s in syncs]).update(reconciling_writes=False)
    for sync in syncs:
        sync.refresh_from_db()


def kinds(found: Report) -> dict[str, int]:
    return dict(Counter(found.mismatches.values_list("kind", flat=True)))


def test_both_sides_in_step_have_no_mismatch(here: World) -> None:
    here.jobber.add("Ann", "Smith", "ann@example.com")
    here.jobber.add("Bob", "Jones", "bob@example.com")
    here.read_again()
    found = report(here)
    assert (found.counts["compared"], kinds(found)) == (2, {})


def test_what_the_engine_does_not_know_is_found_and_then_written(here: World) -> None:
    ann = here.jobber.add("Ann", "Smith", "ann@example.com")
    here.read_again()
    here.jobber.edit(ann, firstName="Anna")
    bea = here.jobber.add("Bea", "Kim", "bea@example.com")
    before = here.writes()
    found = report(here)
    assert kinds(found) == {"field": 1, "missing": 1}
    assert here.writes() == before + 2
    assert {m.state for m in found.mismatches.all()} == {"settled"}
    assert here.stripe.of(ann)[0]["name"] == "Anna Smith"
    assert len(here.stripe.of(bea)) == 1


def test_or_it_waits_for_a_person(here: World) -> None:
    ann = here.jobber.add("Ann", "Smith", "ann@example.com")
    here.read_again()
    waiting(here.sync)
    here.jobber.edit(ann, firstName="Anna")
    before = here.writes()
    found = report(here)
    assert here.writes() == before
    row = found.mismatches.get()
    assert (row.kind, row.state, row.link) == ("field", "open", here.link(ann))
    assert ["name", "Anna Smith", "Ann Smith"] in row.fields
    again = report(here).mismatches.get()
    assert (again.still, again.first_seen_at) == (True, row.first_seen_at)


def test_a_report_that_is_stopped_halfway_leaves_nothing_unwritten(here: World) -> None:
    ann = here.jobber.add("Ann", "Smith", "ann@example.com")
    here.read_again()
    here.jobber.edit(ann, firstName="Anna")
    reports.start(here.sync)
    run = Run.objects.get(kind="reconcile")
    lane = lanes.claim(here.sync.lane_id)
    assert lane
    sessions = Sessions()
    for _ in range(2):
        page = sessions.call(runs.side_of(run, here.sync), lambda s: runs.ask(s, run, here.sync))
        runs.take(lane, run, here.sync, page, run.started_at)
    assert run.side == "compare"
    lanes.release(lane)
    runs.stop(here.sync)
    here.work()
    assert here.stripe.of(ann)[0]["name"] == "Anna Smith"


def late(world: World, client: str, **ago: int) -> None:
    """It was noticed so long ago, and is still to be written."""
    Link.objects.filter(source_id=client).update(
        noticed=F("noticed") + 1,
        noticed_at=timezone.now() - timedelta(**ago),
        next_try=timezone.now() + timedelta(hours=9),
    )


def test_what_is_being_written_is_no_mismatch_unless_it_is_late(here: World) -> None:
    ann = here.jobber.add("Ann", "Smith", "ann@example.com")
    here.read_again()
    here.jobber.edit(ann, firstName="Anna")
    late(here, ann, minutes=5)
    found = report(here)
    assert (found.counts["being_written"], kinds(found)) == (1, {})
    late(here, ann, hours=3)
    found = report(here)
    assert (found.counts["being_written"], kinds(found)) == (0, {"late": 1})
    assert "3 hours ago" in found.mismatches.get().words
