"""Reconciliation through the sandboxes: what differs is found, nothing else is, and nothing is written for it."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db.models import F
from django.utils import timezone

from portal.models import User
from syncs import choosing, fixing, lanes, reports, runs, slices
from syncs.models import Link, Report, Run, Sync
from syncs.sessions import Sessions
from tests.syncs.planting import LINES
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


def both_ways(here: World, by: User) -> None:
    """What is edited in Stripe goes back to Jobber."""
    Sync.objects.filter(pk=here.sync.pk).update(options={**here.sync.options, "two_way": True})
    here.sync.refresh_from_db()
    choosing.publish(here.sync, by, "both ways")


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


def test_a_worker_that_dies_between_two_pages_or_batches_loses_nothing(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [here.jobber.add(f"P{n}", "Smith", f"p{n}@example.com") for n in range(7)]
    here.read_again()
    waiting(here.sync)
    for one in people[:5]:
        here.jobber.edit(one, lastName="Jones")
    monkeypatch.setattr(reports, "BATCH", 2)
    made, deaths = reports.start(here.sync), 0
    step, take = reports.step, runs.take

    def dying(real: Callable[..., None], when: str) -> Callable[..., None]:
        def call(*given: Any) -> None:
            nonlocal deaths
            deaths += 1
            if when == "before" and deaths % 2:
                raise Killed
            real(*given)
            if when == "after" and deaths % 2:
                raise Killed

        return call

    monkeypatch.setattr(runs, "take", dying(take, "before"))
    monkeypatch.setattr(reports, "step", dying(step, "after"))
    for _ in range(60):
        with suppress(Killed):
            slices.work(here.sync.lane_id, 5.0)
        here.forget_waits()
        if Run.objects.get(kind="reconcile").state == "done":
            break
    assert made
    made.refresh_from_db()
    assert deaths > 6
    assert (made.counts["compared"], kinds(made)) == (7, {"field": 5})


class Killed(Exception):
    """As when a worker dies."""


def test_when_it_is_due(here: World) -> None:
    now, sync = timezone.now(), Sync.objects.filter(pk=here.sync.pk)
    sync.update(live_since=now - timedelta(days=2))
    assert reports.start_due() == 0
    sync.update(reconciling="daily", mode="preview")
    assert reports.start_due() == 0
    sync.update(mode="approve")  # as if it were live, but for the writing
    assert reports.start_due() == 1
    sync.update(mode="live")
    here.work()
    assert reports.start_due() == 0
    sync.update(reconciling="weekly")
    Report.objects.update(started_at=now - timedelta(days=8))
    assert reports.start_due() == 1
    here.work()
    sync.update(reconciling="never", live_since=now - timedelta(days=99))
    Report.objects.update(started_at=now - timedelta(days=99))
    assert reports.start_due() == 0


def test_what_is_asked_for_meanwhile_is_made_when_the_other_reading_is_done(here: World) -> None:
    runs.start(here.sync, "poll")
    assert reports.start(here.sync) is None
    assert reports.start_due() == 0
    here.work()
    assert reports.start_due() == 1


def test_what_is_meant_to_be_so_stays_out_until_a_side_changes(here: World, alice: User) -> None:
    stranger = here.stripe.add(name="Walk In", email="walk@example.com")
    row = report(here).mismatches.get()
    assert row.kind == "orphan"
    fixing.fix(row, "meant", alice, fixing.preview(row, "meant").shown, why="Shop")
    again = report(here).mismatches.get()
    assert (again.state, again.why, again.still) == ("ignored", "Shop", True)
    here.stripe.edit(stranger, phone="0400 000 000")
    assert report(here).mismatches.get().state == "open"


def test_who_was_linked_wrongly_is_unlinked_and_linked_to_another(here: World, alice: User) -> None:
    ann = here.jobber.add("Ann", "Smith", "ann@example.com")
    here.read_again()
    waiting(here.sync)
    wrong = here.stripe.of(ann)[0]["id"]
    here.stripe.edit(wrong, **{"metadata[jobber_client_id]": ""})
    row = report(here).mismatches.get()
    assert (row.kind, "unlink" in fixing.ways(row)) == ("broken", True)
    fixing.fix(row, "unlink", alice, fixing.preview(row, "unlink").shown)
    here.work()
    row.refresh_from_db()
    assert (row.state, here.link(ann).target_id, here.link(ann).state) == ("settled", None, "skipped")
    lonely = report(here).mismatches.get(kind="orphan")
    (who,) = fixing.likely(lonely)
    fixing.fix(lonely, "link", alice, fixing.preview(lonely, "link", str(who.link.pk)).shown, other=str(who.link.pk))
    here.work()
    lonely.refresh_from_db()
    assert (lonely.state, here.link(ann).target_id) == ("settled", wrong)
    assert here.stripe.of(ann)[0]["id"] == wrong


def test_where_both_may_be_written_what_the_target_says_is_taken_over(here: World, alice: User) -> None:
    both_ways(here, alice)
    ann = here.jobber.add("Ann", "Smith", "ann@example.com")
    here.read_again()
    waiting(here.sync)
    here.jobber.edit(ann, companyName="Smith Pty Ltd")
    row = report(here).mismatches.get()
    assert fixing.pulled(row) == ["business_name"]
    made = fixing.preview(row, "pull")
    assert made.plan
    assert (made.plan.back, [(c.path, c.before) for c in made.plan.changes]) == (
        True, [("company_name", "Smith Pty Ltd")],
    )  # fmt: skip
    fixing.fix(row, "pull", alice, made.shown)
    here.work()
    row.refresh_from_db()
    assert row.state == "settled", row.why
    assert kinds(report(here)) == {}
    asked = here.jobber.ask("query($id: EncodedId!) { client(id: $id) { companyName } }", id=ann)
    assert not asked["client"]["companyName"]


def settle(world: World) -> None:
    """Also what waits for a thing that another record has made."""
    for _ in range(4):
        world.forget_waits()
        world.work()


def test_months_agree_to_the_cent(here: World, invoices: Sync) -> None:
    bills = [here.jobber.bill(here.jobber.add(email="ann@example.com"), LINES, tax=tax) for tax in ("EXCLUSIVE",) * 3]
    here.read_again(invoices)
    settle(here)
    here.jobber.take_payment(bills[0], "50")
    here.read_again(invoices)
    settle(here)
    (month,) = report(here, invoices).totals
    assert month["here"] == month["there"]
    assert (month["here"]["count"], month["here"]["paid"]) == (3, 5000)
    assert month["here"]["total"] == month["here"]["net"] + month["here"]["tax"]
    assert month["month"] == f"{timezone.now().astimezone(ZoneInfo(here.business.time_zone)):%Y-%m}"
