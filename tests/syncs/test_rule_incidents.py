"""Rules that raise an incident: the record goes on, and people are told once."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from portal import ticking
from portal.alerts import sending
from portal.models import Delivery, User
from syncs import choosing, deciding, flagging
from syncs.deciding import Choice
from syncs.models import Incident, Link, Rule, Sync
from tests.syncs.test_ruled import last_plan, rule, tagged
from tests.syncs.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]

SLOW = {
    "name": "Slow payers", "condition": {"all": [{"field": "tags", "operator": "contains", "value": "slow"}]},
    "outcome": "incident", "reason": "Ring them before the next job.",
}  # fmt: skip


def publish(sync: Sync, by: User) -> None:
    sync.refresh_from_db()
    choosing.publish(sync, by, "Changed")


def incidents(here: World) -> list[Any]:
    return list(Incident.objects.filter(sync=here.sync).order_by("pk").values_list("title", "state", "records"))


def test_the_record_is_written_and_one_incident_opens(here: World, alice: User) -> None:
    rule(here.sync, alice, **SLOW)
    first = tagged(here, "Ann", "Smith", "ann@example.com", "Slow")
    other = here.jobber.add("Bea", "Jones", "bea@example.com")
    here.read_again()
    assert (here.link(first).state, here.link(first).flags, len(here.stripe.of(first))) == ("in_step", "Slow payers", 1)
    assert (here.link(other).flags, last_plan(here.link(other)).get("flags")) == ("", None)
    assert incidents(here) == [("Rule “Slow payers” applies to 1 client", "open", 1)]
    (opened,) = Incident.objects.filter(sync=here.sync)
    assert opened.next_step == "Ring them before the next job."
    assert list(flagging.records_of(opened)) == [here.link(first)]
    second = tagged(here, "Cy", "Brown", "cy@example.com", "slow")
    here.read_again()
    assert incidents(here) == [("Rule “Slow payers” applies to 2 clients", "open", 2)]
    Incident.objects.update(opened_at=timezone.now() - timedelta(minutes=2))  # it has lasted
    for _ in range(2):
        ticking.tell()
        for delivery in list(Delivery.objects.all()):
            sending.send(delivery.pk)
    (told,) = [m for m in mail.outbox if m.to == ["alice@example.com"]]
    assert "Ring them before the next job." in told.body
    for client in (first, second):
        here.jobber.edit(client, tagsToDelete=["slow", "Slow"])
    here.read_again()
    assert incidents(here) == [("Rule “Slow payers” applies to 2 clients", "resolved", 0)]
    assert set(Link.objects.values_list("flags", flat=True)) == {""}
    here.ledger()


def test_it_stands_beside_rules_that_hold_or_leave_out(here: World, alice: User) -> None:
    rule(here.sync, alice, publish=False, **SLOW)
    rule(here.sync, alice, name="Held", expression="tags.exists(t, t == 'held')", outcome="hold")
    held, gone = (tagged(here, n, "Smith", f"{n}@example.com", "slow", n) for n in ("held", "gone"))
    rule(here.sync, alice, name="Out", expression="tags.exists(t, t == 'gone')", outcome="skip", reason="Gone.")
    here.read_again()
    assert {here.link(c).state for c in (held, gone)} == {"held", "skipped"}
    assert last_plan(here.link(held))["rules"] == [
        ["Slow payers", True, "raise an incident: Ring them before the next job."],
        ["Held", True, "held for an owner"], ["Out", False, ""],
    ]  # fmt: skip
    assert {t for t, _, _ in incidents(here)} >= {"Rule “Slow payers” applies to 2 clients"}


def test_it_closes_when_its_rule_is_gone_or_a_person_leaves_the_record_out(here: World, alice: User) -> None:
    rule(here.sync, alice, publish=False, **SLOW)
    rule(here.sync, alice, **{**SLOW, "name": "Again", "reason": "Look."})
    client = tagged(here, "Ann", "Smith", "ann@example.com", "slow")
    here.read_again()
    assert here.link(client).flags.splitlines() == ["Slow payers", "Again"]
    Rule.objects.filter(name="Slow payers").delete()
    publish(here.sync, alice)
    here.work()
    assert [(t, s) for t, s, _ in incidents(here)] == [
        ("Rule “Again” applies to 1 client", "open"), ("Rule “Slow payers” applies to 1 client", "resolved"),
    ] or [s for _, s, _ in incidents(here)].count("open") == 1  # fmt: skip
    link = here.link(client)
    Link.objects.filter(pk=link.pk).update(state="held", cause_code="rejected:x")
    deciding.decide(here.link(client), Choice.LEAVE, "", alice)
    here.work()
    assert (here.link(client).flags, {s for _, s, _ in incidents(here)}) == ("", {"resolved"})


def test_what_does_not_change_costs_no_write(
    here: World, alice: User, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule(here.sync, alice, **SLOW)
    tagged(here, "Ann", "Smith", "ann@example.com", "slow")
    here.read_again()
    stored: list[Any] = []
    monkeypatch.setattr(flagging.bulk, "update_each", lambda rows, names: stored.extend(rows))
    here.work()
    looks = [type("Look", (), {"link": link, "plan": type("Plan", (), {"flags": tuple(link.flags.splitlines())})})
             for link in Link.objects.all()]  # fmt: skip
    with django_assert_num_queries(0):
        flagging.keep(looks)  # type: ignore[arg-type]  # as much of a look as is read
    assert stored == []
