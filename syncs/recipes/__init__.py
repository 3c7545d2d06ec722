"""Ready-made syncs: what goes where, with the mapping a new one starts from."""

from functools import cache

from syncs.recipes import clients_to_customers, invoices_to_stripe, pay_links_to_jobber, payments_to_jobber
from syncs.recipes.base import Recipe as Recipe

#: In the order in which a business takes them on: later ones need what earlier ones make.
_ALL: tuple[Recipe, ...] = (
    clients_to_customers.RECIPE, invoices_to_stripe.RECIPE, payments_to_jobber.RECIPE, pay_links_to_jobber.RECIPE,
)  # fmt: skip
RECIPES = {recipe.slug: recipe for recipe in _ALL}


def get(slug: str) -> Recipe:
    """KeyError for a recipe there is not."""
    return RECIPES[slug]


@cache
def references() -> frozenset[str]:
    """The names of all cross references that recipes write."""
    return frozenset(name for r in RECIPES.values() for name in (r.names.reference, *r.also_references))
