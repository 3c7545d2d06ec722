"""What clients owe and have paid: which invoices belong to which list, and what they come to.

An invoice is written in one service and paid in another, so it is there twice. It stands in the lists once: as the one
it was written as, or, where there is none, as the one it is paid as.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, CharField, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.expressions import Combinable

from portal import wording
from portal.figures import DUE, OPEN
from portal.wording import Terms
from syncs import currencies, recipes
from syncs.invoices import statuses
from syncs.models import Invoice, Link, Payment, Sync

_RECIPES = [recipe for recipe in recipes.RECIPES.values() if recipe.facts == "invoices"]
#: A due date is the beginning of a day: it is missed when that day is over.
A_DAY = timedelta(days=1)
#: Statuses of an invoice, where it is written, that ask for money.
ASKING = [status for status, (_, meant) in statuses.STATUSES.items() if meant == statuses.OPEN]
#: Those of an invoice, where it is paid, in which what is left to pay is known.
KNOWS_LEFT = (statuses.OPEN, statuses.PAID, statuses.UNCOLLECTIBLE)
UNPAID, OVERDUE, PAID_THERE = "unpaid", "overdue", "paid_there"
DISPUTED, HELD, IN_STEP, ONLY_THERE = "disputed", "held", "in_step", "only_there"
#: Payments that were begun or given up without anybody having tried to pay: Stripe begins one with every invoice, and
#: gives it up when the invoice is paid another way.
IDLE = Q(status__in=(Payment.Status.NONE, Payment.Status.CANCELLED), received=0)


@dataclass(frozen=True, slots=True)
class Books:
    """The syncs that turn invoices written in one service into those that are paid in another."""

    syncs: Sequence[Sync]

    @property
    def here(self) -> list[int]:
        """Connections that invoices are written in."""
        return [s.source_id for s in self.syncs]

    @property
    def there(self) -> list[int]:
        """Connections that they are paid in."""
        return [s.target_id for s in self.syncs]

    @property
    def terms(self) -> Terms:
        """What both sides are called; without a sync, as the first recipe for them calls them."""
        return wording.terms_of(self.syncs[0]) if self.syncs else wording.terms(_RECIPES[0])

    @property
    def links(self) -> QuerySet[Link]:
        return Link.objects.filter(sync__in=[s.pk for s in self.syncs])


def books(syncs: Iterable[Sync]) -> Books:
    """Of the syncs of a business, those that are about invoices to be paid."""
    return Books([s for s in syncs if s.recipe in {r.slug for r in _RECIPES}])


def current() -> Books:
    """Those of the business whose scope is open."""
    return books(Sync.objects.filter(recipe__in=[r.slug for r in _RECIPES]).order_by("pk"))


# Which invoices


def newest(rows: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """The latest first; drafts, which have no date, at the end."""
    return rows.order_by(F("issued_at").desc(nulls_last=True), "-pk")


def every(kept: Books) -> QuerySet[Invoice]:
    """Each invoice once."""
    return Invoice.objects.filter(Q(connection__in=kept.here) | _only_there(kept))


def only_there(kept: Books) -> QuerySet[Invoice]:
    """Those that were made where they are paid, and come from nowhere else."""
    return Invoice.objects.filter(_only_there(kept))


def _only_there(kept: Books) -> Q:
    linked = kept.links.filter(target_id=OuterRef("external_id")).exclude(state=Link.State.ENDED)
    return Q(connection__in=kept.there, refers_to="", gone=False) & ~Q(Exists(linked))


def asking(kept: Books) -> QuerySet[Invoice]:
    """Open where they are written. `there_status`: that of the counterpart; `owed`: what is left to pay by what both
    sides know, in minor units."""
    mine = kept.links.filter(source_id=OuterRef("external_id"), sync__source=OuterRef("connection"))
    there = Invoice.objects.filter(connection__in=kept.there, external_id=OuterRef("there_id"))
    known = Q(there_status__in=KNOWS_LEFT, there_left__lt=F("remaining"))
    rows = Invoice.objects.filter(connection__in=kept.here, gone=False, status__in=ASKING, remaining__gt=0)
    return rows.annotate(
        there_id=Subquery(mine.values("target_id")[:1]),
        there_status=Subquery(there.values("status")[:1]),
        there_left=Subquery(there.values("remaining")[:1]),
        owed=Case(When(known, then=F("there_left")), default=F("remaining")),
    )


def sorted_out(rows: QuerySet[Invoice], now: datetime) -> QuerySet[Any]:
    """`kind`: paid where they are paid though open here, overdue, or unpaid."""
    late = Q(status="past_due") | Q(due_at__lte=now - A_DAY)
    return rows.annotate(
        kind=Case(
            When(owed__lte=0, then=Value(PAID_THERE)), When(late, then=Value(OVERDUE)), default=Value(UNPAID),
            output_field=CharField(),
        )
    )  # fmt: skip


def listed(kept: Books, which: str, now: datetime) -> QuerySet[Invoice]:
    """The invoices of one of the lists; all of them for a name that is none."""
    match which:
        case "unpaid":
            return sorted_out(asking(kept), now).exclude(kind=PAID_THERE)
        case "overdue" | "paid_there":
            return sorted_out(asking(kept), now).filter(kind=which)
        case "only_there":
            return only_there(kept)
        case "disputed":
            return _disputed(kept)
        case "held":
            return _of_links(kept, kept.links.filter(state__in=OPEN).exclude(DUE))
        case "in_step":
            return _of_links(kept, kept.links.filter(state=Link.State.IN_STEP).exclude(DUE))
    return every(kept)


def _of_links(kept: Books, links: QuerySet[Link]) -> QuerySet[Invoice]:
    """By the ids of the links, sync by sync: asked of each invoice in turn, it would take seconds for thousands."""
    mine = Q(pk__in=[])
    for sync in kept.syncs:
        mine |= Q(connection=sync.source_id, external_id__in=links.filter(sync=sync).values("source_id"))
    return Invoice.objects.filter(mine)


def _disputed(kept: Books) -> QuerySet[Invoice]:
    """By the payments, of which there are few: what they pay, its counterpart, and what they name themselves."""
    payments = Payment.objects.filter(status=Payment.Status.DISPUTED)
    paid = payments.exclude(invoice_id="").values("invoice_id")
    counterparts = kept.links.filter(target_id__in=paid).values("source_id")
    named = payments.exclude(refers_to="").values("refers_to")
    here = Q(connection__in=kept.here) & (Q(external_id__in=counterparts) | Q(external_id__in=named))
    return Invoice.objects.filter(here | (_only_there(kept) & Q(external_id__in=paid)))


# What they come to


@dataclass(slots=True)
class Sums:
    """`cents`: {currency: minor units}."""

    count: int = 0
    cents: dict[str, int] = field(default_factory=dict)

    def add(self, count: int, currency: str, cents: int | None) -> None:
        self.count += count
        self.cents[currency] = self.cents.get(currency, 0) + (cents or 0)

    @classmethod
    def of_rows(cls, rows: QuerySet[Any], amount: Combinable) -> "Sums":
        """One query. `amount`: that of a row, in minor units of its currency."""
        found = cls()
        for row in rows.values("currency").order_by().annotate(n=Count("pk"), cents=Sum(amount)):
            found.add(row["n"], row["currency"], row["cents"])
        return found

    @classmethod
    def of(cls, parts: "Iterable[Sums]") -> "Sums":
        whole = cls()
        for part in parts:
            whole.count += part.count
            for currency, cents in part.cents.items():
                whole.add(0, currency, cents)
        return whole

    def shown(self, home: str) -> str:
        """'$4,210.00', '$410.00 and $5.00 USD'."""
        ordered = sorted(self.cents.items(), key=lambda pair: (pair[0] != home, pair[0]))
        return " and ".join(currencies.shown(cents, code or home, home) for code, cents in ordered if cents) or (
            currencies.shown(0, home, home)
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """`unpaid` holds `overdue`. `causes`: {(sync, cause): what waits for a person because of it}."""

    unpaid: Sums = field(default_factory=Sums)
    overdue: Sums = field(default_factory=Sums)
    paid_there: Sums = field(default_factory=Sums)
    disputed: Sums = field(default_factory=Sums)
    held: Sums = field(default_factory=Sums)
    causes: Mapping[tuple[int, str], Sums] = field(default_factory=dict)


def standing(kept: Books, now: datetime) -> Standing:
    """Two queries, however many invoices there are."""
    if not kept.syncs:
        return Standing()
    found = {kind: Sums() for kind in (UNPAID, OVERDUE, PAID_THERE, DISPUTED)}
    rows: QuerySet[Any] = sorted_out(asking(kept), now).values("kind", "currency").order_by()
    each = rows.annotate(n=Count("pk"), owed_sum=Sum("owed"), whole=Sum("remaining"))
    theirs = Payment.objects.filter(status=Payment.Status.DISPUTED).order_by()
    disputes = theirs.values("currency", kind=Value(DISPUTED, CharField())).annotate(n=Count("pk"), whole=Sum("amount"))
    both = each.values_list("kind", "currency", "n", "owed_sum", "whole").union(
        disputes.values_list("kind", "currency", "n", "whole", "whole"), all=True
    )  # fmt: skip
    for kind, currency, n, owed, whole in both.order_by():
        for place in (UNPAID, OVERDUE) if kind == OVERDUE else (kind,):
            found[place].add(n, currency, owed if kind in {UNPAID, OVERDUE} else whole)
    causes = stopped(kept)
    return Standing(
        found[UNPAID], found[OVERDUE], found[PAID_THERE], found[DISPUTED], Sums.of(causes.values()), causes
    )  # fmt: skip


def stopped(kept: Books) -> dict[tuple[int, str], Sums]:
    """{(sync, cause): what waits for a person because of it}."""
    if not kept.syncs:
        return {}
    causes: dict[tuple[int, str], Sums] = {}
    mine = Invoice.objects.filter(connection=OuterRef("sync__source"), external_id=OuterRef("source_id"))
    worth = {"currency": Subquery(mine.values("currency")[:1]), "cents": Subquery(mine.values("total")[:1])}
    rows: QuerySet[Any] = kept.links.filter(state__in=OPEN).exclude(DUE).annotate(**worth)
    for row in rows.values("sync_id", "cause_code", "currency").order_by().annotate(n=Count("pk"), sum=Sum("cents")):
        sums = causes.setdefault((row["sync_id"], row["cause_code"]), Sums())
        sums.add(row["n"], row["currency"] or "", row["sum"])
    return causes


# One client


@dataclass(frozen=True, slots=True)
class Theirs:
    """What there is of one client: `parties` are (connection, id there) of both sides."""

    kept: Books
    parties: Sequence[tuple[int, str]]

    @property
    def _mine(self) -> Q:
        found = Q(pk__in=[])
        for connection, party in self.parties:
            found |= Q(connection=connection, party_id=party)
        return found

    @property
    def invoices(self) -> QuerySet[Invoice]:
        """The latest first."""
        return newest(every(self.kept).filter(self._mine))

    @property
    def payments(self) -> QuerySet[Payment]:
        mine = Q(pk__in=[])
        for connection, party in self.parties:
            mine |= Q(connection=connection, customer_id=party)
        return Payment.objects.filter(mine).exclude(IDLE).order_by("-made_at", "-pk")

    def owed(self, now: datetime) -> Sums:
        rows = sorted_out(asking(self.kept), now).filter(self._mine).exclude(kind=PAID_THERE)
        return Sums.of_rows(rows, F("owed"))

    def received(self) -> Sums:
        """What came in and stayed."""
        stayed = (Payment.Status.PAID, Payment.Status.PART_REFUNDED, Payment.Status.DISPUTED)
        return Sums.of_rows(self.payments.filter(status__in=stayed), F("received") - F("refunded"))


def of_client(kept: Books, link: Link) -> Theirs:
    """`link`: what keeps the client in step."""
    here, there = (link.sync.source_id, link.source_id), (link.sync.target_id, link.target_id)
    return Theirs(kept, [(connection, party) for connection, party in (here, there) if party])
