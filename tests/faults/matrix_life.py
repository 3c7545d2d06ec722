"""A life that makes every call the product makes, and what both services must hold after it, whatever broke."""

import threading
import time
from collections import Counter
from datetime import timedelta

from django.utils import timezone

from portal.models import User
from syncs import choosing, notice
from syncs.models import Lane, Link, Run, Sync, Write
from tests.syncs.world import World

LINES = [("Tap rewashered", "1.5", "88.00"), ("Parts", "1", "23.10")]
#: Longer than any service may take to do late what got no answer.
LATER = timedelta(minutes=3)
#: In real time: what the stand-ins take at the most to do late what got no answer, and a round's pause until then.
LATE, PAUSE = timedelta(seconds=1), 0.05
MOST_SECONDS = 20.0


class Life:
    """Two clients, one of them billed, who pays by card and then moves; the payment is noted, the page is linked."""

    def __init__(self, world: World, owner: User) -> None:
        self.world, self.owner = world, owner
        self.clients: list[str] = []
        self.invoice = ""
        #: What was said of the records that a person had to try again.
        self.asked: list[str] = []

    def live(self) -> None:
        world = self.world
        self.clients = [world.jobber.add("Ann", n, f"{n.lower()}@example.com") for n in ("Smith", "Brown")]
        self.settle()
        world.sync.refresh_from_db()
        choosing.go_live(world.sync, None)
        self.settle()
        invoices = self._also("invoices-to-stripe")
        self.invoice = world.jobber.bill(self.clients[0], LINES, tax="INCLUSIVE")
        self._again(invoices)
        payments, pages = self._also("payments-to-jobber"), self._also("pay-links-to-jobber")
        self._again(payments, pages)
        world.stripe.pay(world.stripe.invoices(self.invoice)[0]["id"])
        self._again(payments, invoices)
        world.jobber.edit(self.clients[0], lastName="Jones")
        notice.mark(world.sync, self.clients[0], "webhook CLIENT_UPDATE", timezone.now())
        self.settle()

    def _also(self, slug: str) -> Sync:
        sync = self.world.also(slug, self.owner)
        self.settle()
        return sync

    def _again(self, *syncs: Sync) -> None:
        for sync in syncs:
            Sync.objects.filter(pk=sync.pk).update(target_read_at=None)
            sync.refresh_from_db()
            choosing.sync_now(sync)
        self.settle()

    def settle(self) -> None:
        """As hours would: every wait is over, until nothing is left to do. What a service does late is done by then."""
        until = time.monotonic() + MOST_SECONDS
        while time.monotonic() < until:
            Link.objects.update(next_try=None)
            Run.objects.update(next_try=None)
            Lane.objects.update(resume_at=None)
            now = timezone.now()
            Write.objects.filter(state="unknown", settled_at__lt=now - LATE).update(intended_at=now - LATER)
            self.world.work()
            self._try_again()
            if not self._owed():
                return
            threading.Event().wait(PAUSE)

    def _try_again(self) -> None:
        """As a person does who reads that an answer was not understood."""
        for link in Link.objects.filter(state=Link.State.HELD, cause_code="contract"):
            self.asked.append(link.cause)
            notice.ask(link, "Alice")

    def _owed(self) -> bool:
        due = Link.objects.extra(where=["noticed > handled"]).exists()
        return due or Run.objects.filter(state="running").exists() or self.world.open_writes() > 0

    def wrong(self) -> list[str]:
        """What differs from how it must be, in words; empty when all is well."""
        world, found = self.world, []
        customers = Counter(c["metadata"].get("jobber_client_id") for c in world.stripe.customers())
        if customers != Counter(self.clients):
            found.append(f"customers: {customers}")
        names = sorted(c["individual_name"] for c in world.stripe.customers())
        if names != ["Ann Brown", "Ann Jones"]:
            found.append(f"names: {names}")
        bills = [(i["status"], f"{i['total'] / 100:.2f}") for i in world.stripe.invoices()]
        if bills != [("paid", world.jobber.total(self.invoice))]:
            found.append(f"invoices: {bills}")
        if (notes := len(world.jobber.notes(self.invoice))) != 1:
            found.append(f"{notes} notes")
        if not world.jobber.page_to_pay(self.invoice).startswith("http"):
            found.append("no page to pay by")
        if (rates := len(world.stripe.tax_rates())) != 1:
            found.append(f"{rates} tax rates")
        return found + self._unsettled()

    def _unsettled(self) -> list[str]:
        states = Link.objects.exclude(state__in=["in_step", "skipped"]).values_list("source_id", "state", "cause")
        found = [f"{key} is {state}: {cause}" for key, state, cause in states]
        if self.world.open_writes():
            found.append(f"{self.world.open_writes()} open writes")
        self.world.ledger()
        return found
