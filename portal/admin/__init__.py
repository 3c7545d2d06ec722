"""The Django admin for integration staff and support. Every module registers what it is about."""

from portal.admin import (
    alerts,
    approvals,
    audit,
    connections,
    incidents,
    money,
    operation,
    people,
    reconciliation,
    records,
    syncs,
    versions,
    whatif,
    working,
)

__all__ = [
    "alerts",
    "approvals",
    "audit",
    "connections",
    "incidents",
    "money",
    "operation",
    "people",
    "reconciliation",
    "records",
    "syncs",
    "versions",
    "whatif",
    "working",
]
