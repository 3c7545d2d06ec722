"""Stripe's invoices in memory, as strict as Stripe is, and the engine's part in planning them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.base import Record
from syncs import recipes
from syncs.comparing import Known
from syncs.invoices.facts import Facts
from syncs.mapping import Compiled, compile_version
from syncs.matching import Clues
from syncs.planning import Parent, Plan, Verdict, agreement

RECIPE = recipes.get("invoices-to-stripe")
REFERENCE = RECIPE.names.reference
NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
#: Whoever may have to pay: Stripe takes money for these.
COLLECTABLE = {"open", "uncollectible"}
#: What Stripe lets change once an invoice is open, and once it is settled.
WHEN_OPEN, WHEN_CLOSED = ("metadata.", "description", "auto_advance"), ("metadata.",)


def version(**options: Any) -> Compiled:
    return compile_version({"mappings": RECIPE.mappings, "options": {**RECIPE.options, **options}})


class Refused(AssertionError):
    """Stripe would not do that."""


def whole(exact: Decimal) -> int:
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


@dataclass
class Till:
    """`once`: its owner has chosen that tax is rounded once for each invoice. `opened`: what each came to when it
    became open, by id. `seen`: the ledger of what it was told, in short."""

    once: bool = False
    now: datetime = NOW
    invoices: dict[str, dict[str, Any]] = field(default_factory=dict)
    rates: list[Record] = field(default_factory=list)
    recorded: dict[str, str] = field(default_factory=dict)
    amounts: dict[str, int] = field(default_factory=dict)
    opened: dict[str, int] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    _made: int = 0

    def _id(self, kind: str) -> str:
        self._made += 1
        return f"{kind}_{self._made}"

    def record(self, key: str) -> Record | None:
        held = self.invoices.get(key)
        if held is None:
            return None
        data = {p: v for p, v in held.items() if v not in (None, "", [])}
        references = {REFERENCE: data[f"metadata.{REFERENCE}"]} if data.get(f"metadata.{REFERENCE}") else {}
        return Record(key, data, f"Invoice {key}", references=references)

    def collectable(self) -> list[str]:
        return [key for key, held in self.invoices.items() if held["status"] in COLLECTABLE]

    # What the portal asks of it

    def carry_out(self, made: Plan) -> str:
        """The id of what the step was about."""
        self.seen.append(made.action or f"{made.verdict} {made.resource}".strip())
        if made.verdict == Verdict.CREATE or made.resource:
            return self.make(made.resource or "invoices", made.data)
        self.change(made.target_id, made.action or "update", made.data)
        return made.target_id

    def make(self, resource: str, data: dict[str, Any]) -> str:
        """The id of what was made."""
        makes = {"tax_rates": self._rate, "payment_records": self._payment, "invoices": self._create}
        return makes[resource](data)

    def change(self, key: str, verb: str, data: dict[str, Any]) -> None:
        """An invoice's fields with "update", else what one of the actions does."""
        self._actions[verb](self, self.invoices[key], data)

    def _rate(self, data: dict[str, Any]) -> str:
        key = self._id("txr")
        same = [r for r in self.rates if all(r.data.get(p) == data[p] for p in ("name", "percent", "inclusive"))]
        if same:
            raise Refused(f"The same tax rate a second time: {data}")
        self.rates.append(Record(key, {**data, "id": key, "active": True}, key))
        return key

    def _payment(self, data: dict[str, Any]) -> str:
        key, paid = self._id("pr"), str(data["metadata.jobber_payment_id"])
        if paid in self.recorded:
            raise Refused(f"The payment {paid} is told a second time.")
        self.recorded[paid], self.amounts[key] = key, data["amount"]
        return key

    def _create(self, data: dict[str, Any]) -> str:
        key = self._id("in")
        if data.get("due_date", 0) <= self.now.timestamp():
            raise Refused("Invalid timestamp: must be an integer Unix timestamp in the future.")
        if not data.get("customer") or len(data.get("custom_fields") or ()) > 4:
            raise Refused(f"No customer, or too many custom fields: {data}")
        self.invoices[key] = {**data, "id": key, "status": "draft", "lines": [], "payments": []}
        self._total(self.invoices[key])
        return key

    def _update(self, held: dict[str, Any], data: dict[str, Any]) -> None:
        status = held["status"]
        allowed = WHEN_OPEN if status == "open" else WHEN_CLOSED
        if status != "draft" and not all(path.startswith(allowed) for path in data):
            raise Refused(f"Finalized invoices can't be updated in this way: {sorted(data)}")
        if data.get("due_date", self.now.timestamp() + 1) <= self.now.timestamp():
            raise Refused("Invalid timestamp: must be an integer Unix timestamp in the future.")
        held.update(data)

    def _draft(self, held: dict[str, Any]) -> None:
        if held["status"] != "draft":
            raise Refused(f"Lines of a {held['status']} invoice cannot be changed.")

    def _add_lines(self, held: dict[str, Any], data: dict[str, Any]) -> None:
        self._draft(held)
        held["lines"] = [*held["lines"], *({"id": self._id("il"), **_line(row)} for row in data["lines"])]
        if len(held["lines"]) > 250:
            raise Refused("More than 250 lines.")
        self._total(held)

    def _update_lines(self, held: dict[str, Any], data: dict[str, Any]) -> None:
        self._draft(held)
        changed = {row["id"]: _line(row) for row in data["lines"]}
        if not changed.keys() <= {line["id"] for line in held["lines"]}:
            raise Refused("There is no such line.")
        held["lines"] = [{**line, **changed.get(line["id"], {})} for line in held["lines"]]
        self._total(held)

    def _remove_lines(self, held: dict[str, Any], data: dict[str, Any]) -> None:
        self._draft(held)
        held["lines"] = [line for line in held["lines"] if line["id"] not in data["ids"]]
        self._total(held)

    def _total(self, held: dict[str, Any]) -> None:
        by_id, taxes = {r.id: r.data for r in self.rates}, dict[str, list[Decimal]]()
        for line in held["lines"]:
            for rate in line["tax_rates"]:
                if not by_id[rate]["inclusive"]:
                    taxes.setdefault(rate, []).append(line["amount"] * Decimal(by_id[rate]["percent"]) / 100)
        tax = sum(whole(sum(each, Decimal())) if self.once else sum(map(whole, each)) for each in taxes.values())
        held["total"] = sum(line["amount"] for line in held["lines"]) + tax
        held["amount_remaining"] = held["amount_due"] = held["total"]

    def _finalize(self, held: dict[str, Any], data: dict[str, Any]) -> None:
        self._draft(held)
        if held["due_date"] <= self.now.timestamp():
            raise Refused("It would be overdue the moment it is opened.")
        held["status"], held["number"] = "open", held.get("number") or f"S-{len(self.opened) + 1}"
        self.opened[held["id"]] = held["total"]
        if held["total"]:
            held["payments"] = [{"id": self._id("inpay"), "amount": held["total"], "status": "open",
                                 "kind": "payment_intent", "payment": self._id("pi")}]  # fmt: skip
        self._settled(held)

    def _settled(self, held: dict[str, Any]) -> None:
        if held["amount_remaining"] == 0:
            held["status"] = "paid"

    def _void(self, held: dict[str, Any], data: dict[str, Any]) -> None:
        if any(p["status"] == "paid" for p in held["payments"]):
            raise Refused("Invoices with `paid` payments cannot be voided.")
        self._move(held, COLLECTABLE, "void")

    def _mark_uncollectible(self, held: dict[str, Any], data: dict[str, Any]) -> None:
        self._move(held, {"open"}, "uncollectible")

    def _pay_out_of_band(self, held: dict[str, Any], data: dict[str, Any]) -> None:
        self._move(held, COLLECTABLE, "paid")
        held["amount_remaining"] = 0

    def _move(self, held: dict[str, Any], allowed: set[str], to: str) -> None:
        if held["status"] not in allowed:
            raise Refused(f"From {held['status']} to {to} there is no way.")
        held["status"] = to

    def _delete(self, held: dict[str, Any], data: dict[str, Any]) -> None:
        self._draft(held)
        del self.invoices[held["id"]]

    def _attach_payment(self, held: dict[str, Any], data: dict[str, Any]) -> None:
        record = data["payment_record"]
        if held["status"] != "open":
            raise Refused("Payments can only be attached to open invoices.")
        if any(p["payment"] == record for each in self.invoices.values() for p in each["payments"]):
            raise Refused(f"{record} has already been attached to an invoice.")
        if self.amounts[record] > held["amount_remaining"]:
            raise Refused("More than is left.")
        held["payments"] = [*held["payments"], {"id": self._id("inpay"), "amount": self.amounts[record],
                            "status": "paid", "kind": "payment_record", "payment": record}]  # fmt: skip
        held["amount_remaining"] -= self.amounts[record]
        self._settled(held)

    _actions: dict[str, Callable[["Till", dict[str, Any], dict[str, Any]], None]] = field(
        init=False, repr=False, default_factory=lambda: {
            "update": Till._update, "add_lines": Till._add_lines, "update_lines": Till._update_lines,
            "remove_lines": Till._remove_lines, "finalize": Till._finalize, "void": Till._void,
            "mark_uncollectible": Till._mark_uncollectible, "pay_out_of_band": Till._pay_out_of_band,
            "delete": Till._delete, "attach_payment": Till._attach_payment,
        },
    )  # fmt: skip

    # What people do there

    def card(self, key: str, amount: int | None = None) -> None:
        """The client pays by card: all that is left, or a part."""
        held = self.invoices[key]
        amount = held["amount_remaining"] if amount is None else amount
        others = [p for p in held["payments"] if p["status"] != "open"]
        held["payments"] = [*others, {"id": self._id("inpay"), "amount": amount, "status": "paid",
                            "kind": "payment_intent", "payment": self._id("pi")}]  # fmt: skip
        held["amount_remaining"] -= amount
        self._settled(held)


def _line(row: dict[str, Any]) -> dict[str, Any]:
    """As it is shown: the amount in whole cents."""
    quantity, unit = Decimal(row["quantity_decimal"]), Decimal(row["unit_amount_decimal"])
    if quantity < 0:
        raise Refused("A quantity below zero.")
    return {
        "description": row["description"], "amount": whole(quantity * unit), "tax_rates": list(row["tax_rates"]),
        "metadata": dict(row["metadata"]),
    }  # fmt: skip


@dataclass
class Desk:
    """One invoice's link and the looks at it. `plans`: all of them so far."""

    source: Record | None
    till: Till = field(default_factory=Till)
    version: Compiled = field(default_factory=version)
    client: Parent = field(default_factory=lambda: Parent("ready", "cus_1", "Ann Smith"))
    currency: str = "AUD"
    zone: str = "Australia/Sydney"
    known: Known = field(default_factory=Known)
    plans: list[Plan] = field(default_factory=list)

    @property
    def there(self) -> dict[str, Any]:
        return self.till.invoices[self.known.target_id]

    def look(self) -> Plan:
        facts = Facts(
            self.client,
            self.currency,
            self.zone,
            "AU",
            self.till.now,
            list(self.till.rates),
            {payment: (key, self.till.amounts[key]) for payment, key in self.till.recorded.items()},
        )
        target = self.till.record(self.known.target_id) if self.known.target_id else None
        free = [] if self.known.target_id else [r for key in self.till.invoices if (r := self.till.record(key))]
        return RECIPE.decide(self.version, self.source, target, self.known, Clues(free), facts)

    def step(self) -> Plan:
        """One look and what follows from it, as the engine settles it."""
        made, shown = self.look(), self.till.record(self.known.target_id)
        self.plans.append(made)
        if made.writes:
            key = self.till.carry_out(made)
            told = (self.till.record(key) or Record(key, {}, key)) if not made.resource else shown
            self._agree(made, told, "" if made.resource else key)
        elif made.code == "in_step" or made.verdict == Verdict.LINK:
            self._agree(made, shown, made.target_id)
            self.known = replace(self.known, decision={})
        elif made.verdict == Verdict.END:
            self.known = replace(self.known, ended=True)
        return made

    def _agree(self, made: Plan, shown: Record | None, key: str) -> None:
        base, rendered = agreement(made, self.known, shown.data if shown else {})
        self.known = replace(self.known, target_id=key or self.known.target_id, base=base, rendered=rendered,
                             ended=False)  # fmt: skip

    def run(self) -> Plan:
        """Steps until there is nothing more to write."""
        for _ in range(60):
            made = self.step()
            if not made.writes:
                return made
        raise AssertionError(f"It does not come to an end: {self.till.seen[-8:]}")

    def decide(self, choice: str) -> Plan:
        self.known = replace(self.known, decision={"choice": choice})
        return self.run()
