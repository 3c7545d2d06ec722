"""The Django admin for integration staff and support. Every module registers what it is about."""

from portal.admin import audit, connections, money, operation, people, reconciliation, records, syncs, versions, working

__all__ = [
    "audit", "connections", "money", "operation", "people", "reconciliation", "records", "syncs", "versions", "working",
]  # fmt: skip
