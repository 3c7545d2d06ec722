"""Keeping out what was erased: a record of an erased client, an old or a new one, is not stored when it is read."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from connectors.base import Notice, Record
from syncs.models import Erased, Snapshot

if TYPE_CHECKING:
    from portal.models import Connection

#: Where a record names the client or customer that it belongs to.
_PARTY = ("client_id", "customer")


def ids(connection_id: int, resource: str, asked: Iterable[str]) -> set[str]:
    """Which of these records were erased."""
    found = Erased.objects.filter(connection=connection_id, resource=resource, external_id__in=list(asked))
    return set(found.values_list("external_id", flat=True))


def kept(connection: "Connection", resource: str, records: Sequence[Record], read_at: datetime) -> list[Record]:
    """Those that may be stored. What came anew for an erased client is noted as erased too, and nothing waits."""
    asked = {record.id for record in records} | {party for record in records for party in _parties(record)}
    known = set(
        Erased.objects.filter(connection=connection, external_id__in=asked).values_list("resource", "external_id")
    )
    if not known:
        return list(records)
    people = {key for kind, key in known if kind in {"clients", "customers"}}
    barred = {r.id for r in records if (resource, r.id) in known or people & set(_parties(r))}
    fresh = [
        Erased(business_id=connection.business_id, connection=connection, resource=resource, external_id=key)
        for key in barred
        if (resource, key) not in known
    ]
    Erased.objects.bulk_create(fresh, ignore_conflicts=True)
    there = Snapshot.objects.filter(connection=connection, resource=resource, external_id__in=barred)
    there.update(read_at=read_at, noticed_at=None)
    return [record for record in records if record.id not in barred]


def concerns(notice: Notice, connection_id: int) -> bool:
    """Whether a webhook speaks of what was erased."""
    asked = {notice.record_id, *(_parties(notice.hint) if notice.hint else ())}
    return Erased.objects.filter(connection=connection_id, external_id__in=asked).exists()


def _parties(record: Record) -> list[str]:
    return [str(record.data[name]) for name in _PARTY if record.data.get(name)]
