"""What people type into Jobber that Stripe cannot take as it is: each ends well, and is said in plain words."""

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.models import User
from syncs import notice
from tests.conftest import signed_in
from tests.syncs.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]


def story(world: World, alice: User, client: str) -> str:
    """The record's page, as the owner reads it."""
    address = reverse("record", args=[world.business.pk, world.link(client).pk])
    return signed_in(alice).get(address).content.decode()


def only_customer(world: World, client: str) -> dict[str, object]:
    assert world.link(client).state == "in_step"
    (found,) = world.stripe.of(client)
    return found


def test_a_name_of_5000_characters_is_cut_and_said_so(world: World, alice: User) -> None:
    client = world.jobber.add("N" * 5000, "Smith", "long@example.com")
    other = world.jobber.add("Bert", "Brown", "bert@example.com")
    world.go_live()
    name = str(only_customer(world, client)["name"])
    assert len(name) <= 256
    assert name.endswith("...")
    assert "was shortened to 256" in story(world, alice, client)
    only_customer(world, other)


STRANGE = ["👷 Zoë", "=cmd('calc')", "<script>alert(1)</script>", "\u202eevil", "O'Brien & Söhne"]


@pytest.mark.parametrize("name", STRANGE)
def test_strange_names_arrive_as_they_are_and_do_nothing(world: World, alice: User, name: str) -> None:
    client = world.jobber.add(name, "Smith", "strange@example.com")
    world.go_live()
    assert str(only_customer(world, client)["name"]).startswith(name)
    page = story(world, alice, client)
    assert "<script>alert(1)</script>" not in page
    assert "In step" in page


def test_an_email_that_is_none_is_left_out_and_said_so(world: World, alice: User) -> None:
    client = world.jobber.add("Ann", "Smith", "ann at example")
    world.go_live()
    assert only_customer(world, client)["email"] is None
    assert "is not an email address" in story(world, alice, client)


@pytest.mark.parametrize("number", ["call the office", "12", "0412 345"])
def test_a_phone_that_is_none_is_kept_as_typed_or_left_out_and_said_so(world: World, alice: User, number: str) -> None:
    client = world.jobber.add("Ann", "Smith", "ann@example.com", phones=[{"number": number, "primary": True}])
    world.go_live()
    assert only_customer(world, client).get("phone") in {None, "", number}
    assert "is not a phone number" in story(world, alice, client)


def test_a_destroyed_client_ends_with_a_plain_word(world: World, alice: User) -> None:
    client = world.jobber.add("Ann", "Smith", "ann@example.com")
    world.go_live()
    world.jobber.destroy(client)
    notice.mark(world.sync, client, "webhook CLIENT_DESTROY", timezone.now())
    world.work()
    page = story(world, alice, client)
    assert "was deleted in Jobber" in page
    assert "stays as it is" in page


def test_a_customer_deleted_in_stripe_ends_with_a_plain_word(world: World, alice: User) -> None:
    client = world.jobber.add("Ann", "Smith", "ann@example.com")
    world.go_live()
    world.stripe.delete(world.link(client).target_id or "")
    world.read_again()
    assert "was deleted in Stripe" in story(world, alice, client)


def test_an_archived_client_keeps_its_customer_and_its_story_shows_it(world: World, alice: User) -> None:
    client = world.jobber.add("Ann", "Smith", "ann@example.com")
    world.go_live()
    world.jobber.archive(client)
    notice.mark(world.sync, client, "webhook CLIENT_UPDATE", timezone.now())
    world.work()
    metadata = only_customer(world, client)["metadata"]
    assert isinstance(metadata, dict)
    assert metadata["jobber_archived"] == "true"
