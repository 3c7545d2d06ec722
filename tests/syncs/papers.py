"""Jobber invoices as records, added up as Jobber may: tax rounded once or for each line, discount before tax."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.base import Record

CENT = Decimal("0.01")


def cents(exact: Decimal) -> Decimal:
    return exact.quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True)
class Item:
    """`rate`: the line's own percentage, '' for the invoice's."""

    key: str
    quantity: str
    price: str
    taxable: bool = True
    rate: str = ""
    name: str = "Tap"

    @property
    def amount(self) -> Decimal:
        return cents(Decimal(self.quantity) * Decimal(self.price))


@dataclass(frozen=True)
class Paper:
    """`once`: Jobber rounds the tax of the whole invoice. `payments`: (id, amount, kind)."""

    items: tuple[Item, ...] = (Item("l1", "2", "45.50"), Item("l2", "1.5", "95"), Item("l3", "1", "60", False))
    mode: str = "exclusive"
    once: bool = True
    discount: str = "0"
    status: str = "awaiting_payment"
    payments: tuple[tuple[str, str, str], ...] = ()
    due: datetime | None = datetime(2026, 12, 1, tzinfo=UTC)
    client: str = "cl1"
    subject: str = "For services"
    more: dict[str, Any] = field(default_factory=dict)

    def _taxed(self) -> list[tuple[Decimal, str]]:
        """(what is left of the line after its share of the discount, percentage) of the taxable lines."""
        subtotal = sum((i.amount for i in self.items), Decimal())
        share = 1 - Decimal(self.discount) / subtotal if subtotal else Decimal(1)
        return [(i.amount * share, i.rate or "10") for i in self.items if i.taxable]

    @property
    def tax(self) -> Decimal:
        """On top of prices."""
        if self.mode == "inclusive":
            return Decimal(0)
        exact: dict[str, list[Decimal]] = {}
        for amount, rate in self._taxed():
            exact.setdefault(rate, []).append(amount * Decimal(rate) / 100)
        return sum((cents(sum(e, Decimal())) if self.once else sum(map(cents, e)) for e in exact.values()), Decimal())

    @property
    def total(self) -> Decimal:
        return sum((i.amount for i in self.items), Decimal()) - Decimal(self.discount) + self.tax

    @property
    def minor(self) -> int:
        return int(self.total * 100)

    @property
    def balance(self) -> Decimal:
        signs = {"PAYMENT": -1, "DEPOSIT": -1, "REFUND": 1, "FAILED_ACH_PAYMENT": 1}
        return self.total + sum((signs.get(kind, 0) * Decimal(amount) for _, amount, kind in self.payments), Decimal())

    def record(self) -> Record:
        lines = [
            {
                "id": i.key, "name": i.name, "description": "", "quantity": i.quantity, "unit_price": i.price,
                "total": str(i.amount), "taxable": i.taxable,
                **({"tax_percent": i.rate, "tax_name": f"Tax {i.rate}"} if i.rate else {}),
            }
            for i in self.items
        ]  # fmt: skip
        rows = [{"id": key, "amount": amount, "kind": kind, "entered_on": f"2026-11-0{n + 1}T01:00:00Z",
                 "method": "CASH"} for n, (key, amount, kind) in enumerate(self.payments)]  # fmt: skip
        data: dict[str, Any] = {
            "id": "inv1", "number": "1042", "subject": self.subject, "status": self.status, "client_id": self.client,
            "client_name": "Ann Smith", "issued_on": "2026-11-01T00:00:00Z", "tax_calculation": self.mode,
            "tax_rate.name": "GST", "tax_rate.percent": "10", "lines": lines, "payments": rows,
            "subtotal": str(sum((i.amount for i in self.items), Decimal())), "discount": self.discount,
            "tax": str(self.tax), "total": str(self.total), "balance": str(self.balance), "job_numbers": ["12"],
            **({"due_on": self.due.isoformat()} if self.due else {}), **self.more,
        }  # fmt: skip
        return Record("inv1", {p: v for p, v in data.items() if v is not None}, "Invoice 1042, Ann Smith")
