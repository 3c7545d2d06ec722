"""What an account holds beside its clients or customers: invoices on both sides, and what belongs to them.

Jobber adds up as it likes (tests.syncs.papers), Stripe is as strict as Stripe is (tests.syncs.till).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from connectors.base import Data, Record
from connectors.errors import MissingError, RejectedError
from syncs.invoices.back import ADD_FIELD, FIELD
from tests.faults.outside import Account, Service
from tests.syncs.papers import Paper
from tests.syncs.till import COLLECTABLE, Refused, Till

#: What no service takes, in any field.
POISON = "refused by everyone"
#: Reads may show the state before our own write for so long.
LAG = timedelta(seconds=30)
#: The metadata by which an invoice at Stripe names the one at Jobber.
INVOICE = "metadata.jobber_invoice_id"


@dataclass
class Shelf(ABC):
    """One kind of record of one account. `key`: that of our own call, '' for people."""

    service: Service
    account: Account

    @property
    def now(self) -> datetime:
        return self.service.ground.now()

    @abstractmethod
    def rows(self) -> list[tuple[int, str, datetime]]:
        """(place in the list, id, the time that a list of changes goes by)."""

    @abstractmethod
    def shown(self, number: str) -> Record | None: ...

    def make(self, data: Data, key: str) -> Record:
        raise RejectedError("That is not made here.")

    def change(self, number: str, verb: str, data: Data, key: str) -> Record:
        raise RejectedError("That is not changed here.")


# Jobber


@dataclass
class Bills(Shelf):
    """Jobber's invoices, which people write and we read, but for the page to pay by. `held`: the parts of a Paper;
    `said`: {id: all that it ever came to, in cents}; `has_field`: for that page, once it was asked for."""

    held: dict[str, dict[str, Any]] = field(default_factory=dict)
    said: dict[str, set[int]] = field(default_factory=dict)
    has_field: bool = False

    def paper(self, number: str) -> Paper:
        return Paper(**{part: value for part, value in self.held[number].items() if not part.startswith("_")})

    def rows(self) -> list[tuple[int, str, datetime]]:
        return [(held["_number"], key, held["_at"]) for key, held in self.held.items()]

    def shown(self, number: str) -> Record | None:
        if number not in self.held:
            return None
        held, found = self.held[number], self.paper(number).record()
        at, made = (held[name].replace(microsecond=0) for name in ("_at", "_made"))
        data = {**found.data, "id": number, "number": f"{held['_number']}"}
        return replace(found, id=number, data=data, label=f"Invoice {held['_number']}", updated_at=at, created_at=made)

    def write(self, **parts: Any) -> str:
        """Somebody makes one."""
        place = self.account.number()
        number = f"{self.account.id}-i{place:03}"
        self.held[number] = parts | {"_number": place, "_made": self.now, "_at": self.now}
        self._tell("INVOICE_CREATE", number)
        return number

    def edit(self, number: str, **parts: Any) -> None:
        self.held[number] = self.held[number] | parts | {"_at": self.now}
        self._tell("INVOICE_UPDATE", number)

    def change(self, number: str, verb: str, data: Data, key: str) -> Record:
        if number not in self.held:
            raise MissingError("Jobber has no such invoice any more.")
        if verb == ADD_FIELD:
            self.has_field = True
        elif verb != "update" or not self.has_field or set(data) != {FIELD}:
            raise RejectedError("That is not changed here.")
        elif self.page(number) == data[FIELD]:
            self.service.ground.counts["needless write"] += 1
        else:
            self.edit(number, more={FIELD: data[FIELD]})
        found = self.shown(number)
        assert found is not None
        return found

    def page(self, number: str) -> str:
        """The address that the client is told to pay at."""
        return str(self.held[number].get("more", {}).get(FIELD, ""))

    def remove(self, number: str) -> None:
        del self.held[number]
        self.service.tell(self.account, "INVOICE_DESTROY", "invoices", number, kind="deleted")

    def _tell(self, topic: str, number: str) -> None:
        self.said.setdefault(number, set()).add(self.paper(number).minor)
        self.service.tell(self.account, topic, "invoices", number)


@dataclass
class Notes(Shelf):
    """Jobber's notes on invoices, which we write. Jobber says nothing of them."""

    bills: Bills
    held: dict[str, dict[str, Any]] = field(default_factory=dict)

    def rows(self) -> list[tuple[int, str, datetime]]:
        there = [(key, held) for key, held in self.held.items() if held["invoice_id"] in self.bills.held]
        return [(held["_number"], key, held["_at"]) for key, held in there]

    def shown(self, number: str) -> Record | None:
        held = self.held.get(number)
        if held is None or held["invoice_id"] not in self.bills.held:
            return None
        before = held.get("_before")
        late = before and self.now < held["_at"] + LAG and self.service.ground.weather.happens("stale")
        return self._record(number, before if late else held)

    def _record(self, number: str, held: dict[str, Any]) -> Record:
        at, made = (held[name].replace(microsecond=0) for name in ("_at", "_made"))
        data = {"id": number, "invoice_id": held["invoice_id"], "message": held["message"]}
        named = held["message"].rpartition(" ")[2]
        return Record(number, data, "Note", updated_at=at, created_at=made, references={"stripe_payment_id": named})

    def make(self, data: Data, key: str) -> Record:
        if data["invoice_id"] not in self.bills.held:
            raise MissingError("Jobber has no such invoice.")
        place, now = self.account.number(), self.now
        number = f"{data['invoice_id']}:{place}"
        self.held[number] = {**data, "_number": place, "_made": now, "_at": now}
        return self._record(number, self.held[number])

    def change(self, number: str, verb: str, data: Data, key: str) -> Record:
        if self.shown(number) is None:
            raise MissingError("Jobber has no such note.")
        held = self.held[number]
        before = {part: value for part, value in held.items() if part != "_before"}
        self.held[number] = before | data | {"_at": self.now, "_before": before}
        return self._record(number, self.held[number])


# Stripe


@dataclass
class Drawer(Till):
    """One account's invoices and all that belongs to them. `made`: {id: when}; `told`: payments taken elsewhere, as
    they were told; `cards`: payments that came through Stripe."""

    account: str = ""
    clock: Callable[[], datetime] = timezone.now
    made: dict[str, datetime] = field(default_factory=dict)
    told: dict[str, Data] = field(default_factory=dict)
    cards: dict[str, Data] = field(default_factory=dict)

    def _id(self, kind: str) -> str:
        self._made += 1
        key = f"{kind}_{self.account}_{self._made:03}"
        self.made[key] = self.clock()
        return key

    def make(self, resource: str, data: dict[str, Any]) -> str:
        key = super().make(resource, data)
        if resource == "payment_records":
            self.told[key] = data
        return key

    def of(self, bill: str) -> list[dict[str, Any]]:
        """The invoices that were made from this one and are not void."""
        return [h for h in self.invoices.values() if h.get(INVOICE) == bill and h["status"] != "void"]

    def pay(self, key: str, amount: int) -> str:
        """The client pays by card. The payment's id."""
        self.card(key, amount)
        made = str(self.invoices[key]["payments"][-1]["payment"])
        moment = int(self.clock().timestamp())
        self.cards[made] = {
            "id": made, "status": "paid", "amount": amount, "amount_received": amount, "currency": "AUD",
            "customer": self.invoices[key]["customer"], "invoice": key, "method": "card visa 4242", "created": moment,
            "paid_at": moment,
        }  # fmt: skip
        return made


@dataclass
class Papers(Shelf):
    """One resource of Stripe's of those in the drawer."""

    resource: str
    drawer: Drawer

    def rows(self) -> list[tuple[int, str, datetime]]:
        found = {
            "invoices": self.drawer.invoices, "tax_rates": [rate.id for rate in self.drawer.rates],
            "payment_records": self.drawer.told, "payments": self.drawer.cards,
        }[self.resource]  # fmt: skip
        return [(int(key.rpartition("_")[2]), key, self.drawer.made[key]) for key in found]

    def shown(self, number: str) -> Record | None:
        found = self._shown(number)
        return replace(found, created_at=self.drawer.made[number].replace(microsecond=0)) if found else None

    def _shown(self, number: str) -> Record | None:
        drawer = self.drawer
        if self.resource == "invoices":
            return self._with_page(number, drawer.record(number))
        if self.resource == "tax_rates":
            return next((rate for rate in drawer.rates if rate.id == number), None)
        held = (drawer.told if self.resource == "payment_records" else drawer.cards).get(number)
        if held is None:
            return None
        names = ("jobber_payment_id", "jobber_invoice_id")
        references = {name: held[f"metadata.{name}"] for name in names if f"metadata.{name}" in held}
        return Record(number, {"id": number, **held}, f"Payment {number}", references=references)

    def _with_page(self, number: str, found: Record | None) -> Record | None:
        """The address to pay at holds a token that is fresh at every reading."""
        if found is None or found.data["status"] == "draft":
            return found
        address = f"https://pay.example/{number}?s={self.now:%H%M%S}"
        return replace(found, data={**found.data, "hosted_url": address}, passing=frozenset({"hosted_url"}))

    def make(self, data: Data, key: str) -> Record:
        if data.get("customer") not in {None, *self.account.records}:
            raise RejectedError("Stripe has no such customer.", field="customer")
        return self._done("created", lambda: self.drawer.make(self.resource, data), data, key)

    def change(self, number: str, verb: str, data: Data, key: str) -> Record:
        held = self.drawer.invoices.get(number)
        if held is None and verb == "delete":
            return Record(number, {}, number, deleted=True)
        if held is None:
            raise MissingError("Stripe has no such invoice.")
        if verb == "update" and all((held.get(path) or "") == (value or "") for path, value in data.items()):
            self.service.ground.counts["needless write"] += 1

        def act() -> str:
            self.drawer.change(number, verb, data)
            return number

        found = self._done("deleted" if verb == "delete" else "updated", act, data, key)
        if verb == "finalize":
            self._one_to_pay(held)
        return found

    def _done(self, happened: str, act: Callable[[], str], data: Data, key: str) -> Record:
        bad = next((path for path, value in data.items() if POISON in str(value)), "")
        if bad:
            self.service.ground.counts["refused"] += 1
            raise RejectedError("Stripe does not take this.", field=bad)
        self.drawer.now = self.now
        try:
            number = act()
        except Refused as error:
            raise RejectedError(f"Stripe does not do that: {error}") from None
        if self.resource == "invoices":
            self.tell(number, happened, key)
        return self.shown(number) or Record(number, {}, number, deleted=True)

    def tell(self, number: str, happened: str, key: str = "") -> None:
        """Invoices show themselves in what is said of them, payments do not."""
        event, found = f"evt_{self.account.id}_{self.account.number()}", self.shown(number)
        more = {"object": found.data} if found and self.resource == "invoices" else {}
        more |= {"kind": "deleted"} if happened == "deleted" else {}
        topic = f"{self.resource.removesuffix('s')}.{happened}"
        self.service.tell(self.account, topic, self.resource, number, event=event, key=key, **more)

    def _one_to_pay(self, opened: dict[str, Any]) -> None:
        """Two of one invoice that can be paid, or of which one is: somebody would pay twice."""
        rivals = [h for h in self.drawer.of(str(opened.get(INVOICE))) if h["status"] in COLLECTABLE | {"paid"}]
        if len(rivals) > 1:
            self.service.ground.wrong.append(f"{[h['id'] for h in rivals]} are both of {opened.get(INVOICE)}")


def furnish(jobber: tuple[Service, Account], stripe: tuple[Service, Account]) -> None:
    """An account at each service gets its shelves."""
    bills = Bills(*jobber)
    jobber[1].shelves = {"invoices": bills, "notes": Notes(*jobber, bills)}
    drawer = Drawer(account=stripe[1].id, clock=stripe[0].ground.now)
    resources = ("invoices", "tax_rates", "payment_records", "payments")
    stripe[1].shelves = {resource: Papers(*stripe, resource, drawer) for resource in resources}
