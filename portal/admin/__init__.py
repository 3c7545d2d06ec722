"""The Django admin for integration staff and support. Every module registers what it is about."""

from portal.admin import (
    approvals,
    audit,
    connections,
    money,
    operation,
    people,
    records,
    syncs,
    versions,
    working,
)

__all__ = [
    "approvals",
    "audit",
    "connections",
    "money",
    "operation",
    "people",
    "records",
    "syncs",
    "versions",
    "working",
]
