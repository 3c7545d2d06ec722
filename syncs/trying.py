"""What a version would make of records, from what is stored: the same planning as a look, and nobody is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from syncs import gathering, looking, recipes, snapshots
from syncs.bothways import UNMADE
from syncs.looking import Look
from syncs.mapping import Compiled
from syncs.models import Link, Snapshot, Sync
from syncs.sessions import NoSessions


@dataclass(frozen=True, slots=True)
class Trial:
    """Records of a sync with both sides as last read, to be planned with any version. `unread`: those of which a side
    was never read, so that nothing can be said of them."""

    sync: Sync
    links: Sequence[Link]
    sources: Mapping[str, Snapshot]
    targets: Mapping[str, Snapshot]
    unread: Sequence[Link]

    def plan(self, version: Compiled) -> list[Look]:
        """What a look would plan now, were this the live version and both sides as they were last read."""
        recipe = recipes.get(self.sync.recipe)
        batch = gathering.Batch(
            self.sync, recipe, version, self.links, self.sources, self.targets, NoSessions()
        )  # fmt: skip
        return looking.plans(batch)


def trial(sync: Sync, links: Sequence[Link]) -> Trial:
    """Two queries; nothing is stored and no record is noticed."""
    sources = snapshots.known(sync.source, sync.source_resource, [link.source_id for link in links])
    linked = [link.target_id for link in links if link.target_id]
    targets = snapshots.known(sync.target, sync.target_resource, linked)
    read = [link for link in links if _is_read(link, sources, targets)]
    known = {link.pk for link in read}
    return Trial(sync, read, sources, targets, [link for link in links if link.pk not in known])


def _is_read(link: Link, sources: Mapping[str, Snapshot], targets: Mapping[str, Snapshot]) -> bool:
    here = link.source_id.startswith(UNMADE) or link.source_id in sources
    return here and (not link.target_id or link.target_id in targets)
