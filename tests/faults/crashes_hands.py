"""People who go on working on both sides, and what the services must hold in the end. Needs Django."""

import random
from typing import Any

from syncs import ledger
from syncs.models import Link, Sync, Write
from tests.syncs.world import Bookkeeper, Tradesperson

_CLIENTS = (
    "query($after: String) { clients(first: 100, after: $after) { nodes { id lastName } pageInfo"
    " { hasNextPage endCursor } } }"
)


class Hands:
    def __init__(self, url: str, dice: random.Random) -> None:
        self.jobber, self.stripe, self._dice = Tradesperson(url), Bookkeeper(url), dice
        self.clients: list[str] = []
        self.done = 0

    def add(self) -> str:
        number = len(self.clients) + 1
        self.clients.append(self.jobber.add(f"Ann{number}", "Smith", f"ann{number}@example.com"))
        self.done += 1
        return self.clients[-1]

    def act(self) -> None:
        """A new client, another name in Jobber, or one in Stripe that has to be put back."""
        what = self._dice.random()
        if what < 0.3:
            self.add()
        elif what < 0.85:
            self.jobber.edit(self._dice.choice(self.clients), lastName=f"Smith-{self.done}")
        else:
            self._meddle()
        self.done += 1

    def _meddle(self) -> None:
        customers = [c for c in self.stripe.customers() if c["metadata"].get("jobber_client_id")]
        if customers:
            self.stripe.edit(self._dice.choice(customers)["id"], **{"metadata[jobber_last_name]": "Meddled"})

    def names(self) -> dict[str, str]:
        """{client: its last name now}, as Jobber has it."""
        found: dict[str, str] = {}
        after: str | None = None
        while True:
            page = self.jobber.ask(_CLIENTS, after=after)["clients"]
            found |= {c["id"]: c["lastName"] for c in page["nodes"]}
            if not page["pageInfo"]["hasNextPage"]:
                return found
            after = page["pageInfo"]["endCursor"]


def wrong(hands: Hands, sync: Sync) -> list[str]:
    """What is not as it must be, counted in the services' own stores and in ours. Empty once all is well."""
    wanted, customers = hands.names(), hands.stripe.customers()
    held: dict[str, list[dict[str, Any]]] = {}
    for customer in customers:
        held.setdefault(customer["metadata"].get("jobber_client_id", ""), []).append(customer)
    found = [f"{len(held.get(c, []))} customers for {c}" for c in wanted if len(held.get(c, [])) != 1]
    found += [f"a customer of nobody's: {c['id']}" for key, some in held.items() if key not in wanted for c in some]
    found += [
        f"{some[0]['id']} is called {some[0]['metadata'].get('jobber_last_name')}, not {wanted[key]}"
        for key, some in held.items()
        if key in wanted and some[0]["metadata"].get("jobber_last_name") != wanted[key]
    ]
    return found + _ours(sync, len(wanted))


def _ours(sync: Sync, clients: int) -> list[str]:
    equation = ledger.equation(sync)
    seen, placed = equation["seen"], sum(n for place, n in equation.items() if place != "seen")
    open_writes = Write.objects.filter(state__in=["intended", "unknown"]).count()
    states = Link.objects.filter(sync=sync).exclude(state="in_step").values_list("source_id", "state", "cause")
    found = [f"the record {key} is {state}: {cause}" for key, state, cause in states]
    found += [f"{open_writes} writes are open"] if open_writes else []
    found += [f"seen {seen}, placed {placed}, there {clients}"] if not seen == placed == clients else []
    return found
