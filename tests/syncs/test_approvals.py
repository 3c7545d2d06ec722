"""Plans that wait for a person, through both stand-ins: approved, declined, edited, expired, overtaken."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connectors.base import Field, FieldType
from portal import ticking
from portal.models import User
from syncs import approvals, choosing, deciding, notice
from syncs.deciding import Choice, TooLate
from syncs.looking import Look
from syncs.mapping import MappingError
from syncs.models import Approval, AuditEntry, FieldMapping, Link, Sync, Write
from syncs.planning import Plan, Verdict
from syncs.rules import RuleError, settable
from tests.conftest import person
from tests.syncs.test_ruled import rule
from tests.syncs.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]


@pytest.fixture
def asking(here: World) -> World:
    """Clients whose every write waits."""
    choosing.go_live(here.sync, None, Sync.Mode.APPROVE)
    here.work()
    return here


@pytest.fixture
def bills(here: World, invoices: Sync) -> Sync:
    """Invoices whose every write waits; their clients are live."""
    choosing.go_live(invoices, None, Sync.Mode.APPROVE)
    here.work()
    return invoices


def waiting(link: Link) -> Approval:
    return Approval.objects.get(link=link, state="waiting")


def of(sync: Sync, source_id: str) -> Link:
    return Link.objects.get(sync=sync, source_id=source_id)


def approve(link: Link, by: User, **edits: str) -> None:
    said = {path.replace("__", "."): value for path, value in edits.items()}
    deciding.decide(link, Choice.THROUGH, "", by, shown=waiting(link).shown, edits=said)


def editable(sync: Sync, path: str, by: User) -> None:
    FieldMapping.objects.filter(sync=sync, target_path=path).update(editable=True)
    sync.refresh_from_db()
    choosing.publish(sync, by, "Editable")


def states(link: Link) -> list[str]:
    return list(Approval.objects.filter(link=link).order_by("pk").values_list("state", flat=True))


# Every write waits


def test_nothing_is_written_until_it_is_approved_and_then_just_that(asking: World, alice: User) -> None:
    client = asking.jobber.add("Ann", "Smith", "ann@example.com")
    asking.read_again()
    link = asking.link(client)
    assert (link.state, link.cause_code) == ("held", "mode_hold:office")
    assert link.cause.endswith("It waits until the office or an owner has approved it.")
    assert (asking.stripe.customers(), Write.objects.count()) == ([], 0)
    found = waiting(link)
    assert (found.rule, found.role, found.expires_at - found.asked_at) == ("", "office", timedelta(days=14))
    approve(link, alice)
    asking.work()
    assert [c["name"] for c in asking.stripe.of(client)] == ["Ann Smith"]
    assert (asking.link(client).state, asking.link(client).decision) == ("in_step", {})
    assert AuditEntry.objects.get(action="approval.approved").who == "Alice"
    asking.read_again()
    assert states(link) == ["approved"]
    asking.ledger()


def test_what_was_approved_is_used_up_so_that_the_next_change_waits_again(asking: World, alice: User) -> None:
    client = asking.jobber.add("Ann", "Smith", "ann@example.com")
    asking.read_again()
    approve(asking.link(client), alice)
    asking.work()
    asking.jobber.edit(client, lastName="Jones")
    asking.read_again()
    assert asking.stripe.of(client)[0]["name"] == "Ann Smith"
    assert [c for c in waiting(asking.link(client)).plan["changes"] if c[0] == "name"] == [
        ["name", "Ann Smith", "Ann Jones"]
    ]


def test_one_that_changes_meanwhile_is_shown_again_and_says_what(asking: World, alice: User) -> None:
    client = asking.jobber.add("Ann", "Smith", "ann@example.com")
    asking.read_again()
    link, first = asking.link(client), waiting(asking.link(client))
    approve(link, alice)
    asking.jobber.edit(client, lastName="Jones")
    Link.objects.filter(pk=link.pk).update(stale_at=timezone.now() + timedelta(hours=1))
    asking.work()
    Link.objects.filter(pk=link.pk).update(stale_at=None)
    link.refresh_from_db()
    assert (link.state, asking.stripe.customers()) == ("held", [])
    assert "name" in link.cause
    assert link.cause.endswith("changed since Alice approved it.")
    assert states(link) == ["approved", "waiting"]
    with pytest.raises(TooLate, match="It has changed since this was shown"):
        deciding.decide(link, Choice.THROUGH, "", alice, shown=first.shown)
    approve(link, alice)
    asking.work()
    assert asking.stripe.of(client)[0]["name"] == "Ann Jones"


def test_a_plan_that_changes_while_it_waits_is_overtaken(asking: World) -> None:
    client = asking.jobber.add("Ann", "Smith", "ann@example.com")
    asking.read_again()
    asking.jobber.edit(client, lastName="Jones")
    asking.read_again()
    assert states(asking.link(client)) == ["overtaken", "waiting"]
    asking.read_again()
    assert states(asking.link(client)) == ["overtaken", "waiting"]
    asking.jobber.destroy(client)
    asking.read_again()
    assert states(asking.link(client)) == ["overtaken", "overtaken"]


def test_an_invoice_with_its_several_steps_needs_one_approval(here: World, bills: Sync, alice: User) -> None:
    client = here.jobber.add("Ann", "Smith", "ann@example.com")
    made = here.jobber.bill(client, [("Roof", "1", "5000"), ("Tap", "2", "50")])
    here.read_again(bills)
    found = waiting(of(bills, made))
    assert (found.amount, found.currency) == (561000, "AUD")
    assert (here.stripe.invoices(), here.stripe.tax_rates()) == ([], [])
    approve(of(bills, made), alice)
    here.work()
    (there,) = here.stripe.invoices(made)
    assert (there["status"], there["total"], states(of(bills, made))) == ("open", 561000, ["approved"])


def test_what_rules_always_let_go_on_waits_here_too(here: World, bills: Sync, alice: User) -> None:
    client = here.jobber.add("Ann", "Smith", "ann@example.com")
    made = here.jobber.bill(client, [("Roof", "1", "5000")])
    here.read_again(bills)
    approve(of(bills, made), alice)
    here.work()
    here.jobber.take_payment(made, "5500")
    here.read_again(bills)
    assert (here.stripe.invoices(made)[0]["status"], of(bills, made).state) == ("open", "held")
    approve(of(bills, made), alice)
    here.work()
    assert here.stripe.invoices(made)[0]["status"] == "paid"


def test_going_live_writes_what_waits_and_stepping_down_stops_it(asking: World) -> None:
    client = asking.jobber.add("Ann", "Smith", "ann@example.com")
    asking.read_again()
    choosing.pause(asking.sync, Sync.Mode.OFF, None)
    choosing.resume(asking.sync, None)
    assert asking.sync.mode == "approve"
    asking.work()
    assert asking.stripe.customers() == []
    asking.go_live()
    assert (len(asking.stripe.of(client)), states(asking.link(client))) == (1, ["overtaken"])
    choosing.go_live(asking.sync, None, Sync.Mode.APPROVE)
    second = asking.jobber.add("Bea", "Jones", "bea@example.com")
    asking.work()
    asking.read_again()
    assert asking.stripe.of(second) == []
    moves = [(e.details["from"], e.details["to"]) for e in AuditEntry.objects.filter(action="sync.mode").order_by("pk")]
    assert moves[1:] == [("live", "approve"), ("approve", "off"), ("off", "approve"), ("approve", "live"),
                         ("live", "approve")]  # fmt: skip


def test_it_is_polled_and_told_as_when_live(asking: World) -> None:
    Sync.objects.update(polled_until=timezone.now() - timedelta(hours=1))
    ticking.start_polls()
    assert asking.sync.runs.filter(state="running").exists()


def test_one_approval_is_enough_for_a_rule_and_for_the_mode(asking: World, alice: User) -> None:
    rule(asking.sync, alice, name="All", expression='email != ""', outcome="hold", role="staff")
    client = asking.jobber.add("Ann", "Smith", "ann@example.com")
    asking.read_again()
    assert asking.link(client).cause_code == "rule_hold:staff"
    approve(asking.link(client), alice)  # the word of anybody is not yet that of the office
    asking.work()
    assert asking.link(client).cause_code == "mode_hold:office"
    approve(asking.link(client), alice)
    asking.work()
    assert (asking.link(client).state, len(asking.stripe.of(client))) == ("in_step", 1)


def test_another_approver_is_asked_for_what_waits(asking: World, alice: User) -> None:
    client = asking.jobber.add("Ann", "Smith", "ann@example.com")
    asking.read_again()
    choosing.ask_before_writing(asking.sync, alice, approver="owner", raised_by="owner", approval_days=None)
    asking.work()
    found = waiting(asking.link(client))
    assert (found.role, found.expires_at, states(asking.link(client))) == ("owner", None, ["overtaken", "waiting"])
    assert not choosing.ask_before_writing(
        asking.sync, alice, approver="owner", raised_by="owner", approval_days=None
    )  # fmt: skip
    assert AuditEntry.objects.filter(action="sync.approvals").count() == 1


# Two people, a reason, no answer


def test_of_two_people_one_decides_and_the_other_is_told_who(asking: World, alice: User, bob: User) -> None:
    client = asking.jobber.add("Ann", "Smith", "ann@example.com")
    asking.read_again()
    link, shown = asking.link(client), waiting(asking.link(client)).shown
    deciding.decide(link, Choice.THROUGH, "", alice, shown=shown)
    with pytest.raises(TooLate, match="Alice has already approved it"):
        deciding.decide(link, Choice.DECLINE, "", bob, shown=shown, reason="No")
    asking.work()
    with pytest.raises(TooLate, match="Alice has already approved it"):
        deciding.decide(asking.link(client), Choice.THROUGH, "", bob, shown=shown)
    assert [a.who for a in Approval.objects.filter(link=link)] == ["Alice"]
    assert AuditEntry.objects.filter(action__startswith="approval.").count() == 1


def test_one_approved_while_it_is_being_looked_at_is_not_asked_about_twice(asking: World, alice: User) -> None:
    client = asking.jobber.add("Ann", "Smith", "ann@example.com")
    asking.read_again()
    link, shown = asking.link(client), waiting(asking.link(client)).shown
    hold = {"rule": "", "role": "office", "shown": shown}
    made = Plan(Verdict.HOLD, "mode_hold:office", "It waits.", hold=hold)
    look = Look(asking.link(client), link.noticed, None, None, made)
    approve(link, alice)
    approvals.settle(asking.sync, [look])
    assert states(link) == ["approved"]


def test_what_is_declined_is_left_out_with_the_reason_until_it_is_reconsidered(asking: World, bob: User) -> None:
    client = asking.jobber.add("Ann", "Smith", "ann@example.com")
    asking.read_again()
    link, shown = asking.link(client), waiting(asking.link(client)).shown
    with pytest.raises(ValueError, match="Say why it is declined"):
        deciding.decide(link, Choice.DECLINE, "", bob, shown=shown, reason="  ")
    deciding.decide(link, Choice.DECLINE, "", bob, shown=shown, reason="A test client")
    asking.jobber.edit(client, lastName="Jones")
    asking.read_again()
    assert (asking.link(client).state, asking.stripe.customers()) == ("skipped", [])
    assert asking.link(client).cause == "Left out because Bob declined: A test client"
    deciding.reconsider(asking.link(client), bob)
    asking.work()
    assert states(link) == ["declined", "waiting"]
    actions = AuditEntry.objects.filter(action__startswith="approval.").order_by("pk")
    assert list(actions.values_list("action", flat=True)) == ["approval.declined", "approval.reconsidered"]


@pytest.mark.parametrize("slug", ["payments-to-jobber", "pay-links-to-jobber"])
def test_what_goes_back_to_jobber_can_be_declined_too(here: World, invoices: Sync, alice: User, slug: str) -> None:
    client = here.jobber.add("Ann", "Smith", "ann@example.com")
    made = here.jobber.bill(client, [("Roof", "1", "5000")])
    here.read_again(invoices)
    back = here.also(slug, alice)
    choosing.go_live(back, None, Sync.Mode.APPROVE)
    there = here.stripe.invoices(made)[0]
    here.stripe.pay(there["id"])
    second = here.jobber.bill(client, [("Tap", "1", "50")])
    here.read_again(invoices)
    here.read_again(back)
    found = Approval.objects.filter(sync=back, state="waiting").select_related("link").first()
    assert found is not None
    deciding.decide(found.link, Choice.DECLINE, "", alice, shown=found.shown, reason="Not this one")
    here.work()
    found.link.refresh_from_db()
    assert (found.link.state, found.link.cause_code) == ("skipped", "left_out")
    assert (here.jobber.notes(made), here.jobber.page_to_pay(second)) == ([], "")


def expired(here: World) -> None:
    """After their fourteen days."""
    for row in Approval.objects.filter(state="waiting"):
        row.asked_at -= timedelta(days=15)
        row.expires_at = row.asked_at + timedelta(days=14)
        row.save(update_fields=["asked_at", "expires_at"])
    ticking.expire_approvals()
    ticking.expire_approvals()  # a second tick finds nothing more
    here.work()


def test_what_nobody_decides_about_expires_and_is_asked_anew_when_it_changes(asking: World) -> None:
    client = asking.jobber.add("Ann", "Smith", "ann@example.com")
    asking.read_again()
    expired(asking)
    link = asking.link(client)
    assert (link.state, link.cause_code, asking.stripe.customers()) == ("skipped", "expired", [])
    assert link.cause.startswith("Nobody decided within 14 days, so nothing was written.")
    assert AuditEntry.objects.get(action="approval.expired").who == "Fieldbridge"
    asking.read_again()
    assert states(link) == ["expired"]
    asking.jobber.edit(client, lastName="Jones")
    asking.read_again()
    assert states(link) == ["expired", "waiting"]


def test_a_person_who_asks_for_another_look_has_it_asked_about_once_more(asking: World, alice: User) -> None:
    client = asking.jobber.add("Ann", "Smith", "ann@example.com")
    asking.read_again()
    expired(asking)
    notice.ask(asking.link(client), "Alice")
    asking.work()
    assert (asking.link(client).state, states(asking.link(client))) == ("held", ["expired", "waiting"])
    approve(asking.link(client), alice)
    asking.work()
    assert len(asking.stripe.of(client)) == 1


def test_while_it_is_paused_nothing_expires(asking: World) -> None:
    client = asking.jobber.add("Ann", "Smith", "ann@example.com")
    asking.read_again()
    choosing.pause(asking.sync, Sync.Mode.OFF, None)
    expired(asking)
    assert states(asking.link(client)) == ["waiting"]


def test_what_never_expires_waits_for_ever(asking: World, alice: User) -> None:
    choosing.ask_before_writing(asking.sync, alice, approver="office", raised_by="staff", approval_days=None)
    asking.jobber.add("Ann", "Smith", "ann@example.com")
    asking.read_again()
    assert Approval.objects.get().expires_at is None


# Edited


def test_an_edited_value_is_written_and_not_put_back(asking: World, alice: User) -> None:
    editable(asking.sync, "name", alice)
    client = asking.jobber.add("Ann", "Smith", "ann@example.com")
    asking.read_again()
    assert waiting(asking.link(client)).plan["hold"]["editable"] == {"name": ["Ann Smith", "Ann Smith"]}
    approve(asking.link(client), alice, name="Dr Ann Smith")
    asking.work()
    assert asking.stripe.of(client)[0]["name"] == "Dr Ann Smith"
    asking.read_again()
    link = asking.link(client)
    assert (link.state, states(link)) == ("in_step", ["approved"])
    assert link.decision == {"edits": {"name": {"value": "Dr Ann Smith", "instead": "Ann Smith"}}}
    assert Approval.objects.get().edits == link.decision["edits"]
    asking.jobber.edit(client, lastName="Jones")
    asking.read_again()
    approve(asking.link(client), alice)
    asking.work()
    assert asking.stripe.of(client)[0]["name"] == "Ann Jones"  # what the source says later wins again
    assert asking.link(client).decision == {}


def test_an_edited_field_leaves_the_others_to_the_source(asking: World, alice: User) -> None:
    editable(asking.sync, "name", alice)
    client = asking.jobber.add("Ann", "Smith", "ann@example.com")
    asking.read_again()
    approve(asking.link(client), alice, name="Dr Ann Smith")
    asking.work()
    before = {"address": "ann@example.com", "primary": True}
    asking.jobber.edit(client, emailsToAdd=[{**before, "address": "ann@home.example"}], companyName="")
    asking.jobber.edit(client, phonesToAdd=[{"number": "0412 345 678", "primary": True}])
    asking.read_again()
    assert "name" not in [path for path, _, _ in waiting(asking.link(client)).plan["changes"]]
    approve(asking.link(client), alice)
    asking.work()
    assert asking.stripe.of(client)[0]["name"] == "Dr Ann Smith"
    assert "name" in asking.link(client).decision["edits"]


def test_a_field_of_an_invoice_is_edited_although_it_takes_several_steps(here: World, bills: Sync, alice: User) -> None:
    editable(bills, "description", alice)
    client = here.jobber.add("Ann", "Smith", "ann@example.com")
    made = here.jobber.bill(client, [("Roof", "1", "5000")])
    here.read_again(bills)
    approve(of(bills, made), alice, description="Roof, with thanks")
    here.work()
    (there,) = here.stripe.invoices(made)
    assert (there["status"], there["description"]) == ("open", "Roof, with thanks")
    here.read_again(bills)
    assert (of(bills, made).state, here.stripe.invoices(made)[0]["description"]) == ("in_step", "Roof, with thanks")


def test_an_edit_that_the_target_does_not_take_is_refused(asking: World, alice: User) -> None:
    editable(asking.sync, "name", alice)
    client = asking.jobber.add("Ann", "Smith", "ann@example.com")
    asking.read_again()
    with pytest.raises(RuleError, match="“Name” takes 256 characters at most"):
        approve(asking.link(client), alice, name="a" * 300)
    assert (states(asking.link(client)), asking.link(client).decision) == (["waiting"], {})


@pytest.mark.parametrize(
    ("field", "said", "taken"),
    [
        (Field("a", "A", max_length=3), "abcd", RuleError),
        (Field("a", "A", max_length=3), "abc", "abc"),
        (Field("a", "A", choices=(("x", "X"),)), "y", RuleError),
        (Field("a", "A", FieldType.BOOLEAN), "Yes", True),
        (Field("a", "A", FieldType.BOOLEAN), "perhaps", RuleError),
        (Field("a", "A", FieldType.NUMBER), "1,200.5", 1200.5),
        (Field("a", "A", FieldType.NUMBER), "ten", RuleError),
    ],
)
def test_what_a_field_takes(field: Field, said: str, taken: Any) -> None:
    if taken is RuleError:
        with pytest.raises(RuleError):
            settable.taken(field, said)
    else:
        assert settable.taken(field, said) == taken


def test_a_field_that_nobody_may_edit_is_not_published_as_editable(here: World, alice: User) -> None:
    with pytest.raises(MappingError, match="not for a person to edit"):
        editable(here.sync, "metadata.jobber_client_id", alice)


def test_what_is_not_editable_is_not_edited(asking: World, alice: User) -> None:
    client = asking.jobber.add("Ann", "Smith", "ann@example.com")
    asking.read_again()
    approve(asking.link(client), alice, name="Somebody else")
    asking.work()
    assert asking.stripe.of(client)[0]["name"] == "Ann Smith"


def test_an_edit_stays_when_the_sync_goes_live(asking: World, alice: User) -> None:
    editable(asking.sync, "name", alice)
    client = asking.jobber.add("Ann", "Smith", "ann@example.com")
    asking.read_again()
    approve(asking.link(client), alice, name="Dr Ann Smith")
    asking.work()
    asking.go_live()
    asking.jobber.edit(client, phonesToAdd=[{"number": "0412 345 678", "primary": True}])
    asking.read_again()
    assert asking.stripe.of(client)[0]["name"] == "Dr Ann Smith"


def test_approvals_of_the_staff_do_not_count_for_the_office(asking: World, acme: Any) -> None:
    """The look compares whose word was asked for; who gave it is the pages' to check."""
    client = asking.jobber.add("Ann", "Smith", "ann@example.com")
    asking.read_again()
    sam = person(acme, "Sam", "staff")
    Sync.objects.update(approver="staff")
    approvals.look_again(asking.sync)
    asking.sync.refresh_from_db()
    asking.work()
    approve(asking.link(client), sam)
    Sync.objects.update(approver="owner")
    asking.work()
    assert (asking.link(client).cause_code, asking.stripe.customers()) == ("mode_hold:owner", [])
