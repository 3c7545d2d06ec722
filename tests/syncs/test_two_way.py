"""Clients that go both ways, through both stand-ins."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from portal.models import User
from syncs import choosing, deciding, notice, settling, strangers
from syncs.models import FieldMapping, Link, Snapshot, SnapshotHistory, Sync, Write
from tests.syncs.world import World, connected


@pytest.fixture
def here(world: World, alice: User) -> World:
    world.go_live()
    world.sync.options = {**world.sync.options, "two_way": True, "create_back": True}
    world.sync.save()
    choosing.publish(world.sync, alice, "Both ways")
    world.work()
    return world


def client(here: World, client_id: str) -> dict[str, str]:
    query = "query($id: EncodedId!) { client(id: $id) { firstName lastName emails { address } phones { number } } }"
    found = here.jobber.ask(query, id=client_id)["client"]
    return {
        "name": f"{found['firstName']} {found['lastName']}".strip(),
        "email": "".join(e["address"] for e in found["emails"]), "phone": "".join(p["number"] for p in found["phones"]),
    }  # fmt: skip


def test_an_email_changed_in_stripe_comes_to_jobber_and_costs_one_write(here: World) -> None:
    made = here.jobber.add(email="ann@example.com")
    here.read_again()
    (customer,) = here.stripe.of(made)
    here.stripe.edit(customer["id"], email="new@example.com")
    here.read_again()
    assert client(here, made)["email"] == "new@example.com"
    before = here.writes()
    here.read_again()
    here.read_again()
    assert here.writes() == before
    assert here.stripe.of(made)[0]["email"] == "new@example.com"
    assert (here.link(made).state, here.link(made).target_id) == ("in_step", customer["id"])


@pytest.mark.parametrize("apart", ["paused", "disconnected"])
def test_what_was_changed_in_stripe_while_nobody_listened_is_seen_when_it_goes_on(
    here: World, alice: User, apart: str
) -> None:
    made = here.jobber.add(email="ann@example.com")
    here.read_again()
    (customer,) = here.stripe.of(made)
    if apart == "paused":
        choosing.pause(here.sync, Sync.Mode.OFF, alice)
    here.stripe.edit(customer["id"], email="new@example.com")
    if apart == "paused":
        choosing.resume(here.sync, alice)
    else:
        connected(here.business, alice)
    here.work()
    assert client(here, made)["email"] == "new@example.com"


def in_half_a_minute(here: World) -> None:
    with time_machine.travel(timezone.now() + timedelta(seconds=31)):
        here.work()


def ids_at_jobber(here: World) -> list[str]:
    return [c["id"] for c in here.jobber.ask("{ clients(first: 5) { nodes { id } } }")["clients"]["nodes"]]


def readdressed(here: World, made: str, address: str) -> None:
    """In Jobber."""
    query = "query($id: EncodedId!) { client(id: $id) { emails { id } } }"
    (email,) = here.jobber.ask(query, id=made)["client"]["emails"]
    here.jobber.edit(made, emailsToEdit=[{"id": email["id"], "address": address}])


def readdressed_and_told(here: World, made: str, address: str) -> None:
    readdressed(here, made, address)
    notice.mark(here.sync, made, "webhook CLIENT_UPDATE", timezone.now())
    here.work()


def test_an_old_answer_after_our_own_write_is_not_taken_for_an_edit(here: World) -> None:
    made = here.jobber.add(email="ann@example.com")
    here.read_again()
    old = here.sandbox.sandbox.frame.faults.add("stale", service="stripe", operation="GET customer", times=50)
    readdressed_and_told(here, made, "second@example.com")
    readdressed_and_told(here, made, "third@example.com")
    assert old.hits >= 2
    assert client(here, made)["email"] == here.stripe.of(made)[0]["email"] == "third@example.com"
    here.sandbox.sandbox.frame.faults.clear()
    before = here.writes()
    in_half_a_minute(here)
    assert here.writes() == before
    assert here.link(made).state == "in_step"


def test_what_somebody_sets_back_right_after_our_write_counts_a_little_later(here: World) -> None:
    made = here.jobber.add(email="ann@example.com")
    here.read_again()
    (customer,) = here.stripe.of(made)
    readdressed_and_told(here, made, "new@example.com")
    before = {f"metadata[{name}]": value for name, value in customer["metadata"].items()}
    here.stripe.edit(customer["id"], email=customer["email"], **before)
    notice.mark_target(here.sync, customer["id"], "webhook customer.updated", timezone.now())
    here.work()
    assert client(here, made)["email"] == "new@example.com"
    in_half_a_minute(here)
    assert client(here, made)["email"] == "ann@example.com"
    assert here.link(made).state == "in_step"


def test_an_edit_made_while_the_record_waits_is_not_lost(here: World) -> None:
    """Several notices count as one since the first; what was read after that one may be older than the last."""
    made = here.jobber.add(email="ann@example.com")
    here.read_again()
    here.jobber.edit(made, lastName="Jones")
    notice.mark(here.sync, made, "webhook CLIENT_UPDATE", timezone.now())
    broken = here.sandbox.sandbox.frame.faults.add("503", service="stripe", times=1)
    here.work()
    assert broken.hits == 1
    here.jobber.edit(made, lastName="Brown")
    notice.mark(here.sync, made, "webhook CLIENT_UPDATE", timezone.now())
    here.forget_waits()
    here.work()
    assert here.stripe.of(made)[0]["metadata"]["jobber_last_name"] == "Brown"


def test_an_edit_that_nobody_told_of_comes_to_light_with_our_own_next_write(here: World) -> None:
    """The answer shows it, and is stored: to every later reading it would be nothing new."""
    made = here.jobber.add(email="ann@example.com")
    here.read_again()
    here.stripe.edit(here.stripe.of(made)[0]["id"], email="new@example.com")
    here.jobber.edit(made, lastName="Jones")
    notice.mark(here.sync, made, "webhook CLIENT_UPDATE", timezone.now())
    Snapshot.objects.filter(resource="customers").update(read_at=timezone.now())  # read just before it was edited
    here.work()
    here.forget_waits()
    here.work()
    assert client(here, made)["email"] == "new@example.com"
    assert here.stripe.of(made)[0]["metadata"]["jobber_last_name"] == "Jones"
    assert here.stripe.of(made)[0]["email"] == "new@example.com"


def test_what_is_made_in_stripe_becomes_one_client(here: World) -> None:
    customer = here.stripe.add(name="Jo van Dam", email="jo@example.com", phone="+61412000111")
    here.read_again()
    here.forget_waits()
    here.read_again()
    link = Link.objects.get(target_id=customer)
    assert client(here, link.source_id) == {"name": "Jo van Dam", "email": "jo@example.com", "phone": "+61412000111"}
    assert here.stripe.of(link.source_id)[0]["id"] == customer
    here.read_again()
    assert Link.objects.exclude(state="ended").count() == 1
    assert len(here.stripe.customers()) == 1


@pytest.mark.parametrize(
    ("kind", "ahead"), [("reset_after", 0), ("500_after", 0), ("truncate", 0), ("reset", 0), ("reset_after", 10)]
)
def test_a_client_whose_making_got_no_answer_is_made_once(here: World, kind: str, ahead: int) -> None:
    """Also where our clock is so many minutes ahead of Jobber's."""
    here.sandbox.sandbox.frame.faults.add(kind, service="jobber", operation="clientCreate")
    customer = here.stripe.add(name="Jo van Dam", email="jo@example.com", phone="+61412000111")
    here.read_again()
    assert here.open_writes() == 1
    with time_machine.travel(timezone.now() + timedelta(minutes=ahead), tick=True):
        Write.objects.filter(state="unknown").update(intended_at=timezone.now() - timedelta(minutes=3))
        for _ in range(2):
            here.forget_waits()
            here.read_again()
    link = Link.objects.exclude(state="ended").get()
    assert (link.state, link.target_id) == ("in_step", customer)
    assert client(here, link.source_id) == {"name": "Jo van Dam", "email": "jo@example.com", "phone": "+61412000111"}
    assert here.jobber.ask("{ clients(first: 5) { totalCount } }")["clients"]["totalCount"] == 1
    assert [c["id"] for c in here.stripe.of(link.source_id)] == [customer]
    assert here.open_writes() == 0


def test_what_is_told_of_a_client_while_its_making_is_under_way_is_not_lost(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = here.stripe.add(name="Jo van Dam", email="jo@example.com")

    def edited_meanwhile(sync: Sync, links: list[Link]) -> None:
        monkeypatch.undo()
        here.jobber.edit(links[0].source_id, lastName="Smith")
        notice.mark(sync, links[0].source_id, "webhook CLIENT_UPDATE", timezone.now())
        strangers.give_way(sync, links)

    monkeypatch.setattr(strangers, "give_way", edited_meanwhile)
    here.read_again()
    here.forget_waits()
    here.work()
    link = Link.objects.exclude(state="ended").get()
    assert (link.target_id, link.noticed_by) == (customer, "webhook CLIENT_UPDATE")
    assert here.stripe.of(link.source_id)[0]["name"] == "Jo van Smith"


def test_a_link_that_a_webhook_makes_while_the_making_is_stored_gives_way(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was not there yet when it was looked for."""
    customer = here.stripe.add(name="Jo van Dam", email="jo@example.com")
    asked: list[object] = []

    def told(point: str) -> None:
        made = ids_at_jobber(here)
        if point == "settle.before" and made:
            notice.mark(here.sync, made[0], "webhook CLIENT_CREATE", timezone.now())

    def late(sync: Sync, links: list[Link], real: Any = strangers.give_way) -> None:
        asked.append(links)
        if len(asked) > 1:
            real(sync, links)

    monkeypatch.setattr(settling, "failpoint", told)
    monkeypatch.setattr(strangers, "give_way", late)
    here.read_again()
    here.forget_waits()
    here.work()
    assert len(asked) > 1
    link = Link.objects.exclude(state="ended").get()
    assert (link.state, link.target_id) == ("in_step", customer)
    assert here.jobber.ask("{ clients(first: 5) { totalCount } }")["clients"]["totalCount"] == 1
    assert len(here.stripe.customers()) == 1


def test_a_conflict_waits_until_somebody_says_who_is_right(here: World, alice: User) -> None:
    FieldMapping.objects.filter(sync=here.sync, target_path="email").update(owner="ask")
    choosing.publish(here.sync, alice, "Ask about emails")
    made = here.jobber.add(email="ann@example.com")
    here.read_again()
    (customer,) = here.stripe.of(made)
    readdressed(here, made, "here@example.com")
    here.stripe.edit(customer["id"], email="there@example.com")
    here.read_again()
    held = here.link(made)
    assert (held.state, held.cause_code) == ("conflict", "both_changed")
    assert deciding.clashing(held) == {"email": ("here@example.com", "there@example.com")}
    deciding.decide(held, deciding.Choice.HERE, "", alice)
    here.work()
    assert here.stripe.of(made)[0]["email"] == "here@example.com"
    assert (here.link(made).state, here.link(made).decision) == ("in_step", {})


def test_a_number_typed_in_its_own_way_costs_one_write_and_stays_as_typed(here: World) -> None:
    made = here.jobber.add(email="ann@example.com")
    here.read_again()
    (customer,) = here.stripe.of(made)
    before = Write.objects.count()
    here.stripe.edit(customer["id"], phone="+61 2 6666 1150")
    for _ in range(3):
        here.read_again()
    assert client(here, made)["phone"] == "+61 2 6666 1150"
    assert here.stripe.of(made)[0]["phone"] == "+61 2 6666 1150"
    assert [w.verb for w in Write.objects.order_by("pk")[before:]] == ["update"]
    phone = {"number": "0412 345 678", "primary": True, "description": "MOBILE"}
    old = here.jobber.ask("query($id: EncodedId!) { client(id: $id) { phones { id } } }", id=made)["client"]["phones"]
    here.jobber.edit(made, phonesToDelete=[p["id"] for p in old], phonesToAdd=[phone])
    here.read_again()
    assert here.stripe.of(made)[0]["phone"] == "+61412345678"
    assert here.link(made).state == "in_step"


@pytest.mark.parametrize("failing_look", [False, True])
def test_what_a_lost_call_has_brought_over_is_no_edit_of_that_side(here: World, failing_look: bool) -> None:
    """Jobber took the email over and did not say so. The customer's email is changed again, then another field of the
    client: the later email stays, though the client was changed later."""
    made = here.jobber.add(email="ann@example.com")
    here.read_again()
    (customer,) = here.stripe.of(made)
    frame = here.sandbox.sandbox.frame
    frame.faults.add("500_after", service="jobber", operation="clientEdit")
    here.stripe.edit(customer["id"], email="second@example.com")
    here.read_again()
    assert (client(here, made)["email"], here.open_writes()) == ("second@example.com", 1)
    here.stripe.edit(customer["id"], email="third@example.com")
    Snapshot.objects.filter(external_id=customer["id"]).update(noticed_at=timezone.now())
    frame.clock.advance(60)
    here.jobber.edit(made, companyName="Ann and Sons")
    if failing_look:
        notice.mark(here.sync, made, "webhook CLIENT_UPDATE", timezone.now())
        broken = frame.faults.add("503", service="jobber", times=1)
        here.forget_waits()
        here.work()
        assert (broken.hits, here.open_writes()) == (1, 1)
    here.forget_waits()
    here.read_again()
    assert client(here, made)["email"] == here.stripe.of(made)[0]["email"] == "third@example.com"
    assert here.stripe.of(made)[0]["business_name"] == "Ann and Sons"
    assert (here.link(made).state, here.open_writes()) == ("in_step", 0)


def test_what_was_sent_and_never_came_is_sent_again_though_the_clock_was_set_back(here: World) -> None:
    """What the service shows is how it was when the call was planned, and nobody's later edit."""
    made = here.jobber.add(email="ann@example.com")
    here.read_again()
    readdressed(here, made, "second@example.com")
    here.read_again()
    SnapshotHistory.objects.update(replaced_at=timezone.now() + timedelta(minutes=10))
    here.sandbox.sandbox.frame.faults.add("reset", service="stripe", operation="POST customer/{id}", times=9)
    readdressed(here, made, "third@example.com")
    here.read_again()
    here.sandbox.sandbox.frame.faults.clear()
    assert (here.stripe.of(made)[0]["email"], here.open_writes()) == ("second@example.com", 1)
    here.forget_waits()
    here.read_again()
    assert client(here, made)["email"] == here.stripe.of(made)[0]["email"] == "third@example.com"
    assert (here.link(made).state, here.open_writes()) == ("in_step", 0)


def test_what_was_written_over_a_lost_call_stays_though_the_other_side_was_changed_later(here: World) -> None:
    made = here.jobber.add(email="ann@example.com")
    here.read_again()
    (customer,) = here.stripe.of(made)
    frame = here.sandbox.sandbox.frame
    frame.faults.add("reset_after", service="stripe", operation="POST customer/{id}")
    readdressed(here, made, "second@example.com")
    here.read_again()
    assert (here.stripe.of(made)[0]["email"], here.open_writes()) == ("second@example.com", 1)
    here.stripe.edit(customer["id"], email="third@example.com")
    Snapshot.objects.filter(external_id=customer["id"]).update(noticed_at=timezone.now())
    frame.clock.advance(60)
    here.jobber.edit(made, companyName="Ann and Sons")
    here.forget_waits()
    here.read_again()
    here.forget_waits()
    here.read_again()
    assert client(here, made)["email"] == here.stripe.of(made)[0]["email"] == "third@example.com"
    assert (here.link(made).state, here.open_writes()) == ("in_step", 0)


@pytest.mark.parametrize("edited", [{"lastName": "Jones"}, {"email": "new@example.com"}])
def test_a_client_made_by_a_lost_call_is_known_though_somebody_has_edited_it(
    here: World, edited: dict[str, str]
) -> None:
    here.sandbox.sandbox.frame.faults.add("reset_after", service="jobber", operation="clientCreate")
    customer = here.stripe.add(name="Jo van Dam", email="jo@example.com", phone="+61412000111")
    here.read_again()
    (made,) = ids_at_jobber(here)
    if "email" in edited:
        readdressed(here, made, edited["email"])
    else:
        here.jobber.edit(made, **edited)
    notice.mark(here.sync, made, "webhook CLIENT_UPDATE", timezone.now())
    Write.objects.filter(state="unknown").update(intended_at=timezone.now() - timedelta(minutes=3))
    for _ in range(3):
        here.forget_waits()
        here.read_again()
    assert here.jobber.ask("{ clients(first: 5) { totalCount } }")["clients"]["totalCount"] == 1
    assert [c["id"] for c in here.stripe.customers()] == [customer]
    assert here.link(made).state == "in_step"


def test_what_somebody_changes_while_a_client_is_made_is_the_later(here: World) -> None:
    """The client is younger than the edit, though it shows what was there before."""
    here.sandbox.sandbox.frame.faults.add("reset_after", service="jobber", operation="clientCreate")
    customer = here.stripe.add(name="Jo van Dam", email="jo@example.com", phone="+61412000111")
    here.read_again()
    here.stripe.edit(customer, email="new@example.com")
    notice.mark_target(here.sync, customer, "webhook customer.updated", timezone.now())
    Write.objects.filter(state="unknown").update(intended_at=timezone.now() - timedelta(minutes=3))
    (made,) = ids_at_jobber(here)
    with time_machine.travel(timezone.now() + timedelta(seconds=10), tick=True):
        here.jobber.edit(made, lastName="Dammers")
        for _ in range(3):
            here.forget_waits()
            here.work()
    assert client(here, made)["email"] == "new@example.com"
    assert here.stripe.customers()[0]["email"] == "new@example.com"
