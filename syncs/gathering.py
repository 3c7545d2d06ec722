"""What a planner must know beside a record and its counterpart: by recipe, for a whole batch at once."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from syncs import bothways
from syncs.models import Link, Snapshot, Sync
from syncs.recipes import Recipe
from syncs.sessions import Sessions

#: By link: what the planner is given, and the link whose record must have its counterpart first.
type Told = Mapping[int, tuple[object, int | None]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Links of one sync, with both sides as last read, by their own ids."""

    sync: Sync
    recipe: Recipe
    links: Sequence[Link]
    sources: Mapping[str, Snapshot]
    targets: Mapping[str, Snapshot]
    sessions: Sessions


def gather(batch: Batch) -> Told:
    """Nothing for recipes that need no more than the two records."""
    return _GATHER[batch.recipe.facts](batch) if batch.recipe.facts else {}


def _both_ways(batch: Batch) -> Told:
    alike = _alike(batch)
    return {link.pk: (_sides_of(link, batch, alike), None) for link in batch.links}


def _sides_of(link: Link, batch: Batch, alike: Mapping[str, list[str]]) -> bothways.Facts:
    source, target = batch.sources.get(link.source_id), batch.targets.get(link.target_id or "")
    return bothways.Facts(
        here_at=source.updated_at if source else None,
        there_at=(target.updated_at or target.noticed_at or target.read_at) if target else None,
        unmade=link.source_id.startswith(bothways.UNMADE),
        alike=alike.get(target.email, ()) if target and target.email else (),
    )


def _alike(batch: Batch) -> Mapping[str, list[str]]:
    """{email: labels of source records that have it}, for records that were made at the target."""
    unmade = [link.target_id or "" for link in batch.links if link.source_id.startswith(bothways.UNMADE)]
    emails = {batch.targets[key].email for key in unmade if key in batch.targets} - {""}
    found: dict[str, list[str]] = defaultdict(list)
    if emails:
        sync = batch.sync
        held = Snapshot.objects.filter(
            connection=sync.source_id, resource=sync.source_resource, email__in=emails, deleted_at=None
        ).values_list("email", "label")  # fmt: skip
        for email, label in held:
            found[email].append(label)
    return found


_GATHER: Mapping[str, Callable[[Batch], Told]] = {"both_ways": _both_ways}
