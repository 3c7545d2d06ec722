"""Rules at work, through both stand-ins: what is left out, held, let through, set."""

from typing import Any

import pytest

from portal.models import User
from syncs import approvals, choosing, deciding
from syncs.deciding import Choice, TooLate
from syncs.mapping import MappingError
from syncs.models import FieldMapping, Incident, Link, Rule, Sync
from tests.syncs.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]

BIG = {"all": [{"field": "total", "operator": "gt", "value": "5,000"}]}
VIP = {"all": [{"field": "tags", "operator": "contains", "value": "private"}]}
PRIVATE = {"name": "Private", "condition": VIP, "outcome": "skip", "reason": "Private clients stay in Jobber."}


def rule(sync: Sync, by: User, *, publish: bool = True, **fields: Any) -> Rule:
    made = Rule.objects.create(business_id=sync.business_id, sync=sync, position=sync.rules.count(), **fields)
    if publish:
        sync.refresh_from_db()
        choosing.publish(sync, by, "A rule")
    return made


def tagged(here: World, first: str, last: str, email: str, *tags: str, **more: Any) -> str:
    client = here.jobber.add(first, last, email, **more)
    here.jobber.edit(client, tagsToAdd=list(tags))
    return client


def link_of(sync: Sync, source_id: str) -> Link:
    return Link.objects.get(sync=sync, source_id=source_id)


def shown_of(link: Link) -> str:
    """What stands for the plan that waits."""
    return approvals.waiting_for([link])[link.pk].shown


def through(link: Link, by: User) -> None:
    deciding.decide(link, Choice.THROUGH, "", by, shown=shown_of(link))


def last_plan(link: Link) -> dict[str, Any]:
    return dict(link.history.order_by("-pk")[0].plan)


# Left out


def test_a_tag_keeps_a_client_out_until_it_is_gone(here: World, alice: User) -> None:
    rule(here.sync, alice, **PRIVATE)
    client = tagged(here, "Ann", "Smith", "ann@example.com", "Private")
    other = here.jobber.add("Bea", "Jones", "bea@example.com")
    here.read_again()
    link = here.link(client)
    assert (link.state, link.cause_code) == ("skipped", "rule")
    assert link.cause == "Left out by the rule “Private”: Private clients stay in Jobber."
    assert last_plan(link)["rules"] == [["Private", True, "left out: Private clients stay in Jobber."]]
    assert last_plan(here.link(other))["rules"] == [["Private", False, ""]]
    assert (here.stripe.of(client), len(here.stripe.of(other))) == ([], 1)
    here.ledger()
    here.jobber.edit(client, tagsToDelete=["Private"])
    here.read_again()
    assert len(here.stripe.of(client)) == 1


def test_a_client_with_a_counterpart_stays_as_it_is_and_catches_up(here: World, alice: User) -> None:
    client = here.jobber.add("Ann", "Smith", "ann@example.com")
    here.read_again()
    rule(here.sync, alice, **PRIVATE)
    here.jobber.edit(client, lastName="Jones", tagsToAdd=["private"])
    here.read_again()
    link = here.link(client)
    assert (link.state, here.stripe.of(client)[0]["name"]) == ("skipped", "Ann Smith")
    assert link.cause.endswith("It has a counterpart, which stays as it is.")
    here.jobber.edit(client, tagsToDelete=["private"])
    here.read_again()
    assert (here.link(client).state, here.stripe.of(client)[0]["name"]) == ("in_step", "Ann Jones")


def test_a_rule_counts_once_it_is_published_and_until_it_is_taken_out(here: World, alice: User) -> None:
    made = rule(here.sync, alice, publish=False, **PRIVATE)
    client = tagged(here, "Ann", "Smith", "ann@example.com", "private")
    here.read_again()
    assert len(here.stripe.of(client)) == 1
    assert here.version().content["rules"] == []
    choosing.publish(here.sync, alice, "Now")
    Rule.objects.filter(pk=made.pk).update(condition={"all": [{"field": "email", "operator": "empty", "value": None}]})
    second = tagged(here, "Bea", "Jones", "bea@example.com", "private")
    here.read_again()
    assert here.stripe.of(second) == []
    Rule.objects.all().delete()
    here.sync.refresh_from_db()
    choosing.publish(here.sync, alice, "Without")
    here.work()
    assert len(here.stripe.of(second)) == 1


def test_a_version_without_rules_still_works(here: World) -> None:
    version = here.version()
    del version.content["rules"]
    version.save(update_fields=["content"])
    client = here.jobber.add("Ann", "Smith", "ann@example.com")
    here.read_again()
    assert "rules" not in last_plan(here.link(client))


def test_the_first_rule_that_applies_decides(here: World, alice: User) -> None:
    asked = "tags.exists(tag, lower(tag) == 'private')"
    rule(here.sync, alice, publish=False, name="Held", expression=asked, outcome="hold")
    rule(here.sync, alice, **PRIVATE)
    client = tagged(here, "Ann", "Smith", "ann@example.com", "private")
    here.read_again()
    assert here.link(client).state == "held"
    assert last_plan(here.link(client))["rules"] == [
        ["Held", True, "held for an owner"], ["Private", True, "an earlier rule has decided"],
    ]  # fmt: skip


# Held


def big(here: World, invoices: Sync, by: User, **more: Any) -> str:
    """A sent invoice of 5,500 and its rule."""
    rule(invoices, by, name="Big invoices", condition=BIG, outcome="hold", **more)
    client = here.jobber.add("Ann", "Smith", "ann@example.com")
    made = here.jobber.bill(client, [("Roof", "1", "5000")])
    here.jobber.bill(client, [("Tap", "1", "50")])
    here.read_again(invoices)
    return made


def test_a_big_invoice_waits_and_is_written_once_an_owner_lets_it_through(
    here: World, invoices: Sync, alice: User
) -> None:
    made = big(here, invoices, alice)
    link = link_of(invoices, made)
    assert (link.state, link.cause_code) == ("held", "rule_hold:owner")
    assert link.cause == "The rule “Big invoices” holds it for an owner: total 5,500.00."
    assert (here.stripe.invoices(made), len(here.stripe.invoices())) == ([], 1)
    assert deciding.choices(link) == (Choice.THROUGH, Choice.DECLINE)
    assert Incident.objects.get(sync=invoices).title == "1 invoice is held by a rule"
    through(link, alice)
    here.work()
    (there,) = here.stripe.invoices(made)
    assert (there["status"], there["total"]) == ("open", 550000)
    assert (link_of(invoices, made).state, link_of(invoices, made).decision) == ("in_step", {})
    here.read_again(invoices)
    assert link_of(invoices, made).state == "in_step"


def test_one_that_has_changed_meanwhile_is_held_again_and_says_what(here: World, invoices: Sync, alice: User) -> None:
    made = big(here, invoices, alice)
    shown = shown_of(link_of(invoices, made))
    through(link_of(invoices, made), alice)
    here.jobber.change_invoice(made, subject="Roof and gutters")
    Link.objects.filter(source_id=made).update(stale_at="2100-01-01T00:00Z")  # as if a change were reported
    here.work()
    Link.objects.filter(source_id=made).update(stale_at=None)
    link = link_of(invoices, made)
    assert (link.state, here.stripe.invoices(made)) == ("held", [])
    assert link.cause.endswith("Subject changed since Alice approved it.")
    with pytest.raises(TooLate, match="It has changed since this was shown"):
        deciding.decide(link, Choice.THROUGH, "", alice, shown=shown)
    through(link, alice)
    here.work()
    assert here.stripe.invoices(made)[0]["description"] == "Roof and gutters"


def test_what_nobody_was_shown_is_not_let_through(here: World, invoices: Sync, alice: User) -> None:
    link = link_of(invoices, big(here, invoices, alice))
    with pytest.raises(TooLate, match="It has changed since this was shown"):
        deciding.decide(link, Choice.THROUGH, "", alice)
    assert link_of(invoices, link.source_id).decision == {}


def test_one_may_be_left_out_instead(here: World, invoices: Sync, alice: User) -> None:
    made = big(here, invoices, alice)
    link = link_of(invoices, made)
    deciding.decide(link, Choice.DECLINE, "", alice, shown=shown_of(link), reason="Billed by hand")
    here.work()
    link.refresh_from_db()
    assert (link.state, here.stripe.invoices(made)) == ("skipped", [])
    assert link.cause == "Left out because Alice declined: Billed by hand"


def test_who_may_decide_is_part_of_what_was_let_through(here: World, invoices: Sync, alice: User) -> None:
    made = big(here, invoices, alice, role="office")
    here.sync.refresh_from_db()
    through(link_of(invoices, made), alice)
    Rule.objects.update(role="owner")
    invoices.refresh_from_db()
    choosing.publish(invoices, alice, "Owners only")
    here.work()
    assert link_of(invoices, made).cause_code == "rule_hold:owner"


def test_what_is_paid_is_recorded_whatever_a_rule_says(here: World, invoices: Sync, alice: User) -> None:
    """Otherwise the client could pay the same invoice a second time."""
    client = here.jobber.add("Ann", "Smith", "ann@example.com")
    made = here.jobber.bill(client, [("Roof", "1", "6000")])
    here.read_again(invoices)
    rule(invoices, alice, name="Big invoices", condition=BIG, outcome="skip", reason="Too big.")
    here.jobber.take_payment(made, "6600")
    here.read_again(invoices)
    (there,) = here.stripe.invoices(made)
    assert there["status"] == "paid"


def test_a_held_change_of_a_client_is_written_as_it_was_shown(here: World, alice: User) -> None:
    client = here.jobber.add("Ann", "Smith", "ann@example.com")
    here.read_again()
    everybody = {"all": [{"field": "link.has_counterpart", "operator": "yes", "value": None}]}
    rule(here.sync, alice, name="Changes", condition=everybody, outcome="hold", role="staff")
    here.jobber.edit(client, lastName="Jones")
    here.read_again()
    link = here.link(client)
    assert [path for path, _, _ in last_plan(link)["changes"]][:1] == ["name"]
    through(link, alice)
    here.work()
    assert here.stripe.of(client)[0]["name"] == "Ann Jones"
    here.jobber.edit(client, lastName="Brown")
    here.read_again()
    assert here.link(client).state == "held"


def test_who_it_is_stays_decided_when_a_rule_holds_it_next(here: World, alice: User) -> None:
    customer = here.stripe.add(name="Ann Smith", email="home@example.com")
    here.jobber.add("Bert", "Smith", "home@example.com")
    ann = here.jobber.add("Ann", "Smith", "home@example.com")
    rule(here.sync, alice, name="All", expression='email != ""', outcome="hold")
    here.read_again()
    assert here.link(ann).cause_code == "ambiguous"
    deciding.decide(here.link(ann), Choice.SAME, customer, alice)
    here.work()
    assert here.link(ann).cause_code == "rule_hold:owner"
    through(here.link(ann), alice)
    here.work()
    assert (here.link(ann).state, here.link(ann).target_id) == ("in_step", customer)


# Set


def test_a_set_rule_says_what_the_mapping_would_have_said(here: World, alice: User) -> None:
    rule(here.sync, alice, publish=False, name="One", expression="true", outcome="set", target_path="description",
         value="Synced")  # fmt: skip
    rule(here.sync, alice, name="Two", condition=VIP, outcome="set", target_path="business_name", value="Private")
    client = tagged(here, "Ann", "Smith", "ann@example.com", "private", companyName="Smith Ltd")
    other = here.jobber.add("Bea", "Jones", "bea@example.com", companyName="Jones Ltd")
    here.read_again()
    (there,), (beside,) = here.stripe.of(client), here.stripe.of(other)
    assert (there["description"], there["business_name"]) == ("Synced", "Private")
    assert (beside["description"], beside["business_name"]) == ("Synced", "Jones Ltd")
    here.jobber.edit(client, tagsToDelete=["private"])
    here.read_again()
    assert here.stripe.of(client)[0]["business_name"] == "Smith Ltd"
    before = here.writes()
    here.read_again()
    assert here.writes() == before


def test_a_group_of_fields_can_be_set_one_by_one(here: World, alice: User) -> None:
    rule(here.sync, alice, name="One", expression="true", outcome="set", target_path="metadata.desk", value="North")
    client = here.jobber.add("Ann", "Smith", "ann@example.com")
    here.read_again()
    assert here.stripe.of(client)[0]["metadata"]["desk"] == "North"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"outcome": "set", "target_path": "metadata.jobber_client_id", "value": "1"}, "no field that a rule can set"),
        ({"outcome": "set", "target_path": "created", "value": "1"}, "no field that a rule can set"),
        ({"outcome": "set", "target_path": "name", "value": "a" * 300}, "“Name” takes 256 characters at most"),
        ({"outcome": "set", "target_path": "name"}, "Say what to set “Name” to."),
        ({"outcome": "skip"}, "Say why these are left out"),
        ({"outcome": "skip", "reason": "so", "expression": "nope == 1"}, "There is no field “nope” to ask about."),
    ],
)
def test_a_draft_whose_rule_cannot_work_is_not_published(
    fields: dict[str, Any], words: str, here: World, alice: User
) -> None:
    with pytest.raises(MappingError, match=words):
        rule(here.sync, alice, **{"name": "One", "expression": "is_lead", **fields})
    assert here.version().number == 1
    assert FieldMapping.objects.filter(sync=here.sync).exists()
