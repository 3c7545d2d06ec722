"""Looking at links: read what must be read, find the clues, make the plans. Nothing is written outward here."""

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from connectors.base import Record
from connectors.errors import ContractError, RejectedError
from syncs import barring, gathering, landed, notice, recipes, routing, snapshots, strangers
from syncs.bothways import UNMADE
from syncs.invoices.back import PageFacts
from syncs.invoices.case import COPY
from syncs.invoices.drafting import in_doubt
from syncs.mapping import Compiled, compile_version
from syncs.matching import Clues
from syncs.models import Link, Snapshot, Sync, Write
from syncs.planning import Change, Known, Names, Plan, Verdict
from syncs.recipes import Recipe
from syncs.rules import holding, judging
from syncs.sessions import Sessions

log = logging.getLogger(__name__)
#: The cause of a record that was erased, and what is said of it.
ERASED = "erased"
ERASED_WORDS = "It was erased here and is not synced any more."


@dataclass(slots=True)
class Look:
    link: Link
    noticed: int
    source: Snapshot | None
    target: Snapshot | None
    plan: Plan
    #: The link whose record must have its counterpart first.
    waits_for: int | None = None
    #: What the planner was given beside both sides.
    clues: Clues = field(default_factory=Clues)
    facts: object = None

    @property
    def label(self) -> str:
        """What the record is called: an invoice that was made from another one is called like that."""
        if isinstance(self.facts, PageFacts) and self.facts.invoice:
            return self.facts.invoice.label
        return self.source.label if self.source else self.link.label or self.link.source_id

    @property
    def source_record(self) -> Record | None:
        return _record(self.source)

    @property
    def target_record(self) -> Record | None:
        return _record(self.target)


@lru_cache(maxsize=64)
def _compiled(version_id: int) -> Compiled:
    from syncs.models import Version

    return compile_version(Version.objects.get(pk=version_id).content)


def rules_of(sync: Sync) -> tuple[Compiled, Recipe]:
    """The live version, ready to use, and its recipe. A version never changes, so it is kept."""
    if sync.version_id is None:
        raise ValueError("The sync has no published version.")
    return _compiled(sync.version_id), recipes.get(sync.recipe)


def look(sync: Sync, links: Sequence[Link], sessions: Sessions, lost: Sequence[tuple[Link, Write]] = ()) -> list[Look]:
    """Plans for these links of one sync. Raises connector errors when the sides cannot be read. `lost`: calls for some
    of them whose answers were lost, and in whose place something is planned."""
    refresh_targets(sync, sessions)
    sources = _sources(sync, links, sessions)
    linked = [link.target_id for link in links if link.target_id]
    targets = snapshots.known(sync.target, sync.target_resource, linked)
    _read_missing(sync, links, targets, sessions)
    version, recipe = rules_of(sync)
    for link, write in lost:
        _agree(sync, version, link, write, sources, targets)
    return plans(gathering.Batch(sync, recipe, version, links, sources, targets, sessions))


def _agree(
    sync: Sync, version: Compiled, link: Link, write: Write, sources: Mapping[str, Snapshot],
    targets: Mapping[str, Snapshot],
) -> None:  # fmt: skip
    """On what the lost call has brought over."""
    here, there = sources.get(link.source_id), targets.get(link.target_id or "")
    if there and there.deleted_at and write.verb == "delete":
        link.base = write.agreed or link.base  # gone, as was asked
        return
    if here is None or there is None:
        return
    if write.verb == "update_lines" and write.agreed:
        link.base = in_doubt(link.base, write.agreed)
    place, known = (write.connection_id, write.resource), known_of(link)
    if place == (sync.source_id, sync.source_resource):
        call = landed.Call(write.params, snapshots.seen_as(here, write.planned_on).data)
        link.base, link.rendered = landed.back(version, known, call, here.data, there.data)
    elif place == (sync.target_id, sync.target_resource):
        call = landed.Call(write.params, snapshots.seen_as(there, write.planned_on).data)
        link.base, link.rendered = landed.forward(version, known, call, here.data, there.data)


def plans(batch: gathering.Batch, at: datetime | None = None) -> list[Look]:
    """The one way from what was read to plans, whichever version it is, now or `at` another moment. Raises connector
    errors when what the planner must know beside it cannot be read."""
    sync, recipe, version = batch.sync, batch.recipe, batch.version
    clues = find_clues(sync, recipe.names, batch.links, batch.sources)
    told, now = gathering.gather(batch), at or clock(sync)
    routes = routing.told(sync, version, batch.links, steps=recipe.steps)
    looks = []
    erased = barring.ids(sync.source_id, sync.source_resource, [link.source_id for link in batch.links])
    for link in batch.links:
        source, target = batch.sources.get(link.source_id), batch.targets.get(link.target_id or "")
        facts, waits_for = told.get(link.pk, (None, None))
        here, known = _record(source), known_of(link)
        ruled = judging.judge(version, here, known, now)
        made = recipe.decide(ruled.version, here, _record(target), known, clues[link.pk], facts)
        made = ruled.settle(made, here, known, steps=recipe.steps, routes=routes.get(link.source_id))
        if sync.mode == Sync.Mode.APPROVE:
            steps, editable = recipe.steps, ruled.editable
            made = holding.by_mode(made, here, known, sync.approver, steps=steps, editable=editable)
        waits = waits_for if made.verdict in {Verdict.WAIT, Verdict.HOLD} and not made.hold else None
        if link.source_id in erased:
            made, waits = Plan(Verdict.SKIP, ERASED, ERASED_WORDS, known.target_id), None
        looks.append(Look(link, link.noticed, source, target, made, waits, clues[link.pk], facts))
    return looks


def look_of(sync: Sync, link: Link, write: Write) -> Look:
    """The look that led to a write begun earlier, as far as the link still needs it."""
    source = snapshots.known(sync.source, sync.source_resource, [link.source_id]).get(link.source_id)
    changes = tuple(Change(p, "", v) for p, v in write.params.items())
    return Look(link, _answered_by(link, write), source, None, _begun(sync, link, write, changes))


def _begun(sync: Sync, link: Link, write: Write, changes: tuple[Change, ...]) -> Plan:
    """What the interrupted step was. Where a record takes several steps, whatever is missing is seen afterwards."""
    back = write.connection_id == sync.source_id
    aside = "" if back or write.resource == sync.target_resource else write.resource
    more, whole = back or recipes.get(sync.recipe).steps, write.verb == "create" and not (aside or back)
    values = write.params if whole else write.agreed or link.base
    reason = f"An earlier try to {write.verb.replace('_', ' ')} it was interrupted."
    verdict = Verdict.CREATE if write.verb == "create" else Verdict.UPDATE
    action = "" if write.verb in {"create", "update"} else write.verb
    return Plan(
        verdict, "missing", reason, write.target_id, changes, (), values, action=action, resource=aside, more=more,
        back=back, flags=tuple(link.flags.splitlines()), route=link.routed_to_id,
    )  # fmt: skip


def _answered_by(link: Link, write: Write) -> int:
    """The notices that this write answers: all, unless something was said about the source since it was planned."""
    newer = link.stale_at is not None and link.stale_at > write.intended_at
    return max(link.handled, link.noticed - 1) if newer else link.noticed


def clock(sync: Sync) -> datetime:
    """Now, where the business is: what rules go by."""
    return timezone.now().astimezone(ZoneInfo(sync.business.time_zone))


def known_of(link: Link) -> Known:
    return Known(link.target_id or "", link.base, link.rendered, link.decision, _ended(link))


def _ended(link: Link) -> bool:
    return link.state == Link.State.ENDED or link.cause_code == "target_deleted"


def _record(snapshot: Snapshot | None) -> Record | None:
    return snapshot.as_record() if snapshot else None


def _sources(sync: Sync, links: Sequence[Link], sessions: Sessions) -> dict[str, Snapshot]:
    """Snapshots read after the links were noticed: those that are older are read again, many in a call."""
    held = snapshots.known(sync.source, sync.source_resource, [link.source_id for link in links])
    both = bool(sync.live_options.get("two_way"))
    old = [
        link.source_id
        for link in links
        if not link.source_id.startswith((UNMADE, COPY)) and _too_old(link, held.get(link.source_id), both=both)
    ]
    if not old:
        return held
    asked = timezone.now()
    found = sessions.call(sync.source, lambda s: s.fetch(sync.source_resource, old))
    gone = [i for i in old if found.get(i) is None]
    records = [r for r in found.values() if r is not None]
    after, _ = snapshots.save(sync.source, sync.source_resource, records, asked, by=sync, gone=gone)
    return held | after


def _too_old(link: Link, snapshot: Snapshot | None, *, both: bool) -> bool:
    """Where either side may be written, each is read after every notice: what one says must not undo what was done at
    the other a moment ago. Of several notices in a row `noticed_at` is the first, `stale_at` the last one about the
    source."""
    moments = [at for at in (link.stale_at, link.noticed_at if both else None) if at is not None]
    return snapshot is None or (bool(moments) and snapshot.read_at < max(moments))


def refresh_targets(sync: Sync, sessions: Sessions, most: int = 100) -> int:
    """Read again what webhooks said has changed on the target's side, and what was in doubt. Returns how many."""
    there = Snapshot.objects.filter(connection=sync.target, resource=sync.target_resource)
    ids = list(there.filter(Snapshot.stale(timezone.now())).values_list("external_id", flat=True)[:most])
    if ids:
        _read_readable(sync, ids, sessions)
    return len(ids)


def _read_readable(sync: Sync, ids: Sequence[str], sessions: Sessions) -> None:
    """One record that cannot be read does not keep the others from being read; it is not asked for again."""
    try:
        _, changed = _read_targets(sync, ids, sessions)
        _tell_links(sync, changed)
    except (ContractError, RejectedError) as error:
        if len(ids) > 1:
            for key in ids:
                _read_readable(sync, [key], sessions)
            return
        log.warning("sync %s: target record %s cannot be read: %s", sync.pk, ids[0], error)
        held = Snapshot.objects.filter(connection=sync.target, resource=sync.target_resource, external_id=ids[0])
        held.update(noticed_at=None)  # not as read: other syncs have their own reasons to ask


def _tell_links(sync: Sync, changed: Collection[str]) -> None:
    """Links of these that rest: no webhook has spoken of them where a first reading was in doubt."""
    if changed:
        rested = Link.objects.filter(sync=sync, target_id__in=changed, noticed__lte=F("handled"))
        going = rested.exclude(state=Link.State.ENDED)
        notice.again(going, "read again to be sure", timezone.now(), Link.Priority.LIVE)


def _read_targets(sync: Sync, ids: Sequence[str], sessions: Sessions) -> tuple[dict[str, Snapshot], set[str]]:
    """The snapshots, and the ids of those that changed."""
    asked = timezone.now()
    found = sessions.call(sync.target, lambda s: s.fetch(sync.target_resource, ids))
    records = [r for r in found.values() if r is not None]
    gone = [i for i in ids if found.get(i) is None]
    strangers.take_in(sync, records)
    return snapshots.save(sync.target, sync.target_resource, records, asked, by=sync, gone=gone)


def _read_missing(sync: Sync, links: Sequence[Link], targets: dict[str, Snapshot], sessions: Sessions) -> None:
    both = bool(sync.live_options.get("two_way"))
    missing = [
        link.target_id
        for link in links
        if link.target_id
        and (link.target_id not in targets or (both and _too_old(link, targets[link.target_id], both=True)))
    ]
    if missing:
        targets.update(_read_targets(sync, missing, sessions)[0])


def find_clues(sync: Sync, names: Names, links: Sequence[Link], sources: Mapping[str, Snapshot]) -> dict[int, Clues]:
    """For links without a counterpart: target records that may be it, and source records like them."""
    alike = find_candidates(sync, names, links, sources)
    emails = {sources[link.source_id].email for link in links if link.pk in alike} - {""}
    twins = _twins(sync, {c.email for found in alike.values() for c in found} & emails)
    clues: dict[int, Clues] = defaultdict(Clues)
    for link in links:
        if link.pk in alike:
            source = sources[link.source_id]
            others = [label for key, label in twins.get(source.email, ()) if key != source.external_id]
            clues[link.pk] = Clues([c.as_record() for c in alike[link.pk]], others)
    return clues


def find_candidates(
    sync: Sync, names: Names, links: Sequence[Link], sources: Mapping[str, Snapshot]
) -> dict[int, list[Snapshot]]:
    """{link id: target records that may be it and that no link holds}, for links without a counterpart."""
    open_links = [link for link in links if not link.target_id and link.source_id in sources]
    if not open_links:
        return {}
    like = [sources[link.source_id] for link in open_links]
    alike = snapshots.resembling(sync.target, sync.target_resource, like, **_named(names, open_links))
    free = list(alike.exclude(Exists(_holding(sync).filter(target_id=OuterRef("external_id")))))
    return {link.pk: [c for c in free if _may_be(c, sources[link.source_id], link, names)] for link in open_links}


def _may_be(candidate: Snapshot, source: Snapshot, link: Link, names: Names) -> bool:
    alike = any((mine := getattr(source, clue)) and mine == getattr(candidate, clue) for clue in snapshots.CLUES)
    refers = candidate.references.get(names.reference) == source.external_id
    return alike or refers or link.decision.get("target_id") == candidate.external_id


def _named(names: Names, links: Sequence[Link]) -> dict[str, list[str]]:
    """What target records are found by that carry the id of one of these, or that a person has chosen."""
    chosen = [str(link.decision["target_id"]) for link in links if link.decision.get("target_id")]
    return {"reference": [f"{names.reference}={link.source_id}" for link in links], "external_id": chosen}


def held_targets(sync: Sync, target_ids: Sequence[str]) -> set[str]:
    """Which of these target records a link of any sync into the same place holds."""
    if not target_ids:
        return set()
    return {str(i) for i in _holding(sync).filter(target_id__in=target_ids).values_list("target_id", flat=True)}


def _holding(sync: Sync) -> QuerySet[Link]:
    into = Sync.objects.filter(target=sync.target_id, target_resource=sync.target_resource)
    return Link.objects.filter(sync__in=into).exclude(source_id__startswith=UNMADE).exclude(state=Link.State.ENDED)


def _twins(sync: Sync, emails: set[str]) -> dict[str, list[tuple[str, str]]]:
    """{email: [(id, label)]} of the source records that share it."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    if emails:
        rows = Snapshot.objects.filter(
            connection=sync.source, resource=sync.source_resource, email__in=emails, deleted_at=None
        ).values_list("email", "external_id", "label")  # fmt: skip
        for email, key, label in rows:
            found[email].append((key, label))
    return found
