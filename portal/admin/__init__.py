"""The Django admin for integration staff and support. Every module registers what it is about."""

from portal.admin import connections, operation, people, records, syncs, versions, working

__all__ = ["connections", "operation", "people", "records", "syncs", "versions", "working"]
