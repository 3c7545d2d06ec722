"""What a planner must know beside a record and its counterpart: by recipe, for a whole batch at once."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Case, F, Q, Sum, When
from django.utils import timezone

from connectors.base import Record
from connectors.errors import ScopeError
from syncs import bothways, snapshots, waiting
from syncs.invoices import back
from syncs.invoices import facts as invoice_facts
from syncs.mapping import Compiled
from syncs.matching import WORTH_ASKING, likeness
from syncs.models import Link, Payment, Snapshot, Sync, Write
from syncs.recipes import Recipe
from syncs.sessions import NotAsked, Sessions

if TYPE_CHECKING:
    from portal.models import Connection

#: Tax rates read longer ago are read again.
RATES_OLD = timedelta(hours=24)
EVER = datetime(2010, 1, 1, tzinfo=UTC)
#: The cross reference from a Stripe record to the Jobber invoice.
INVOICE = "jobber_invoice_id"
#: What can be paid at the target, and what of a payment that nobody can say yet whether it will be.
_PAYABLE, _UNDER_WAY = {"open", "uncollectible"}, (Payment.Status.PROCESSING, Payment.Status.AUTHORISED)
#: By link: what the planner is given, and the link whose record must have its counterpart first.
type Told = Mapping[int, tuple[object, int | None]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Links of one sync, with both sides as last read, by their own ids. `version`: what they are planned with."""

    sync: Sync
    recipe: Recipe
    version: Compiled
    links: Sequence[Link]
    sources: Mapping[str, Snapshot]
    targets: Mapping[str, Snapshot]
    sessions: Sessions


def gather(batch: Batch) -> Told:
    """Nothing for recipes that need no more than the two records."""
    return _GATHER[batch.recipe.facts](batch) if batch.recipe.facts else {}


def _both_ways(batch: Batch) -> Told:
    alike = _alike(batch)
    return {link.pk: (_sides_of(link, batch, alike), None) for link in batch.links}


def _sides_of(link: Link, batch: Batch, alike: Mapping[str, list[str]]) -> bothways.Facts:
    source, target = batch.sources.get(link.source_id), batch.targets.get(link.target_id or "")
    return bothways.Facts(
        here_at=source.updated_at if source else None,
        there_at=(target.updated_at or target.noticed_at or target.read_at) if target else None,
        unmade=link.source_id.startswith(bothways.UNMADE),
        alike=alike.get(link.target_id or "", ()),
    )


def _alike(batch: Batch) -> Mapping[str, list[str]]:
    """{target id: labels of source records that it may be}, for records that were made at the target."""
    unmade = [link.target_id or "" for link in batch.links if link.source_id.startswith(bothways.UNMADE)]
    made = [batch.targets[key].as_record() for key in unmade if key in batch.targets]
    sync = batch.sync
    like = snapshots.resembling(sync.source, sync.source_resource, [batch.targets[r.id] for r in made])
    here = [s.as_record() for s in like]
    return {r.id: [c.label for c in here if likeness(r, c).score >= WORTH_ASKING] for r in made}


def _invoices(batch: Batch) -> Told:
    sync, business = batch.sync, batch.sync.business
    clients = {s.external_id: str(s.data.get("client_id") or "") for s in batch.sources.values()}
    parents = waiting.parents(
        sync.source, "clients", sync.target, list(clients.values()), notices=batch.sessions.asks
    )  # fmt: skip
    alike = invoice_facts.Facts(
        client=waiting.UNKNOWN, currency=business.currency, zone=business.time_zone,
        country=business.country, now=timezone.now(), tax_rates=_tax_rates(batch), recorded=_recorded(batch),
        under_way=_under_way(batch),
    )  # fmt: skip
    told = {}
    for link in batch.links:
        parent = parents.get(clients.get(link.source_id, ""), waiting.UNKNOWN)
        told[link.pk] = (replace(alike, client=parent), None if parent.state == "ready" else parent.key)
    return told


def _tax_rates(batch: Batch) -> list[Record]:
    """Those of the account, read whole once a day: what is made here is known from the answer."""
    sync = batch.sync
    held = Snapshot.objects.filter(connection=sync.target_id, resource="tax_rates", deleted_at=None)
    if not held.filter(read_at__gt=timezone.now() - RATES_OLD).exists():
        with suppress(NotAsked):
            asked = timezone.now()
            records = batch.sessions.call(sync.target, lambda session: session.written_since("tax_rates", EVER, []))
            snapshots.save(sync.target, "tax_rates", records, asked, by=sync)
    return [snapshot.as_record() for snapshot in held.order_by("pk")]


def _recorded(batch: Batch) -> dict[str, tuple[str, int]]:
    """{payment at the source: its payment record at the target, and what that comes to}; also of payments that are at
    the source no more, where the target's invoice still counts them."""
    payments = {str(p["id"]) for s in batch.sources.values() for p in s.data.get("payments") or ()}
    told = [str(p["payment"]) for t in batch.targets.values() for p in _entries(t, "payment_record")]
    known = Q(reference__in=[f"jobber_payment_id={key}" for key in payments]) | Q(external_id__in=told)
    held = Snapshot.objects.filter(known, connection=batch.sync.target_id, resource="payment_records")
    rows = held.values_list("reference", "external_id", "data")
    return {
        reference.partition("=")[2]: (key, int(data.get("amount") or 0)) for reference, key, data in rows if reference
    }


def _entries(target: Snapshot, kind: str) -> Iterable[Mapping[str, Any]]:
    """What pays an invoice at the target, or is to pay it."""
    return [p for p in target.data.get("payments") or () if p.get("kind") == kind]


def _under_way(batch: Batch) -> Mapping[str, int]:
    """{invoice at the target: what its payer's bank has been asked for}. Read right before anything is done that such
    a payment must not meet, since the word of it may be late, and not every business has its payments read."""
    sync = batch.sync
    open_there = {key: t for key, t in batch.targets.items() if t.data.get("status") in _PAYABLE}
    known = Payment.objects.filter(
        connection=sync.target_id, invoice_id__in=list(open_there), status__in=_UNDER_WAY
    )  # fmt: skip
    asked_for = {
        str(p["payment"])
        for link in batch.links
        if (there := open_there.get(link.target_id or "")) and _may_end(link, batch.sources.get(link.source_id))
        for p in _entries(there, "payment_intent")
        if p.get("status") == "open"
    } | set(known.values_list("external_id", flat=True))
    if asked_for:
        with suppress(NotAsked, ScopeError):
            asked = timezone.now()
            found = batch.sessions.call(sync.target, lambda session: session.fetch("payments", sorted(asked_for)))
            snapshots.save(sync.target, "payments", [r for r in found.values() if r], asked, by=sync)
    return dict(known.values_list("invoice_id").annotate(whole=Sum("amount")))


def _may_end(link: Link, source: Snapshot | None) -> bool:
    """Whether it may be about to be voided, or to count as paid another way."""
    if source is None or source.deleted_at or link.decision.get("choice"):
        return True
    return source.data.get("status") not in back.STILL_OPEN or bool(source.data.get("payments"))


def _notes(batch: Batch) -> Told:
    """The Jobber invoice of each payment: of the Stripe invoice that it pays, else the one that it names itself."""
    sync, business = batch.sync, batch.sync.business
    paid = {s.external_id: str(s.data.get("invoice") or "") for s in batch.sources.values()}
    known = _invoices_at(batch, sync.source, paid.values())
    told = {}
    for link in batch.links:
        source, invoice = batch.sources.get(link.source_id), known.get(paid.get(link.source_id, ""))
        named = [record.references.get(INVOICE, "") for record in (invoice, source) if record]
        found = next(filter(None, named), "") or _linked_invoice(batch, paid.get(link.source_id, ""))
        told[link.pk] = (back.NoteFacts(found, business.time_zone, business.currency), None)
    return told


def _linked_invoice(batch: Batch, invoice_id: str) -> str:
    """The Jobber invoice that became this Stripe invoice, by the link between them."""
    if not invoice_id:
        return ""
    links = Link.objects.filter(
        target_id=invoice_id, sync__source=batch.sync.target_id, sync__source_resource="invoices",
        sync__target=batch.sync.source_id,
    )  # fmt: skip
    return links.values_list("source_id", flat=True).first() or ""


def _pages(batch: Batch) -> Told:
    sync = batch.sync
    named = {s.external_id: s.references.get(INVOICE, "") for s in batch.sources.values()}
    held = _invoices_at(batch, sync.target, named.values())
    there = bool(batch.version.options.get("write_link", True)) and _has_link_field(sync)
    own, told = _holders(sync, set(named.values()) - {""}), {}
    given_back = _given_back(sync, named)
    for link in batch.links:
        key = named.get(link.source_id, "")
        invoice, holders = held.get(key), own.get(key, {link.source_id})
        record = invoice.as_record() if invoice and invoice.deleted_at is None else None
        another = link.source_id not in holders
        told[link.pk] = (back.PageFacts(record, there, another, given_back.get(link.source_id, 0)), None)
    return told


def _given_back(sync: Sync, invoices: Collection[str]) -> Mapping[str, int]:
    """{Stripe invoice: what of its payments was refunded, or lost in a dispute}, as far as payments are read."""
    lost = Case(When(status=Payment.Status.DISPUTE_LOST, then=F("received")), default=F("refunded"))
    rows = Payment.objects.filter(connection=sync.source_id, invoice_id__in=invoices)
    return dict(rows.values_list("invoice_id").annotate(whole=Sum(lost)))


def _holders(sync: Sync, ids: set[str]) -> Mapping[str, set[str]]:
    """{Jobber invoice: the Stripe invoices that it is linked to}, by whichever sync makes these."""
    links = Link.objects.filter(
        source_id__in=ids, sync__source=sync.target_id, sync__source_resource="invoices", sync__target=sync.source_id,
        target_id__isnull=False,
    ).exclude(state=Link.State.ENDED)  # fmt: skip
    found: dict[str, set[str]] = {}
    for jobber_id, stripe_id in links.values_list("source_id", "target_id"):
        found.setdefault(jobber_id, set()).add(stripe_id or "")
    return found


def _invoices_at(batch: Batch, connection: "Connection", ids: Iterable[str]) -> Mapping[str, Snapshot]:
    """These invoices by id, '' left out; those that nobody has read yet are read."""
    wanted = {i for i in ids if i}
    held = snapshots.known(connection, "invoices", wanted)
    missing = sorted(wanted - held.keys())
    if not missing:
        return held
    asked = timezone.now()
    try:
        found = batch.sessions.call(connection, lambda s: s.fetch("invoices", missing))
    except NotAsked:
        return held
    records = [r for r in found.values() if r is not None]
    return held | snapshots.save(connection, "invoices", records, asked, by=batch.sync)[0]


def _has_link_field(sync: Sync) -> bool:
    """By the ledger: made the first time that a page was to be written, or found there then."""
    made = Write.objects.filter(connection=sync.target_id, verb=back.ADD_FIELD, state=Write.State.CONFIRMED)
    return made.exists()


_GATHER: Mapping[str, Callable[[Batch], Told]] = {
    "both_ways": _both_ways, "invoices": _invoices, "notes": _notes, "pages": _pages,
}  # fmt: skip
