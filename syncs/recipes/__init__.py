"""Ready-made syncs: what goes where, with the mapping a new one starts from."""

from dataclasses import dataclass, field
from typing import Any

from syncs.planning import Names


@dataclass(frozen=True)
class Recipe:
    """`mappings` are rows as a Version holds them; `options` the values a new sync starts with."""

    slug: str
    name: str
    summary: str
    source: str
    source_resource: str
    target: str
    target_resource: str
    names: Names
    mappings: tuple[dict[str, Any], ...]
    options: dict[str, Any] = field(default_factory=dict)
    #: What each option means, for who switches it.
    option_labels: dict[str, str] = field(default_factory=dict)


def get(slug: str) -> Recipe:
    """KeyError for a recipe there is not."""
    return RECIPES[slug]


from syncs.recipes import clients_to_customers  # noqa: E402  # the recipe needs the class above

RECIPES = {r.slug: r for r in (clients_to_customers.RECIPE,)}
