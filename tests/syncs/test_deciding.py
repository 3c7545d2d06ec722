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
    assert found[ann.pk][0].reasons == ("same email", "same name")
    assert found[bert.pk][0].reasons == ("same email",)


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
