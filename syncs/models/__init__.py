"""The rows that are the truth: what is configured, what was noticed, planned and written."""

from syncs.models.configuration import FieldMapping, Owner, Sync, Version, WriteMode
from syncs.models.incoming import Event, Run, Snapshot, SnapshotHistory
from syncs.models.ledger import Attempt, ChainHead, Write
from syncs.models.money import Invoice, Payment
from syncs.models.working import Incident, Lane, Link

__all__ = [
    "Attempt",
    "ChainHead",
    "Event",
    "FieldMapping",
    "Incident",
    "Invoice",
    "Lane",
    "Link",
    "Owner",
    "Payment",
    "Run",
    "Snapshot",
    "SnapshotHistory",
    "Sync",
    "Version",
    "Write",
    "WriteMode",
]
