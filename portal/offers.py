"""The recipes a business can choose from, as its connections allow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal import wording
from portal.models import Connection
from portal.wording import Terms
from syncs import recipes, routing
from syncs.models import Sync
from syncs.recipes import Recipe


@dataclass(frozen=True, slots=True)
class Option:
    """One thing to say about a sync: a tick, or, where there are `choices`, one of several (value, words)."""

    key: str
    words: str
    value: Any
    choices: Sequence[tuple[str, str]] = ()


def options(recipe: Recipe, values: Mapping[str, Any]) -> list[Option]:
    """Those that a business sets itself, with the values they have now."""
    return [
        Option(key, words, values.get(key, recipe.options[key]), recipe.option_choices.get(key, ()))
        for key, words in recipe.option_labels.items()
    ]


def common(sync: Sync) -> dict[str, bool]:
    """Options that any sync can have, as this one has them, where they mean something for it."""
    only_sent = bool(sync.live_options.get(routing.ONLY_SENT))
    return {routing.ONLY_SENT: only_sent} if routing.may_be_sent_to(sync) else {}


def options_of(sync: Sync) -> list[Option]:
    """What its people can say about it, as it is live: the recipe's own options, and those that any sync can have."""
    own = options(recipes.get(sync.recipe), sync.live_options)
    return [*own, *(Option(key, routing.ONLY_SENT_WORDS, value) for key, value in common(sync).items())]


@dataclass(frozen=True, slots=True)
class Offer:
    """A recipe as it can be chosen now. `missing`: connectors to be connected first; `sync`: it is chosen already;
    `first`: the recipe that must be chosen before it, None when it is."""

    recipe: Recipe
    terms: Terms
    source: Connection | None
    target: Connection | None
    sync: Sync | None
    first: Recipe | None = None

    @property
    def missing(self) -> list[str]:
        names = self.recipe.names
        return [n for n, row in ((names.source, self.source), (names.target, self.target)) if row is None]

    @property
    def options(self) -> list[Option]:
        return options(self.recipe, self.recipe.options)


def current() -> list[Offer]:
    active = {c.connector: c for c in Connection.objects.filter(status=Connection.Status.ACTIVE)}
    chosen = {(s.recipe, s.source_id, s.target_id): s for s in Sync.objects.all()}
    begun = {s.recipe for s in chosen.values()}
    found = []
    for recipe in recipes.RECIPES.values():
        source, target = active.get(recipe.source), active.get(recipe.target)
        sync = chosen.get((recipe.slug, source.pk, target.pk)) if source and target else None
        first = recipes.get(recipe.after) if recipe.after and recipe.after not in begun else None
        found.append(Offer(recipe, wording.terms(recipe), source, target, sync, first))
    return found
