"""Whatever breaks on the way, each change arrives once in effect, and one bad record hurts nobody else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import MagicMock

import pytest
from django.db.models import F
from django.utils import timezone

from connectors.errors import AuthError, ContractError, RejectedError
from connectors.jobber import records
from connectors.sandbox.faults import Fault
from portal.models import Connection
from syncs import applying, lanes, notice, runs, settling, slices
from syncs.models import Incident, Lane, Link, Run, Snapshot, Sync, Write
from tests.syncs.world import World, all_once, reviewed

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]
CREATE = "POST customers"


def fault(world: World, kind: str, **settings: Any) -> Fault:
    return world.sandbox.sandbox.frame.faults.add(kind, service="stripe", **settings)


@pytest.mark.parametrize("kind", ["500", "503", "reset", "429", "500_after", "reset_after", "truncate", "html"])
def test_a_broken_create_ends_in_one_customer(world: World, kind: str) -> None:
    clients = reviewed(world)
    switched = fault(world, kind, operation=CREATE, skip=1, times=2)
    all_once(world, clients)
    assert switched.hits == 2


@pytest.mark.parametrize("kind", ["500", "reset", "429", "500_after", "reset_after", "truncate", "html"])
def test_a_broken_update_ends_with_the_last_value(world: World, kind: str) -> None:
    clients = reviewed(world, 3)
    world.work()
    for client in clients:
        world.jobber.edit(client, lastName="Jones")
        notice.mark(world.sync, client, "webhook CLIENT_UPDATE", timezone.now())
    switched = fault(world, kind, operation="POST customer", times=2)
    all_once(world, clients)
    assert switched.hits == 2
    assert {c["metadata"]["jobber_last_name"] for c in world.stripe.customers()} == {"Jones"}


@pytest.mark.parametrize(("kind", "ended"), [("reset_after", ["confirmed"]), ("reset", ["unlearnt", "confirmed"])])
def test_an_update_whose_answer_was_lost_is_told_as_it_was_found(world: World, kind: str, ended: list[str]) -> None:
    (client,) = reviewed(world, 1)
    world.work()
    begun = timezone.now()
    world.jobber.edit(client, lastName="Jones")
    notice.mark(world.sync, client, "webhook CLIENT_UPDATE", timezone.now())
    fault(world, kind, operation="POST customer")
    all_once(world, [client])
    told = Write.objects.filter(verb="update").order_by("pk")
    assert [write.state for write in told] == ended
    assert Link.objects.filter(source_id=client, written_at__gt=begun).exists()


def test_an_update_without_an_answer_is_given_time_to_land_before_another_goes_out(world: World) -> None:
    """Sent at once with another key, the newer value could be undone by the older one that comes late."""
    (client,) = reviewed(world, 1)
    world.work()
    fault(world, "reset", operation="POST customer")
    for name in ("Jones", "Brown"):
        world.jobber.edit(client, lastName=name)
        notice.mark(world.sync, client, "webhook CLIENT_UPDATE", timezone.now())
        world.work()
        Link.objects.update(next_try=None)
        Lane.objects.update(resume_at=None)
    writes = world.writes()
    world.work()
    assert world.writes() == writes
    wait = Link.objects.get().next_try
    assert wait is not None
    assert wait - timezone.now() > timedelta(seconds=100)
    all_once(world, [client])
    assert world.stripe.of(client)[0]["metadata"]["jobber_last_name"] == "Brown"


def test_every_call_under_way_is_settled_when_the_service_goes_down(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "BATCH", 1)
    clients = reviewed(world, 3)
    fault(world, "503", operation=CREATE, times=2)
    world.work()  # two batches of one are under way, and neither gets through
    assert not Write.objects.filter(state="intended").exists()
    assert Lane.objects.get().failures == 1
    all_once(world, clients)


def test_a_connection_that_cannot_be_opened_parks_its_lane_and_opens_an_incident(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = reviewed(world, 1)
    with monkeypatch.context() as revoked:
        revoked.setattr(Connection, "open", MagicMock(side_effect=AuthError("The sign-in is no longer accepted.")))
        world.work_on()
    assert Lane.objects.get().parked
    assert Incident.objects.get(state="open").connection is not None
    from tests.syncs.world import connected

    connected(world.business, world.business.memberships.get().user)
    all_once(world, clients)


def test_a_second_try_that_is_turned_away_leaves_the_outcome_of_the_first_unknown(world: World) -> None:
    """Else a fresh key would go out while the first call may still take effect."""
    clients = reviewed(world, 1)
    fault(world, "reset", operation=CREATE)
    world.work()
    fault(world, "429", operation=CREATE)
    world.forget_waits()
    world.work()
    write = Write.objects.get()
    all_once(world, clients)
    assert Write.objects.get().key == write.key


def test_a_service_that_is_down_costs_only_time(world: World) -> None:
    clients = reviewed(world)
    fault(world, "503", times=30)
    for _ in range(4):
        world.work()
        Lane.objects.update(resume_at=None)
    assert Lane.objects.get().failures > 0
    world.sandbox.sandbox.frame.faults.clear()
    all_once(world, clients)
    assert Lane.objects.get().failures == 0


class Killed(BaseException):
    """The process is gone: nothing after this line ran."""


@pytest.mark.parametrize(
    "place", [(applying, "send"), (settling, "settle_answers"), (slices.recovering, "orders"), (lanes, "guard")]
)
def test_a_worker_killed_anywhere_doubles_and_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str]
) -> None:
    clients = reviewed(world, 8)
    module, name = place
    real: Callable[..., Any] = getattr(module, name)
    calls = MagicMock(side_effect=[None, Killed, None, Killed, *[None] * 500])

    def dies(*args: Any, **kwargs: Any) -> Any:
        calls()
        return real(*args, **kwargs)

    with monkeypatch.context() as killing:
        killing.setattr(module, name, dies)
        for _ in range(3):
            world.forget_waits()
            try:
                world.work()
            except Killed:
                continue
    all_once(world, clients)


def test_a_spent_key_is_replaced_and_the_customer_it_made_is_found(world: World) -> None:
    clients = reviewed(world, 1)
    fault(world, "500_after", operation=CREATE)
    world.work()
    write = Write.objects.get()
    assert (write.state, write.spent) == ("unknown", True)
    all_once(world, clients)
    assert Write.objects.get(pk=write.pk).state == "confirmed"


def test_after_a_day_away_a_begun_create_is_looked_for_and_not_repeated(world: World) -> None:
    clients = reviewed(world, 2)
    switched = fault(world, "reset_after", operation=CREATE, times=2)
    world.work()
    assert switched.hits == 2
    Write.objects.update(intended_at=timezone.now() - timedelta(hours=25))
    world.sandbox.sandbox.frame.clock.advance(-25 * 3600)
    all_once(world, clients)


def test_one_client_that_cannot_be_read_is_held_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clients = reviewed(world, 6)
    world.work()
    real = records.client

    def strange(node: Any) -> Any:
        if node["id"] == clients[2]:
            raise KeyError("updatedAt")
        return real(node)

    monkeypatch.setattr(records, "client", strange)
    for client in clients:
        world.jobber.edit(client, lastName="Jones")
        notice.mark(world.sync, client, "webhook CLIENT_UPDATE", timezone.now())
    world.work()
    states = [world.link(client).state for client in clients]
    assert states == ["in_step", "in_step", "retrying", "in_step", "in_step", "in_step"]
    world.work_on()
    states = [world.link(client).state for client in clients]
    assert states == ["in_step", "in_step", "held", "in_step", "in_step", "in_step"]
    assert Incident.objects.get().cause_code == "contract"
    monkeypatch.setattr(records, "client", real)
    notice.ask(world.link(clients[2]), "Alice")
    world.work()
    assert Incident.objects.get().state == "resolved"


def test_an_answer_that_nobody_foresaw_breaks_no_work_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (client,) = reviewed(world, 1)
    world.work()
    world.jobber.edit(client, lastName="Jones")
    notice.mark(world.sync, client, "webhook CLIENT_UPDATE", timezone.now())
    with monkeypatch.context() as odd:
        odd.setattr("connectors.jobber.asking.Asking.ask", MagicMock(return_value={}))
        for _ in range(3):
            world.forget_waits()
            world.work()
    link = world.link(client)
    assert (link.state, link.cause) == ("retrying", "Jobber's answer is not as we know it (KeyError).")
    all_once(world, [client])
    assert not Incident.objects.exists()


def test_one_that_could_not_be_read_comes_right_by_itself_within_the_hour(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (client,) = reviewed(world, 1)
    world.work()
    with monkeypatch.context() as odd:
        odd.setattr(records, "client", MagicMock(side_effect=KeyError("updatedAt")))
        world.jobber.edit(client, lastName="Jones")
        notice.mark(world.sync, client, "webhook CLIENT_UPDATE", timezone.now())
        world.work_on()
    assert (world.link(client).state, Incident.objects.get().state) == ("held", "open")
    monkeypatch.setattr(runs, "OVERLAP", timedelta(0))
    for hours, state in ((0, "held"), (1, "in_step")):
        Link.objects.update(noticed_at=timezone.now() - timedelta(hours=hours))
        Sync.objects.update(polled_until=timezone.now() + timedelta(minutes=1))  # it is told of no change
        world.sync.refresh_from_db()
        runs.start(world.sync, Run.Kind.POLL)
        world.work()
        assert world.link(client).state == state
    assert Incident.objects.get().state == "resolved"
    assert world.stripe.of(client)[0]["metadata"]["jobber_last_name"] == "Jones"


def test_an_incident_stands_while_its_record_is_looked_at_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole reading, or another try, has only begun: nothing is over, and what is found again is no news."""
    (client,) = reviewed(world, 1)
    world.work()
    monkeypatch.setattr("connectors.stripe.client.StripeSession.update", MagicMock(side_effect=RejectedError("No.")))
    world.jobber.edit(client, lastName="Jones")
    notice.mark(world.sync, client, "webhook CLIENT_UPDATE", timezone.now())
    world.work_on()
    held, incident = world.link(client), Incident.objects.get()
    assert (held.state, incident.state) == ("held", "open")
    runs.start(world.sync, Run.Kind.BACKFILL)
    world.sync.refresh_from_db()
    with monkeypatch.context() as busy:
        busy.setattr(slices.Slice, "_due", lambda _: [])
        lane = lanes.claim(world.sync.lane_id)
        assert lane is not None
        slices.Slice(lane).run(5)
        lanes.release(lane)
    assert Link.objects.filter(noticed__gt=F("handled")).exists()
    assert Incident.objects.get().state == "open"
    world.work()
    assert Incident.objects.get().state == "open"
    world.work_on()
    again = world.link(client)
    assert (again.state, again.cause_code, again.since) == (held.state, held.cause_code, held.since)
    assert [i.state for i in Incident.objects.all()] == ["open"]


def test_one_that_could_not_be_read_for_a_moment_asks_nobody(world: World) -> None:
    """An error beside the data, once for all of them and once for each alone."""
    clients = reviewed(world, 3)
    world.work()
    for client in clients:
        world.jobber.edit(client, lastName="Jones")
        notice.mark(world.sync, client, "webhook CLIENT_UPDATE", timezone.now())
    world.sandbox.sandbox.frame.faults.add("partial", service="jobber", operation="ClientsById", times=4)
    world.work_on()
    assert [world.stripe.of(c)[0]["metadata"]["jobber_last_name"] for c in clients] == ["Jones"] * 3
    assert Incident.objects.count() == 0


def test_one_client_that_cannot_be_read_does_not_stop_the_others_from_being_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = records.client

    def strange(node: Any) -> Any:
        if node["firstName"] == "Ann2":
            raise KeyError("updatedAt")
        return real(node)

    monkeypatch.setattr(records, "client", strange)
    clients = reviewed(world, 5)
    world.work_on()
    assert [world.link(client).state for client in clients] == ["in_step", "in_step", "held", "in_step", "in_step"]
    assert world.ledger() == {**dict.fromkeys(world.ledger(), 0), "seen": 5, "written": 4, "held": 1}


def test_a_refused_value_holds_its_record_and_says_which_field(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clients = reviewed(world, 3)
    real = applying.intend

    def spoilt(lane: Any, sync: Any, looks: Any) -> Any:
        found = real(lane, sync, looks)
        for order in found:
            if order.look.link.source_id == clients[1]:
                order.write.params = {**order.write.params, "email": "no address"}
        return found

    monkeypatch.setattr(applying, "intend", spoilt)
    world.work()
    states = [world.link(client).state for client in clients]
    assert states == ["in_step", "held", "in_step"]
    assert world.link(clients[1]).cause_code == "rejected:email"


def test_a_record_that_kills_its_worker_is_set_aside(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clients = reviewed(world, 6)
    real = slices.looking.look

    def deadly(sync: Any, links: Any, *more: Any) -> Any:
        if clients[3] in [link.source_id for link in links]:
            raise Killed
        return real(sync, links, *more)

    monkeypatch.setattr(slices.looking, "look", deadly)
    for _ in range(12):
        world.forget_waits()
        try:
            world.work()
        except Killed:
            continue
    assert world.link(clients[3]).state == "parked"
    assert [len(world.stripe.of(client)) for client in clients] == [1, 1, 1, 0, 1, 1]


def test_a_worker_that_lost_its_lease_stores_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clients = reviewed(world, 2)
    real = applying.send

    def stolen(*args: Any) -> Any:
        return real(*args)

    def late(lane: Any, *args: Any, **kwargs: Any) -> None:
        Lane.objects.update(lease="another", lease_until=timezone.now() + timedelta(seconds=60))
        original(lane, *args, **kwargs)

    original = settling.settle_answers
    with monkeypatch.context() as thief:
        thief.setattr(applying, "send", stolen)
        thief.setattr(settling, "settle_answers", late)
        world.work()
    assert set(Write.objects.values_list("state", flat=True)) == {"intended"}
    assert Lane.objects.get().lease == "another"
    all_once(world, clients)


def test_a_notice_that_comes_while_the_record_is_being_worked_leads_to_another_look(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = reviewed(world, 1)
    all_once(world, clients)
    real, names = settling.settle_answers, ["Brown"]

    def told_meanwhile(*answers: Any, **more: Any) -> None:
        for name in names:
            world.jobber.edit(clients[0], lastName=name)
            notice.mark(world.sync, clients[0], "webhook CLIENT_UPDATE", timezone.now())
        names.clear()
        real(*answers, **more)

    monkeypatch.setattr(settling, "settle_answers", told_meanwhile)
    world.jobber.edit(clients[0], lastName="Jones")
    notice.mark(world.sync, clients[0], "webhook CLIENT_UPDATE", timezone.now())
    world.work()
    assert world.stripe.of(clients[0])[0]["metadata"]["jobber_last_name"] == "Brown"


def test_nothing_is_sent_in_the_last_part_of_a_lease(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frozen between the plan and the call, a worker might send what another has overtaken meanwhile."""
    clients = reviewed(world, 2)
    with monkeypatch.context() as frozen:
        frozen.setattr(lanes, "LEASE", timedelta(seconds=lanes.MARGIN_SECONDS - 1))
        before = world.writes()
        slices.work(world.sync.lane_id, 1.0)
        assert world.writes() == before
        assert world.open_writes() == 0
    world.forget_waits()
    all_once(world, clients)


def test_a_lane_is_held_by_one_worker_at_a_time(world: World) -> None:
    held = lanes.claim(world.sync.lane_id)
    assert held is not None
    assert lanes.claim(world.sync.lane_id) is None
    lanes.release(held)
    assert lanes.claim(world.sync.lane_id) is not None


@pytest.mark.parametrize("kind", ["401", "403"])
def test_one_refusal_by_mistake_asks_nobody(world: World, kind: str) -> None:
    clients = reviewed(world, 2)
    refused = world.sandbox.sandbox.frame.faults.add(kind, service="stripe", operation="POST customers", times=1)
    world.work()
    assert (refused.hits, Lane.objects.get().parked) == (1, "")
    assert Connection.objects.get(connector="stripe").status == "active"
    world.forget_waits()
    all_once(world, clients)
    assert Incident.objects.count() == 0


def test_a_key_that_is_no_longer_taken_parks_the_lane_until_a_person_reconnects(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = reviewed(world, 2)
    with monkeypatch.context() as revoked:
        refusing = MagicMock(side_effect=AuthError("Stripe no longer accepts our sign-in."))
        revoked.setattr("connectors.stripe.client.StripeSession.create", refusing)
        revoked.setattr("connectors.stripe.client.StripeSession.account", refusing)
        world.work()
    lane = Lane.objects.get()
    assert lane.parked
    assert Connection.objects.get(connector="stripe").status == "needs_reconnect"
    assert Incident.objects.filter(state="open").count() == 1
    assert set(Link.objects.values_list("state", flat=True)) == {"due"}
    from tests.syncs.world import connected

    connected(world.business, world.business.memberships.get().user)
    all_once(world, clients)
    assert Incident.objects.filter(state="open").count() == 0


def test_refusals_of_two_flights_at_once_park_the_lane_and_fail_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second comes when the connection needs a person already."""
    reviewed(world, 4)
    monkeypatch.setattr(slices, "BATCH", 2)
    refusing = MagicMock(side_effect=AuthError("Stripe no longer accepts our sign-in."))
    monkeypatch.setattr("connectors.stripe.client.StripeSession.create", refusing)
    monkeypatch.setattr("connectors.stripe.client.StripeSession.account", refusing)
    world.work()
    assert refusing.call_count > 2
    assert Lane.objects.get().parked
    assert set(Link.objects.values_list("state", flat=True)) == {"due"}
    assert Incident.objects.filter(state="open").count() == 1


def test_a_lane_is_not_parked_for_a_refusal_that_a_person_has_answered_by_connecting_again(world: World) -> None:
    """The worker that was refused comes to it late; nobody would wake the lane any more."""
    reviewed(world, 1)
    lane = lanes.claim(world.sync.lane_id)
    assert lane is not None
    refused, other = Connection.objects.get(connector="stripe"), Connection.objects.get(connector="jobber")
    refused.credentials_digest = "of the key before"
    lanes.refused(lane, refused, "auth", "Stripe let nobody in.")
    assert not Lane.objects.get().parked
    assert not Incident.objects.exists()
    lanes.refused(lane, other, "auth", "Jobber let nobody in.")
    assert Lane.objects.get().parked
    assert Incident.objects.get().connection_id == other.pk


def test_an_older_state_never_replaces_a_newer_one(world: World) -> None:
    clients = reviewed(world, 1)
    world.work()
    snapshot = Snapshot.objects.get(external_id=clients[0])
    older = snapshot.as_record()
    world.jobber.edit(clients[0], lastName="Jones")
    notice.mark(world.sync, clients[0], "webhook CLIENT_UPDATE", timezone.now())
    world.work()
    slices.looking.snapshots.save(snapshot.connection, "clients", [older], snapshot.read_at, by=world.sync)
    assert Snapshot.objects.get(external_id=clients[0]).data["last_name"] == "Jones"


def test_a_target_record_that_cannot_be_read_does_not_count_as_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another sync may have it as its source, and would take what was known before for the latest."""
    reviewed(world, 1)
    world.work()
    held = Snapshot.objects.get(resource="customers")
    notice.mark_target(world.sync, held.external_id, "webhook customer.updated", timezone.now())
    with monkeypatch.context() as broken:
        broken.setattr(
            "connectors.stripe.client.StripeSession.fetch", MagicMock(side_effect=ContractError("Not as we know it."))
        )
        world.work()
    assert Snapshot.objects.get(pk=held.pk).read_at == held.read_at
    assert not Snapshot.objects.filter(Snapshot.stale(timezone.now())).exists(), "it is not asked for again and again"


def test_a_state_that_names_an_earlier_time_counts_where_it_is_still_shown(world: World) -> None:
    """The service's clock was set back between two edits, or a backup was put in place."""
    clients = reviewed(world, 1)
    world.work()
    held = Snapshot.objects.get(external_id=clients[0])
    assert held.updated_at is not None
    found = held.as_record()
    shown = replace(
        found, data={**found.data, "last_name": "Jones"}, updated_at=held.updated_at - timedelta(minutes=2)
    )  # fmt: skip
    for minutes, name in ((9, "Smith"), (11, "Jones")):
        slices.looking.snapshots.save(
            held.connection, "clients", [shown], held.read_at + timedelta(minutes=minutes), by=world.sync
        )
        assert Snapshot.objects.get(external_id=clients[0]).data["last_name"] == name


def test_an_unreadable_answer_is_told_to_the_maintainers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clients = reviewed(world, 1)
    strange = MagicMock(side_effect=ContractError("Stripe's customer is not as we know it."))
    monkeypatch.setattr("connectors.stripe.client.StripeSession.create", strange)
    world.work()
    assert world.link(clients[0]).state == "held"
    assert "maintainers" in Incident.objects.get().next_step
