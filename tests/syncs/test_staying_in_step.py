"""What happens to linked records as people go on working on both sides."""

from datetime import timedelta

import pytest
from django.utils import timezone

from syncs import notice, runs
from syncs.models import Link, Run, Sync
from tests.syncs.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]


@pytest.fixture
def ann(world: World) -> str:
    """One client, in step."""
    client = world.jobber.add("Ann", "Smith", "ann@example.com", companyName="Smith Pty Ltd")
    world.go_live()
    return client


def edited(world: World, client: str, **changes: object) -> None:
    world.jobber.edit(client, **changes)
    notice.mark(world.sync, client, "webhook CLIENT_UPDATE", timezone.now())
    world.work()


def poll(world: World) -> None:
    Sync.objects.update(polled_until=timezone.now() - timedelta(minutes=20))
    assert runs.start_due_polls() == 1
    world.work()


def test_only_what_changed_is_sent(world: World, ann: str) -> None:
    edited(world, ann, lastName="Jones")
    sent = world.link(ann).writes.latest("id").params
    assert sent["metadata.jobber_last_name"] == "Jones"
    assert "email" not in sent
    assert world.stripe.of(ann)[0]["individual_name"] == "Ann Jones"


def test_a_notice_without_a_change_costs_no_write(world: World, ann: str) -> None:
    writes = world.writes()
    for _ in range(3):
        notice.mark(world.sync, ann, "webhook CLIENT_UPDATE", timezone.now())
    world.work()
    assert world.writes() == writes
    assert world.link(ann).state == "in_step"


def test_five_edits_within_a_second_leave_the_last_value_and_one_customer(world: World, ann: str) -> None:
    for name in ("A", "B", "C", "D", "E"):
        world.jobber.edit(ann, firstName=name)
        notice.mark(world.sync, ann, "webhook CLIENT_UPDATE", timezone.now())
    world.work()
    assert [c["metadata"]["jobber_first_name"] for c in world.stripe.of(ann)] == ["E"]


def test_a_dropped_webhook_is_healed_by_the_poll(world: World, ann: str) -> None:
    new = world.jobber.add("Bert", "Brown", "bert@example.com")
    world.jobber.edit(ann, lastName="Jones")
    poll(world)
    assert world.stripe.of(ann)[0]["individual_name"] == "Ann Jones"
    assert len(world.stripe.of(new)) == 1


def test_a_poll_with_nothing_new_costs_one_call(world: World, ann: str) -> None:
    Sync.objects.update(polled_until=timezone.now() + timedelta(minutes=10))
    runs.start(world.sync, Run.Kind.POLL)
    calls = world.calls()
    world.sync.refresh_from_db()
    world.work()
    assert world.calls() - calls == 1


def test_an_archived_client_keeps_its_customer_with_a_mark(world: World, ann: str) -> None:
    world.jobber.archive(ann)
    notice.mark(world.sync, ann, "webhook CLIENT_UPDATE", timezone.now())
    world.work()
    assert world.stripe.of(ann)[0]["metadata"]["jobber_archived"] == "true"


def test_a_customer_edited_by_hand_is_set_back_by_the_daily_comparison(world: World, ann: str) -> None:
    world.stripe.edit(world.link(ann).target_id or "", email="wrong@example.com")
    world.read_again()
    assert world.stripe.of(ann)[0]["email"] == "ann@example.com"


def test_a_field_cleared_in_jobber_is_cleared_in_stripe_and_a_blank_erases_nothing_else(world: World, ann: str) -> None:
    customer = world.link(ann).target_id or ""
    world.stripe.edit(customer, phone="0299998888")
    edited(world, ann, companyName="")
    found = world.stripe.of(ann)[0]
    assert not found.get("business_name")
    assert found["phone"] == "0299998888"


def test_a_customer_deleted_in_stripe_is_not_made_again_unasked(world: World, ann: str) -> None:
    world.stripe.delete(world.link(ann).target_id or "")
    world.read_again()
    assert world.link(ann).state == "ended"
    assert world.stripe.of(ann) == []
    edited(world, ann, lastName="Jones")
    held = world.link(ann)
    assert (held.state, held.cause_code) == ("held", "target_deleted")
    held.decision = {"choice": "new", "by": 1}
    held.save()
    notice.ask(held, "Alice")
    world.work()
    assert world.link(ann).state == "in_step"
    assert len(world.stripe.of(ann)) == 1


def test_a_write_to_a_customer_just_deleted_ends_without_a_loop(world: World, ann: str) -> None:
    world.stripe.delete(world.link(ann).target_id or "")
    calls = world.calls()
    edited(world, ann, lastName="Jones")
    world.forget_waits()
    world.work()
    assert world.link(ann).state in {"ended", "held"}
    assert world.calls() - calls < 12


def test_a_client_destroyed_in_jobber_leaves_its_customer_alone(world: World, ann: str) -> None:
    world.jobber.destroy(ann)
    notice.mark(world.sync, ann, "webhook CLIENT_DESTROY", timezone.now())
    world.work()
    assert world.link(ann).state == "ended"
    assert len(world.stripe.customers()) == 1


def test_a_client_destroyed_without_a_word_is_missed_by_the_daily_comparison(world: World, ann: str) -> None:
    bert = world.jobber.add("Bert", "Brown", "bert@example.com")
    poll(world)
    world.jobber.destroy(ann)
    calls = world.calls()
    world.read_again()
    assert (world.link(ann).state, world.link(ann).cause_code) == ("ended", "source_deleted")
    assert world.link(bert).state == "in_step"
    assert world.calls() - calls <= 4
    assert len(world.stripe.customers()) == 2


def test_a_person_who_asks_gets_a_fresh_look_at_both_sides(world: World, ann: str) -> None:
    world.stripe.edit(world.link(ann).target_id or "", name="Somebody Else")
    notice.ask(world.link(ann), "Alice")
    world.work()
    assert world.stripe.of(ann)[0]["name"] == "Smith Pty Ltd" or world.stripe.of(ann)[0]["name"] == "Ann Smith"
    assert Link.objects.get().noticed_by == "asked by Alice"
