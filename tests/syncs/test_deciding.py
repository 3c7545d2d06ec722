"""What a person decides about a record is done once, and only once."""

import pytest

from portal.models import User
from syncs import candidates, deciding
from syncs.deciding import Choice, TooLate
from syncs.models import Link
from tests.syncs.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]


@pytest.fixture
def pair(world: World) -> tuple[str, str, str]:
    """Two clients and one customer, all with one email: (client, client, customer)."""
    first = world.jobber.add("Ann", "Smith", "home@example.com")
    second = world.jobber.add("Bert", "Smith", "home@example.com")
    customer = world.stripe.add(name="Ann Smith", email="home@example.com")
    world.go_live()
    return first, second, customer


def test_the_one_with_the_same_name_comes_with_more_reasons(world: World, pair: tuple[str, str, str]) -> None:
    ann, bert = world.link(pair[0]), world.link(pair[1])
    found = candidates.of(ann.sync, [ann, bert])
    assert (found[ann.pk][0].score, found[ann.pk][0].reasons) == (85, ("same email", "same name"))
    assert (found[bert.pk][0].score, found[bert.pk][0].reasons) == (60, ("same email",))


def test_each_choice_is_carried_out(world: World, pair: tuple[str, str, str], alice: User) -> None:
    ann, bert, customer = pair
    deciding.decide(world.link(ann), Choice.SAME, customer, alice)
    world.work()
    assert world.link(ann).target_id == customer
    with pytest.raises(TooLate, match="already belongs to another record"):
        deciding.decide(world.link(bert), Choice.SAME, customer, alice)
    deciding.decide(world.link(bert), Choice.LEAVE, "", alice)
    world.work()
    assert world.link(bert).state == Link.State.SKIPPED
    deciding.reconsider(world.link(bert), alice)
    world.work()
    assert world.link(bert).state == Link.State.IN_STEP
    assert len(world.stripe.customers()) == 2


@pytest.fixture
def neighbour(world: World) -> tuple[str, str]:
    """A client and a customer with another email, and much in common: (client, customer)."""
    phone = [{"number": "0412 345 678", "primary": True, "description": "MOBILE"}]
    client = world.jobber.add("Ann", "Smith", "ann@example.com", phones=phone)
    customer = world.stripe.add(name="Anne Smith", email="anne@example.org", phone="+61412345678")
    world.go_live()
    return client, customer


def test_one_that_is_alike_waits_for_a_person_and_nothing_is_doubled(world: World, neighbour: tuple[str, str]) -> None:
    link = world.link(neighbour[0])
    assert (link.state, link.cause_code) == (Link.State.HELD, "ambiguous")
    assert link.cause == "Anne Smith is there already: same phone and similar name."
    (found,) = candidates.of(link.sync, [link])[link.pk]
    assert (found.record.id, found.score) == (neighbour[1], 55)
    assert len(world.stripe.customers()) == 1


def test_never_the_same_is_kept(world: World, neighbour: tuple[str, str], alice: User) -> None:
    deciding.decide(world.link(neighbour[0]), Choice.NEW, "", alice)
    world.work()
    assert len(world.stripe.customers()) == 2
    world.jobber.edit(neighbour[0], lastName="Smyth")
    world.read_again()
    link = world.link(neighbour[0])
    assert (link.state, link.target_id != neighbour[1]) == (Link.State.IN_STEP, True)
    assert len(world.stripe.customers()) == 2


def test_the_same_is_kept_though_the_emails_differ(world: World, neighbour: tuple[str, str], alice: User) -> None:
    deciding.decide(world.link(neighbour[0]), Choice.SAME, neighbour[1], alice)
    world.work()
    world.read_again()
    assert (world.link(neighbour[0]).state, world.link(neighbour[0]).target_id) == (Link.State.IN_STEP, neighbour[1])
    assert [c["email"] for c in world.stripe.customers()] == ["ann@example.com"]


def test_a_decision_does_not_speak_again_after_a_later_deletion(
    world: World, pair: tuple[str, str, str], alice: User
) -> None:
    deciding.decide(world.link(pair[0]), Choice.NEW, "", alice)
    world.work()
    link = world.link(pair[0])
    assert link.decision == {}
    assert link.target_id
    world.stripe.delete(link.target_id)
    world.jobber.edit(pair[0], lastName="Jones")
    world.read_again()
    world.read_again()
    assert world.link(pair[0]).state in {Link.State.ENDED, Link.State.HELD}
    assert [c["id"] for c in world.stripe.customers()] == [pair[2]]
