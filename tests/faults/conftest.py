"""The world of the engine's tests: a business with both accounts at sandboxes over real HTTP."""

from tests.syncs.conftest import here, invoices, world

__all__ = ["here", "invoices", "world"]
