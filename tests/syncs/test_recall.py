"""A person pauses a sync, or has it ask first, while many of its calls wait for their turn."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from portal.models import User
from syncs import choosing, flights, lanes
from syncs.models import Approval, Link, Sync
from tests.syncs.world import World, reviewed

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]
CLIENTS, AT_ONCE = 30, 2


@pytest.fixture
def slow(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """So many clients reviewed and live; calls to make customers take their time, less than until the mode is looked
    up, and go out two by two."""
    clients = reviewed(world, CLIENTS)
    pool = ThreadPoolExecutor(AT_ONCE)
    monkeypatch.setattr(flights, "pool", lambda: pool)
    monkeypatch.setattr(flights, "GLANCE_SECONDS", 0.1)
    world.sandbox.sandbox.frame.faults.add("slow", service="stripe", operation="POST customers", seconds=0.06, times=99)
    return clients


def interrupted(world: World, monkeypatch: pytest.MonkeyPatch, step: Any) -> None:
    """The step is taken once calls are under way."""
    real, steps = lanes.in_mode, [step]

    def in_mode(sync: Sync) -> bool:
        if world.open_writes() and steps:
            steps.pop()()
        return real(sync)

    monkeypatch.setattr(lanes, "in_mode", in_mode)
    world.work()
    assert not steps


def test_a_paused_sync_takes_back_what_has_not_gone_out(
    world: World, slow: list[str], alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(world, monkeypatch, lambda: choosing.pause(Sync.objects.get(), "off", alice))
    assert len(world.stripe.customers()) <= CLIENTS / 2
    assert world.open_writes() == 0
    choosing.resume(Sync.objects.get(), alice)
    world.forget_waits()
    world.work()
    assert [len(world.stripe.of(client)) for client in slow] == [1] * CLIENTS
    assert world.ledger()["written"] == CLIENTS


def test_what_has_not_gone_out_is_asked_about_once_it_is_to_be(
    world: World, slow: list[str], alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(world, monkeypatch, lambda: choosing.go_live(Sync.objects.get(), alice, Sync.Mode.APPROVE))
    made = len(world.stripe.customers())
    assert made <= CLIENTS / 2
    world.forget_waits()
    world.work()
    assert len(world.stripe.customers()) == made
    assert Approval.objects.filter(state="waiting").count() == CLIENTS - made
    assert Link.objects.filter(state="held").count() == CLIENTS - made
