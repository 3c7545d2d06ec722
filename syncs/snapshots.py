"""Keeping the latest known state of outside records."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from connectors.base import Record
from syncs import barring, bulk, finding, money, notice, recipes
from syncs.invoices.facts import ON_ITS_WAY
from syncs.models import Link, Snapshot, SnapshotHistory, Sync, Write
from syncs.models.incoming import SETTLING

if TYPE_CHECKING:
    from portal.models import Connection

#: Columns by which records are taken to be alike.
CLUES = ("email", "phone", "namesake")
#: Records with a phone, or a name and postcode, of others: so many are looked at in one go.
MOST_ALIKE = 500
#: A service may show an older state for a while. What it still shows so long after counts, whatever time it names: a
#: clock was set back, or a backup was put in place.
STILL_SHOWN = timedelta(minutes=10)
_STATE = (
    "data", "fingerprint", "updated_at", "deleted_at", "read_at", "label", "email", "phone", "namesake", "words",
    "references", "reference", "url", "created_at",
)  # fmt: skip


def known(connection: "Connection", resource: str, ids: Iterable[str]) -> dict[str, Snapshot]:
    found = Snapshot.objects.filter(connection=connection, resource=resource, external_id__in=list(ids))
    return {s.external_id: s for s in found}


def resembling(
    connection: "Connection", resource: str, like: Iterable[Snapshot], **named: Collection[str]
) -> QuerySet[Snapshot]:  # fmt: skip
    """Records there that share an email, a phone, or name and postcode with one of these, or whose column of that name
    holds one of the values.

    Each kind of clue is looked for by itself, so that it uses its own index. All with the same email are found; of what
    many have in common, such as a central's number, only so many as a person would look at.
    """
    there, rows = Snapshot.objects.filter(connection=connection, resource=resource, deleted_at=None), list(like)
    asked = {clue: {value for row in rows if (value := getattr(row, clue))} for clue in CLUES} | named
    parts = [_with(there, column, values) for column, values in asked.items() if values]
    if not parts:
        return Snapshot.objects.none()
    found = parts[0].union(*parts[1:]) if parts[1:] else parts[0]
    return Snapshot.objects.filter(pk__in=found).order_by("pk")


def _with(there: QuerySet[Snapshot], column: str, values: Collection[str]) -> QuerySet[Any]:
    rows = there.filter(**{f"{column}__in": values}).order_by()
    if column in CLUES and column != "email":
        rows = there.filter(pk__in=rows.order_by("pk").values("pk")[:MOST_ALIKE]).order_by()
    return rows.values("pk")


def save(
    connection: "Connection", resource: str, records: Sequence[Record], read_at: datetime, *, by: Sync,
    gone: Sequence[str] = (), answered: bool = False,
) -> tuple[dict[str, Snapshot], set[str]]:  # fmt: skip
    """As `keep`, without what was erased."""
    allowed = barring.kept(connection, resource, records, read_at)
    return keep(connection, resource, allowed, read_at, by=by, gone=gone, answered=answered)


def keep(
    connection: "Connection", resource: str, records: Sequence[Record], read_at: datetime, *, by: Sync,
    gone: Sequence[str] = (), answered: bool = False,
) -> tuple[dict[str, Snapshot], set[str]]:  # fmt: skip
    """Store what was read at `read_at` (the moment before asking) `by` a sync. Returns the snapshots and the ids that
    changed. `answered`: our own writes have shown it.

    An older state never overwrites a newer one, nor does one that may be older: it is read again later. A replaced
    state goes to the history. Other syncs of these records look again once it is stored: to their own reading, nothing
    would have changed any more.
    """
    before = known(connection, resource, [r.id for r in records] + list(gone))
    after: dict[str, Snapshot] = dict(before)
    replaced: list[SnapshotHistory] = []
    changed: list[Snapshot] = []
    same: list[int] = []
    doubtful = {} if answered else _as_before_us(connection, resource, records, before, read_at)
    for record in records:
        old = before.get(record.id)
        if record.id in doubtful or (old and _older(record, read_at, old)):
            continue
        if old and old.fingerprint == record.fingerprint and old.deleted_at is None:
            same.append(old.pk)
            old.read_at = read_at
            continue
        if old and old.fingerprint:
            replaced.append(_history(old))
        after[record.id] = _snapshot(connection, resource, record, read_at)
        changed.append(after[record.id])
    _store(changed, replaced, same, read_at)
    for key, until in doubtful.items():
        Snapshot.objects.filter(pk=before[key].pk).update(noticed_at=until)
    lost = [before[i] for i in gone if i in before]
    moved = [s.external_id for s in changed] + [s.external_id for s in lost if s.deleted_at is None]
    _tell_when_stored(connection, resource, moved, by)
    _mark_gone(lost, read_at)
    money.keep(connection, resource, changed)
    money.gone(connection, resource, gone)
    paid = {str(s.data.get("invoice") or "") for s in changed} - {""} if resource == "payments" else set()
    if paid:
        transaction.on_commit(lambda: _tell_invoices(connection, paid))
    return after, {s.external_id for s in changed}


def lose(connection: "Connection", resource: str, ids: Sequence[str], *, by: Sync) -> None:
    """A whole reading `by` a sync has not shown these: they are gone, for every sync of them. Inside a transaction."""
    held = Snapshot.objects.filter(connection=connection, resource=resource, external_id__in=ids, deleted_at=None)
    held.update(deleted_at=timezone.now())
    money.gone(connection, resource, ids)
    _tell_when_stored(connection, resource, ids, by)


def _tell_when_stored(connection: "Connection", resource: str, ids: Sequence[str], by: Sync) -> None:
    if ids and ((connection.connector, resource) in recipes.shared() or _read_by_others(connection, resource, by)):
        transaction.on_commit(lambda: _tell_others(connection, resource, ids, by))


def _read_by_others(connection: "Connection", resource: str, by: Sync) -> bool:
    """Whether another sync has the same source, as where records are shared out among several."""
    alike = Sync.objects.filter(source=connection, source_resource=resource).exclude(pk=by.pk)
    return alike.exists()


def _tell_others(connection: "Connection", resource: str, ids: Sequence[str], by: Sync) -> None:
    """In a transaction of its own: these links belong to workers of other lanes."""
    others = Sync.objects.filter(business_id=by.business_id).exclude(pk=by.pk).exclude(mode=Sync.Mode.OFF)
    sources = Q(sync__in=others.filter(source=connection, source_resource=resource), source_id__in=ids)
    targets = Q(sync__in=others.filter(target=connection, target_resource=resource), target_id__in=ids)
    rested = Link.objects.filter(sources | targets, noticed__lte=F("handled")).exclude(state=Link.State.ENDED)
    notice.again(rested, f"seen by {by}", timezone.now(), Link.Priority.LIVE)


def _tell_invoices(connection: "Connection", paid: Collection[str]) -> None:
    """A payment that these have waited for has moved on."""
    syncs = Sync.objects.filter(target=connection, target_resource="invoices").exclude(mode=Sync.Mode.OFF)
    waiting = Link.objects.filter(sync__in=syncs, target_id__in=paid, cause_code=ON_ITS_WAY)
    notice.again(waiting, "its payment has moved on", timezone.now(), Link.Priority.LIVE)


def seen_as(held: Snapshot, fingerprint: str) -> Snapshot | SnapshotHistory:
    """The latest state of this record that has this fingerprint; the one held where no other is kept."""
    if held.fingerprint == fingerprint:
        return held
    return _replaced(held).filter(fingerprint=fingerprint).order_by("-pk").first() or held


def as_of(held: Snapshot, moment: datetime) -> Snapshot | SnapshotHistory:
    """What was known of this record at that moment: the first state that was replaced after it, else the one held."""
    return _replaced(held).filter(replaced_at__gt=moment).order_by("replaced_at", "pk").first() or held


def _replaced(held: Snapshot) -> QuerySet[SnapshotHistory]:
    places = {f"snapshot__{name}": getattr(held, name) for name in ("connection_id", "resource", "external_id")}
    return SnapshotHistory.objects.filter(**places)


def _older(record: Record, read_at: datetime, old: Snapshot) -> bool:
    """Times are whole seconds at the services, so the same time says nothing: then the later reading counts."""
    here, there = record.updated_at, old.updated_at
    if here and there and here != there and read_at - old.read_at < STILL_SHOWN:
        return here < there
    return read_at < old.read_at


def _as_before_us(
    connection: "Connection", resource: str, records: Sequence[Record], before: Mapping[str, Snapshot],
    read_at: datetime,
) -> dict[str, datetime]:  # fmt: skip
    """Of records that name no time of change: those that look just as they did before our last write, a moment ago, and
    when to read them again. Somebody has set them back, or the service has shown an older state."""
    told = {
        record.id: record.fingerprint
        for record in records
        if record.updated_at is None
        and (old := before.get(record.id))
        and old.fingerprint not in {"", record.fingerprint}
    }
    if not told:
        return {}
    ours = Write.objects.filter(
        business_id=connection.business_id, connection=connection, resource=resource, target_id__in=told,
        state=Write.State.CONFIRMED, settled_at__gt=read_at - SETTLING,
    ).order_by("settled_at", "pk")  # fmt: skip
    last = {write.target_id: write for write in ours.only("target_id", "planned_on", "settled_at")}
    return {
        key: write.settled_at + SETTLING
        for key, write in last.items()
        if write.settled_at and write.planned_on == told[key]
    }


def _snapshot(connection: "Connection", resource: str, record: Record, read_at: datetime) -> Snapshot:
    return Snapshot(
        business_id=connection.business_id, connection=connection, resource=resource, external_id=record.id,
        data=record.data, fingerprint=record.fingerprint, updated_at=record.updated_at, read_at=read_at,
        label=record.label[:300], email=record.email[:512], phone=record.phone, namesake=record.namesake,
        words=finding.words_of(record), references=dict(record.references),
        reference=_reference(record)[:320], url=record.url[:500], created_at=record.created_at,
    )  # fmt: skip


def _reference(record: Record) -> str:
    """The cross reference it is found by: the first of them that a recipe writes."""
    known = recipes.references()
    return next((f"{name}={value}" for name, value in record.references.items() if value and name in known), "")


def _history(old: Snapshot) -> SnapshotHistory:
    return SnapshotHistory(
        business_id=old.business_id, snapshot=old, data=old.data, fingerprint=old.fingerprint,
        updated_at=old.updated_at, deleted_at=old.deleted_at, read_at=old.read_at,
    )  # fmt: skip


def _store(changed: list[Snapshot], replaced: list[SnapshotHistory], same: list[int], read_at: datetime) -> None:
    bulk.upsert_each(changed, ("connection", "resource", "external_id"), _STATE)
    bulk.insert_each(replaced)
    if same:
        Snapshot.objects.filter(pk__in=same, read_at__lt=read_at).update(read_at=read_at)


def _mark_gone(lost: Sequence[Snapshot], read_at: datetime) -> None:
    for snapshot in lost:
        snapshot.deleted_at = snapshot.deleted_at or timezone.now()
        snapshot.read_at = read_at
        Snapshot.objects.filter(pk=snapshot.pk).update(deleted_at=snapshot.deleted_at, read_at=read_at)
