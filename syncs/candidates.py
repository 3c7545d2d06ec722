"""Who a record may be at the target, and why one could think so: for the person who decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.base import Record
from syncs import looking, recipes, snapshots
from syncs.matching import likeness
from syncs.models import Link, Snapshot, Sync
from syncs.planning import Names


@dataclass(frozen=True, slots=True)
class Candidate:
    """`score` of 100; `reasons` in words, strongest first: 'same email', 'same phone', 'similar name'."""

    record: Record
    score: int
    reasons: tuple[str, ...]


def of(sync: Sync, links: Sequence[Link], sources: Mapping[str, Snapshot] | None = None) -> dict[int, list[Candidate]]:
    """{link id: records of the target that no link holds, likeliest first}. Links with a counterpart have none.

    `sources`: the source records by id, where they are read already.
    """
    names = recipes.get(sync.recipe).names
    if sources is None:
        sources = snapshots.known(sync.source, sync.source_resource, [link.source_id for link in links])
    alike = looking.find_candidates(sync, names, links, sources)
    found: dict[int, list[Candidate]] = {}
    for link in links:
        if link.pk in alike:
            record = sources[link.source_id].as_record()
            ranked = [_candidate(record, c.as_record(), names) for c in alike[link.pk]]
            found[link.pk] = sorted(ranked, key=lambda c: -c.score)
    return found


def _candidate(source: Record, record: Record, names: Names) -> Candidate:
    """One that carries the source's id is that one, unless somebody has copied it."""
    found = likeness(source, record)
    if record.references.get(names.reference) != source.id:
        return Candidate(record, found.score, found.reasons)
    return Candidate(record, 100, (f"carries this {names.source_one}'s id", *found.reasons))
