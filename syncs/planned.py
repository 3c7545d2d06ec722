"""Plans over what is stored, with nothing marked, asked for or written: how records would be dealt with now."""

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.base import Record
from syncs import gathering, looking, snapshots
from syncs.matching import Clues
from syncs.models import Link, Snapshot, Sync
from syncs.planning import Plan
from syncs.sessions import NoSessions


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
    version, recipe = looking.rules_of(sync)
    batch = gathering.Batch(sync, recipe, version, links, sources, targets, NoSessions())
    looks = looking.plans(batch)
    return [Seen(look.link, look.source, look.target, look.plan, look.facts, look.clues) for look in looks]
