"""Reckoning both chains of a business again: is all there, in order, and as it was written?

A chain is followed from its beginning to the head that the business's row of heads names. What was erased or pruned
is told from what was tampered with by the entry of the trail that says so, which is a link of the chain itself.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from syncs import audit, ledger
from syncs.models import AuditEntry, ChainHead, Write

#: Entries of the trail that account for what is not there any more.
ERASED, PRUNED = "privacy.erased", "retention.pruned"
TRAIL, WRITES = "audit trail", "ledger of writes"
type Entry = AuditEntry | Write


@dataclass(frozen=True, slots=True)
class Broken:
    """The first entry that is not as it was written."""

    chain: str
    number: int
    at: datetime | None
    what: str

    def __str__(self) -> str:
        when = f" of {self.at:%Y-%m-%d %H:%M:%S} UTC" if self.at else ""
        return f"{self.chain}, entry {self.number}{when}: {self.what}"


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found, and where both chains end: to be compared with what was noted elsewhere before."""

    entries: int
    writes: int
    trail_head: str
    ledger_head: str
    broken: Broken | None


@dataclass
class Gone:
    """What is not there any more, as the trail itself says."""

    entries: frozenset[int] = frozenset()
    writes: frozenset[int] = frozenset()
    #: What was sent in writes up to this one is no longer kept.
    writes_until: int = 0
    #: So many entries before this hash are no longer kept.
    pruned: int = 0
    before: str = ""


def of(business_id: int) -> Proof:
    """Inside the business's scope. Rows are read one by one, so that a long chain fits."""
    head = ChainHead.objects.filter(business_id=business_id).first() or ChainHead(business_id=business_id)
    gone = accounted(business_id)
    trail = _Walk(TRAIL, head.audit_hash, gone.before, gone.pruned)
    sent = _Walk(WRITES, head.hash, "", 0)
    rows = AuditEntry.objects.filter(business_id=business_id).order_by("pk").iterator()
    found = trail.along(rows, _entry_as_written(gone))
    rows_sent = Write.objects.filter(business_id=business_id).defer("answer").order_by("pk").iterator()
    found = found or sent.along(rows_sent, _write_as_sent(gone))
    return Proof(trail.count, sent.count, head.audit_hash, head.hash, found)


def accounted(business_id: int) -> Gone:
    found = Gone()
    for row in AuditEntry.objects.filter(business_id=business_id, action__in=(ERASED, PRUNED)).order_by("pk"):
        said = row.details
        found.entries |= frozenset(said.get("entries", ()))
        found.writes |= frozenset(said.get("writes", ()))
        found.writes_until = max(found.writes_until, said.get("writes_until", 0))
        if said.get("before"):
            found.pruned, found.before = said["pruned"], said["before"]
    return found


@dataclass
class _Walk:
    chain: str
    head: str
    previous: str
    count: int

    def along(self, rows: Iterable[Entry], wrong: Callable[[Entry, str], str]) -> Broken | None:
        at: datetime | None = None
        ended = self.previous == self.head
        for row in rows:
            at = row.at if isinstance(row, AuditEntry) else row.intended_at
            what = self._wrong(row, wrong)
            if what:
                return Broken(self.chain, self.count + 1, at, what)
            self.count, self.previous = self.count + 1, row.hash
            ended = ended or row.hash == self.head
        if not ended:
            return Broken(self.chain, self.count + 1, at, "it is missing, and all after it: the chain ended later once")
        return None

    def _wrong(self, row: Entry, wrong: Callable[[Entry, str], str]) -> str:
        if row.previous_hash != self.previous:
            return "it does not follow the entry before it: something between was removed, added or put elsewhere"
        return wrong(row, self.previous)


def _entry_as_written(gone: Gone) -> Callable[[Entry, str], str]:
    def wrong(row: Entry, _: str) -> str:
        assert isinstance(row, AuditEntry)  # noqa: S101  # for the type checker
        erased = row.pk in gone.entries and not row.nonce
        if not (erased and not row.seal) and audit.entry_hash(row) != row.hash:
            return f"when, who, what or about what was changed (it says {row.who}, {row.action}, {row.subject})"
        if row.seal and not erased and audit.sealed(row.nonce, row.words, row.details) != row.seal:
            return f"its words or details were changed (they say “{row.words}”)"
        return ""

    return wrong


def _write_as_sent(gone: Gone) -> Callable[[Entry, str], str]:
    def wrong(row: Entry, previous: str) -> str:
        assert isinstance(row, Write)  # noqa: S101  # for the type checker
        erased = not row.nonce and not row.params and (row.pk in gone.writes or row.pk <= gone.writes_until)
        if not (erased and not row.seal) and ledger.entry_hash(previous, row) != row.hash:
            return f"what was to be done, or to which record, was changed (it says {row.verb} {row.resource})"
        if row.seal and not erased and audit.sealed(row.nonce, row.params) != row.seal:
            return "what was sent was changed"
        return ""

    return wrong
