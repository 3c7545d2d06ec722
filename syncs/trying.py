"""What a version would make of records, from what is stored: the same planning as a look, and nobody is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from syncs import gathering, looking, recipes, snapshots
from syncs.bothways import UNMADE
from syncs.looking import Look
from syncs.mapping import Compiled
from syncs.models import Link, Snapshot, Sync
from syncs.planning import Plan, Verdict
from syncs.rules import judging
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


def judged(sync: Sync, look: Look, version: Compiled) -> Compiled:
    """The version with the values that its rules set for this record."""
    here = look.source.as_record() if look.source else None
    return judging.judge(version, here, looking.known_of(look.link), looking.clock(sync)).version


class Outcome(StrEnum):
    """What comes of a record: everyone comes to exactly one."""

    CREATE = "create"
    UPDATE = "update"
    LINK = "link"
    IN_STEP = "in_step"
    LEAVE_OUT = "leave_out"
    HOLD = "hold"
    CONFLICT = "conflict"
    WAIT = "wait"
    END = "end"
    UNREAD = "unread"


_OUTCOMES = {
    Verdict.CREATE: Outcome.CREATE, Verdict.UPDATE: Outcome.UPDATE, Verdict.LINK: Outcome.LINK,
    Verdict.HOLD: Outcome.HOLD, Verdict.CONFLICT: Outcome.CONFLICT, Verdict.WAIT: Outcome.WAIT,
    Verdict.END: Outcome.END,
}  # fmt: skip


def outcome(made: Plan) -> Outcome:
    """Something that is made beside a counterpart which is there already changes the record."""
    if made.verdict == Verdict.SKIP:
        return Outcome.IN_STEP if made.code == "in_step" else Outcome.LEAVE_OUT
    if made.verdict == Verdict.CREATE and made.resource and made.target_id:
        return Outcome.UPDATE
    return _OUTCOMES[made.verdict]


def same(one: Plan, other: Plan) -> bool:
    """Whether both come to the same, whatever they warn of and which rules were asked on the way."""
    return all(
        getattr(one, name) == getattr(other, name)
        for name in ("verdict", "code", "reason", "target_id", "action", "resource", "back", "data", "conflicts")
    )
