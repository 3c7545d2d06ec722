"""The Django admin for integration staff and support. Every module registers what it is about."""

from portal.admin import connections, money, operation, people, records, syncs, versions, working

__all__ = ["connections", "money", "operation", "people", "records", "syncs", "versions", "working"]
