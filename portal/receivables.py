"""What clients owe and have paid: which invoices belong to which list, and what they come to.

An invoice is written in one service and paid in another, so it is there twice. It stands in the lists once: as the one
it was written as, or, where there is none, as the one it is paid as.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.expressions import Combinable

from portal import wording
from portal.figures import OPEN
from portal.wording import Terms
from syncs import currencies, recipes
from syncs.invoices import statuses
from syncs.ledger import DUE
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
WRITTEN = "written"
_LIST = "list:"
#: Payments that were begun or given up without anybody having tried to pay: Stripe begins one with every invoice, and
#: gives it up when the invoice is paid another way.
IDLE = Q(status__in=(Payment.Status.NONE, Payment.Status.CANCELLED), received=0)


@dataclass(frozen=True, slots=True)
class Books:
    """`syncs`: those that turn invoices written in one service into those that are paid in another; `every`: them and
    all others of the business."""

    syncs: Sequence[Sync]
    every: Sequence[Sync]

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

    def of(self, resource: str) -> list[Sync]:
        """Syncs that read records of this kind."""
        return [s for s in self.every if s.source_resource == resource]

    @property
    def links(self) -> QuerySet[Link]:
        return Link.objects.filter(sync__in=[s.pk for s in self.syncs])


def books(syncs: Iterable[Sync]) -> Books:
    """Of the syncs of a business, those that are about invoices to be paid."""
    every = list(syncs)
    return Books([s for s in every if s.recipe in {r.slug for r in _RECIPES}], every)


def current(*related: str) -> Books:
    """Those of the business whose scope is open; `related`: what is read with each sync."""
    rows = Sync.objects.order_by("pk")
    return books(rows.select_related(*related) if related else rows)


# Which invoices


def newest(rows: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """The latest first; drafts, which have no date, at the end."""
    return rows.order_by(F("issued_at").desc(nulls_last=True), "-pk")


def every(kept: Books) -> QuerySet[Invoice]:
    """Each invoice once."""
    return Invoice.objects.filter(Q(connection__in=kept.here) | _only_there(kept))


def _only_there(kept: Books) -> Q:
    """Those that were made where they are paid, and come from nowhere else."""
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
        case "written":
            return Invoice.objects.filter(connection__in=kept.here)
        case "only_there":
            return Invoice.objects.filter(_only_there(kept))
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
    """`unpaid` holds `overdue`. `causes`: {(sync, cause): what waits for a person because of it}; `lists`: {one of the
    lists that were asked for: how many invoices are in it}."""

    unpaid: Sums = field(default_factory=Sums)
    overdue: Sums = field(default_factory=Sums)
    paid_there: Sums = field(default_factory=Sums)
    disputed: Sums = field(default_factory=Sums)
    held: Sums = field(default_factory=Sums)
    causes: Mapping[tuple[int, str], Sums] = field(default_factory=dict)
    lists: Mapping[str, int] = field(default_factory=dict)


_NO_SYNC, _NOTHING = Value(0, BigIntegerField()), Value("", CharField())


def standing(kept: Books, now: datetime, lists: Sequence[str] = ()) -> Standing:
    """One query, however many invoices there are."""
    if not kept.syncs:
        return Standing()
    found = {kind: Sums() for kind in (UNPAID, OVERDUE, PAID_THERE, DISPUTED)}
    causes: dict[tuple[int, str], Sums] = {}
    counts: dict[str, int] = {}
    parts = [_owed(kept, now), _contested(), _stopped(kept), *(_many(kept, which, now) for which in lists)]
    for part, sync, cause, currency, n, cents, whole in parts[0].union(*parts[1:], all=True).order_by():
        if part.startswith(_LIST):
            counts[part.removeprefix(_LIST)] = n
        elif part == HELD:
            causes.setdefault((sync, cause), Sums()).add(n, currency or "", cents)
        for place in (UNPAID, OVERDUE) if part == OVERDUE else {part} & found.keys():
            found[place].add(n, currency, whole if place == PAID_THERE else cents)
    held = Sums.of(causes.values())
    return Standing(found[UNPAID], found[OVERDUE], found[PAID_THERE], found[DISPUTED], held, causes, counts)


def _counted(
    rows: QuerySet[Any], part: Combinable, money: Combinable, cents: Combinable, whole: Combinable | None = None,
    whose: Combinable = _NO_SYNC, why: Combinable = _NOTHING,
) -> QuerySet[Any]:  # fmt: skip
    by = rows.annotate(part=part, whose=whose, why=why, coin=money).order_by().values("part", "whose", "why", "coin")
    each: QuerySet[Any] = by.annotate(n=Count("pk"), sum=Sum(cents), in_all=Sum(whole or cents))
    return each.values_list("part", "whose", "why", "coin", "n", "sum", "in_all")


def _owed(kept: Books, now: datetime) -> QuerySet[Any]:
    """What is left to pay, and what is open here."""
    return _counted(sorted_out(asking(kept), now), F("kind"), F("currency"), F("owed"), F("remaining"))


def _contested() -> QuerySet[Any]:
    rows = Payment.objects.filter(status=Payment.Status.DISPUTED)
    return _counted(rows, Value(DISPUTED, CharField()), F("currency"), F("amount"))


def _stopped(kept: Books) -> QuerySet[Any]:
    rows = worth(kept.links.filter(state__in=OPEN).exclude(DUE))
    return _counted(rows, Value(HELD, CharField()), F("money"), F("cents"), whose=F("sync_id"), why=F("cause_code"))


def worth(links: QuerySet[Link]) -> QuerySet[Any]:
    """`money` and `cents`: currency and total of the invoice that a link is about."""
    mine = Invoice.objects.filter(connection=OuterRef("sync__source"), external_id=OuterRef("source_id"))
    return links.annotate(money=Subquery(mine.values("currency")[:1]), cents=Subquery(mine.values("total")[:1]))


def _many(kept: Books, which: str, now: datetime) -> QuerySet[Any]:
    return _counted(listed(kept, which, now), Value(_LIST + which, CharField()), _NOTHING, _NO_SYNC)


def stopped(kept: Books) -> dict[tuple[int, str], Sums]:
    """{(sync, cause): what waits for a person because of it}."""
    causes: dict[tuple[int, str], Sums] = {}
    for _, sync, cause, currency, n, cents, _ in _stopped(kept) if kept.syncs else ():
        causes.setdefault((sync, cause), Sums()).add(n, currency or "", cents)
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

    def money(self, now: datetime) -> tuple[Sums, Sums]:
        """What is owed, and what came in and stayed: one query."""
        rows = sorted_out(asking(self.kept), now).filter(self._mine).exclude(kind=PAID_THERE)
        stayed = (Payment.Status.PAID, Payment.Status.PART_REFUNDED, Payment.Status.DISPUTED)
        came = self.payments.filter(status__in=stayed)
        left, kept = F("received") - F("refunded"), Value("received", CharField())
        both = _counted(rows, Value("owed", CharField()), F("currency"), F("owed")).union(
            _counted(came, kept, F("currency"), left), all=True
        )  # fmt: skip
        found = {"owed": Sums(), "received": Sums()}
        for part, _, _, currency, n, cents, _ in both.order_by():
            found[part].add(n, currency, cents)
        return found["owed"], found["received"]


def of_client(kept: Books, link: Link) -> Theirs:
    """`link`: what keeps the client in step."""
    here, there = (link.sync.source_id, link.source_id), (link.sync.target_id, link.target_id)
    return Theirs(kept, [(connection, party) for connection, party in (here, there) if party])
