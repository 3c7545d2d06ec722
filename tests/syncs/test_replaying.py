"""Planning again from what is stored: nothing is asked, nothing is kept, and it says what would come of another try."""

from django.utils import timezone
from django_q.models import OrmQ

from portal.models import User
from syncs import deciding, handling, incidents, replaying
from syncs.models import Attempt, Incident, Link, Snapshot, Sync, Write
from syncs.replaying import Expected
from tests import factories
from tests.syncs.world import World


def changes(plan: replaying.Plan | None) -> dict[str, object]:
    assert plan is not None
    return {c.path: c.after for c in plan.changes}


def test_a_look_is_gone_through_as_it_was_and_as_it_is(here: World) -> None:
    client = here.jobber.add("Ann", "Smith", "ann@example.com")
    here.read_again()
    here.jobber.edit(client, lastName="Jones")
    here.read_again()
    link, calls = here.link(client), here.calls()
    renamed, made = list(Attempt.objects.filter(link=link, outcome="written").select_related("version"))[:2]

    then = replaying.as_then(made)
    assert then is not None
    assert (then.verdict, changes(then)["name"]) == ("create", "Ann Smith")
    assert changes(then) == {path: after for path, _, after in made.plan["changes"]}
    again = replaying.as_then(renamed)
    assert again is not None
    assert (again.verdict, changes(again)["name"]) == ("update", "Ann Jones")
    assert changes(again) == {path: after for path, _, after in renamed.plan["changes"]}
    now = replaying.as_now(here.sync, [link])[link.pk]
    assert (now.verdict, now.code) == ("skip", "in_step")
    assert here.calls() == calls


def test_a_plan_from_what_is_stored_keeps_nothing_and_asks_nobody(here: World, invoices: Sync) -> None:
    """Not even a notice for the client that an invoice needs, and that nobody has read yet."""
    client = here.jobber.add("Ann", "Smith", "ann@example.com")
    here.jobber.bill(client, [("Mowing", "2", "50")])
    here.read_again(invoices)
    link = Link.objects.get(sync=invoices)
    Link.objects.filter(sync=here.sync).delete()
    before, calls, queued = Link.objects.count(), here.calls(), OrmQ.objects.count()
    invoices.refresh_from_db()
    made = replaying.as_now(invoices, [link])[link.pk]
    assert made.verdict in {"skip", "wait", "hold"}
    assert (Link.objects.count(), here.calls(), OrmQ.objects.count()) == (before, calls, queued)


def held(sync: Sync, code: str, **data: str) -> Link:
    found = factories.client(sync.business, sync.source, **data)
    state = "parked" if code == "gave_up" else "held"
    return factories.link(sync, found, state=state, cause_code=code, cause="Refused.")


def test_a_dry_run_says_what_is_expected_of_each_record(here: World, alice: User) -> None:
    sync = here.sync
    sync.refresh_from_db()
    refused, given_up = held(sync, "rejected:email", name="Ann"), held(sync, "gave_up", name="Bob")
    twin = held(sync, "ambiguous", name="Chiara", email="chiara@example.com")
    for _ in range(2):
        factories.customer(sync.business, sync.target, name="Chiara", email="chiara@example.com")
    unread = held(sync, "gave_up")
    Snapshot.objects.filter(external_id=unread.source_id).delete()
    sent = replaying.as_now(sync, [refused])[refused.pk]
    factories.write(refused, "create", "rejected", params=sent.data, error="Not an email address.")
    factories.write(given_up, "create", "unknown", params={"name": "Bob"})

    found = replaying.dry_run(sync, [refused, given_up, twin, unread])
    assert [g.expected for g in found.guesses] == [
        Expected.REFUSED, Expected.WRITTEN, Expected.STOPS, Expected.UNREAD,
    ]  # fmt: skip
    assert found.guesses[0].why == "The same was refused before: Not an email address."
    assert found.fails_again == 2
    assert dict(found.counts) == dict.fromkeys(found.counts, 1)

    Snapshot.objects.filter(external_id=refused.source_id).update(data={"name": "Ann Corrected"})
    assert replaying.dry_run(sync, [refused]).guesses[0].expected == Expected.WRITTEN


def test_what_was_given_up_is_listed_and_goes_through_when_tried_again(here: World) -> None:
    client = here.jobber.add("Ann", "Smith", "ann@example.com")
    here.read_again()
    link = here.link(client)
    Link.objects.filter(pk=link.pk).update(state="parked", cause_code="gave_up", since=timezone.now())
    incidents.refresh(here.sync)
    opened = Incident.objects.get()
    assert list(handling.records(opened)) == [link]
    assert replaying.dry_run(here.sync, [link]).guesses[0].expected == Expected.NOTHING
    written = Write.objects.count()
    assert deciding.again(here.sync, "gave_up", "Alice") == 1
    here.work()
    opened.refresh_from_db()
    assert (opened.state, here.link(client).state, Write.objects.count()) == ("resolved", "in_step", written)
