"""Putting right what a report found: what each way would write, and having it written by notices and decisions.

Nothing is written from here. Each way ends as a mark on a link, with a decision where it takes one; the look that
follows settles the mismatch or says why it is still there (syncs.reports).
"""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connectors.base import Record
from syncs import audit, deciding, lanes, looking, notice, recipes, reports, snapshots, trying
from syncs.deciding import Choice, TooLate
from syncs.invoices.case import COPY
from syncs.looking import Look
from syncs.matching import WORTH_ASKING, likeness
from syncs.models import Link, Mismatch, Snapshot, Sync
from syncs.planning import Plan, Verdict
from syncs.reconciling import Fix, Kind

if TYPE_CHECKING:
    from portal.models import User

#: Decisions that the page of a record asks about, since they take more than a press.
_ELSEWHERE = {Choice.SAME, Choice.THROUGH, Choice.DECLINE}
#: Ways that may be taken for many records at once: none of them withdraws anything.
TOGETHER = {str(Fix.PUSH), str(Fix.MEANT)}
MOST_ALIKE = 10
EARLIER = "This is an earlier report, which only tells how things were. Use the newest one; nothing was changed."


@dataclass(frozen=True, slots=True)
class Preview:
    """`plan`: the next call as it would be made, None where nothing is written. `shown` stands for what this was made
    from: who presses says with it what they have seen."""

    way: str
    plan: Plan | None
    seen: Look | None
    shown: str


@dataclass(frozen=True, slots=True)
class Likely:
    """A record of the source that one of the target may belong to."""

    link: Link
    reasons: tuple[str, ...]


def ways(row: Mismatch) -> list[str]:
    """What can be done about it now, the proposed way first. Codes of Fix and of deciding.Choice."""
    return _ways(row) if is_newest(row) else []


def _ways(row: Mismatch) -> list[str]:
    """Of one of the newest report."""
    if row.state != Mismatch.State.OPEN:
        return []
    found = _record_ways(row) if row.source_id else _stranger_ways(row)
    first = [way for way in found if way == row.fix]
    return [*first, *(way for way in found if way not in first), str(Fix.MEANT)]


def is_newest(row: Mismatch) -> bool:
    """Whether it is of the newest report of its sync: an earlier one only tells how things were."""
    newest = reports.latest(row.sync)
    return newest is None or newest.pk <= row.report_id


def alike(row: Mismatch) -> Mismatch | None:
    """The same difference in the newest report."""
    newest = reports.latest(row.sync)
    return newest.mismatches.filter(key=row.key).first() if newest else None


def _record_ways(row: Mismatch) -> list[str]:
    link = row.link
    if link is None or not row.sync.writes:
        return []
    if link.noticed > link.handled:
        return [str(Fix.PUSH)] if row.kind == Kind.LATE else []
    (seen,) = trying.live(row.sync, [link])
    answers = deciding.choices(deciding.asked(link, seen.plan))
    hidden = bool(_ELSEWHERE & set(answers)) and not elsewhere(row)  # a look first, then the page of the record asks
    found = [str(Fix.PUSH)] if seen.plan.writes or seen.plan.verdict == Verdict.LINK or hidden else []
    if pulled(row):
        found.append(str(Fix.PULL))
    found += [str(c) for c in answers if c not in _ELSEWHERE]
    return [*found, str(Fix.UNLINK)] if _may_unlink(row, link) else found


def elsewhere(row: Mismatch) -> bool:
    """Whether the page of the record asks what is asked about it: who it is, or what a rule holds."""
    return row.state == Mismatch.State.OPEN and row.link is not None and bool(
        row.source_id and _ELSEWHERE & set(deciding.choices(row.link))
    )  # fmt: skip


def _stranger_ways(row: Mismatch) -> list[str]:
    if not row.sync.writes:
        return []
    if row.kind == Kind.DUPLICATE and row.fix == Fix.VOID:
        return [str(Fix.VOID)]
    linkable = row.kind == Kind.ORPHAN and _by_likeness(row.sync)
    return [str(Fix.LINK)] if linkable and likely(row) else []


def _by_likeness(sync: Sync) -> bool:
    """Whether a person may say who is who: an invoice belongs to the one whose id it carries."""
    return recipes.get(sync.recipe).facts == "both_ways"


def _may_unlink(row: Mismatch, link: Link) -> bool:
    told = row.kind in {Kind.BROKEN, Kind.FIELD, Kind.CLIENT}
    return told and bool(link.target_id) and link.state != Link.State.ENDED and _by_likeness(row.sync)


def pulled(row: Mismatch) -> list[str]:
    """Paths that can take what the target says; empty unless all that differ can."""
    if row.kind != Kind.FIELD or row.back or not row.sync.live_options.get("two_way"):
        return []
    version, _ = looking.rules_of(row.sync)
    told = {r.target: r for r in version.rows}
    able = {path for path, r in told.items() if r.back}
    paths = [path for path, _, _ in row.fields if not (path in told and told[path].mode == "with_changes")]
    return paths if paths and set(paths) <= able else []


def likely(row: Mismatch) -> list[Likely]:
    """Records of the source without a counterpart that this one of the target is like, likeliest first."""
    target = Snapshot.objects.filter(
        connection=row.sync.target, resource=row.sync.target_resource, external_id=row.target_id
    ).first()  # fmt: skip
    if target is None:
        return []
    like = list(snapshots.resembling(row.sync.source, row.sync.source_resource, [target]))
    free = Link.objects.filter(sync=row.sync, source_id__in=[s.external_id for s in like], target_id=None)
    links = {x.source_id: x for x in free.filter(noticed__lte=F("handled"))}
    found = [(links[s.external_id], _like(s, target.as_record())) for s in like if s.external_id in links]
    ranked = sorted(((score, link, why) for link, (score, why) in found), key=lambda r: (-r[0], r[1].pk))
    return [Likely(link, why) for score, link, why in ranked[:MOST_ALIKE] if score >= WORTH_ASKING]


def _like(source: Snapshot, target: Record) -> tuple[int, tuple[str, ...]]:
    found = likeness(source.as_record(), target)
    return found.score, found.reasons


# What it would write


def preview(row: Mismatch, way: str, other: str = "") -> Preview:
    """TooLate where this way is not open (any more). `other`: the link that a record of the target belongs to."""
    if not is_newest(row):
        raise TooLate(EARLIER)
    if way not in _ways(row):
        raise TooLate("It stands differently by now, and this cannot be done about it. Nothing was changed.")
    as_if = _as_if(row, way, other)
    if as_if is None:
        return Preview(way, None, None, f"{way} {row.fingerprint}")
    (seen,) = trying.live(row.sync, [as_if])
    mark = reports.fingerprint(seen.source, seen.target)
    shown = f"{way} {mark} {as_if.noticed} {row.sync.version_id} {other}"
    return Preview(way, seen.plan, seen, shown)


def _as_if(row: Mismatch, way: str, other: str) -> Link | None:
    """A copy of the link as it would be planned; None where nothing is planned."""
    if way == Fix.MEANT:
        return None
    if way == Fix.VOID:
        return _second(row, "")
    link = copy(_linkable(row, other) if way == Fix.LINK else row.link)
    if link is None:
        raise TooLate("The record is not there any more. Nothing was changed.")
    decision = _decision(row, way, "")
    if decision is not None:
        link.decision = decision
    if way == Fix.UNLINK:
        link.target_id, link.base, link.rendered = None, {}, {}
    return link


def _decision(row: Mismatch, way: str, who: str) -> dict[str, Any] | None:
    """As it is kept with the link; None for a look without one."""
    told: Mapping[str, dict[str, Any]] = {
        Fix.PULL: {"choice": "sides", "sides": dict.fromkeys(pulled(row), "target")},
        Fix.LINK: {"choice": str(Choice.SAME), "target_id": row.target_id},
        Fix.UNLINK: {"choice": str(Choice.LEAVE)},
        Choice.HERE: {"choice": "sides", "sides": {path: "source" for path, _, _ in row.fields}},
        Choice.THERE: {"choice": "sides", "sides": {path: "target" for path, _, _ in row.fields}},
    }
    if way == Fix.PUSH:
        return None
    return {**told.get(way, {"choice": way}), "who": who}


def _linkable(row: Mismatch, other: str) -> Link:
    found = next((each.link for each in likely(row) if str(each.link.pk) == other), None)
    if found is None:
        raise TooLate("That one is not there any more, or has its counterpart by now. Nothing was changed.")
    return found


def _second(row: Mismatch, who: str) -> Link:
    """What stands in for a record that is there twice: it has no source, so that it is only withdrawn."""
    decision = {"choice": str(Choice.VOID), "copy_of": row.link.label if row.link else row.label, "who": who}
    return Link(
        business_id=row.business_id, sync=row.sync, source_id=f"{COPY}{row.target_id}"[:255], target_id=row.target_id,
        label=f"{row.label} (a second one)"[:300], decision=decision, noticed=1, noticed_at=timezone.now(),
        noticed_by="reconciliation", priority=Link.Priority.PERSON,
    )  # fmt: skip


# Having it done


def fix(row: Mismatch, way: str, by: "User", shown: str, *, other: str = "", why: str = "") -> None:
    """TooLate when it is not as it was shown, or somebody else was first."""
    with transaction.atomic():
        lanes.lock(row.sync.lane_id)  # before links and mismatches, as workers lock them
        held = Mismatch.objects.select_for_update(of=("self",)).select_related("sync", "link", "report").get(pk=row.pk)
        if preview(held, way, other).shown != shown:
            raise TooLate("It has changed since this was shown. Look at it again; nothing was changed.")
        _DO.get(way, _decide)(held, way, by, other)
        held.chosen, held.who, held.why = way[:10], by.get_short_name(), why[:500]
        if way == Fix.MEANT:
            held.state, held.moved_at = Mismatch.State.IGNORED, timezone.now()
        held.save(update_fields=["chosen", "who", "why", "state", "moved_at", "link"])
        said = SAID[way].format(of=held.label or held.target_id)
        words = f"{said}, after reconciliation of “{held.sync}”"
        audit.record(held.business_id, by, f"mismatch.{way}", held, words, kind=held.kind, why=why)


#: What was done, for the audit trail.
SAID: Mapping[str, str] = {
    Fix.PUSH: "Had {of} written again", Fix.PULL: "Had what the target says of {of} taken over",
    Fix.LINK: "Linked {of}", Fix.UNLINK: "Unlinked {of}", Fix.VOID: "Had the second {of} voided",
    Fix.MEANT: "Marked {of} as meant to be so", Choice.NEW: "Had a new one made of {of}",
    Choice.LEAVE: "Left {of} out", Choice.VOID: "Had {of} voided", Choice.REPLACE: "Had {of} voided and made anew",
    Choice.HERE: "Decided for the source about {of}", Choice.THERE: "Decided for the target about {of}",
    Choice.SETTLED: "Called the difference of {of} settled",
}  # fmt: skip


def _decide(row: Mismatch, way: str, by: "User", other: str) -> None:
    assert row.link is not None  # noqa: S101  # only then is it offered
    (seen,) = trying.live(row.sync, [row.link])
    deciding.ask(row.link, seen.plan)
    side = {str(Choice.HERE): "source", str(Choice.THERE): "target"}.get(way)
    if side and seen.plan.conflicts:
        deciding.choose_sides(row.link, dict.fromkeys([c.path for c in seen.plan.conflicts], side), by)
    else:
        deciding.decide(row.link, Choice(way), "", by)


def _push(row: Mismatch, way: str, by: "User", other: str) -> None:
    assert row.link is not None  # noqa: S101  # as above
    notice.ask(row.link, by.get_short_name())


def _keep(row: Mismatch, way: str, by: "User", other: str) -> None:
    """A decision that the looks do not ask for: it is kept with the link, and the record looked at."""
    link = _linkable(row, other) if way == Fix.LINK else row.link
    assert link is not None  # noqa: S101  # as above
    held = Link.objects.select_for_update(of=("self",)).select_related("sync").get(pk=link.pk)
    if held.noticed > held.handled:
        raise TooLate("It is being worked on just now. Wait until that is done; nothing was changed.")
    held.decision = {**(_decision(row, way, by.get_short_name()) or {}), "by": by.pk}
    if way == Fix.UNLINK:
        held.target_id, held.base, held.rendered = None, {}, {}
    held.save(update_fields=["decision", "target_id", "base", "rendered"])
    notice.ask(held, by.get_short_name())


def _void(row: Mismatch, way: str, by: "User", other: str) -> None:
    made = _second(row, by.get_short_name())
    made.decision["by"] = by.pk
    seen = preview(row, way, other).plan
    if seen and seen.action == "delete":  # a draft; should it be open by now, voiding it for good is asked about
        del made.decision["choice"]
    before = Link.objects.filter(sync=row.sync, source_id=made.source_id).first()
    if before:
        raise TooLate("It is being voided already. Nothing was changed by your press.")
    made.save()
    Snapshot.objects.filter(
        connection=row.sync.target, resource=row.sync.target_resource, external_id=row.target_id
    ).update(noticed_at=timezone.now())
    lanes.wake(row.sync.lane_id)


def _nothing(row: Mismatch, way: str, by: "User", other: str) -> None:
    """Only said."""


_DO = {
    str(Fix.PUSH): _push, str(Fix.PULL): _keep, str(Fix.LINK): _keep, str(Fix.UNLINK): _keep, str(Fix.VOID): _void,
    str(Fix.MEANT): _nothing,
}  # fmt: skip


def fix_all(rows: Mapping[Mismatch, str], way: str, by: "User", why: str = "") -> tuple[int, int]:
    """Alike ones at once: {mismatch: what was shown of it}. Returns how many were done, and for how many it was too
    late."""
    if way not in TOGETHER:
        raise ValueError(f"{way} is decided one by one.")
    done = late = 0
    for row, shown in rows.items():
        try:
            fix(row, way, by, shown, why=why)
        except TooLate:
            late += 1
        else:
            done += 1
    return done, late


def undo(row: Mismatch, by: "User") -> None:
    """Take back “it is meant to be so”, or that two records were taken apart. TooLate where there is nothing to take
    back."""
    with transaction.atomic():
        lanes.lock(row.sync.lane_id)
        held = Mismatch.objects.select_for_update(of=("self",)).select_related("sync", "link").get(pk=row.pk)
        if held.state == Mismatch.State.IGNORED and not is_newest(held):
            raise TooLate(EARLIER)
        if held.state == Mismatch.State.IGNORED:
            held.state, held.chosen, held.why, held.who = Mismatch.State.OPEN, "", "", ""
        elif held.chosen == Fix.UNLINK and held.link:
            deciding.reconsider(held.link, by)
            held.chosen, held.why, held.who = "", "The unlinking was taken back.", by.get_short_name()
            if is_newest(held):  # the look that follows says how it stands
                held.state, held.why, held.who = Mismatch.State.OPEN, "", ""
        else:
            raise TooLate("There is nothing here that could be taken back.")
        held.save(update_fields=["state", "chosen", "why", "who"])
        of = held.label or held.target_id
        words = f"Took back what was decided about {of} after reconciliation of “{held.sync}”"
        audit.record(held.business_id, by, "mismatch.undone", held, words, kind=held.kind)


def can_undo(row: Mismatch, newest: int) -> bool:
    """`newest`: the newest report of its sync."""
    left = row.link is not None and row.link.decision.get("choice") == Choice.LEAVE
    meant = row.state == Mismatch.State.IGNORED and row.report_id >= newest
    return meant or (row.chosen == Fix.UNLINK and left)
