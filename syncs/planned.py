"""Plans over what is stored, with nothing marked, asked for or written: how records would be dealt with now."""

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.base import Record
from syncs import gathering, looking, recipes, snapshots
from syncs.matching import Clues
from syncs.models import Link, Snapshot, Sync
from syncs.planning import Plan
from syncs.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Seen:
    """A link with both sides as last read, its plan, and what that was made with."""

    link: Link
    source: Snapshot | None
    target: Snapshot | None
    plan: Plan
    facts: object
    clues: Clues

    @property
    def source_record(self) -> Record | None:
        return self.source.as_record() if self.source else None

    @property
    def target_record(self) -> Record | None:
        return self.target.as_record() if self.target else None


def plans(sync: Sync, links: Sequence[Link]) -> list[Seen]:
    """Links may be copies with another decision than the stored one: then it is what would come of that."""
    sources = snapshots.known(sync.source, sync.source_resource, [link.source_id for link in links])
    linked = [link.target_id for link in links if link.target_id]
    targets = snapshots.known(sync.target, sync.target_resource, linked)
    recipe = recipes.get(sync.recipe)
    clues = looking.find_clues(sync, recipe.names, links, sources)
    told = gathering.gather(gathering.Batch(sync, recipe, links, sources, targets, Sessions(), quiet=True))
    found = []
    for link in links:
        source, target = sources.get(link.source_id), targets.get(link.target_id or "")
        facts, _ = told.get(link.pk, (None, None))
        made = looking.plan_of(sync, link, source, target, clues[link.pk], facts)
        found.append(Seen(link, source, target, made, facts, clues[link.pk]))
    return found
