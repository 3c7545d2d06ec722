"""What people do on either side: new records, edits, deletions. Each value is made once, so that it tells its story."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django_scopes import scopes_disabled

from connectors.base import Data
from syncs.models import Link
from tests.faults.billing import Billing
from tests.faults.office import Office
from tests.faults.outside import Account
from tests.faults.sessions import POISON, STRANGE, Records
from tests.faults.world import CLIENTS, Tenant, World

#: (what it is called here, Jobber's path, Stripe's path or '' where nobody edits it there). Of email and phone the
#: later edit counts; of the others Jobber has the say, whoever was later.
FIELDS = (
    ("email", "email", "email"),
    ("phone", "phone", "phone"),
    ("company", "company_name", "business_name"),
    ("city", "billing_address.city", "address.city"),
    ("last name", "last_name", ""),
)
LATER_COUNTS = {"email", "phone"}
#: {the turn: what comes then}: a record that is refused, one that cannot be read, or a cure.
_TROUBLE: dict[int, float | str] = {2: 0.0, 3: 0.0, 4: 0.0, 9: 0.9, 15: "cure", 16: "cure", 17: "cure", 18: "cure"}


@dataclass
class People:
    """`overwritten`: values that somebody with the say saw and replaced: none of them may come back. `edits`: how
    often somebody did something."""

    world: World
    rng: random.Random
    overwritten: set[str] = field(default_factory=set)
    edits: int = 0
    poison: set[str] = field(default_factory=set)
    strange: set[str] = field(default_factory=set)
    number: int = 0
    #: How many of the things that were planned have been done.
    turn: int = 0
    billing: Billing = field(init=False)
    office: Office = field(init=False)

    def __post_init__(self) -> None:
        self.billing, self.office = Billing(self.world, self.rng), Office(self.world, self.rng)

    def furnish(self, tenant: Tenant) -> None:
        """What is there on both sides before anything is connected."""
        for _ in range(CLIENTS):
            self.world.jobber.make(tenant.jobber, self._client(tenant.jobber))
        known = next(iter(tenant.jobber.records.values()))
        self.world.stripe.make(tenant.stripe, {"name": "known before", "email": known["email"]})
        self.world.stripe.make(tenant.stripe, {"name": f"stranger {tenant.stripe.tag}"})
        if tenant.papers:
            self.billing.furnish(tenant)

    def _value(self, name: str, account: Account) -> str:
        self.number += 1
        if name == "email":
            return f"e{self.number}@{account.tag}.example"
        if name == "phone":
            return f"+6149157{self.number:04}"
        return f"{name.title().replace(' ', '')}{account.tag}{self.number}"

    def _client(self, account: Account) -> Data:
        return {
            "first_name": "Ann", "last_name": self._value("last name", account),
            "email": self._value("email", account), "phone": self._value("phone", account),
            "billing_address.street1": "1 High St", "billing_address.city": self._value("city", account),
            "billing_address.province": "NSW", "billing_address.postal_code": "2000",
            "billing_address.country": "AU", "company_name": self._value("company", account),
        }  # fmt: skip

    def act(self) -> None:
        """One thing that somebody does somewhere."""
        tenant = self.rng.choice(self.world.tenants)
        self.edits += 1
        self.turn += 1
        if self._troubled(tenant):
            return
        if tenant.papers and self.rng.random() < 0.6:
            self.billing.act(tenant)
            return
        drawn = 1.0 if self.world.weather.hot else self.rng.random()
        if drawn < 0.15:
            self._add(tenant)
        elif drawn < 0.22 and tenant.live:
            self._add_there(tenant)
        elif drawn < 0.26:
            self._remove(tenant)
        else:
            self._edit(tenant)

    def _troubled(self, tenant: Tenant) -> bool:
        """In seeds above 200 that have such records at all, they are there for certain, and one is put right."""
        weather = self.world.weather
        turn = _TROUBLE.get(self.turn) if weather.poison and weather.seed > 200 else None
        if turn is None:
            return False
        mine = sorted(self.poison & tenant.jobber.records.keys())
        if isinstance(turn, float):
            self._add(tenant, turn)
        elif mine:
            self._put_right(self.world.jobber, tenant.jobber, mine[0])
        return isinstance(turn, float) or bool(mine)

    def _add(self, tenant: Tenant, trouble: float = -1.0) -> None:
        data, account = self._client(tenant.jobber), tenant.jobber
        trouble = trouble if trouble >= 0 else self.rng.random()
        if self.world.weather.poison and trouble < 0.3:
            data["company_name"] += f" {POISON}"
        made = self.world.jobber.make(account, data)
        if self.world.weather.poison and trouble > 0.6:
            account.records[made.id]["last_name"] = data["last_name"] = STRANGE
        if POISON in str(data) or STRANGE in str(data):
            self.poison.add(made.id)
        self._say(f"adds {made.id}")

    def _add_there(self, tenant: Tenant) -> None:
        account = tenant.stripe
        data = {
            "name": self._value("last name", account), "email": self._value("email", account),
            "phone": self._value("phone", account),
        }  # fmt: skip
        made = self.world.stripe.make(account, data)
        self._say(f"adds {made.id}")

    def _remove(self, tenant: Tenant) -> None:
        service, account = self._side(tenant)
        key = self.rng.choice(sorted(account.records.keys() - self.poison))
        service.remove(account, key)
        self._say(f"removes {key}")

    def _side(self, tenant: Tenant) -> tuple[Records, Account]:
        here = self.rng.random() < 0.6 or not tenant.stripe.records
        return (self.world.jobber, tenant.jobber) if here else (self.world.stripe, tenant.stripe)

    def _edit(self, tenant: Tenant) -> None:
        service, account = self._side(tenant)
        keys = sorted(account.records)
        if service is self.world.stripe:
            keys = [k for k in keys if k in _linked()]  # before that Jobber has the say about all of it
        if not keys:
            return
        key = self.rng.choice(keys[:2] if self.world.weather.hot else keys)
        if key in self.poison:
            self._cure(service, account, key)
            return
        names = [f for f in FIELDS if f[1 if service is self.world.jobber else 2]]
        chosen = self.rng.sample(names, self.rng.choice((1, 1, 2)))
        self._change(service, account, key, chosen)
        if self.world.weather.seed > 200 and self.rng.random() < 0.5:
            chosen.sort(key=lambda field: field[0] not in LATER_COUNTS)
            again = partial(self._change, service, account, key, chosen[:1], again=True)
            self.world.loop.at(self.rng.uniform(3, 100), again)

    def _change(
        self, service: Records, account: Account, key: str, fields: Sequence[tuple[str, str, str]], *,
        again: bool = False,
    ) -> None:  # fmt: skip
        """New values for these fields; nothing when the record is gone by now, or the day is over."""
        if key not in account.records or self.world.weather.calm:
            return
        self.edits += again
        change: dict[str, Any] = {}
        for name, here, there in fields:
            path = here if service is self.world.jobber else there
            before = str(account.records[key].get(path) or "")
            change[path] = self._value(name, account)
            if before and (service is self.world.jobber or name in LATER_COUNTS):
                self.overwritten.add(before)
        service.change(account, key, change)
        self._say(f"edits {key} {change}")

    def _cure(self, service: Records, account: Account, key: str) -> None:
        """Half of the records that nobody took are put right by somebody."""
        if self.rng.random() < 0.5:
            self._put_right(service, account, key)

    def _put_right(self, service: Records, account: Account, key: str) -> None:
        cure = {name: self._value(word, account) for word, name, _ in FIELDS if word in {"company", "last name"}}
        service.change(account, key, cure)
        self.poison.discard(key)
        self._say(f"puts {key} right")

    def _say(self, words: str) -> None:
        self.world.ground.trace(f"somebody {words}")


def _linked() -> set[str]:
    """Customers that the portal knows to be somebody's."""
    with scopes_disabled():
        return set(Link.objects.exclude(target_id=None).values_list("target_id", flat=True))
