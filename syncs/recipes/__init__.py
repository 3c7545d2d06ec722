"""Ready-made syncs: what goes where, with the mapping a new one starts from."""

from collections import Counter
from functools import cache
from itertools import chain

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
def shared() -> frozenset[tuple[str, str]]:
    """(connector, resource) that more than one recipe reads or writes."""
    sides = [{(r.source, r.source_resource), (r.target, r.target_resource)} for r in RECIPES.values()]
    return frozenset(place for place, times in Counter(chain(*sides)).items() if times > 1)


@cache
def references() -> frozenset[str]:
    """The names of all cross references that recipes write."""
    return frozenset(name for r in RECIPES.values() for name in (r.names.reference, *r.also_references))
