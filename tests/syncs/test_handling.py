"""What people do about an incident: it is in the audit trail, it waits, and it comes back when it should."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_scopes import scope

from portal.models import Business, User
from syncs import handling, incidents
from syncs.models import AuditEntry, Incident, Link, SnapshotHistory, Sync
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def opened(acme: Business) -> Incident:
    with scope(business=acme):
        sync = factories.sync(acme)
        stop(sync)
        incidents.refresh(sync)
        return Incident.objects.select_related("business", "sync").get()


def stop(sync: Sync, code: str = "rejected:email") -> Link:
    return factories.link(sync, factories.client(sync.business, sync.source), state="held", cause_code=code)


def fresh(incident: Incident) -> Incident:
    return Incident.objects.select_related("business", "sync").get(pk=incident.pk)


def asking() -> int:
    return Incident.objects.filter(handling.asking(timezone.now())).count()


def test_each_step_is_in_the_audit_trail(opened: Incident, alice: User, bob: User) -> None:
    with scope(business=opened.business):
        handling.assign(opened, bob, alice)
        handling.note(opened, "  Ring the client. ", bob)
        handling.snooze(opened, timezone.now() + timedelta(hours=2), bob)
        handling.ignore(opened, alice)
        handling.reopen(opened, alice)
        entries = list(AuditEntry.objects.order_by("pk"))
        assert [e.action for e in entries] == [
            "incident.assigned", "incident.noted", "incident.snoozed", "incident.ignored", "incident.reopened",
        ]  # fmt: skip
        assert {e.subject for e in entries} == {f"incident:{opened.pk}"}
        assert entries[0].words == "Bob takes care of “1 client refused by the service”"
        assert (fresh(opened).assignee, fresh(opened).note) == (bob, "Ring the client.")


def test_what_is_put_off_asks_for_nobody_before_its_time(opened: Incident, bob: User) -> None:
    with scope(business=opened.business):
        assert asking() == 1
        handling.snooze(opened, timezone.now() + timedelta(hours=2), bob)
        assert asking() == 0
        later = timezone.now() + timedelta(hours=3)
        assert Incident.objects.filter(handling.asking(later)).count() == 1
        assert handling.is_aside(fresh(opened), timezone.now())
        assert not handling.is_aside(fresh(opened), later)


def test_what_is_over_is_left_as_it_is(opened: Incident, bob: User) -> None:
    with scope(business=opened.business):
        Link.objects.update(state="in_step", cause_code="")
        incidents.refresh(opened.sync)
        with pytest.raises(handling.TooLate, match="is over already"):
            handling.note(opened, "Too late", bob)
        assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("what", ["another record", "its source", "its counterpart", "nothing", "somebody else's"])
def test_what_is_ignored_opens_anew_when_a_record_changes(opened: Incident, bob: User, what: str) -> None:
    with scope(business=opened.business):
        sync, link = opened.sync, Link.objects.get()
        there = factories.customer(sync.business, sync.target)
        Link.objects.update(target_id=there.external_id, since=timezone.now() - timedelta(hours=1))
        handling.ignore(opened, bob)
        incidents.refresh(sync)
        assert fresh(opened).state == "ignored"
        if what == "another record":
            stop(sync)
        elif what != "nothing":
            ids = {"its source": link.source_id, "its counterpart": there.external_id}
            other = factories.client(sync.business, sync.source)
            held = type(there).objects.get(external_id=ids.get(what, other.external_id))
            SnapshotHistory.objects.create(
                business=sync.business, snapshot=held, data={}, fingerprint="x", read_at=timezone.now()
            )  # fmt: skip
        incidents.refresh(sync)
        anew = what not in {"nothing", "somebody else's"}
        assert fresh(opened).state == ("open" if anew else "ignored")
        assert (fresh(opened).told_at is None) is True
        if anew:
            assert AuditEntry.objects.order_by("pk").last().who == "Fieldbridge"  # type: ignore[union-attr]


def test_an_incident_of_what_was_given_up_stays_open_while_it_is_tried_again(acme: Business) -> None:
    with scope(business=acme):
        sync = factories.sync(acme)
        link = stop(sync, "gave_up")
        incidents.refresh(sync)
        Link.objects.filter(pk=link.pk).update(state="retrying", cause_code="transient", noticed=2)
        incidents.refresh(sync)
        assert Incident.objects.get().state == "open"
        Link.objects.filter(pk=link.pk).update(state="in_step", cause_code="", handled=2)
        incidents.refresh(sync)
        assert Incident.objects.get().state == "resolved"


def test_its_records_are_those_that_wait_with_its_cause(opened: Incident) -> None:
    with scope(business=opened.business):
        stop(opened.sync, "ambiguous")
        busy = stop(opened.sync)
        Link.objects.filter(pk=busy.pk).update(noticed=2)
        assert [x.cause_code for x in handling.records(opened)] == ["rejected:email"]
        opened.subject = f"work:{opened.sync_id}"
        assert not handling.records(opened).exists()
