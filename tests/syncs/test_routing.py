"""Rules that send records to another sync: two Stripe accounts, and each record in exactly one of them.

A business has one account of each service, so the second one is that of a service called “north” here.
"""

from typing import Any

import httpx
import pytest

from connectors import registry
from connectors.base import Credentials, Secret
from portal import tokens
from portal.models import Connection, User
from syncs import choosing, recipes, routing
from syncs.mapping import MappingError
from syncs.models import Incident, Link, Rule, Sync, Write
from syncs.rulebook import place
from tests import factories
from tests.syncs.test_ruled import last_plan, rule, tagged
from tests.syncs.world import Bookkeeper, World

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]

SECOND_KEY = "sk_test_operator_2"
NORTH = {"all": [{"field": "tags", "operator": "contains", "value": "north"}]}


class Second(Bookkeeper):
    """The other account."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/stripe/v1/", auth=(SECOND_KEY, ""), timeout=10)


def second_account(here: World) -> Connection:
    there = httpx.get(f"{here.sandbox.url}/stripe/v1/account", auth=(SECOND_KEY, "")).json()
    made = factories.connection(here.business, "north", account_id=there["id"], account_name="North")
    columns = tokens.columns(made, Credentials("key", Secret(SECOND_KEY), account_id=there["id"]))
    Connection.objects.filter(pk=made.pk).update(**columns)
    return Connection.objects.get(pk=made.pk)


@pytest.fixture(autouse=True)
def second_service(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    known = registry.get
    monkeypatch.setattr(registry, "get", lambda slug: known({"north": "stripe"}.get(slug, slug)))


def another(here: World, owner: User, slug: str = "clients-to-customers", **options: Any) -> Sync:
    target = Connection.objects.filter(account_name="North").first() or second_account(here)
    made = choosing.choose(here.business, recipes.get(slug), here.sync.source, target, owner, options)
    Sync.objects.filter(pk=made.pk).update(name=f"North {slug}")
    here.go_live(made)
    made.refresh_from_db()
    return made


@pytest.fixture
def north(here: World, alice: User) -> Sync:
    return another(here, alice, routed_only=True)


@pytest.fixture
def there(here: World) -> Bookkeeper:
    return Second(here.sandbox.url)


def sends(sync: Sync, to: Sync, by: User, condition: Any = NORTH, name: str = "North") -> Rule:
    return rule(sync, by, name=name, condition=condition, outcome="route", route_to=place(to))


def states(client: str, *syncs: Sync) -> list[tuple[str, str]]:
    links = {x.sync_id: x for x in Link.objects.filter(source_id=client)}
    return [(links[s.pk].state, links[s.pk].cause_code) if s.pk in links else ("", "") for s in syncs]


def causes(client: str, *syncs: Sync) -> list[str]:
    return [Link.objects.get(source_id=client, sync=s).cause for s in syncs]


def test_each_record_lands_in_exactly_one_place(here: World, north: Sync, there: Bookkeeper, alice: User) -> None:
    sends(here.sync, north, alice)
    up, down = (
        tagged(here, "Ann", "Smith", "ann@example.com", "North"),
        here.jobber.add("Bea", "Jones", "b@example.com"),
    )
    here.read_again(north)
    assert [len(s.of(up)) for s in (here.stripe, there)] == [0, 1]
    assert [len(s.of(down)) for s in (here.stripe, there)] == [1, 0]
    assert states(up, here.sync, north) == [("skipped", "routed"), ("in_step", "")]
    assert states(down, here.sync, north) == [("in_step", ""), ("skipped", "not_routed")]
    assert causes(up, here.sync) == [f"It goes to “{north}” instead."]
    assert causes(down, north) == ["No rule sends it here, and only what a rule sends here is taken."]
    assert last_plan(here.link(up))["rules"] == [["North", True, f"goes to “{north}”"]]
    here.ledger()


def test_flipping_the_condition_moves_notices_and_makes_no_doubles(
    here: World, north: Sync, there: Bookkeeper, alice: User
) -> None:
    sends(here.sync, north, alice)
    client, last = here.jobber.add("Ann", "Smith", "ann@example.com"), "Smith"
    here.read_again(north)
    for newer in ("Jones", "Brown"):
        here.jobber.edit(client, tagsToAdd=["north"])
        here.read_again()  # the first sync alone: it tells the other
        assert [len(s.of(client)) for s in (here.stripe, there)] == [1, 1]
        assert states(client, here.sync, north) == [("skipped", "routed"), ("in_step", "")]
        assert causes(client, here.sync)[0].endswith("It has a counterpart here, which stays as it is.")
        here.jobber.edit(client, tagsToDelete=["north"], lastName=newer)
        here.read_again()
        assert states(client, here.sync, north) == [("in_step", ""), ("skipped", "not_routed")]
        assert causes(client, north)[0].endswith("It has a counterpart here, which stays as it is.")
        assert [s.of(client)[0]["name"] for s in (here.stripe, there)] == [f"Ann {newer}", f"Ann {last}"]
        last = newer
    assert len(here.stripe.customers()) == len(here.stripe.of(client))
    before = Write.objects.count()
    here.read_again(north)
    assert Write.objects.count() == before


def test_taking_the_rule_out_brings_the_record_back(here: World, north: Sync, there: Bookkeeper, alice: User) -> None:
    sends(here.sync, north, alice)
    client = tagged(here, "Ann", "Smith", "ann@example.com", "north")
    here.read_again(north)
    Rule.objects.all().delete()
    here.sync.refresh_from_db()
    choosing.publish(here.sync, alice, "Without")
    here.work()
    assert states(client, here.sync, north) == [("in_step", ""), ("skipped", "not_routed")]
    assert [len(s.of(client)) for s in (here.stripe, there)] == [1, 1]
    assert not Link.objects.exclude(routed_to=None).exists()


def test_a_circle_ends_held_and_is_bounded(here: World, there: Bookkeeper, alice: User) -> None:
    north = another(here, alice)
    sends(here.sync, north, alice)
    sends(north, here.sync, alice, name="South")
    client = tagged(here, "Ann", "Smith", "ann@example.com", "north")
    here.read_again(north)
    assert ("held", "route_circle") in states(client, here.sync, north)
    assert {state for state, _ in states(client, here.sync, north)} <= {"held", "skipped"}
    assert [len(s.of(client)) for s in (here.stripe, there)] == [0, 0]
    assert Link.objects.filter(source_id=client, history__isnull=False).count() <= 8
    (held,) = Link.objects.filter(source_id=client, sync=here.sync)
    assert held.cause == f"A rule here sends it to “{north}”, and a rule there sends it back. Change one of them."
    assert Incident.objects.filter(cause_code="route_circle", state="open").exists()
    Rule.objects.filter(sync=north).delete()
    north.refresh_from_db()
    choosing.publish(north, alice, "Without")
    here.work()
    here.read_again(north)
    assert [len(s.of(client)) for s in (here.stripe, there)] == [0, 1]
    assert not Incident.objects.filter(cause_code="route_circle", state="open").exists()


def test_an_invoice_stays_where_it_can_be_paid(
    here: World, north: Sync, there: Bookkeeper, alice: User, django_capture_on_commit_callbacks: Any
) -> None:
    bills = here.also("invoices-to-stripe", alice)
    others = another(here, alice, "invoices-to-stripe", routed_only=True)
    asked = {"all": [{"field": "subject", "operator": "contains", "value": "north"}]}
    sends(here.sync, north, alice)
    sends(bills, others, alice, asked)
    here.read_again()
    client = tagged(here, "Ann", "Smith", "ann@example.com", "north")
    here.read_again(north)
    made = here.jobber.bill(client, [("Tap", "1", "50")], subject="North shed")
    here.read_again(bills, others)
    assert [len(s.invoices(made)) for s in (here.stripe, there)] == [0, 1]
    here.jobber.change_invoice(made, subject="South shed")
    here.jobber.edit(client, tagsToDelete=["north"])
    with django_capture_on_commit_callbacks(execute=True):
        here.read_again(north, bills, others)
    here.work()
    assert [len(s.invoices(made)) for s in (here.stripe, there)] == [0, 1]
    assert states(made, bills, others) == [("skipped", "routed"), ("in_step", "")]
    assert "It stays there, or a client could pay twice." in causes(made, bills)[0]
    assert there.invoices(made)[0]["description"] == "South shed"
    back = here.jobber.bill(client, [("Sink", "1", "70")], subject="South sink")
    here.read_again(bills, others)
    here.jobber.change_invoice(back, subject="North sink")
    here.read_again(bills, others)
    assert [len(s.invoices(back)) for s in (here.stripe, there)] == [1, 0]
    assert here.stripe.invoices(back)[0]["description"] == "North sink"
    assert "a client could pay twice" in last_plan(Link.objects.get(sync=bills, source_id=back))["rules"][0][2]


def test_a_review_sends_nothing_and_going_live_does(here: World, north: Sync, there: Bookkeeper, alice: User) -> None:
    choosing.pause(here.sync, "preview", None)
    sends(here.sync, north, alice)
    client = tagged(here, "Ann", "Smith", "ann@example.com", "north")
    choosing.sync_now(here.sync)
    here.work()
    assert (here.link(client).cause_code, here.link(client).routed_to_id) == ("routed", None)
    assert there.of(client) == []
    here.go_live()
    assert (here.link(client).routed_to_id, len(there.of(client)), here.stripe.of(client)) == (north.pk, 1, [])


def test_a_sync_that_is_not_there_any_more_is_said(here: World, north: Sync, alice: User) -> None:
    sends(here.sync, north, alice)
    version = here.version()
    version.content["rules"][0]["sync"] = 10**6
    version.save(update_fields=["content"])
    client = tagged(here, "Ann", "Smith", "ann@example.com", "north")
    here.read_again()
    assert here.link(client).cause_code == "route_gone"
    assert here.link(client).cause == f"A rule sends it to “{north}”, which is not there any more. Change the rule."


# What a draft may say


def test_a_version_names_the_other_sync_in_words_that_travel(here: World, north: Sync, alice: User) -> None:
    sends(here.sync, north, alice)
    (kept,) = here.version().content["rules"]
    assert kept["to"] == {"recipe": "clients-to-customers", "connector": "north", "name": str(north)}
    assert kept["sync"] == north.pk
    assert list(routing.others(here.sync)) == [north]
    assert routing.may_be_sent_to(north)
    assert not routing.may_be_sent_to(here.sync)


def test_without_another_sync_it_is_refused_in_words(here: World, alice: User) -> None:
    with pytest.raises(MappingError, match="No other sync reads the same records of the same account"):
        rule(here.sync, alice, name="North", condition=NORTH, outcome="route", route_to={})


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "Say which sync it sends these to."),
        ({"recipe": "nope", "connector": "stripe", "name": "Nope"}, "There is no sync “Nope” that reads the same"),
    ],
)
def test_what_is_not_there_is_refused(said: Any, words: str, here: World, north: Sync, alice: User) -> None:
    with pytest.raises(MappingError, match=words):
        rule(here.sync, alice, name="North", condition=NORTH, outcome="route", route_to=said)


def test_what_can_mean_two_is_refused(here: World, north: Sync, alice: User) -> None:
    third = factories.connection(here.business, "north", account_name="West", status="off")
    west = choosing.choose(here.business, recipes.get(north.recipe), here.sync.source, third, alice)
    sends(here.sync, west, alice, name="By its name")
    Sync.objects.filter(pk=west.pk).update(name=north.name)
    with pytest.raises(MappingError, match="More than one sync can be meant"):
        sends(here.sync, north, alice)
