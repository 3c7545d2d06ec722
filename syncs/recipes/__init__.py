"""Ready-made syncs: what goes where, with the mapping a new one starts from."""

from functools import cache

from syncs.recipes import clients_to_customers
from syncs.recipes.base import Recipe as Recipe

RECIPES = {r.slug: r for r in (clients_to_customers.RECIPE,)}


def get(slug: str) -> Recipe:
    """KeyError for a recipe there is not."""
    return RECIPES[slug]


@cache
def references() -> frozenset[str]:
    """The names of all cross references that recipes write."""
    return frozenset(recipe.names.reference for recipe in RECIPES.values())
