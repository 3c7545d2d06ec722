"""Making a report: once both sides are read, every record is planned and nothing is written.

A step is one batch with its cursor in one transaction, so that a worker who dies in between loses nothing: first the
links, then the records of the target that no link holds, then the sums and what comes of it.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from syncs import audit, lanes, looking, months, recipes, runs, snapshots, trying
from syncs.bothways import UNMADE
from syncs.invoices.case import COPY
from syncs.looking import Look
from syncs.models import Lane, Link, Mismatch, Report, Run, Snapshot, Sync
from syncs.planning import Verdict
from syncs.reconciling import Finding, Kind, Pair, classify, standing, stranger
from syncs.sessions import Sessions

if TYPE_CHECKING:
    from portal.models import User

BATCH = 200
#: A record that was noticed so long ago and is not written is told of.
LATE = timedelta(hours=1)
#: Reports kept of a sync: a year of weeks.
KEPT = 53
_EVERY = {Sync.Reconciling.DAILY: timedelta(days=1), Sync.Reconciling.WEEKLY: timedelta(days=7)}
_STOPPED = (Link.State.HELD, Link.State.CONFLICT, Link.State.PARKED)


def start(sync: Sync, by: "User | None" = None) -> Report | None:
    """The report under way: a new one, or that which is being made. None while something else is being read: then it
    is made as soon as that is done."""
    with transaction.atomic():
        run = runs.start(sync, Run.Kind.RECONCILE)
        if run.kind != Run.Kind.RECONCILE:
            Sync.objects.filter(pk=sync.pk).update(report_asked_at=timezone.now())
            return None
        found, made = Report.objects.get_or_create(
            run=run, defaults={"business_id": sync.business_id, "sync": sync, "asked_by": by}
        )
        if made:
            Sync.objects.filter(pk=sync.pk).update(report_asked_at=None)
            words = f"Began to compare both sides of “{sync}”"
            audit.record(sync.business_id, by, "reconciliation.started", sync, words)
    return found


def start_due() -> int:
    """Reports whose time has come, in the business whose scope is open. Returns how many were started."""
    syncs = Sync.objects.filter(source__status="active", target__status="active", lane__parked="")
    idle = syncs.exclude(version=None).exclude(mode=Sync.Mode.OFF).exclude(runs__state=Run.State.RUNNING)
    due = [sync for sync in idle if sync.report_asked_at or _is_due(sync)]
    for sync in due:
        start(sync)
    return len(due)


def _is_due(sync: Sync) -> bool:
    every = _EVERY.get(Sync.Reconciling(sync.reconciling))
    if not sync.writes or every is None:
        return False
    last = Report.objects.filter(sync=sync).values_list("started_at", flat=True).first() or sync.live_since
    return last is None or timezone.now() - last >= every


def latest(sync: Sync, before: Report | None = None) -> Report | None:
    """The newest that is finished, or the one before another."""
    done = Report.objects.filter(sync=sync, finished_at__isnull=False)
    return (done.filter(pk__lt=before.pk) if before else done).first()


# Step by step


def step(lane: Lane, run: Run, sync: Sync, sessions: Sessions) -> None:
    """The next batch of a run that has read both sides. Raises connector errors."""
    report = Report.objects.get(run=run)
    place = json.loads(run.cursor or '{"link": 0}')
    if "link" in place:
        _compare_links(lane, run, sync, report, int(place["link"]), sessions)
    elif "record" in place:
        _compare_strangers(lane, run, sync, report, int(place["record"]))
    else:
        with transaction.atomic():
            lanes.guard(lane)
            _finish(run, sync, report)


def _compare_links(lane: Lane, run: Run, sync: Sync, report: Report, after: int, sessions: Sessions) -> None:
    links = list(Link.objects.filter(sync=sync, pk__gt=after).order_by("pk")[:BATCH])
    _read_unseen(sync, links, run.started_at, sessions)
    seen = trying.live(sync, links)
    with transaction.atomic():
        lanes.guard(lane)
        found = [m for s in seen for m in _mismatches(sync, report, s)]
        Mismatch.objects.bulk_create(found, ignore_conflicts=True)
        _count(run, seen)
        run.cursor = json.dumps({"link": links[-1].pk} if len(links) == BATCH else _after_links(sync))
        run.save(update_fields=["cursor", "counts"])


def _after_links(sync: Sync) -> dict[str, int]:
    return {"record": 0} if recipes.get(sync.recipe).paired else {}


def _read_unseen(sync: Sync, links: Sequence[Link], since: datetime, sessions: Sessions) -> None:
    """What no page has shown is asked for by its id: it may be gone."""
    for connection, resource, ids in (
        (sync.source, sync.source_resource, [x.source_id for x in links if not x.source_id.startswith((UNMADE, COPY))]),
        (sync.target, sync.target_resource, [x.target_id for x in links if x.target_id]),
    ):
        held = snapshots.known(connection, resource, ids)
        old = [key for key in ids if key not in held or (held[key].read_at < since and not held[key].deleted_at)]
        if old:
            asked = timezone.now()
            found = sessions.call(connection, lambda s, r=resource, i=old: s.fetch(r, i))  # type: ignore[misc]
            there = [r for r in found.values() if r is not None]
            gone = [key for key in old if found.get(key) is None]
            snapshots.save(connection, resource, there, asked, by=sync, gone=gone)


def _count(run: Run, seen: Sequence[Look]) -> None:
    """With the counterparts that plans speak of: they are not without a source."""
    kept, counts = dict(run.counts), {"compared": len(seen)}
    counts["being_written"] = sum(1 for s in seen if _under_way(s.link))
    counts["left_out"] = sum(1 for s in seen if s.plan.verdict == Verdict.SKIP and s.plan.code != "in_step")
    kept |= {name: kept.get(name, 0) + n for name, n in counts.items()}
    named = {s.plan.target_id for s in seen if not s.link.target_id} | {
        c.id for s in seen if s.plan.verdict == Verdict.HOLD for c in s.clues.candidates
    }
    owed = {s.link.pk for s in seen if _moved(s)}
    kept["claimed"] = sorted({*kept.get("claimed", ()), *named} - {""})
    kept["changed"] = sorted({*kept.get("changed", ()), *owed})
    run.counts = kept


def _moved(seen: Look) -> bool:
    """It would be written, or what has become of it is news to the link."""
    link, made = seen.link, seen.plan
    if link.noticed > link.handled or link.state in _STOPPED:
        return False
    stops = made.verdict in {Verdict.END, Verdict.HOLD, Verdict.CONFLICT}
    return made.writes or (stops and link.cause_code != made.code)


def _under_way(link: Link) -> bool:
    return link.noticed > link.handled and not _late(link)


def _late(link: Link) -> str:
    """For how long it has been waiting to be written, in words; '' where that is no matter."""
    waits = link.noticed > link.handled or (link.state == Link.State.DUE and link.verdict == Verdict.WAIT)
    since = link.stands_since
    waited = timezone.now() - since if waits and since else timedelta()
    if waited < LATE:
        return ""
    hours = int(waited.total_seconds() // 3600)
    return f"{hours} hour{'' if hours == 1 else 's'}" if hours < 48 else f"{hours // 24} days"


def findings(sync: Sync, seen: Look) -> list[Finding]:
    """What is not in step about one record."""
    if _under_way(seen.link):
        return []
    recipe, (version, _) = recipes.get(sync.recipe), looking.rules_of(sync)
    reference = f"metadata.{recipe.names.reference}"
    link = seen.link
    stopped = link.cause or link.get_state_display() if link.state in _STOPPED else ""
    pair = Pair(
        seen.source_record, seen.target_record, seen.plan, link.source_id, bool(link.target_id), seen.facts,
        version.options, stopped, _late(link), any(row.target == reference for row in version.rows), recipe.paired,
        frozenset(row.target for row in version.rows if row.mode == "with_changes"),
    )  # fmt: skip
    ended = link.state == Link.State.ENDED
    found = classify(pair, recipe.names)
    return [f for f in found if not (ended and seen.plan.code == "source_deleted")]  # told with the strangers


def _mismatches(sync: Sync, report: Report, seen: Look) -> list[Mismatch]:
    mark = fingerprint(seen.source, seen.target)
    return [
        _row(
            sync, report, found, _subject(found, seen.link), link=seen.link, label=seen.label[:300], fingerprint=mark,
            source_id=seen.link.source_id, target_id=seen.link.target_id or seen.plan.target_id,
            noticed=seen.link.noticed,
        )
        for found in findings(sync, seen)
    ]  # fmt: skip


def _subject(found: Finding, link: Link) -> str:
    """What has lost its source has the same key as when it is found among the strangers, once its link has ended."""
    return f"record:{link.target_id}" if found.kind == Kind.ORPHAN else f"link:{link.pk}"


def _row(sync: Sync, report: Report, found: Finding, subject: str, **more: Any) -> Mismatch:
    money = found.here is not None or found.there is not None
    return Mismatch(
        business_id=sync.business_id, report=report, sync=sync, kind=found.kind, key=f"{found.kind} {subject}"[:300],
        words=found.words[:500], fields=[list(f) for f in found.fields], back=found.back, here_amount=found.here,
        there_amount=found.there, currency=sync.business.currency if money else "", fix=found.fix or "",
        first_seen_at=report.started_at, **more,
    )  # fmt: skip


def fingerprint(source: Snapshot | None, target: Snapshot | None) -> str:
    sides = [(s.fingerprint, s.deleted_at is not None) if s else None for s in (source, target)]
    return hashlib.sha256(json.dumps(sides).encode()).hexdigest()


# Records of the target that no link holds


def _compare_strangers(lane: Lane, run: Run, sync: Sync, report: Report, after: int) -> None:
    there = Snapshot.objects.filter(connection=sync.target, resource=sync.target_resource, deleted_at=None)
    rows = list(there.filter(pk__gt=after).order_by("pk")[:BATCH])
    known = set(run.counts.get("claimed", ()))
    found = strangers_of(sync, report, [row for row in rows if row.external_id not in known])
    with transaction.atomic():
        lanes.guard(lane)
        Mismatch.objects.bulk_create(found, ignore_conflicts=True)
        run.cursor = json.dumps({"record": rows[-1].pk} if len(rows) == BATCH else {})
        run.save(update_fields=["cursor"])


def strangers_of(sync: Sync, report: Report, rows: Sequence[Snapshot]) -> list[Mismatch]:
    names, held = recipes.get(sync.recipe).names, looking.held_targets(sync, [row.external_id for row in rows])
    named = {row.external_id: str(row.references.get(names.reference) or "") for row in rows}
    holders = {x.source_id: x for x in Link.objects.filter(sync=sync, source_id__in=set(named.values()) - {""})}
    ended = {x.target_id: x for x in Link.objects.filter(sync=sync, target_id__in=list(named), state=Link.State.ENDED)}
    found = []
    for row in rows:
        holder = holders.get(named[row.external_id])
        if row.external_id in held or (holder and holder.decision.get("choice") == "leave") or _awaited(row):
            continue
        other = holder if holder and holder.target_id and holder.state != Link.State.ENDED else None
        gone = bool(named[row.external_id] or row.external_id in ended)
        told = stranger(row.as_record(), other.label if other else "", names, gone=gone)
        if told:
            mine = {"link": other or ended.get(row.external_id), "label": row.label[:300]}
            mine |= {"target_id": row.external_id, "fingerprint": fingerprint(None, row)}
            found.append(_row(sync, report, told, f"record:{row.external_id}", **mine))
    return found


def _awaited(row: Snapshot) -> bool:
    """Something is being said about it just now."""
    return row.noticed_at is not None and row.noticed_at > row.read_at


# What comes of it


def _finish(run: Run, sync: Sync, report: Report) -> None:
    before = latest(sync, report)
    _carry_over(report, before)
    mine = report.mismatches.all()
    kinds: dict[str, int] = {}
    for kind in mine.values_list("kind", flat=True):
        kinds[kind] = kinds.get(kind, 0) + 1
    new, still, settled = standing(_keys(before), _keys(report))
    counted = {name: run.counts.get(name, 0) for name in ("compared", "being_written", "left_out")}
    report.counts = {**counted, "kinds": kinds, "new": len(new), "still": len(still), "settled": len(settled)}
    report.totals, report.finished_at = months.totals(sync), timezone.now()
    report.save(update_fields=["counts", "totals", "finished_at"])
    _look_at(run, sync, report)
    run.state, run.finished_at = Run.State.DONE, report.finished_at
    run.counts = {name: n for name, n in run.counts.items() if name not in {"changed", "claimed"}}
    run.save(update_fields=["counts", "state", "finished_at"])
    old = list(Report.objects.filter(sync=sync).values_list("pk", flat=True)[KEPT:])
    Report.objects.filter(pk__in=old).delete()


def _keys(report: Report | None) -> list[str]:
    return list(report.mismatches.values_list("key", flat=True)) if report else []


def _carry_over(report: Report, before: Report | None) -> None:
    """Since when it is known, and that it is meant to be so, while neither side has changed."""
    if before is None:
        return
    known = {m.key: m for m in before.mismatches.all()}
    rows = [m for m in report.mismatches.all() if m.key in known]
    for row in rows:
        old = known[row.key]
        row.first_seen_at, row.still = old.first_seen_at, True
        if old.state == Mismatch.State.IGNORED and old.fingerprint == row.fingerprint:
            row.state, row.why, row.who, row.moved_at = old.state, old.why, old.who, old.moved_at
    Mismatch.objects.bulk_update(rows, ["first_seen_at", "still", "state", "why", "who", "moved_at"], batch_size=BATCH)


def _look_at(run: Run, sync: Sync, report: Report) -> None:
    """What has changed gets its look, so that what can be written is; before a sync is live that only plans it."""
    if sync.reconciling_writes or sync.mode == Sync.Mode.PREVIEW:
        meant = report.mismatches.filter(state=Mismatch.State.IGNORED).exclude(link=None)
        lanes.wake(sync.lane_id)
        runs.owed(run, but=list(meant.values_list("link", flat=True)))


# Another look at what was found


def recheck(sync: Sync) -> int:
    """Open mismatches whose record has been looked at since are settled, or say why not. Returns how many were."""
    report = latest(sync)
    if report is None:
        return 0
    opened = report.mismatches.filter(state=Mismatch.State.OPEN)
    mine = opened.filter(link__noticed__gt=F("noticed"), link__noticed__lte=F("link__handled"), source_id__gt="")
    settled = _recheck_links(sync, report, list(mine.select_related("link")[:BATCH]))
    alone = opened.filter(source_id="").filter(Q(link=None) | ~Q(chosen="") | Q(kind="orphan"))
    return settled + _recheck_strangers(sync, report, list(alone[:BATCH]))


def _recheck_links(sync: Sync, report: Report, rows: Sequence[Mismatch]) -> int:
    links = {row.link.pk: row.link for row in rows if row.link}
    if not links:
        return 0
    seen = {s.link.pk: s for s in trying.live(sync, list(links.values()))}
    for row in rows:
        if row.link:
            _settle(row, _left(sync, report, seen[row.link.pk]).get(row.kind, ""), row.link)
    return sum(row.state == Mismatch.State.SETTLED for row in rows)


def _left(sync: Sync, report: Report, seen: Look) -> dict[str, str]:
    """{kind: words} of what the next comparison would find about this link and its counterpart."""
    found = {str(f.kind): f.words for f in findings(sync, seen)}
    if seen.link.state == Link.State.ENDED and seen.target and seen.target.deleted_at is None:
        found |= {row.kind: row.words for row in strangers_of(sync, report, [seen.target])}
    return found


def _settle(row: Mismatch, left: str, link: Link) -> None:
    """`left`: why it is still there."""
    row.noticed = link.noticed
    if left:
        row.why = f"It was looked at again and is still there. {link.cause or left}"[:500]
    else:
        row.state, row.moved_at = Mismatch.State.SETTLED, timezone.now()
        row.why = "It was looked at again, and both sides agree." if link.state == Link.State.IN_STEP else (
            f"It was looked at again. {link.cause}".strip()[:500]
        )  # fmt: skip
        row.who = row.who or audit.PORTAL
    row.save(update_fields=["noticed", "state", "why", "who", "moved_at"])


def _recheck_strangers(sync: Sync, report: Report, rows: Sequence[Mismatch]) -> int:
    there = snapshots.known(sync.target, sync.target_resource, [row.target_id for row in rows])
    alive = [s for s in there.values() if s.deleted_at is None]
    left = {m.key for m in strangers_of(sync, report, alive)}
    settled = [row for row in rows if row.key not in left]
    for row in settled:
        row.state, row.moved_at, row.who = Mismatch.State.SETTLED, timezone.now(), row.who or audit.PORTAL
        row.why = "It was looked at again, and is there no more, or belongs to a record now."
        row.save(update_fields=["state", "moved_at", "who", "why"])
    return len(settled)
