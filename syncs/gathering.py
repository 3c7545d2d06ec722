"""What a planner must know beside a record and its counterpart: by recipe, for a whole batch at once."""

from collections.abc import Mapping, Sequence

from syncs.models import Link, Snapshot, Sync
from syncs.recipes import Recipe
from syncs.sessions import Sessions

#: By link: what the planner is given, and the link to wait for.
type Told = Mapping[int, tuple[object, int | None]]


def gather(
    sync: Sync, recipe: Recipe, links: Sequence[Link], sources: Mapping[str, Snapshot],
    targets: Mapping[str, Snapshot], sessions: Sessions,
) -> Told:  # fmt: skip
    """Nothing for recipes that need no more than the two records."""
    return {}
