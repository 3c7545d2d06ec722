"""The audit trail: what people do stands there in order, and a changed or missing entry shows."""

from collections.abc import Iterator

import pytest
from django_scopes import scope

from portal.models import Business, User
from syncs import audit, choosing
from syncs.models import AuditEntry, Sync
from tests import factories


@pytest.fixture
def sync(acme: Business) -> Iterator[Sync]:
    with scope(business=acme):
        yield factories.sync(acme)


def test_who_published_what_stands_in_the_trail(sync: Sync, alice: User) -> None:
    version = choosing.publish(sync, alice, "GST on every line")
    entry = AuditEntry.objects.get()
    assert entry.words == f"Published version {version.number} of “{sync}”: GST on every line"
    assert (entry.who, entry.action, entry.subject) == (alice.get_short_name(), "version.published", f"sync:{sync.pk}")


def test_what_the_portal_does_by_itself_is_told_by_its_name(sync: Sync) -> None:
    assert audit.record(sync.business_id, None, "sync.mode", sync, "Paused").who == "Fieldbridge"


def test_each_entry_names_the_one_before_and_a_changed_one_shows(sync: Sync, alice: User) -> None:
    first, second = (audit.record(sync.business_id, alice, "sync.mode", sync, words) for words in ("On", "Off"))
    assert second.previous_hash == first.hash
    again = list(AuditEntry.objects.order_by("pk"))
    assert [audit.entry_hash(entry) for entry in again] == [entry.hash for entry in again]
    again[0].who = "Somebody else"
    assert audit.entry_hash(again[0]) != again[0].hash


def test_the_trails_of_two_businesses_are_apart(sync: Sync, rival: Business) -> None:
    audit.record(sync.business_id, None, "sync.mode", sync, "On")
    with scope(business=rival):
        theirs = factories.sync(rival)
        assert audit.record(rival.pk, None, "sync.mode", theirs, "On").previous_hash == ""
