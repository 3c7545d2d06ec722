"""Twelve kinds of mismatches planted on both sides: all are found, and nothing else."""

import pytest

from portal.models import User
from syncs.models import Sync
from syncs.reconciling import Kind
from tests.syncs import planting
from tests.syncs.planting import Field
from tests.syncs.test_reconciliation import report, waiting
from tests.syncs.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]


@pytest.fixture
def sown(here: World, invoices: Sync, alice: User) -> Field:
    return planting.sown(here, invoices, alice)


def found(made: Field) -> dict[str, list[str]]:
    """{kind: labels} of all three syncs."""
    rows: dict[str, list[str]] = {}
    for sync in made.syncs:
        for row in report(made.world, sync).mismatches.order_by("kind", "label"):
            rows.setdefault(row.kind, []).append(row.label)
    return rows


def test_each_is_found_and_nothing_else(sown: Field, alice: User) -> None:
    assert found(sown) == {}
    waiting(*sown.syncs)
    planting.plant(sown, alice)
    rows = found(sown)
    assert {k: len(v) for k, v in rows.items()} == dict.fromkeys(map(str, Kind), 1), rows
