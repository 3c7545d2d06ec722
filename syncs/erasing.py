"""Erasing one client: what is held of them here is removed, and the proof of what was done stays whole.

What is erased is the content: names, addresses, what was planned, sent and said. What stays is that something was done,
when, by whom and to which id at the service, so that both chains can still be reckoned (syncs.proof). Their records are
kept out from then on (syncs.barring). Nothing is deleted at the outside services: their owner decides that there.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, Model, Q, QuerySet
from django.utils import timezone

from syncs import audit, proof, sweeping
from syncs.looking import ERASED, ERASED_WORDS
from syncs.models import (
    Approval,
    Attempt,
    AuditEntry,
    Erased,
    Event,
    Invoice,
    Lane,
    Link,
    Mismatch,
    Payment,
    Snapshot,
    SnapshotHistory,
    WhatIfRecord,
    Write,
)

if TYPE_CHECKING:
    from portal.models import User

type Key = tuple[int, str, str]
GONE = "(erased)"
_PLAN = {"verdict": "skip", "code": ERASED, "reason": ERASED_WORDS, "changes": [], "warnings": []}
#: Ids of one entry of the trail: an entry is a line to read, not a table.
AT_ONCE = 500
_ROUNDS = 5


@dataclass
class Theirs:
    """All that is held of one client: records as (connection, resource, id there), and what keeps them in step."""

    link: Link
    keys: set[Key] = field(default_factory=set)
    links: set[int] = field(default_factory=set)

    def where(self, record: str, resource: str = "resource", connection: str = "connection") -> Q:
        """Rows that name one of these records by these columns."""
        found = Q(pk__in=[])
        for held, kind in {(c, r) for c, r, _ in self.keys}:
            ids = [key for c, r, key in self.keys if (c, r) == (held, kind)]
            named = {f"{record}__in": ids, connection: held}
            found |= Q(**named, **({resource: kind} if resource else {}))
        return found

    def rows(self) -> dict[str, QuerySet[Model]]:
        """What there is of them, table by table: what is exported, counted and erased."""
        by_link = {"link__in": self.links}
        snapshots = Snapshot.objects.filter(self.where("external_id"))
        theirs: dict[str, QuerySet[Model]] = {
            "records": snapshots,
            "earlier states": SnapshotHistory.objects.filter(snapshot__in=snapshots.values("pk")),
            "links": Link.objects.filter(pk__in=self.links),
            "looks": Attempt.objects.filter(**by_link),
            "writes": Write.objects.filter(**by_link),
            "approvals": Approval.objects.filter(**by_link),
            "mismatches": Mismatch.objects.filter(Q(**by_link) | self._named()),
            "records of what-ifs": WhatIfRecord.objects.filter(**by_link),
            "webhooks": Event.objects.filter(self.where("record_id")),
            "invoices": Invoice.objects.filter(self.where("external_id", "")),
            "payments": Payment.objects.filter(self.where("external_id", "")),
            "audit entries": AuditEntry.objects.filter(subject__in=[f"link:{pk}" for pk in self.links]),
        }
        return theirs

    def _named(self) -> Q:
        found = Q(pk__in=[])
        for side in ("source", "target"):
            found |= self.where(f"{side}_id", f"sync__{side}_resource", f"sync__{side}")
        return found


def of(link: Link) -> Theirs:
    """`link`: what keeps the client in step. With their invoices and payments on both sides."""
    found = Theirs(link)
    _take(found, [link])
    for _ in range(_ROUNDS):
        before = len(found.keys)
        _books(found)
        _take(found, Link.objects.filter(_either(found)).select_related("sync"))
        if len(found.keys) == before:
            break
    return found


def _take(found: Theirs, links: Iterable[Link]) -> None:
    for link in links:
        found.links.add(link.pk)
        found.keys.add((link.sync.source_id, link.sync.source_resource, link.source_id))
        if link.target_id:
            found.keys.add((link.sync.target_id, link.sync.target_resource, link.target_id))


def _either(found: Theirs) -> Q:
    here = found.where("source_id", "sync__source_resource", "sync__source")
    return here | found.where("target_id", "sync__target_resource", "sync__target")


def _books(found: Theirs) -> None:
    people, bills = Q(pk__in=[]), Q(pk__in=[])
    paid = Q(pk__in=[])
    for connection, resource, key in found.keys:
        if resource in {"clients", "customers"}:
            people |= Q(connection=connection, party_id=key)
            paid |= Q(connection=connection, customer_id=key)
        elif resource == "invoices":
            bills |= Q(connection=connection, external_id=key)
            paid |= Q(connection=connection, invoice_id=key)
    invoices = Invoice.objects.filter(people | bills).values_list("connection", "external_id")
    found.keys |= {(connection, "invoices", key) for connection, key in invoices}
    payments = Payment.objects.filter(paid).values_list("connection", "external_id")
    found.keys |= {(connection, "payments", key) for connection, key in payments}


# Erasing


@transaction.atomic
def erase(link: Link, by: "User") -> dict[str, int]:
    """All of it, at once or not at all. Returns how many rows of what were erased."""
    _take_away(of(link))
    theirs = of(link)
    rows = theirs.rows()
    names = sweeping.names(rows["records"], rows["earlier states"])
    counts = {name: found.count() for name, found in rows.items()}
    entries = set(rows["audit entries"].values_list("pk", flat=True))
    writes = set(rows["writes"].values_list("pk", flat=True))
    _bar(theirs)
    _blank(theirs, rows)
    entries |= _entries_with(link.business_id, names)
    counts["other rows that named them"] = sweeping.sweep(link.business_id, names)
    _erase_entries(link.business_id, entries)
    _own_up(link, by, sorted(entries), sorted(writes), counts)
    return counts


def _take_away(theirs: Theirs) -> None:
    """Whoever works on them just now has lost the lane, and stores nothing of what they know. The next worker comes
    when that lease would have ended: what is under way has its answer by then."""
    lanes = Lane.objects.filter(pk__in=Link.objects.filter(pk__in=theirs.links).values("sync__lane"))
    for lane in lanes.order_by("pk").select_for_update():
        Lane.objects.filter(pk=lane.pk).update(lease="")


def _bar(theirs: Theirs) -> None:
    business_id = theirs.link.business_id
    rows = [Erased(business_id=business_id, connection_id=c, resource=r, external_id=key) for c, r, key in theirs.keys]
    Erased.objects.bulk_create(rows, ignore_conflicts=True)


def _blank(theirs: Theirs, rows: dict[str, QuerySet[Model]]) -> None:
    now = timezone.now()
    rows["links"].update(
        label=GONE, base={}, rendered={}, decision={}, flags="", cause_code=ERASED, cause=ERASED_WORDS, next_try=None,
        state=Link.State.SKIPPED, verdict="skip", handled=F("noticed"), since=now, waits_for=None,
    )  # fmt: skip
    rows["looks"].update(plan=_PLAN, error="")
    begun = rows["writes"].filter(state__in=[Write.State.INTENDED, Write.State.UNKNOWN])
    begun.update(state=Write.State.UNLEARNT, settled_at=now)
    rows["writes"].update(params={}, agreed=None, nonce="", error="", answer="")
    waiting = rows["approvals"].filter(state=Approval.State.WAITING)
    waiting.update(state=Approval.State.OVERTAKEN, decided_at=now)
    rows["approvals"].update(plan=_PLAN, edits={}, reason="", shown="")
    rows["mismatches"].update(label=GONE, words=ERASED_WORDS, fields=[], why="", fix="", fingerprint="")
    rows["records of what-ifs"].delete()
    rows["webhooks"].update(body="")
    rows["payments"].update(method="", failure="")
    rows["earlier states"].delete()
    rows["records"].delete()


def _entries_with(business_id: int, names: sweeping.Names) -> set[int]:
    found = AuditEntry.objects.filter(business_id=business_id)
    return {row.pk for row in sweeping.having(found, ("words", "details"), names)}


def _erase_entries(business_id: int, entries: set[int]) -> None:
    """The one way in which an entry of the trail loses its words: its seal stays, and `_own_up` says that it did."""
    rows = AuditEntry._base_manager.filter(business_id=business_id, pk__in=entries)
    rows.exclude(action__in=(proof.ERASED, proof.PRUNED)).update(words=GONE, details={}, nonce="")


def _own_up(link: Link, by: "User", entries: list[int], writes: list[int], counts: dict[str, int]) -> None:
    words = "Erased a client: what was held of them here is gone"
    parts = max(1, -(-max(len(entries), len(writes)) // AT_ONCE))
    for part in range(parts):
        some = slice(part * AT_ONCE, (part + 1) * AT_ONCE)
        said = {"entries": entries[some], "writes": writes[some], **({} if part else {"counts": counts})}
        audit.record(link.business_id, by, proof.ERASED, link, words, **said)
