"""Who a record may be at the target, and why one could think so: for the person who decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from connectors.base import Record
from syncs import looking, recipes, snapshots
from syncs.mapping import Value, compile_version
from syncs.models import Link, Snapshot, Sync
from syncs.planning import Names

#: From this likeness on, of 1, two names count as similar.
SIMILAR = 0.75


@dataclass(frozen=True, slots=True)
class Candidate:
    """`reasons` in words, strongest first: 'same email', 'same phone', 'similar name'."""

    record: Record
    reasons: tuple[str, ...]


def of(sync: Sync, links: Sequence[Link], sources: Mapping[str, Snapshot] | None = None) -> dict[int, list[Candidate]]:
    """{link id: records of the target that no link holds, likeliest first}. Links with a counterpart have none.

    `sources`: the source records by id, where they are read already.
    """
    names = recipes.get(sync.recipe).names
    if sources is None:
        sources = snapshots.known(sync.source, sync.source_resource, [link.source_id for link in links])
    alike = looking.find_candidates(sync, names, links, sources)
    version = compile_version(sync.version.content if sync.version else {"mappings": []})
    found: dict[int, list[Candidate]] = {}
    for link in links:
        if link.pk in alike:
            record = sources[link.source_id].as_record()
            wanted, _ = version.values(record.data)
            ranked = [Candidate(r, reasons(record, wanted, r, names)) for r in (c.as_record() for c in alike[link.pk])]
            found[link.pk] = sorted(ranked, key=lambda c: -len(c.reasons))
    return found


def reasons(source: Record, wanted: Mapping[str, Value], candidate: Record, names: Names) -> tuple[str, ...]:
    """What the two have in common. `wanted`: the values the counterpart of the source would have."""
    found = []
    if candidate.references.get(names.reference) == source.id:
        found.append(f"carries this {names.source_one}'s id")
    if source.email and candidate.email == source.email:
        found.append("same email")
    if _same(wanted, candidate, "phone"):
        found.append("same phone")
    name = _name(wanted, candidate)
    if name:
        found.append(name)
    if _same(wanted, candidate, "address.postal_code"):
        found.append("same postcode")
    return tuple(found)


def _plain(value: object) -> str:
    return "".join(str(value or "").casefold().split())


def _same(wanted: Mapping[str, Value], candidate: Record, path: str) -> bool:
    mine = _plain(wanted[path].value) if path in wanted else ""
    return bool(mine) and mine == _plain(candidate.data.get(path))


def _name(wanted: Mapping[str, Value], candidate: Record) -> str:
    mine = _plain(wanted["name"].value) if "name" in wanted else ""
    theirs = _plain(candidate.data.get("name"))
    if not mine or not theirs:
        return ""
    if mine == theirs:
        return "same name"
    return "similar name" if SequenceMatcher(None, mine[:100], theirs[:100]).ratio() >= SIMILAR else ""
