"""What somebody reads out, found: clients, invoices and payments, each a step from its own story.

A fixed number of queries, each of which ends at MOST rows, however many records there are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation

from django.db.models import Q
from django.urls import reverse

from connectors import amounts
from portal import invoices, receivables, wording
from portal.models import Business
from portal.wording import Badge
from syncs import currencies, finding
from syncs.models import Invoice, Link, Payment, Snapshot, Sync

#: Rows of each kind that a search looks at: who reads out that little has to say more.
MOST = 60
#: More digits than anybody owes.
TOO_MUCH = 10**12
GROUPS = {"clients": "Clients", "invoices": "Invoices", "payments": "Payments"}
_KINDS = {"customers": "clients"}

type Key = tuple[int, str]
type Links = Mapping[tuple[str, int, str], Link]


@dataclass(frozen=True, slots=True)
class Hit:
    """`page`: its story, '' where it belongs to nothing that is kept in step; `told`: what tells it from its like."""

    title: str
    page: str
    told: Sequence[str]
    badge: Badge
    business: Business
    #: A client's, with every invoice and payment.
    whole: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """`more`: there is more like it than is shown."""

    groups: Mapping[str, Sequence[Hit]] = field(default_factory=dict)
    more: bool = False

    @property
    def count(self) -> int:
        return sum(len(hits) for hits in self.groups.values())

    @property
    def only(self) -> Hit | None:
        """The one hit there is."""
        hits = [hit for group in self.groups.values() for hit in group]
        return hits[0] if len(hits) == 1 and hits[0].page else None


def cents_of(asked: str, currency: str) -> int | None:
    """'$1,234.50', '1234.5': minor units; None for what is no amount."""
    try:
        amount = Decimal(asked.replace(",", "").replace(" ", "").lstrip("$£€¥"))
    except InvalidOperation:
        return None
    return amounts.minor(amount, currency) if amount.is_finite() and abs(amount) < TOO_MUCH else None


def search(text: str, businesses: Sequence[Business], member_of: Iterable[int], *, everywhere: bool = False) -> Found:
    """In these businesses, whose scope is open. `everywhere`: they are all there are. Records of a business that the
    person does not belong to lead to the admin."""
    asked = finding.asked_for(text)
    if not asked or not businesses:
        return Found()
    of = {business.pk: business for business in businesses}
    held = list(finding.matching(asked, None if everywhere else list(of)).defer("data")[: MOST + 1])
    bills, paid = _by_amount(text, businesses)
    more = any(len(rows) > MOST for rows in (held, bills, paid))
    bills += _rows(Invoice, held, "invoices", bills)
    paid += _rows(Payment, held, "payments", paid)
    parties = [s for s in held[:MOST] if _KINDS.get(s.resource, s.resource) == "clients"]
    rows: list[Snapshot | Invoice | Payment] = [*parties, *bills, *paid]
    keys = [_key(row) for row in rows]
    links = _links([*keys, *((row.connection_id, row.customer_id) for row in paid if row.customer_id)])
    paid_for = _paid_for(paid, links)
    tell = _Teller(of, set(member_of), links, paid_for)
    found = {
        "clients": _once((_identity(links, "clients", s), tell.client(s)) for s in parties),
        "invoices": _once((_identity(links, "invoices", row), tell.invoice(row)) for row in bills),
        "payments": _once((_identity(links, "payments", row), tell.payment(row)) for row in paid),
    }  # fmt: skip
    return Found({GROUPS[kind]: hits[:MOST] for kind, hits in found.items() if hits}, more)


def _by_amount(text: str, businesses: Sequence[Business]) -> tuple[list[Invoice], list[Payment]]:
    """What comes to just that, in the currency of each business."""
    cents: dict[int, list[int]] = {}
    for business in businesses:
        worth = cents_of(text, business.currency)
        if worth:
            cents.setdefault(worth, []).append(business.pk)
    if not cents:
        return [], []
    owed, received = Q(pk__in=[]), Q(pk__in=[])
    for worth, ids in cents.items():
        owed |= Q(business__in=ids, total=worth) | Q(business__in=ids, remaining=worth, remaining__gt=0)
        received |= Q(business__in=ids, amount=worth)
    paid = Payment.objects.filter(received).exclude(receivables.IDLE)
    return list(Invoice.objects.filter(owed)[: MOST + 1]), list(paid[: MOST + 1])


def _rows[M: (Invoice, Payment)](
    model: type[M], held: Sequence[Snapshot], resource: str, known: Sequence[M]
) -> list[M]:
    """The rows of money of these records, but for those that are known."""
    mine = [s for s in held if s.resource == resource]
    if not mine:
        return []
    have = {row.pk for row in known}
    rows = model._default_manager.filter(
        connection__in={s.connection_id for s in mine}, external_id__in=[s.external_id for s in mine]
    )
    return [row for row in rows[: MOST + 1] if row.pk not in have]


def _paid_for(paid: Sequence[Payment], links: Links) -> dict[Key, Invoice]:
    """{(connection, invoice there): the invoice} of payments that have no story of their own."""
    alone = [row for row in paid if row.invoice_id and ("payments", row.connection_id, row.external_id) not in links]
    if not alone:
        return {}
    rows = Invoice.objects.filter(
        connection__in={row.connection_id for row in alone}, external_id__in={row.invoice_id for row in alone}
    )
    return {(row.connection_id, row.external_id): row for row in rows}


def _key(row: Snapshot | Invoice | Payment) -> Key:
    return row.connection_id, row.external_id


def _links(keys: Sequence[Key]) -> dict[tuple[str, int, str], Link]:
    """{(kind, connection, id there): what keeps it in step}, by either side; a payment is known by its own alone."""
    ids, connections = {key for _, key in keys}, {connection for connection, _ in keys}
    if not ids:
        return {}
    syncs = Sync.objects.filter(Q(source__in=connections) | Q(target__in=connections))
    of = {sync.pk: (sync, kind) for sync in syncs if (kind := _kept(sync))}
    rows = [
        *Link.objects.filter(sync__in=of, target_id__in=ids).exclude(state=Link.State.ENDED),
        *Link.objects.filter(sync__in=of, source_id__in=ids),
    ]
    found: dict[tuple[str, int, str], Link] = {}
    for link in sorted(rows, key=lambda row: (row.routed_to_id is None, row.pk)):  # where it was sent on to comes first
        link.sync, kind = of[link.sync_id]
        if link.target_id and kind != "payments":
            found[kind, link.sync.target_id, link.target_id] = link
        found[kind, link.sync.source_id, link.source_id] = link
    return found


def _kept(sync: Sync) -> str:
    """What kind its links are; '' where they are about something beside a record, such as a page to pay by."""
    if sync.source_resource == "invoices" and not receivables.books([sync]).syncs:
        return ""
    return _KINDS.get(sync.source_resource, sync.source_resource)


def _identity(links: Links, kind: str, row: Snapshot | Invoice | Payment) -> str:
    """The same for both sides of one record."""
    link = links.get((kind, row.connection_id, row.external_id))
    return f"link {link.pk}" if link else f"{row.connection_id} {row.external_id}"


def _once(hits: Iterable[tuple[str, Hit]]) -> list[Hit]:
    found: dict[str, Hit] = {}
    for key, hit in hits:
        found.setdefault(key, hit)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _Teller:
    of: Mapping[int, Business]
    member_of: set[int]
    links: Links
    paid_for: Mapping[Key, Invoice]

    def client(self, row: Snapshot) -> Hit:
        link = self.links.get(("clients", row.connection_id, row.external_id))
        hit = self._hit(row, str(link or row), link, [row.email])
        if link is None or row.business_id not in self.member_of:
            return hit
        return replace(hit, whole=reverse("client_story", args=[row.business_id, link.pk]))

    def invoice(self, row: Invoice) -> Hit:
        link = self.links.get(("invoices", row.connection_id, row.external_id))
        title = str(link) if link else f"Invoice {row.number}" if row.number else "Draft invoice"
        told = [self._amount(row, row.total), invoices.status(row).words]
        page = reverse("invoice", args=[row.business_id, row.pk])
        return self._hit(row, title, link, told, page)

    def payment(self, row: Payment) -> Hit:
        link = self.links.get(("payments", row.connection_id, row.external_id))
        place = wording.zone(self.of[row.business_id])
        told = [invoices.payment_badge(row).words, wording.moment(row.paid_at or row.made_at, place), row.method]
        title = str(link or f"Payment {self._amount(row, row.amount)}")
        paid = self.paid_for.get((row.connection_id, row.invoice_id))
        whose = self.links.get(("clients", row.connection_id, row.customer_id))
        page = reverse("invoice", args=[row.business_id, paid.pk]) if paid and not link else ""
        return self._hit(row, title, link or (None if paid else whose), told, page)

    def _amount(self, row: Invoice | Payment, cents: int) -> str:
        home = self.of[row.business_id].currency
        return currencies.shown(cents, row.currency or home, home)

    def _hit(
        self, row: Snapshot | Invoice | Payment, title: str, link: Link | None, told: Sequence[str], page: str = ""
    ) -> Hit:
        business = self.of[row.business_id]
        if business.pk not in self.member_of:
            page = reverse("admin:syncs_link_change", args=[link.pk]) if link else ""
        elif link and not page:
            page = reverse("record", args=[business.pk, link.pk])
        badge = wording.badge(link) if link else Badge("Not kept in step")
        return Hit(title, page, [words for words in told if words], badge, business)
