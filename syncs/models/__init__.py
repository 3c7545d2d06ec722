"""The rows that are the truth: what is configured, what was noticed, planned and written."""

from syncs.models.approvals import Approval
from syncs.models.audit import AuditEntry
from syncs.models.configuration import Approver, FieldMapping, Outcome, Owner, Raiser, Rule, Sync, Version, WriteMode
from syncs.models.erased import Erased
from syncs.models.incoming import Event, Run, Snapshot, SnapshotHistory
from syncs.models.ledger import Attempt, ChainHead, Write
from syncs.models.money import Invoice, Payment
from syncs.models.reconciliation import Mismatch, Report
from syncs.models.whatif import WhatIf, WhatIfRecord
from syncs.models.working import Incident, Lane, Link

__all__ = [
    "Approval",
    "Approver",
    "Attempt",
    "AuditEntry",
    "ChainHead",
    "Erased",
    "Event",
    "FieldMapping",
    "Incident",
    "Invoice",
    "Lane",
    "Link",
    "Mismatch",
    "Outcome",
    "Owner",
    "Payment",
    "Raiser",
    "Report",
    "Rule",
    "Run",
    "Snapshot",
    "SnapshotHistory",
    "Sync",
    "Version",
    "WhatIf",
    "WhatIfRecord",
    "Write",
    "WriteMode",
]
