"""What people do about money on either side: invoices written, changed, paid, given back, voided; and what the office
decides where the portal asks."""

import random
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django_scopes import scope

from syncs import deciding
from syncs.deciding import Choice
from syncs.models import Link
from tests.faults.shelves import INVOICE, POISON, Bills, Papers
from tests.faults.world import Tenant, World
from tests.syncs.papers import Item

#: What the office may press, and what it does not decide here: it is left to stand with its cause.
_PRESSED = {Choice.VOID, Choice.REPLACE, Choice.NEW}
_AWAITING = ("awaiting_payment", "sent_not_due", "past_due")


@dataclass
class Billing:
    """`poison`: invoices that no service takes as they are."""

    world: World
    rng: random.Random
    poison: set[str] = field(default_factory=set)
    number: int = 0

    def furnish(self, tenant: Tenant) -> None:
        """What is there before anything is connected: one that is to be paid, one that was, and a draft."""
        for status, paid in (("awaiting_payment", False), ("paid", True), ("draft", False)):
            made = self._bill(tenant, status)
            if paid:
                self._cash(tenant, made, 1.0)

    def act(self, tenant: Tenant) -> None:
        drawn, bills = self.rng.random(), sorted(tenant.bills.held)
        if drawn < 0.25 or not bills:
            return self._say(f"bills {self._bill(tenant)}")
        if drawn < 0.75:
            return self._paper(tenant, self.rng.choice(bills[-3:]))
        return self._stripe(tenant)

    def _bill(self, tenant: Tenant, status: str = "") -> str:
        self.number += 1
        bad = self.world.weather.poison and self.rng.random() < 0.15
        made = tenant.bills.write(
            items=self._items(), mode=self.rng.choice(("exclusive", "inclusive")), once=self.rng.random() < 0.5,
            status=status or self.rng.choice(("draft", *_AWAITING)), client=self._client(tenant),
            subject=f"Subject{tenant.jobber.tag}{self.number}" + (f" {POISON}" if bad else ""),
            discount=self.rng.choice(("0", "0", "4.50")),
        )  # fmt: skip
        if bad:
            self.poison.add(made)
        return made

    def _client(self, tenant: Tenant) -> str:
        return self.rng.choice(sorted(tenant.jobber.records))

    def _items(self) -> tuple[Item, ...]:
        rng = self.rng
        return tuple(
            Item(
                f"l{self.number}-{n}", rng.choice(("1", "2", "1.5")), f"{rng.randint(5, 200)}.{rng.randint(0, 99):02}",
                taxable=rng.random() < 0.8,
            )
            for n in range(rng.choice((1, 1, 2, 3)))
        )  # fmt: skip

    # In Jobber

    def _paper(self, tenant: Tenant, bill: str) -> None:
        drawn, bills = self.rng.random(), tenant.bills
        if self.world.weather.seed > 3000 and bills.paper(bill).payments and self.rng.random() < 0.2:
            self._uncash(tenant, bill)
            return
        if drawn < 0.2 or bill in self.poison:
            self.number += 1
            bills.edit(bill, subject=f"Subject{tenant.jobber.tag}{self.number}")
            self.poison.discard(bill)
        elif drawn < 0.45:
            self.number += 1
            bills.edit(bill, items=self._items())
            self._settle(bills, bill)
        elif drawn < 0.65:
            self._cash(tenant, bill, self.rng.choice((1.0, 1.0, 0.3)))
        elif drawn < 0.9:
            bills.edit(bill, status=self.rng.choice((*_AWAITING, "voided", "bad_debt", "draft")))
            self._settle(bills, bill)
        elif drawn < 0.95:
            bills.edit(bill, client=self._client(tenant))
        else:
            bills.remove(bill)
        self._say(f"changes {bill} {bills.held.get(bill, 'away')}")

    def _cash(self, tenant: Tenant, bill: str, part: float) -> None:
        """What is left, or a part of it, is paid to the tradesperson."""
        paper = tenant.bills.paper(bill)
        left = int(paper.balance * 100)
        if left <= 0:
            return
        self.number += 1
        amount = max(1, int(left * part))
        paid = (*paper.payments, (f"{tenant.jobber.id}-p{self.number}", f"{amount / 100:.2f}", "PAYMENT"))
        tenant.bills.edit(bill, payments=paid)
        self._settle(tenant.bills, bill)

    def _uncash(self, tenant: Tenant, bill: str) -> None:
        """The last payment was another invoice's, or the cheque has bounced."""
        tenant.bills.edit(bill, payments=tenant.bills.paper(bill).payments[:-1])
        if tenant.bills.paper(bill).status == "paid":
            tenant.bills.edit(bill, status="awaiting_payment")
        self._say(f"takes a payment of {bill} out")

    def _settle(self, bills: Bills, bill: str) -> None:
        """Jobber calls it paid as soon as nothing is left, and not before."""
        paper = bills.paper(bill)
        if paper.payments and paper.status in {*_AWAITING, "paid"}:
            wanted = "paid" if paper.balance <= 0 else "awaiting_payment"
            if wanted != paper.status:
                bills.edit(bill, status=wanted)

    # In Stripe

    def _stripe(self, tenant: Tenant) -> None:
        drawer, drawn = tenant.drawer, self.rng.random()
        to_pay = sorted(key for key, held in drawer.invoices.items() if held["status"] in {"open", "uncollectible"})
        given = sorted(key for key, held in drawer.cards.items() if held["status"] != "refunded")
        if to_pay and drawn < 0.7:
            self._card(tenant, self.rng.choice(to_pay))
        elif given and drawn < 0.95:
            self._back(tenant, self.rng.choice(given))
        elif to_pay:
            self._void(tenant, self.rng.choice(to_pay))

    def _card(self, tenant: Tenant, key: str) -> None:
        left = tenant.drawer.invoices[key]["amount_remaining"]
        made = tenant.drawer.pay(key, left if self.rng.random() < 0.7 or left < 200 else left // 2)
        self._told(tenant, "invoices", key, "paid")
        self._told(tenant, "payments", made, "succeeded")
        self._say(f"pays {key} by {made}")

    def _back(self, tenant: Tenant, payment: str) -> None:
        held = tenant.drawer.cards[payment]
        whole = self.rng.random() < 0.5
        held |= {
            "status": "refunded" if whole else "part_refunded", "amount_refunded": held["amount"] // (1 if whole else 4)
        }  # fmt: skip
        self._told(tenant, "payments", payment, "refunded")
        self._say(f"gives {payment} back")

    def _void(self, tenant: Tenant, key: str) -> None:
        held = tenant.drawer.invoices[key]
        if not any(p["status"] == "paid" for p in held["payments"]):
            tenant.drawer.change(key, "void", {})
            self._told(tenant, "invoices", key, "voided")
            self._say(f"voids {key} of {held.get(INVOICE)}")

    def _told(self, tenant: Tenant, resource: str, key: str, happened: str) -> None:
        shelf: Papers = tenant.stripe.shelves[resource]
        shelf.tell(key, happened)

    # In the portal

    def decide(self) -> None:
        """Half of what the portal asks about invoices is decided."""
        for tenant in self.world.tenants:
            with scope(business=tenant.business):
                for link in Link.objects.filter(sync=tenant.invoices).order_by("pk"):
                    pressed = [c for c in deciding.choices(link) if c in _PRESSED]
                    if pressed and self.rng.random() < 0.5:
                        with suppress(deciding.TooLate):
                            deciding.decide(link, pressed[0], "", self.world.user)
                            self._say(f"decides {link.source_id}: {pressed[0]}")

    def _say(self, words: Any) -> None:
        self.world.ground.trace(f"somebody {words}")
