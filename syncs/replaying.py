"""Planning again from what is stored: as things were at an earlier look, and as they are now. Nothing is asked of any
service, and nothing is kept."""

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from syncs import snapshots, trying
from syncs.mapping import compile_version
from syncs.models import Attempt, Link, Snapshot, Sync, Write
from syncs.planning import Plan


def as_now(sync: Sync, links: Sequence[Link]) -> dict[int, Plan]:
    """With the live version and both sides as last read. A record that was never read has no plan."""
    if sync.version is None:
        return {}
    return {look.link.pk: look.plan for look in trying.live(sync, links) if look.source}


def as_then(attempt: Attempt) -> Plan | None:
    """With the version of that look, and both sides as they were known then; None where no version was kept.

    What both sides had agreed on is worked out backwards from what was written since. What a person decides is spent
    when it is done, so a plan that followed a decision may say again what was to be decided.
    """
    if attempt.version is None:
        return None
    link, sync = copy(attempt.link), attempt.link.sync
    moment = _planned_at(attempt)
    link.target_id = str(attempt.plan.get("target_id") or "") or None
    link.base, link.decision = _agreed_then(attempt), {}
    link.state, link.cause_code = Link.State.DUE, ""
    here = as_known(sync.source_id, sync.source_resource, link.source_id, moment)
    there = as_known(sync.target_id, sync.target_resource, link.target_id or "", moment)
    sources, targets = ({s.external_id: s} if s else {} for s in (here, there))
    (look,) = trying.plans(sync, compile_version(attempt.version.content), [link], sources, targets, moment)
    return look.plan


def _planned_at(attempt: Attempt) -> datetime:
    """A look that led to a call was planned right before that: what the call has changed came later."""
    begun = Write.objects.filter(link=attempt.link_id, intended_at__lte=attempt.at)
    if attempt.noticed_at:
        begun = begun.filter(intended_at__gte=attempt.noticed_at)
    found = begun.order_by("-pk").values_list("intended_at", flat=True).first()
    return found if found and attempt.outcome in {"written", "failed"} else attempt.at


def _agreed_then(attempt: Attempt) -> dict[str, Any]:
    base = dict(attempt.link.base)
    since = Attempt.objects.filter(link=attempt.link_id, pk__gte=attempt.pk, outcome="written").order_by("-pk")
    for plan in since.values_list("plan", flat=True):
        base |= {path: before for path, before, _ in plan.get("changes", ())}
    return base


def as_known(connection_id: int, resource: str, external_id: str, moment: datetime) -> Snapshot | None:
    """The record as it was known at a moment; None where it was not known yet."""
    held = Snapshot.objects.filter(connection=connection_id, resource=resource, external_id=external_id).first()
    if held is None:
        return None
    older = snapshots.as_of(held, moment)
    if older is not held:
        for name in ("data", "fingerprint", "updated_at", "deleted_at", "read_at"):
            setattr(held, name, getattr(older, name))
    elif held.created_at and held.created_at > moment:
        return None
    elif held.deleted_at and held.deleted_at > moment:
        held.deleted_at = None
    return held


# What another try would come to


class Expected(StrEnum):
    WRITTEN = "written"  # something is sent that was not refused before
    REFUSED = "refused"  # exactly what would be sent was refused last time
    STOPS = "stops"  # it waits for a person again
    WAITS = "waits"  # another record comes first
    NOTHING = "nothing"  # it is in step, or left out
    UNREAD = "unread"  # it must be read before anybody can say


@dataclass(frozen=True, slots=True)
class Guess:
    link: Link
    expected: Expected
    why: str


@dataclass(frozen=True, slots=True)
class DryRun:
    """What another try of these records would come to, by what is stored."""

    guesses: Sequence[Guess]

    @property
    def counts(self) -> Mapping[Expected, int]:
        found = Counter(guess.expected for guess in self.guesses)
        return {kind: found[kind] for kind in Expected if found[kind]}

    @property
    def fails_again(self) -> int:
        return sum(guess.expected in {Expected.REFUSED, Expected.STOPS} for guess in self.guesses)


def dry_run(sync: Sync, links: Sequence[Link]) -> DryRun:
    made, last = as_now(sync, links), _last_writes(links)
    return DryRun([_guess(link, made.get(link.pk), last.get(link.pk)) for link in links])


def _last_writes(links: Sequence[Link]) -> dict[int, Write]:
    return {w.link_id: w for w in Write.objects.filter(link__in=[x.pk for x in links]).order_by("pk")}


def _guess(link: Link, made: Plan | None, last: Write | None) -> Guess:
    if made is None:
        return Guess(link, Expected.UNREAD, "It has to be read again first.")
    if made.writes:
        if last and last.state == Write.State.REJECTED and last.verb == made.verb and last.params == made.data:
            return Guess(link, Expected.REFUSED, f"The same was refused before: {last.error or link.cause}")
        return Guess(link, Expected.WRITTEN, made.reason)
    if made.verdict in {"hold", "conflict"}:
        return Guess(link, Expected.STOPS, made.reason)
    return Guess(link, Expected.WAITS if made.verdict == "wait" else Expected.NOTHING, made.reason)
