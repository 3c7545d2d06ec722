"""What a version would make of records, from what is stored: the same planning as a look, and nobody is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from syncs import gathering, looking, recipes, snapshots
from syncs.bothways import UNMADE
from syncs.looking import Look
from syncs.mapping import Compiled
from syncs.models import Link, Snapshot, Sync
from syncs.planning import Plan, Verdict
from syncs.rules import judging
from syncs.sessions import NoSessions

type States = Mapping[str, Snapshot]


@dataclass(frozen=True, slots=True)
class Trial:
    """Records of a sync with both sides as last read, to be planned with any version. `unread`: those of which a side
    was never read, so that nothing can be said of them."""

    sync: Sync
    links: Sequence[Link]
    sources: States
    targets: States
    unread: Sequence[Link]

    def plan(self, version: Compiled) -> list[Look]:
        """What a look would plan now, were this the live version and both sides as they were last read."""
        return plans(self.sync, version, self.links, self.sources, self.targets)


def plans(
    sync: Sync, version: Compiled, links: Sequence[Link], sources: States, targets: States, at: datetime | None = None
) -> list[Look]:
    """What a look would have planned `at` a moment with this version and these states of both sides."""
    batch = gathering.Batch(sync, recipes.get(sync.recipe), version, links, sources, targets, NoSessions())
    return looking.plans(batch, at)


def stored(sync: Sync, links: Sequence[Link]) -> tuple[States, States]:
    """Both sides of these links as last read, by their own ids. Two queries; nobody is asked or noticed."""
    linked = [link.target_id for link in links if link.target_id]
    return (
        snapshots.known(sync.source, sync.source_resource, [link.source_id for link in links]),
        snapshots.known(sync.target, sync.target_resource, linked),
    )


def live(sync: Sync, links: Sequence[Link]) -> list[Look]:
    """With the live version and both sides as last read. Links may be copies with another decision than the stored
    one: then it is what would come of that."""
    return plans(sync, looking.rules_of(sync)[0], links, *stored(sync, links))


def trial(sync: Sync, links: Sequence[Link]) -> Trial:
    """Nothing is stored and no record is noticed."""
    sources, targets = stored(sync, links)
    read = [link for link in links if _is_read(link, sources, targets)]
    known = {link.pk for link in read}
    return Trial(sync, read, sources, targets, [link for link in links if link.pk not in known])


def _is_read(link: Link, sources: States, targets: States) -> bool:
    here = link.source_id.startswith(UNMADE) or link.source_id in sources
    return here and (not link.target_id or link.target_id in targets)


def judged(sync: Sync, look: Look, version: Compiled) -> Compiled:
    """The version with the values that its rules set for this record."""
    return judging.judge(version, look.source_record, looking.known_of(look.link), looking.clock(sync)).version


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
