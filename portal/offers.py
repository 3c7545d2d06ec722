"""The recipes a business can choose from, as its connections allow."""

from dataclasses import dataclass

from portal import wording
from portal.models import Connection
from portal.wording import Terms
from syncs import recipes
from syncs.models import Sync
from syncs.recipes import Recipe


@dataclass(frozen=True, slots=True)
class Offer:
    """A recipe as it can be chosen now. `missing`: connectors to be connected first; `sync`: it is chosen already."""

    recipe: Recipe
    terms: Terms
    source: Connection | None
    target: Connection | None
    sync: Sync | None

    @property
    def missing(self) -> list[str]:
        names = self.recipe.names
        return [n for n, row in ((names.source, self.source), (names.target, self.target)) if row is None]

    @property
    def options(self) -> list[tuple[str, str, bool]]:
        """(key, words, whether it starts ticked)."""
        return [(key, words, bool(self.recipe.options[key])) for key, words in self.recipe.option_labels.items()]


def current() -> list[Offer]:
    active = {c.connector: c for c in Connection.objects.filter(status=Connection.Status.ACTIVE)}
    chosen = {(s.recipe, s.source_id, s.target_id): s for s in Sync.objects.all()}
    found = []
    for recipe in recipes.RECIPES.values():
        source, target = active.get(recipe.source), active.get(recipe.target)
        sync = chosen.get((recipe.slug, source.pk, target.pk)) if source and target else None
        found.append(Offer(recipe, wording.terms(recipe), source, target, sync))
    return found
