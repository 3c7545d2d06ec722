"""Keeping out what was erased: a record of an erased client, an old or a new one, is not stored when it is read."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connection

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


def kept(of: "Connection", resource: str, records: Sequence[Record], read_at: datetime) -> list[Record]:
    """Those that may be stored. What came anew for an erased client is noted as erased too, and nothing waits."""
    asked = {record.id for record in records} | {party for record in records for party in _parties(record)}
    known = set(Erased.objects.filter(connection=of, external_id__in=asked).values_list("resource", "external_id"))
    if not known:
        return list(records)
    people = {key for kind, key in known if kind in {"clients", "customers"}}
    barred = {r.id for r in records if (resource, r.id) in known or people & set(_parties(r))}
    fresh = [
        Erased(business_id=of.business_id, connection=of, resource=resource, external_id=key)
        for key in barred
        if (resource, key) not in known
    ]
    Erased.objects.bulk_create(fresh, ignore_conflicts=True)
    there = Snapshot.objects.filter(connection=of, resource=resource, external_id__in=barred)
    there.update(read_at=read_at, noticed_at=None)
    return [record for record in records if record.id not in barred]


#: As text: this is asked for every webhook, and a queryset takes ten times as long.
_CONCERNS = "SELECT EXISTS (SELECT 1 FROM syncs_erased WHERE connection_id = %s AND external_id IN ({}))"


def concerns(notice: Notice, connection_id: int) -> bool:
    """Whether a webhook speaks of what was erased."""
    asked = [notice.record_id, *(_parties(notice.hint) if notice.hint else ())]
    with connection.cursor() as cursor:
        cursor.execute(_CONCERNS.format(", ".join(["%s"] * len(asked))), [connection_id, *asked])
        return bool(cursor.fetchone()[0])


def _parties(record: Record) -> list[str]:
    return [str(record.data[name]) for name in _PARTY if record.data.get(name)]
