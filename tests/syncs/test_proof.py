"""Whoever changes what is written down is found out: the first entry that is not as it was is named."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from django_scopes import scope

from portal.models import Business, User
from syncs import audit, ledger, proof
from syncs.models import AuditEntry, Link, Sync, Write
from syncs.models.audit import AppendOnly
from tests import factories


@pytest.fixture
def sync(acme: Business) -> Iterator[Sync]:
    with scope(business=acme):
        yield factories.sync(acme)


@pytest.fixture
def entries(sync: Sync, alice: User) -> list[AuditEntry]:
    return [audit.record(sync.business_id, alice, "sync.mode", sync, f"Step {n}", n=n) for n in range(1, 6)]


@pytest.fixture
def writes(sync: Sync) -> list[Write]:
    link = factories.link(sync, factories.client(sync.business, sync.source))
    ledger.append(sync.business_id, [_write(link, n) for n in range(1, 4)])
    return list(Write.objects.order_by("pk"))


def _write(link: Link, number: int) -> Write:
    return Write(
        business_id=link.business_id, link=link, connection=link.sync.target, verb="update", resource="customers",
        key=f"key-{number}", params={"name": f"Ann {number}"}, intended_at=timezone.now(),
    )  # fmt: skip


def sql(statement: str, *values: Any) -> None:
    """As somebody does it who has the database and not the portal."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def broken(sync: Sync) -> str:
    found = proof.of(sync.business_id).broken
    assert found
    return str(found)


def test_what_nobody_touched_is_as_it_was_written(sync: Sync, entries: list[AuditEntry], writes: list[Write]) -> None:
    found = proof.of(sync.business_id)
    assert (found.broken, found.entries, found.writes) == (None, 5, 3)
    assert (found.trail_head, found.ledger_head) == (entries[-1].hash, writes[-1].hash)


def test_a_business_without_any_is_as_it_was_written(sync: Sync) -> None:
    assert proof.of(sync.business_id).broken is None


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("words", "Somebody else did it", "its words or details were changed"),
        ("details", '{"n": 7}', "its words or details were changed"),
        ("who", "Bob", "it says Bob, sync.mode"),
        ("action", "sync.none", "it says Alice, sync.none"),
        ("subject", "sync:9999", "sync:9999"),
        ("at", "2020-01-01 00:00:00+00:00", "when, who, what or about what was changed"),
    ],
)
def test_a_changed_entry_is_named(
    sync: Sync, entries: list[AuditEntry], column: str, value: str, said: str
) -> None:  # fmt: skip
    sql(f"UPDATE syncs_auditentry SET {column} = %s WHERE id = %s", value, entries[2].pk)
    assert broken(sync).startswith("audit trail, entry 3 of ")
    assert said in broken(sync)


def test_a_removed_entry_is_named_by_the_one_after_it(sync: Sync, entries: list[AuditEntry]) -> None:
    sql("DELETE FROM syncs_auditentry WHERE id = %s", entries[1].pk)
    assert broken(sync).startswith("audit trail, entry 2 of ")
    assert "does not follow the entry before it" in broken(sync)


def test_a_removed_beginning_is_named(sync: Sync, entries: list[AuditEntry]) -> None:
    sql("DELETE FROM syncs_auditentry WHERE id <= %s", entries[1].pk)
    assert broken(sync).startswith("audit trail, entry 1 of ")


def test_two_entries_in_each_others_place_are_named(sync: Sync, entries: list[AuditEntry]) -> None:
    first, second = entries[1].pk, entries[2].pk
    for old, new in ((first, -1), (second, first), (-1, second)):
        sql("UPDATE syncs_auditentry SET id = %s WHERE id = %s", new, old)
    assert broken(sync).startswith("audit trail, entry 2 of ")


@pytest.mark.parametrize("left", [4, 1, 0])
def test_a_cut_off_end_is_named(sync: Sync, entries: list[AuditEntry], left: int) -> None:
    sql("DELETE FROM syncs_auditentry WHERE id > %s", entries[left - 1].pk if left else 0)
    assert broken(sync).startswith(f"audit trail, entry {left + 1}")
    assert "the chain ended later once" in broken(sync)


def test_a_changed_write_is_named(sync: Sync, writes: list[Write]) -> None:
    sql("UPDATE syncs_write SET params = %s WHERE id = %s", '{"name": "Bea"}', writes[1].pk)
    assert broken(sync).startswith("ledger of writes, entry 2 of ")
    assert broken(sync).endswith("what was sent was changed")


def test_a_removed_write_is_named(sync: Sync, writes: list[Write]) -> None:
    sql("DELETE FROM syncs_write WHERE id = %s", writes[0].pk)
    assert broken(sync).startswith("ledger of writes, entry 1 of ")


def test_nothing_passes_for_erased_that_the_trail_does_not_say(
    sync: Sync, entries: list[AuditEntry], writes: list[Write]
) -> None:
    sql("UPDATE syncs_auditentry SET words = %s, nonce = %s WHERE id = %s", "(erased)", "", entries[0].pk)
    assert broken(sync).startswith("audit trail, entry 1 of ")


def test_the_command_names_the_business_and_fails(acme: Business, rival: Business, entries: list[AuditEntry]) -> None:
    out = io.StringIO()
    call_command("verify_audit", stdout=out)
    assert f"{acme} ({acme.pk}): 5 entries and 0 writes, all as they were written." in out.getvalue()
    sql("UPDATE syncs_auditentry SET words = %s WHERE id = %s", "No", entries[3].pk)
    with pytest.raises(CommandError, match="1 of the businesses"):
        call_command("verify_audit", stdout=out)
    assert f"{acme} ({acme.pk}): BROKEN at audit trail, entry 4 of " in out.getvalue()
    call_command("verify_audit", business=rival.name, stdout=out)
    with pytest.raises(CommandError, match="no business"):
        call_command("verify_audit", business="999999", stdout=out)


def test_the_portal_itself_cannot_change_an_entry(entries: list[AuditEntry]) -> None:
    for act in (
        entries[0].save, entries[0].delete, AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(words="No"), lambda: AuditEntry.objects.filter(pk=1).delete(),
    ):  # fmt: skip
        with pytest.raises(AppendOnly):
            act()
    assert AuditEntry.objects.count() == 5
