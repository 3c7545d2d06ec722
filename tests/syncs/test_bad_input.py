"""What people type and do, through both stand-ins: the right state, words an owner understands, nothing else moved."""

import re
from html import unescape
from typing import Any

import pytest
from django.utils import timezone

from connectors.jobber.sandbox.customfields import config
from connectors.jobber.sandbox.ids import encoded
from portal.models import User
from syncs import notice
from tests.conftest import signed_in
from tests.syncs.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]


@pytest.fixture
def neighbour(world: World) -> str:
    """A client with whom nothing is wrong."""
    return world.jobber.add("Nora", "Neighbour", "nora@example.com")


def page(world: World, client_id: str) -> str:
    """What the owner reads on the record's page."""
    owner = User.objects.get(email="alice@example.com")
    answer = signed_in(owner).get(f"/b/{world.business.pk}/records/{world.link(client_id).pk}/")
    assert answer.status_code == 200
    shown = answer.content.decode()
    main = shown[shown.index("<main") : shown.index("</main>")]
    assert "<script>alert" not in main
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", main)))


def customer(world: World, client_id: str) -> dict[str, Any]:
    """The only one that says it is this client."""
    (found,) = world.stripe.of(client_id)
    return found


def undisturbed(world: World, neighbour: str, customers: int) -> None:
    """The neighbour is in step, nothing is left open, and another look at everything writes nothing."""
    assert world.link(neighbour).state == "in_step"
    assert customer(world, neighbour)["name"] == "Nora Neighbour"
    assert len(world.stripe.customers()) == customers
    assert world.open_writes() == 0
    assert world.ledger()["waiting"] == 0
    writes = world.writes()
    world.read_again()
    assert world.writes() == writes


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("👩‍🔧 Zoë", "Ünal 🚿"),
        ("=cmd()", "|' /C calc'!A0"),
        ("<script>alert(1)</script>", "O'Neil & Söhne"),
        ("شركة", "שלום"),
    ],
)
def test_a_name_is_only_a_name(first: str, last: str, world: World, neighbour: str) -> None:
    client = world.jobber.add(first, last, "odd@example.com")
    world.go_live()
    assert world.link(client).state == "in_step"
    assert customer(world, client)["name"] == f"{first} {last}"
    shown = page(world, client)
    assert f"{first} {last}" in shown
    assert "All fields agree" in shown
    undisturbed(world, neighbour, customers=2)


def test_a_name_of_five_thousand_letters_is_cut_and_not_said_at_every_look(world: World, neighbour: str) -> None:
    client = world.jobber.add("A" * 2500, "B" * 2499, "long@example.com")
    world.go_live()
    assert world.link(client).state == "in_step"
    assert len(customer(world, client)["name"]) == 256
    shown = page(world, client)
    assert shown.count("is 5,000 characters long and was shortened to 256") == 2  # when planned, and when sent
    undisturbed(world, neighbour, customers=2)
    assert page(world, client).count("is 5,000 characters long and was shortened to 256") == 2


@pytest.mark.parametrize("email", ["not an email", "@", "two@at@example.com", "a@b", "x" * 600 + "@example.com"])
def test_an_email_that_is_none_is_left_out_and_said_so(email: str, world: World, neighbour: str) -> None:
    client = world.jobber.add("Bad", "Mail", email)
    world.go_live()
    assert world.link(client).state == "in_step"
    assert customer(world, client)["email"] is None
    shown = page(world, client)
    assert "Cannot be sent" in shown
    assert "is not an email address, so it was not sent" in shown
    undisturbed(world, neighbour, customers=2)


def test_a_phone_that_is_none_is_left_out_and_said_so(world: World, neighbour: str) -> None:
    client = world.jobber.add("Bad", "Phone", "bp@example.com", phones=[{"number": "ask his wife", "primary": True}])
    world.go_live()
    assert world.link(client).state == "in_step"
    assert not customer(world, client)["phone"]
    shown = page(world, client)
    assert "Phone “ask his wife” is not a phone number" in shown
    assert "Cannot be sent" in shown
    undisturbed(world, neighbour, customers=2)


def test_of_sixty_custom_fields_those_that_fit_are_sent_and_the_rest_is_counted(world: World, neighbour: str) -> None:
    service: Any = world.sandbox.sandbox.services["jobber"]
    fields = [config(encoded("CustomFieldConfigurationText", n), "TEXT", f"Extra {n:02}", n) for n in range(60)]
    service.state["accounts"]["1"]["configs"] = {f["id"]: f for f in fields}
    given = [{"customFieldConfigurationId": f["id"], "valueText": f"value of {f['name']}"} for f in fields]
    client = world.jobber.add("Many", "Fields", "many@example.com", customFields=given)
    world.go_live()
    assert world.link(client).state == "in_step"
    metadata = customer(world, client)["metadata"]
    sent = [value for value in metadata.values() if value.startswith("value of Extra")]
    assert len(metadata) <= 50
    assert len(sent) > 35
    shown, left_out = page(world, client), 60 - len(sent)
    assert f"{left_out} custom fields were not sent: there is room for" in shown
    assert f"In step, {left_out} cannot be sent" in shown
    assert f"Both sides agree, but for {left_out} fields that Stripe cannot take." in shown
    assert shown.count("Cannot be sent") == left_out
    undisturbed(world, neighbour, customers=2)


def test_an_archived_client_keeps_its_customer_and_says_so(world: World, neighbour: str) -> None:
    client = world.jobber.add("Archie", "Ved", "archie@example.com")
    world.go_live()
    world.jobber.archive(client)
    world.read_again()
    assert world.link(client).state == "in_step"
    assert customer(world, client)["metadata"]["jobber_archived"] == "true"
    assert "Jobber archived changed in Jobber." in page(world, client)
    undisturbed(world, neighbour, customers=2)


def test_a_client_deleted_in_jobber_ends_the_record_and_keeps_the_customer(world: World, neighbour: str) -> None:
    client = world.jobber.add("Dest", "Royed", "dest@example.com")
    world.go_live()
    world.jobber.destroy(client)
    notice.mark(world.sync, client, "webhook CLIENT_DESTROY", timezone.now())
    world.work()
    assert world.link(client).state == "ended"
    assert customer(world, client)["name"] == "Dest Royed"
    shown = page(world, client)
    assert "No longer synced" in shown
    assert "deleted in Jobber" in shown
    undisturbed(world, neighbour, customers=2)


def test_a_customer_deleted_in_stripe_ends_the_record_and_offers_a_new_one(world: World, neighbour: str) -> None:
    client = world.jobber.add("Del", "Eted", "del@example.com")
    world.go_live()
    world.stripe.delete(world.link(client).target_id or "")
    world.read_again()
    assert world.link(client).state == "ended"
    shown = page(world, client)
    assert "The Stripe customer was deleted in Stripe. Nothing was changed in Jobber." in shown
    assert "Make a new customer if you still need one." in shown
    assert "Make a new customer for Del Eted" in shown
    undisturbed(world, neighbour, customers=1)
