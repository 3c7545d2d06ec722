"""Who has thousands to do does not keep others from what has just happened to them."""

from collections.abc import Sequence

import pytest
from django.db.models import F
from django.utils import timezone
from django_scopes import scope

from portal.models import Business
from syncs import applying, lanes, notice, slices
from syncs.looking import Look
from syncs.models import Lane, Link, Sync, Write
from tests import factories
from tests.syncs.world import World, all_once, reviewed

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]


@pytest.fixture
def clients(world: World) -> list[str]:
    """Six new ones, reviewed and live, nothing written yet."""
    return reviewed(world, 6)


@pytest.fixture
def other(world: World) -> Sync:
    """Of another business."""
    business = Business.objects.create(name="Coastline", country="AU", time_zone="Australia/Perth")
    with scope(business=business):
        return factories.sync(business)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many records were taken at once, each time."""
    found: list[int] = []
    intend = applying.intend

    def counted(lane: Lane, sync: Sync, looks: Sequence[Look]) -> list[applying.Order]:
        found.append(len(looks))
        return intend(lane, sync, looks)

    monkeypatch.setattr(applying, "intend", counted)
    monkeypatch.setattr(slices, "FEW", 2)
    return found


def served(other: Sync) -> None:
    """Another worker does what there is to do at the other business."""
    with scope(business=other.business):
        lane = lanes.claim(other.lane_id)
        assert lane is not None
        Link.objects.update(handled=F("noticed"))
        lanes.release(lane)


def test_a_first_sync_rests_while_something_happens_to_others_and_then_takes_few_at_once(
    world: World, clients: list[str], other: Sync, batches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[int] = []

    def rest(seconds: float) -> None:
        rests.append(Write.objects.count())
        if len(rests) == 3:
            served(other)

    monkeypatch.setattr(slices.time, "sleep", rest)
    with scope(business=other.business):
        notice.mark(other, "J-1", "webhook CLIENT_UPDATE", timezone.now())
        lanes.wake(other.lane_id)
    slices.work(world.sync.lane_id, 30.0)
    assert rests == [0, 0, 0], "nothing was begun before theirs was done"
    assert batches == [2, 2, 2]
    all_once(world, clients)


def test_a_first_sync_does_not_wait_for_ever(
    world: World, clients: list[str], other: Sync, batches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another business's service may hang for long."""
    monkeypatch.setattr(slices, "GIVE_WAY_SECONDS", 0.0)
    with scope(business=other.business):
        notice.mark(other, "J-1", "webhook CLIENT_UPDATE", timezone.now())
        held = lanes.claim(other.lane_id)
    assert held is not None
    slices.work(world.sync.lane_id, 30.0)
    assert batches == [2, 2, 2]
    all_once(world, clients)


def test_two_first_syncs_do_not_hold_each_other_up(
    world: World, clients: list[str], other: Sync, batches: list[int]
) -> None:
    with scope(business=other.business):
        factories.run(other, state="running")
    served(other)
    slices.work(world.sync.lane_id, 30.0)
    assert batches == [6]
    all_once(world, clients)


def test_what_has_just_happened_here_waits_for_nobody(
    world: World, clients: list[str], other: Sync, batches: list[int]
) -> None:
    world.work()
    batches.clear()
    for client in clients:
        world.jobber.edit(client, lastName="Jones")
        notice.mark(world.sync, client, "webhook CLIENT_UPDATE", timezone.now())
    with scope(business=other.business):
        notice.mark(other, "J-1", "webhook CLIENT_UPDATE", timezone.now())
        lanes.wake(other.lane_id)
    slices.work(world.sync.lane_id, 30.0)
    assert batches == [6]


def test_a_slice_that_somebody_else_waits_for_is_short_and_goes_on_later(
    world: World, clients: list[str], other: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alone, it works on."""
    monkeypatch.setattr(slices, "BATCH", 2)
    monkeypatch.setattr(slices, "TURN_SECONDS", 0.0)

    def left() -> int:
        return Link.objects.filter(noticed__gt=F("handled")).count()

    with scope(business=other.business):
        lanes.wake(other.lane_id)
    slices.work(world.sync.lane_id, 30.0)
    assert left() > 0
    assert Lane.objects.filter(lease="", woken_at__isnull=False).count() == 1, "it is in the queue again"
    served(other)
    slices.work(world.sync.lane_id, 30.0)
    assert left() == 0
    all_once(world, clients)
