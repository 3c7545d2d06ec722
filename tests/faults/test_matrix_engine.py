"""Faults of the matrix that no single broken call is: lists, keys, old answers, access, clocks, lost helpers."""

import base64
import hashlib
import hmac
import time
from contextlib import nullcontext
from datetime import timedelta
from types import ModuleType
from unittest.mock import MagicMock

import pytest
import time_machine
from django.core.cache import caches
from django.db import OperationalError, connections
from django.utils import timezone
from django_q.models import OrmQ

from connectors import registry
from connectors.errors import SignatureError
from connectors.sandbox.faults import Fault
from connectors.stripe.sandbox.events import signature
from portal import copies, leaving, ticking
from portal.models import Business, User
from syncs import applying, choosing, lanes, looking, notice, runs, settling, slices
from syncs.models import Incident, Lane, Link, Run, Sync
from tests.conftest import signed_in
from tests.syncs import world as worlds
from tests.syncs.test_faults import all_once, fault, reviewed
from tests.syncs.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]


def jobber(world: World, kind: str, **settings: object) -> Fault:
    return world.sandbox.sandbox.frame.faults.add(kind, service="jobber", **settings)


def edited(world: World, client: str, name: str) -> None:
    world.jobber.edit(client, lastName=name)
    notice.mark(world.sync, client, "webhook CLIENT_UPDATE", timezone.now())


def last_names(world: World, client: str) -> list[str]:
    return [c["metadata"]["jobber_last_name"] for c in world.stripe.of(client)]


def attention(world: World, user: User) -> str:
    return signed_in(user).get(f"/b/{world.business.pk}/attention/").content.decode()


# F15


def test_a_list_that_changes_while_it_is_read_leaves_nobody_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clients = [world.jobber.add(f"Ann{n}", "Smith", f"ann{n}@example.com") for n in range(9)]
    monkeypatch.setattr("connectors.jobber.bucket.Bucket.room", lambda *_: 3)
    take, pages = runs.take, []

    def shifting(*args: object) -> None:
        take(*args)  # type: ignore[arg-type]
        pages.append(args)
        if len(pages) in {2, 3}:
            clients.append(world.jobber.add(f"New{len(pages)}", "Smith", f"new{len(pages)}@example.com"))
            world.jobber.destroy(clients.pop(0))
            world.jobber.edit(clients[-3], lastName="Smith")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(runs, "take", shifting)
        world.work()
    assert len(pages) > 4
    choosing.go_live(world.sync, None)
    world.work()
    world.read_again()
    assert [len(world.stripe.of(client)) for client in clients] == [1] * len(clients)
    world.ledger()


@pytest.mark.parametrize("service", ["jobber", "stripe"])
def test_a_list_whose_place_is_forgotten_is_read_from_its_beginning(
    world: World, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.jobber.bucket.Bucket.room", lambda *_: 3)
    monkeypatch.setattr("connectors.stripe.asking.PAGE", 3)
    for number in range(7):
        world.stripe.add(name=f"Stranger {number}", email=f"stranger{number}@example.com")
    clients = [world.jobber.add(f"Ann{n}", "Smith", f"ann{n}@example.com") for n in range(7)]
    operation = "ClientsPage" if service == "jobber" else "GET customers"
    faults = world.sandbox.sandbox.frame.faults
    switched = faults.add("cursor", service=service, operation=operation, skip=1)
    for _ in range(3):
        world.work()
        Lane.objects.update(resume_at=None)
    choosing.go_live(world.sync, None)
    all_once(world, clients)
    assert switched.hits == 1
    assert not Run.objects.filter(state="running").exists()


# F17


def test_a_key_that_is_at_work_is_waited_for_and_used_again(world: World) -> None:
    clients = reviewed(world, 1)
    fault(world, "late", operation="POST customers", seconds=0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("connectors.http.DEADLINE_SECONDS", 0.3)
        patch.setattr("connectors.stripe.client.transport", _hurried())
        world.work()
    all_once(world, clients)


def _hurried() -> object:
    from connectors.stripe.client import Transport

    transport = Transport()
    return lambda: transport


# F19


def test_an_old_answer_after_our_own_write_undoes_nothing(world: World) -> None:
    (client,) = reviewed(world, 1)
    world.work()
    customer = world.link(client).target_id or ""
    fault(world, "stale", operation="GET customer", times=50)
    world.read_again()
    edited(world, client, "Jones")
    world.work()
    writes = world.writes()
    world.read_again()
    notice.ask(world.link(client), "Alice")
    world.work()
    world.sandbox.sandbox.frame.faults.clear()
    world.read_again()
    assert last_names(world, client) == ["Jones"]
    assert world.link(client).target_id == customer
    assert world.writes() - writes <= 2, "what was written once may be written again, and no more"


# F43, F47


@pytest.mark.parametrize(("kind", "said"), [("401", "no longer takes"), ("403", "does not allow")])
def test_access_that_is_refused_parks_the_work_and_tells_the_owner(
    world: World, alice: User, kind: str, said: str
) -> None:
    clients = reviewed(world, 2)
    fault(world, kind, operation="POST customers", times=50)
    for _ in range(lanes.MOST_REFUSALS + 1):
        assert not Lane.objects.get().parked
        world.forget_waits()
        world.work()
    assert said in Lane.objects.get().parked
    assert set(Link.objects.values_list("state", flat=True)) <= {"due", "planned"}
    calls = world.calls()
    world.work()
    assert world.calls() == calls, "nothing more is asked of who refuses us"
    incident = Incident.objects.get(state="open")
    assert "connect it again" in incident.next_step
    assert said in attention(world, alice)
    world.sandbox.sandbox.frame.faults.clear()
    from tests.syncs.world import connected

    connected(world.business, alice)
    all_once(world, clients)
    assert not Incident.objects.filter(state="open").exists()


def test_access_that_was_refused_for_a_while_is_tried_again_by_itself(world: World, alice: User) -> None:
    clients = reviewed(world, 2)
    fault(world, "403", operation="POST customers", times=500)
    for _ in range(lanes.MOST_REFUSALS + 1):
        world.forget_waits()
        world.work()
    assert Lane.objects.get().parked
    client = signed_in(alice)
    for page in ("", "connections/"):
        shown = client.get(f"/b/{world.business.pk}/{page}").content.decode()
        assert "needs attention: Stripe does not allow this" in shown
        assert "has not answered" not in shown
        assert ".." not in shown.split("needs attention")[1].split("</")[0]
    ticking.probe()
    assert Lane.objects.get().parked, "not before its time"
    for well in (False, True):
        if well:
            world.sandbox.sandbox.frame.faults.clear()
        Lane.objects.update(resume_at=timezone.now())
        ticking.probe()
        world.work()
        assert bool(Lane.objects.get().parked) != well
        assert Incident.objects.get().state == ("resolved" if well else "open")
    all_once(world, clients)


def test_one_record_at_which_the_service_fails_keeps_no_other_waiting(world: World) -> None:
    first, second = reviewed(world, 2)
    world.work()
    world.jobber.edit(first, lastName="Jones")
    notice.mark(world.sync, first, "webhook CLIENT_UPDATE", timezone.now())
    fault(world, "500", operation="POST customer/{id}", times=1)
    world.work()
    assert world.link(first).state == "retrying"
    assert (world.link(first).attempts, Lane.objects.get().failures) == (1, 0)
    world.jobber.edit(second, lastName="Brown")
    notice.mark(world.sync, second, "webhook CLIENT_UPDATE", timezone.now())
    world.work()
    assert last_names(world, second) == ["Brown"]
    all_once(world, [first, second])


def test_a_refusal_is_not_counted_with_an_outage_before_it(world: World) -> None:
    """Nor with a refusal that was followed by work."""
    clients = reviewed(world, 2)
    for kind, times in (("503", lanes.MOST_REFUSALS + 1), ("401", lanes.MOST_REFUSALS)):
        fault(world, kind, operation="POST customers", times=50)
        for _ in range(times):
            world.forget_waits()
            world.work()
            assert not Lane.objects.get().parked
        world.sandbox.sandbox.frame.faults.clear()
    all_once(world, clients)
    assert Lane.objects.get().refusals == 0


# What a person sees while it lasts


@pytest.mark.parametrize("kind", ["500", "503", "reset", "html", "truncate"])
def test_while_a_service_is_away_the_page_says_so_and_nothing_is_held_against_a_record(
    world: World, alice: User, kind: str
) -> None:
    clients = reviewed(world, 2)
    fault(world, kind, times=500)
    for _ in range(4):
        Lane.objects.update(resume_at=None)
        world.work()
    lane = Lane.objects.get()
    assert lane.failures >= 4
    assert lane.resume_at is not None
    assert "does not answer just now. It is tried again by itself." in attention(world, alice)
    assert set(Link.objects.values_list("attempts", flat=True)) == {0}
    world.sandbox.sandbox.frame.faults.clear()
    all_once(world, clients)
    assert "does not answer" not in attention(world, alice)


def test_a_breaker_lets_few_calls_through_until_one_is_answered(world: World) -> None:
    """While the service is down each try is a probe of three records, further and further apart."""
    reviewed(world, 30)
    fault(world, "503", operation="POST customers", times=10_000)
    world.work()
    waits, asked = [], []
    for _ in range(5):
        before = world.writes()
        Lane.objects.update(resume_at=None)
        begun = timezone.now()
        world.work()
        asked.append(world.writes() - before)
        waits.append(((Lane.objects.get().resume_at or begun) - begun).total_seconds())
    assert max(asked) <= 3
    assert waits[-1] > waits[0]
    assert waits[-1] >= 16
    world.sandbox.sandbox.frame.faults.clear()
    Lane.objects.update(resume_at=None)
    world.work()
    assert Lane.objects.get().failures == 0


@pytest.mark.parametrize(("service", "operation"), [("jobber", "ClientsById"), ("stripe", "POST customer")])
def test_a_service_that_names_a_time_is_left_alone_until_then(world: World, service: str, operation: str) -> None:
    """A 429 with a Retry-After: nobody asks it again before, and the lane says when."""
    (client,) = reviewed(world, 1)
    world.work()
    world.sandbox.sandbox.frame.faults.add("429", service=service, operation=operation, seconds=120)
    edited(world, client, "Jones")
    begun = timezone.now()
    world.work()
    resume = Lane.objects.get().resume_at
    assert resume is not None
    assert 115 <= (resume - begun).total_seconds() <= 130
    assert Lane.objects.get().failures == 0
    calls = world.calls()
    world.work()
    assert world.calls() == calls
    world.forget_waits()
    world.work()
    assert last_names(world, client) == ["Jones"]


def test_a_drained_bucket_is_waited_for_by_its_own_figures(world: World) -> None:
    (client,) = reviewed(world, 1)
    world.work()
    jobber(world, "throttled", operation="ClientsById")
    edited(world, client, "Jones")
    begun = timezone.now()
    world.work()
    resume = Lane.objects.get().resume_at
    assert resume is not None
    assert 0.3 <= (resume - begun).total_seconds() <= 5, "250 points at 500 a second"
    time.sleep(0.6)
    world.forget_waits()
    world.work()
    assert last_names(world, client) == ["Jones"]


# F57, F58, F65, F66


def test_an_emptied_queue_and_a_lost_cache_cost_nothing(world: World) -> None:
    clients = reviewed(world, 3)
    OrmQ.objects.all().delete()
    for cache in caches.all():
        cache.clear()
    Lane.objects.update(woken_at=timezone.now() - timedelta(minutes=1))
    assert ticking.wake() == 1
    assert ticking.wake() == 0
    all_once(world, clients)


def test_a_tick_that_comes_twice_or_never_is_harmless(world: World) -> None:
    world.go_live()
    Sync.objects.update(polled_until=timezone.now() - timedelta(hours=2))
    for _ in range(3):
        ticking.start_polls()
        ticking.wake()
    assert Run.objects.filter(state="running").count() == 1


# F62


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_that_jumps_doubles_and_loses_nothing(world: World, minutes: int) -> None:
    """One that goes back may take a change for read already: the next look for missed changes finds it."""
    clients = reviewed(world, 4)
    fault(world, "timeout_after", operation="POST customers", seconds=0.1, times=2)
    world.work()
    with time_machine.travel(timezone.now() + timedelta(minutes=minutes), tick=True):
        edited(world, clients[0], "Jones")
        all_once(world, clients)
    edited(world, clients[1], "Brown")
    all_once(world, clients)
    Sync.objects.update(polled_until=timezone.now() - timedelta(minutes=30))
    assert runs.start_due_polls() == 1
    all_once(world, clients)
    assert (last_names(world, clients[0]), last_names(world, clients[1])) == (["Jones"], ["Brown"])


# F37


def test_both_secrets_are_taken_while_one_is_replaced() -> None:
    jobber = {"JOBBER_CLIENT_SECRET": "new", "JOBBER_CLIENT_SECRET_PREVIOUS": "old"}
    environ = {**worlds.addresses("http://127.0.0.1:9"), **jobber, "STRIPE_WEBHOOK_SECRET": "new,old"}
    body = b"{}"
    for secret, taken in (("old", True), ("new", True), ("older", False)):
        signed = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
        at = int(time.time())
        headers = {"X-Jobber-Hmac-SHA256": signed, "Stripe-Signature": signature(body, at, [secret])}
        for slug in ("jobber", "stripe"):
            with nullcontext() if taken else pytest.raises(SignatureError):
                registry.configured(slug, environ).verify(body, headers)


# F54


def test_a_database_that_hangs_up_keeps_no_lane(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clients, gone = reviewed(world, 2), [False]

    def hung_up(*args: object) -> None:
        gone[0] = True
        raise OperationalError("terminating connection due to administrator command")

    with monkeypatch.context() as broken:
        broken.setattr(slices.Slice, "run", hung_up)
        broken.setattr(type(connections["default"]), "close", lambda self: gone.__setitem__(0, False))
        with pytest.raises(OperationalError):
            slices.work(world.sync.lane_id)
    assert not gone[0], "a new connection was made"
    lane = Lane.objects.get()
    assert (lane.lease, lane.failures) == ("", 1)
    all_once(world, clients)


def test_no_record_is_blamed_for_the_database(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clients, failing = reviewed(world, 2), MagicMock(side_effect=OperationalError("database or disk is full"))
    with monkeypatch.context() as broken:
        broken.setattr(settling, "settle_answers", failing)
        broken.setattr(type(connections["default"]), "close", lambda self: None)
        for _ in range(7):
            world.forget_waits()
            with pytest.raises(OperationalError):
                world.work()
    assert failing.call_count >= 7
    assert not Link.objects.filter(state="parked").exists()
    all_once(world, clients)


# F90


@pytest.mark.django_db(transaction=True)  # what points to a business that is gone is refused when it is committed
@pytest.mark.parametrize(
    ("module", "step"),
    [(runs, "take"), (looking, "look"), (applying, "intend"), (settling, "settle_looks"), (settling, "settle_answers")],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_business_that_is_deleted_while_it_is_worked_for_stays_deleted(
    world: World, alice: User, monkeypatch: pytest.MonkeyPatch, module: ModuleType, step: str
) -> None:
    clients, real, business = reviewed(world, 3), getattr(module, step), world.business.pk

    def meanwhile(*args: object, **more: object) -> object:
        if Business.objects.filter(pk=business).exists():
            leaving.delete(world.business, alice)
        return real(*args, **more)

    world.jobber.add("Late", "Smith", "late@example.com")
    choosing.sync_now(world.sync)
    monkeypatch.setattr(module, step, meanwhile)
    world.work()
    assert not Business.objects.filter(pk=business).exists()
    assert [m.__name__ for m in copies.owned() if m._base_manager.filter(business_id=business).exists()] == []
    assert all(len(world.stripe.of(client)) <= 1 for client in clients)
