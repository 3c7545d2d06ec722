"""From two accounts that know nothing of each other to clients and customers in step."""

import json
from collections import Counter
from typing import Any

import pytest

from syncs import choosing, lanes, ledger, notice, settling, slices
from syncs.models import Link, Run, Write
from tests.syncs.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]


def test_the_review_plans_everything_and_writes_nothing(demo: World) -> None:
    demo.work()
    verdicts = Counter(Link.objects.values_list("verdict", flat=True))
    assert demo.writes() == 0
    assert Write.objects.count() == 0
    assert sum(verdicts.values()) == 200
    assert verdicts["link"] >= 28
    assert verdicts["hold"] >= 3
    assert verdicts["skip"] >= 4
    assert verdicts["create"] > 150
    assert demo.ledger()["waiting"] == verdicts["link"] + verdicts["create"]


def test_going_live_makes_each_customer_once_and_doubles_nobody(demo: World) -> None:
    before = {c["id"] for c in demo.stripe.customers()}
    demo.go_live()
    customers = demo.stripe.customers()
    claimed = Counter(c["metadata"].get("jobber_client_id") for c in customers)
    claimed.pop(None, None)
    created = Link.objects.filter(state="in_step").exclude(target_id__in=before).count()
    assert max(claimed.values()) == 1
    assert len(customers) == 40 + created
    assert demo.ledger()["waiting"] == 0
    assert Link.objects.exclude(state__in=["in_step", "held", "skipped"]).count() == 0
    assert Run.objects.filter(state="running").count() == 0


def test_the_same_again_costs_no_write(demo: World) -> None:
    demo.go_live()
    writes = demo.writes()
    demo.read_again()
    assert demo.writes() == writes
    run = Run.objects.latest("id")
    assert run.counts["ledger"]["seen"] == 200
    assert run.counts["ledger"]["unchanged"] + run.counts["ledger"]["held"] + run.counts["ledger"]["skipped"] == 200


def test_what_a_worker_began_in_preview_does_not_stay_planned_when_it_goes_live_meanwhile(world: World) -> None:
    clients = [world.jobber.add(f"Ann{n}", "Smith", f"ann{n}@example.com") for n in range(3)]
    lane = lanes.claim(world.sync.lane_id)
    assert lane is not None
    begun = slices.Slice(lane)
    choosing.go_live(world.sync, None)
    begun.run(5.0)
    lanes.release(lane)
    world.work()
    assert [len(world.stripe.of(client)) for client in clients] == [1] * 3
    assert set(Link.objects.values_list("state", flat=True)) == {"in_step"}


def test_what_was_looked_at_in_preview_does_not_stay_planned_when_it_goes_live_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes live between the look and its storing."""
    client, stored = world.jobber.add("Ann", "Smith", "ann@example.com"), settling.settle_looks

    def late(*looked: Any, **more: Any) -> None:
        monkeypatch.setattr(settling, "settle_looks", stored)
        choosing.go_live(world.sync, None)
        stored(*looked, **more)

    monkeypatch.setattr(settling, "settle_looks", late)
    world.work()
    assert len(world.stripe.of(client)) == 1
    assert world.link(client).state == "in_step"


def test_two_clients_with_one_email_wait_for_a_person_and_never_share(world: World) -> None:
    first = world.jobber.add("Ann", "Smith", "home@example.com")
    second = world.jobber.add("Bert", "Smith", "home@example.com")
    customer = world.stripe.add(name="A. Smith", email="home@example.com")
    world.go_live()
    assert {world.link(first).state, world.link(second).state} == {"held"}
    assert world.ledger()["held"] == 2
    link = world.link(first)
    link.decision = {"choice": "same", "target_id": customer, "by": 1}
    link.save()
    notice.ask(link, "Alice")
    world.work()
    assert world.link(first).target_id == customer
    other = world.link(second)
    other.decision = {"choice": "new", "by": 1}
    other.save()
    notice.ask(other, "Alice")
    world.work()
    assert world.link(second).state == "in_step"
    assert world.link(second).target_id != customer
    assert len(world.stripe.customers()) == 2


def test_two_new_clients_with_one_email_get_a_customer_each(world: World) -> None:
    pair = [world.jobber.add(name, "Smith", "home@example.com") for name in ("Ann", "Bert")]
    world.go_live()
    assert [len(world.stripe.of(client)) for client in pair] == [1, 1]


def test_the_same_person_under_another_case_is_recognised(world: World) -> None:
    client = world.jobber.add("Jane", "Citizen", "jane@example.com")
    customer = world.stripe.add(name="Jane", email="JANE@Example.com")
    world.go_live()
    assert world.link(client).target_id == customer
    assert len(world.stripe.customers()) == 1


def test_a_customer_made_after_the_review_is_found_before_a_create(world: World) -> None:
    client = world.jobber.add("Jane", "Citizen", "jane@example.com")
    world.work()
    customer = world.stripe.add(name="Jane", email="jane@example.com")
    world.sync.target_read_at = None
    world.sync.save(update_fields=["target_read_at"])
    choosing.go_live(world.sync, None)
    world.work()
    assert world.link(client).target_id == customer
    assert len(world.stripe.customers()) == 1


def test_a_live_create_asks_stripe_for_the_email_first(world: World) -> None:
    world.go_live()
    world.sync.target_read_at = world.sync.created_at.replace(year=2020)
    world.sync.save(update_fields=["target_read_at"])
    customer = world.stripe.add(name="Jane", email="jane@example.com")
    client = world.jobber.add("Jane", "Citizen", "jane@example.com")
    notice.mark(world.sync, client, "webhook CLIENT_CREATE", world.sync.created_at)
    world.work()
    assert world.link(client).target_id == customer
    assert len(world.stripe.customers()) == 1


def test_leads_are_left_out_until_the_option_lets_them_in(demo: World) -> None:
    demo.go_live()
    leads = Link.objects.filter(cause_code="lead")
    assert leads.count() >= 4
    demo.sync.options = {**demo.sync.options, "include_leads": True}
    demo.sync.save(update_fields=["options"])
    choosing.publish(demo.sync, None, "Leads too")
    demo.sync.refresh_from_db()
    demo.work()
    assert leads.count() == 0


def test_every_entry_of_the_ledger_is_chained_and_names_what_was_sent(demo: World) -> None:
    demo.go_live()
    previous = ""
    for write in Write.objects.order_by("id"):
        assert write.previous_hash == previous
        assert write.hash == ledger.entry_hash(previous, write)
        assert json.dumps(write.params)
        previous = write.hash
    assert previous
