"""Twelve kinds of mismatches planted on both sides: all are found, and nothing else."""

import pytest

from portal.models import User
from syncs import deciding, fixing, reports
from syncs.deciding import Choice
from syncs.models import Link, Mismatch, Sync
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


def row(made: Field, kind: str) -> Mismatch:
    """Of the newest reports."""
    latest = [found.pk for sync in made.syncs if (found := reports.latest(sync))]
    return Mismatch.objects.select_related("sync", "link").get(report__in=latest, kind=kind)


def put_right(made: Field, kind: str, way: str, by: User, other: str = "") -> Mismatch:
    found = row(made, kind)
    fixing.fix(found, way, by, fixing.preview(found, way, other).shown, other=other)
    made.world.work()
    found.refresh_from_db()
    return found


def test_each_can_be_put_right_and_the_next_report_is_empty(sown: Field, alice: User) -> None:
    waiting(*sown.syncs)
    planting.plant(sown, alice)
    found(sown)
    pushed = ("missing", "field", "broken", "late", "status", "held")
    settled = {kind: put_right(sown, kind, "push", alice).state for kind in pushed}
    assert settled == {kind: "open" if kind == "held" else "settled" for kind in pushed}  # who that is, a person says
    for kind in ("amount", "tax", "client"):
        assert put_right(sown, kind, "replace", alice).state == "settled"
    assert put_right(sown, "held", "new", alice).state == "settled"
    assert put_right(sown, "duplicate", "void_copy", alice).state == "settled"
    assert [i["status"] for i in sown.world.stripe.invoices(sown.bills["Dan"])] == ["void", "open"]
    for kind in ("orphan", "payment"):
        assert put_right(sown, kind, "meant", alice).state == "ignored"
    sown.world.read_again(*sown.syncs[1:])
    rows = {r.kind: r.state for sync in sown.syncs for r in report(sown.world, sync).mismatches.all()}
    assert set(rows.values()) <= {"ignored"}, rows
    assert set(rows) <= {"orphan", "payment"}


def test_a_second_draft_that_was_opened_since_it_was_shown_is_asked_about_again(sown: Field, alice: User) -> None:
    """Deleting a draft costs nothing; voiding what can be paid is for good."""
    waiting(*sown.syncs)
    copy = planting.draft(sown.world, sown.bills["Dan"], sown.customer("Dan"))
    found(sown)
    shown = row(sown, "duplicate")
    seen = fixing.preview(shown, "void_copy")
    assert seen.plan is not None
    assert seen.plan.action == "delete"
    planting.post(sown.world, f"invoices/{copy}/finalize")
    fixing.fix(shown, "void_copy", alice, seen.shown)
    sown.world.work()
    (there,) = [i for i in sown.world.stripe.invoices() if i["id"] == copy]
    assert there["status"] == "open"
    held = Link.objects.get(target_id=copy)
    assert (held.state, held.cause_code) == ("held", "approve_void")
    deciding.decide(held, Choice.VOID, "", alice)
    sown.world.work()
    (there,) = [i for i in sown.world.stripe.invoices() if i["id"] == copy]
    assert there["status"] == "void"
