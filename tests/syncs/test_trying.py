"""Plans from what is stored are those that the engine makes, and nobody outside is asked for them."""

from typing import Any

import pytest

from portal.models import Connection, User
from syncs import choosing, looking, notice, trying
from syncs.mapping import compile_version
from syncs.models import Attempt, Link, Snapshot, Sync
from syncs.sessions import NoSessions, NotAsked
from tests.syncs.world import World


def tried(sync: Sync) -> dict[int, dict[str, Any]]:
    """{link id: plan} with the live version."""
    found = trying.trial(sync, list(Link.objects.filter(sync=sync).order_by("pk")))
    assert list(found.unread) == []
    assert sync.version is not None
    return {look.link.pk: look.plan.as_json() for look in found.plan(compile_version(sync.version.content))}


def looked(world: World, *syncs: Sync) -> None:
    """Look at all of these again, and compare with what was said before that would come of it."""
    ahead = {key: made for sync in syncs for key, made in tried(sync).items()}
    last = Attempt.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    for sync in syncs:
        notice.all_again(sync, "a test")
    world.work()
    first: dict[int, dict[str, Any]] = {}
    for attempt in Attempt.objects.filter(pk__gt=last).order_by("pk"):
        first.setdefault(attempt.link_id, attempt.plan)
    ended = set(Link.objects.filter(state=Link.State.ENDED).values_list("pk", flat=True))
    assert len(first) > 1
    assert {key: made for key, made in ahead.items() if key not in ended} == first


def test_a_first_review_is_planned_as_the_engine_plans_it(demo: World) -> None:
    demo.work()
    looked(demo, demo.sync)


def test_both_ways_and_what_a_person_decided(here: World) -> None:
    ann, ben = here.jobber.add("Ann", "Lee", "ann@example.com"), here.jobber.add("Ben", "Low", "ben@example.com")
    there = here.stripe.add(name="Cy", email="cy@example.com")
    here.read_again()
    here.sync.options = {**here.sync.options, "two_way": True, "create_back": True}
    here.sync.save()
    choosing.publish(here.sync, None, "both ways")
    here.work()
    Link.objects.filter(source_id=ben).update(decision={"choice": "leave", "by": 1})
    customer = here.link(ann).target_id
    held = Snapshot.objects.get(external_id=customer)
    Snapshot.objects.filter(pk=held.pk).update(data={**held.data, "phone": "+61412345678"})
    here.sync.refresh_from_db()
    plans = tried(here.sync)
    assert (plans[here.link(ann).pk]["code"], plans[here.link(ann).pk]["back"]) == ("changed_there", True)
    assert plans[here.link(ben).pk]["code"] == "left_out"
    here.stripe.edit(str(customer), phone="+61412345678")
    here.stripe.edit(there, name="Cy Young")
    looked(here, here.sync)


def test_invoices_payments_and_pages(here: World, invoices: Sync, alice: User) -> None:
    notes, pages = here.also("payments-to-jobber", alice), here.also("pay-links-to-jobber", alice)
    ann = here.jobber.add("Ann", "Lee", "ann@example.com")
    bills = [here.jobber.bill(ann, [("Work", "1", price)]) for price in ("100.00", "80.00")]
    here.read_again(invoices, notes, pages)
    here.stripe.pay(here.stripe.invoices(bills[0])[0]["id"])
    here.read_again(notes, pages, invoices)
    here.jobber.change_invoice(bills[1], subject="Other work")
    here.read_again(invoices)
    for sync in (invoices, notes, pages):
        sync.refresh_from_db()
    looked(here, invoices, notes, pages)


def test_nobody_is_asked_and_nothing_is_stored(here: World, invoices: Sync, request: pytest.FixtureRequest) -> None:
    ann = here.jobber.add("Ann", "Lee", "ann@example.com")
    bill = here.jobber.bill(ann, [("Work", "1", "100.00")])
    here.read_again(invoices)
    Snapshot.objects.filter(resource="tax_rates").delete()
    Link.objects.filter(sync=here.sync).delete()  # nobody has noticed the client
    Link.objects.filter(sync=invoices).update(target_id=None, base={})
    invoices.refresh_from_db()
    before = (Link.objects.count(), Snapshot.objects.count())
    request.getfixturevalue("alone")
    with pytest.raises(AssertionError, match="outside was asked"):
        Connection.objects.all()[0].open()
    [made] = tried(invoices).values()
    assert (made["verdict"], made["reason"]) == ("wait", f"It waits until {ann} is a customer in Stripe.")
    assert (Link.objects.count(), Snapshot.objects.count()) == before
    assert Link.objects.get(source_id=bill).state == Link.State.IN_STEP


def test_no_sessions_refuse(here: World) -> None:
    with pytest.raises(NotAsked):
        NoSessions().call(here.sync.source, lambda session: session.account())
    with pytest.raises(NotAsked):
        NoSessions().renew(here.sync.source)


def test_what_was_never_read_is_named_and_not_planned(here: World) -> None:
    notice.mark(here.sync, "a-client", "webhook", looking.clock(here.sync))
    found = trying.trial(here.sync, list(Link.objects.all()))
    assert ([link.source_id for link in found.unread], list(found.links)) == (["a-client"], [])
