"""Whether each client has one customer, and that one with its latest name."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from portal.demo.environment import Place
from tests.bench.outside import Outside
from tests.bench.table import Figure, exactly

REFERENCE = "jobber_client_id"


async def figures(place: Place, names: Mapping[str, str]) -> list[Figure]:
    """`names`: each client's name as its customer should have it."""
    found: dict[str, list[str]] = defaultdict(list)
    for customer in await Outside(place).customers():
        found[customer["metadata"].get(REFERENCE, "")].append(customer["name"])
    return list(_figures(found, names))


def _figures(found: dict[str, list[str]], names: Mapping[str, str]) -> Iterator[Figure]:
    yield exactly("  clients without a customer", sum(1 for c in names if not found[c]), 0)
    yield exactly("  clients with more than one", sum(1 for c in names if len(found[c]) > 1), 0)
    yield exactly("  customers with an old name", sum(1 for c, name in names.items() if set(found[c]) - {name}), 0)
