"""What-if: said before is what happens after; cancelled at once, gone on with after a crash, one at a time."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from portal import ticking
from portal.models import User
from syncs import choosing, tasks, whatif
from syncs.mapping import MappingError
from syncs.models import AuditEntry, Link, Rule, Snapshot, Sync, WhatIf, WhatIfRecord, Write
from syncs.tallying import DRAFT, LIVE, written
from tests.syncs.world import World

NAMES = ("Ann", "Ben", "Cy", "Dee", "Eve", "Flo")


@pytest.fixture
def filled(here: World) -> World:
    """Six clients in step, one of them with a company."""
    for name in NAMES:
        more = {"companyName": "Low & Sons", "isCompany": True} if name == "Ben" else {}
        here.jobber.add(name, "Lee", f"{name.lower()}@example.com", **more)
    here.read_again()
    assert here.ledger()["seen"] == len(NAMES)
    return here


def draft(sync: Sync) -> None:
    """Names in capitals, a constant beside them, and Flo is left out."""
    sync.mappings.filter(target_path="name").update(sources=["name"], transforms=[{"name": "case", "to": "upper"}])
    sync.mappings.create(
        business_id=sync.business_id, sources=["id"], target_path="description", position=900,
        transforms=[{"name": "constant", "text": "From Jobber"}],
    )  # fmt: skip
    Rule.objects.create(
        business_id=sync.business_id, sync=sync, name="No Flo", outcome="skip", reason="Not her.",
        condition={"all": [{"field": "first_name", "operator": "is", "value": "Flo"}]},
    )  # fmt: skip


def asked(world: World, scope: str = "all") -> WhatIf:
    found = whatif.start(world.sync, None, scope)
    whatif.work(found.pk)
    found.refresh_from_db()
    return found


def test_what_was_said_is_what_happens(filled: World) -> None:
    draft(filled.sync)
    late = filled.jobber.add("Gus", "Lee", "gus@example.com")
    filled.work()
    choosing.pause(filled.sync, Sync.Mode.PREVIEW, None)
    choosing.review(filled.sync)
    filled.work()
    calls = filled.calls()
    found = asked(filled)
    assert (found.state, found.done, found.total, filled.calls()) == ("done", 7, 7, calls)
    assert found.counts[LIVE] == {"in_step": 6, "create": 1}
    assert found.counts[DRAFT] == {"update": 5, "create": 1, "leave_out": 1}
    assert found.counts["differ"] == 7
    assert found.estimates[DRAFT]["write"] == 6

    last = Write.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    choosing.publish(filled.sync, None, "as tried")
    filled.go_live()
    made = Write.objects.filter(pk__gt=last, state="confirmed")
    assert Counter(w.verb for w in made) == {"update": 5, "create": 1}
    assert dict(Counter(path for w in made for path in w.params)) == written(found.fields, DRAFT)
    assert filled.ledger()["skipped"] == 1
    said = {r.link_id: {path: after for path, _, after in r.draft["changes"]} for r in found.records.all() if r.draft}
    assert {w.link_id: w.params for w in made} == {key: changes for key, changes in said.items() if changes}
    [gus] = filled.stripe.of(late)
    assert (gus["name"], gus["description"]) == ("GUS LEE", "From Jobber")


def test_fields_come_with_examples_and_reasons(filled: World) -> None:
    draft(filled.sync)
    found = asked(filled)
    name = found.fields["|name"]
    assert (name["draft"], name["differ"], name.get("live", 0)) == (5, 5, 0)
    assert ["Ann Lee", "Ann Lee", "ANN LEE"] in name["examples"]
    assert len(name["examples"]) == 3
    flo = found.records.get(label="Flo Lee")
    assert (flo.live_outcome, flo.draft_outcome, flo.differs) == ("in_step", "leave_out", True)
    assert "Left out by the rule “No Flo”: Not her." in flo.draft_reason


def test_only_what_changed_lately(filled: World) -> None:
    old = timezone.now() - timedelta(days=40)
    Snapshot.objects.filter(resource="clients", email__in=["ann@example.com", "ben@example.com"]).update(updated_at=old)
    draft(filled.sync)
    found = asked(filled, "recent")
    assert (found.total, found.done, found.counts[DRAFT]) == (4, 4, {"update": 3, "leave_out": 1})


def test_nobody_outside_is_asked(filled: World, request: pytest.FixtureRequest) -> None:
    draft(filled.sync)
    request.getfixturevalue("alone")
    before = [list(model.objects.order_by("pk").values()) for model in (Link, Snapshot, Write)]
    assert asked(filled).state == "done"
    assert [list(model.objects.order_by("pk").values()) for model in (Link, Snapshot, Write)] == before


def test_the_sums_of_invoices(here: World, invoices: Sync) -> None:
    ann = here.jobber.add("Ann", "Lee", "ann@example.com")
    for price in ("100.00", "80.50"):
        here.jobber.bill(ann, [("Work", "1", price)])
    here.read_again(invoices)
    here.forget_waits()  # the second waits for the tax rate that the first has made
    here.work()
    invoices.refresh_from_db()
    invoices.mappings.filter(target_path="description").update(transforms=[{"name": "case", "to": "upper"}])
    here.sync = invoices
    found = asked(here)
    assert found.counts[DRAFT] == {"update": 2}
    assert found.sums[DRAFT] == {"update": {"AUD": [2, 19855]}}
    assert found.sums[LIVE] == {"in_step": {"AUD": [2, 19855]}}
    assert found.estimates[DRAFT]["calls"] >= 2
    assert "a second" in found.estimates["rests_on"]


def test_two_presses_make_one(filled: World, alice: User) -> None:
    draft(filled.sync)
    first, second = (whatif.start(filled.sync, alice, "all") for _ in range(2))
    assert first.pk == second.pk
    assert WhatIf.objects.count() == 1
    [entry] = AuditEntry.objects.filter(action="what_if.started")
    assert (entry.who, entry.details["records"]) == ("Alice", 6)
    assert "try_out" in OrmQ.objects.latest("pk").func()


def test_a_draft_that_cannot_work_is_not_tried(filled: World) -> None:
    filled.sync.mappings.filter(target_path="name").update(transforms=[{"name": "no_such"}])
    with pytest.raises(MappingError, match="no_such"):
        whatif.start(filled.sync, None, "all")
    assert WhatIf.objects.count() == 0


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whatif, "SLICE", 2)


def test_a_worker_that_was_killed_is_followed_by_another(filled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    draft(filled.sync)
    found = whatif.start(filled.sync, None, "all")
    whatif.work(found.pk, seconds=0)
    plain, killed = whatif.bulk.insert_each, []

    def dies(rows: Any) -> None:
        plain(rows)
        killed.append(len(rows))
        raise SystemExit("killed in the middle of a slice")

    monkeypatch.setattr(whatif.bulk, "insert_each", dies)
    with pytest.raises(SystemExit):
        whatif.work(found.pk)
    monkeypatch.setattr(whatif.bulk, "insert_each", plain)
    found.refresh_from_db()
    assert (found.done, WhatIfRecord.objects.count(), killed) == (2, 2, [2])

    OrmQ.objects.all().delete()
    ticking.try_again()
    assert OrmQ.objects.count() == 0, "it may still be worked"
    WhatIf.objects.update(woken_at=timezone.now() - whatif.LOST * 2)
    ticking.try_again()
    assert "try_out" in OrmQ.objects.get().func()
    tasks.try_out(found.pk)
    found.refresh_from_db()
    assert (found.state, found.done, WhatIfRecord.objects.count()) == ("done", 6, 6)
    assert found.counts[DRAFT] == {"update": 5, "leave_out": 1}


def test_cancelled_in_the_middle_of_a_slice(filled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    draft(filled.sync)
    found = whatif.start(filled.sync, None, "all")
    whatif.work(found.pk, seconds=0)
    plain = whatif._tried

    def meanwhile(*given: Any) -> Any:
        assert whatif.cancel(found)
        return plain(*given)

    monkeypatch.setattr(whatif, "_tried", meanwhile)
    whatif.work(found.pk)
    found.refresh_from_db()
    assert (found.state, found.done, WhatIfRecord.objects.count()) == ("cancelled", 2, 2)
    assert not whatif.cancel(found)
    again = whatif.start(filled.sync, None, "all")
    assert again.pk != found.pk


def test_two_workers_count_nothing_twice(filled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    draft(filled.sync)
    found = whatif.start(filled.sync, None, "all")
    plain, nested = whatif._tried, []

    def other(*given: Any) -> Any:
        if not nested:
            nested.append(True)
            whatif.work(found.pk)
        return plain(*given)

    monkeypatch.setattr(whatif, "_tried", other)
    whatif.work(found.pk)
    found.refresh_from_db()
    assert (found.state, found.done, WhatIfRecord.objects.count()) == ("done", 6, 6)
    assert sum(found.counts[DRAFT].values()) == 6


def test_what_cannot_be_planned_ends_it_with_a_word(filled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    draft(filled.sync)
    found = whatif.start(filled.sync, None, "all")
    monkeypatch.setattr(whatif.trying, "trial", lambda *given: 1 / 0)
    whatif.work(found.pk)
    found.refresh_from_db()
    assert (found.state, found.cause) == (
        "failed", "A record could not be planned (ZeroDivisionError). Nothing was changed by trying.",
    )  # fmt: skip


def test_the_latest_of_exactly_this_draft(filled: World) -> None:
    draft(filled.sync)
    found = asked(filled)
    content = choosing.checked_draft(filled.sync)
    assert whatif.last_of(filled.sync, content) == found
    assert whatif.last_of(filled.sync, {**content, "options": {}}) is None


def test_records_go_after_thirty_days_and_the_counts_stay(filled: World) -> None:
    draft(filled.sync)
    found = asked(filled)
    ticking.prune()
    assert WhatIfRecord.objects.count() == 6
    WhatIf.objects.update(finished_at=timezone.now() - timedelta(days=31))
    ticking.prune()
    assert WhatIfRecord.objects.count() == 0
    assert WhatIf.objects.get(pk=found.pk).counts[DRAFT] == {"update": 5, "leave_out": 1}
