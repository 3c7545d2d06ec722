"""Reports of reconciliation as the pages show them: what differs, in business words, and what can be done about it."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Case, IntegerField, QuerySet, When
from django.utils.formats import date_format

from portal import wording
from portal.sides import Teller
from portal.wording import Badge
from syncs import currencies, describing, fixing, reports
from syncs.deciding import Choice
from syncs.invoices import statuses
from syncs.models import Invoice, Mismatch, Report, Snapshot, Sync
from syncs.planning import Plan
from syncs.reconciling import LABELS, Fix, Kind

NEW, STILL, SETTLED, IGNORED = "new", "still", "settled", "meant"
_MONEY = {Kind.AMOUNT: "Total", Kind.TAX: "GST", Kind.PAYMENT: "Amount", Kind.STATUS: "Total"}
#: Fields that hold the id of another record: it is called by its name.
_WHO = {"customer": ("customers", "Customer"), "invoice_id": ("invoices", "Invoice")}


@dataclass(frozen=True, slots=True)
class Line:
    """One field, as both sides have it."""

    label: str
    here: str
    there: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One mismatch. `ways`: (code, words) of what can be done, where it is asked for; `invoice`: its page."""

    row: Mismatch
    kind: str
    title: str
    lines: Sequence[Line]
    badge: Badge
    invoice: int | None = None
    undo: bool = False


def shown(rows: Sequence[Mismatch], tell: Teller) -> list[Shown]:
    """Four queries, however many rows."""
    names, newest = _names(rows, tell.sync), reports.latest(tell.sync)
    last = newest.pk if newest else 0
    pages = _pages(rows, tell.sync)
    return [
        Shown(
            row, LABELS[Kind(row.kind)], wording.title(tell.sync.recipe, row.label or "Without a name"),
            _lines(row, tell, names), badge(row), pages.get(row.source_id or row.target_id), fixing.can_undo(row, last),
        )
        for row in rows
    ]  # fmt: skip


def badge(row: Mismatch) -> Badge:
    if row.state == Mismatch.State.SETTLED:
        return Badge("Settled", "badge-ok")
    if row.state == Mismatch.State.IGNORED:
        return Badge("Meant to be so")
    if row.chosen and not row.why:
        return Badge("Being looked at")
    return Badge("Seen before" if row.still else "New", "badge-warn")


def _pages(rows: Sequence[Mismatch], sync: Sync) -> dict[str, int]:
    """{id on either side: the page of the invoice}."""
    ids = [key for row in rows for key in (row.source_id, row.target_id) if key]
    if sync.source_resource != "invoices" and sync.target_resource != "invoices":
        return {}
    found = Invoice.objects.filter(connection__in=[sync.source_id, sync.target_id], external_id__in=ids)
    return dict(found.values_list("external_id", "pk"))


def _names(rows: Sequence[Mismatch], sync: Sync) -> dict[str, str]:
    """{id: what the record is called} of ids that stand in fields."""
    return _called([each for row in rows for each in row.fields], sync)


def _called(fields: Iterable[Sequence[Any]], sync: Sync) -> dict[str, str]:
    """{id: what the record is called} of the ids in [path, value, ...]. One query, or none."""
    ids = {str(v) for path, *values in fields if path in _WHO for v in values if v}
    if not ids:
        return {}
    kinds = {resource for resource, _ in _WHO.values()}
    held = list(Snapshot.objects.filter(connection=sync.target, resource__in=kinds, external_id__in=ids))
    alike = {label for label, n in Counter(s.label for s in held).items() if n > 1}
    return {s.external_id: _name(s, sync, apart=s.label in alike) for s in held}


def _name(held: Snapshot, sync: Sync, *, apart: bool) -> str:
    """`apart`: another one has the same name."""
    name = f"{held.label}, {held.email or held.external_id}" if apart and not held.deleted_at else held.label
    return f"{name} (deleted in {sync.target.service.name})" if held.deleted_at else name


def changes(plans: Sequence[Plan | None], tell: Teller) -> list[list[tuple[str, str, str]]]:
    """(field, before, after) of what each of these plans would write. Other records are called by their names."""
    told = [plan.as_json() if plan and plan.writes else {} for plan in plans]
    names = _called([each for plan in told for each in plan.get("changes", ())], tell.sync)
    return [[_change(plan, each, names, tell) for each in plan.get("changes", ())] for plan in told]


def _change(
    plan: Mapping[str, Any], each: Sequence[Any], names: Mapping[str, str], tell: Teller
) -> tuple[str, str, str]:  # fmt: skip
    path, *values = each
    if path in _WHO and set(map(str, filter(None, values))) <= set(names):
        before, after = (names[str(v)] if v else "" for v in values)
        return _WHO[path][1], before, after
    what, before, after = tell.fields(plan, [each])[0]
    return what, before, after


def _lines(row: Mismatch, tell: Teller, names: Mapping[str, str]) -> list[Line]:
    """What both sides have; money first."""
    found = []
    if row.here_amount is not None or row.there_amount is not None:
        label = _MONEY.get(Kind(row.kind), "Total")
        found.append(Line(label, money(row, row.here_amount), money(row, row.there_amount)))
    counted = {"total", "tax", "amount_received"} if found else set()
    found += [_line(tell, row, names, *each) for each in row.fields if each[0] not in counted]
    return found


def money(row: Mismatch, cents: int | None) -> str:
    return currencies.shown(cents, row.currency, row.currency) if cents is not None else ""


def _line(tell: Teller, row: Mismatch, names: Mapping[str, str], path: str, here: Any, there: Any) -> Line:
    if path in _WHO:
        known = [names.get(str(v), "Another one") if v else "" for v in (here, there)]
        return Line(_WHO[path][1], known[0], known[1])
    if path == "status" and row.kind in {Kind.STATUS, Kind.MISSING}:
        words = statuses.STATUSES[here][0] if here in statuses.STATUSES else tell.reader(tell.sources).shown(path, here)
        return Line("Status", words, tell.shown(path, there))
    if path.startswith("metadata.") and row.kind == Kind.BROKEN:
        return Line(f"Named in {tell.terms.target}", f"this {tell.terms.one}", "another" if there else "none")
    if row.back or row.kind == Kind.MISSING:
        read = tell.reader(tell.sources)
        return Line(describing.label(path, tell.sources), read.shown(path, here), read.shown(path, there))
    return Line(tell.label(path), tell.shown(path, here), tell.shown(path, there))


# What can be done


def ways(row: Mismatch, terms: wording.Terms) -> list[tuple[str, str]]:
    """(code, what the button says), the proposed way first."""
    return [(code, way_words(code, terms)) for code in fixing.ways(row)]


def way_words(code: str, terms: wording.Terms) -> str:
    words: Mapping[str, str] = {
        Fix.PUSH: "Have it written again", Fix.PULL: f"Take over what {terms.target} says",
        Fix.LINK: f"Link it to a {terms.one}", Fix.UNLINK: "They are not the same: unlink them",
        Fix.VOID: "Void the second one", Fix.MEANT: "It is meant to be so",
        Choice.NEW: f"Make a new {terms.target_one}", Choice.LEAVE: "Leave it out",
        Choice.VOID: f"Void it in {terms.target}",
        Choice.REPLACE: "Void it and make a new one", Choice.HERE: f"{terms.source} is right",
        Choice.THERE: f"{terms.target} is right", Choice.SETTLED: "It is settled",
    }  # fmt: skip
    return words[code]


def undo_words(code: str, terms: wording.Terms, written: Collection[str] = ()) -> str:
    """What can be taken back of it, said before it is done. `written`: the services that it writes to."""
    words: Mapping[str, str] = {
        Fix.MEANT: "You can take this back here. It also ends by itself when either side changes.",
        Fix.UNLINK: "You can take this back here: both then belong together again.",
        Fix.LINK: f"To take it back, unlink the {terms.one} later: what was written stays until it is changed.",
        Fix.VOID: f"This cannot be taken back: {terms.target} keeps a void invoice void for good.",
        Choice.VOID: f"This cannot be taken back: {terms.target} keeps a void invoice void for good.",
        Choice.REPLACE: f"This cannot be taken back: {terms.target} keeps a void invoice void for good.",
        Choice.LEAVE: "You can take this back on the page of the record.",
        Choice.SETTLED: "It is asked about again as soon as an amount changes.",
        Fix.PULL: f"To take it back, change it in {terms.source} again.",
        Choice.THERE: f"To take it back, change it in {terms.source} again.",
        Choice.NEW: f"{terms.target} keeps what was made; this cannot be taken back from here.",
    }  # fmt: skip
    if code in words:
        return words[code]
    if len(written) > 1:
        return "To take one back, change it again where it was written: the other side follows."
    here, there = (terms.target, terms.source) if terms.source in written else (terms.source, terms.target)
    return f"To take it back, change it in {here}: it follows in {there}."


# Of one report


@dataclass(frozen=True, slots=True)
class Month:
    """One month in one currency. Each line: (words, here, there, difference); `agrees` where all is the same."""

    name: str
    count: tuple[int, int]
    lines: Sequence[tuple[str, str, str, str]]
    agrees: bool


_PARTS = (("net", "Before GST"), ("tax", "GST"), ("total", "Total"), ("paid", "Paid"))


def months(report: Report, home: str) -> list[Month]:
    return [_month(each, home) for each in report.totals]


def _month(each: Mapping[str, Any], home: str) -> Month:
    here, there, currency = each["here"], each["there"], each["currency"] or home
    lines = [(words, *_both(here[part], there[part], currency, home)) for part, words in _PARTS]
    return Month(month_name(each["month"]), (here["count"], there["count"]), lines, here == there)


def _both(here: int, there: int, currency: str, home: str) -> tuple[str, str, str]:
    gap = currencies.shown(there - here, currency, home) if here != there else ""
    return currencies.shown(here, currency, home), currencies.shown(there, currency, home), gap


def month_name(month: str) -> str:
    """'November 2026' of '2026-11'."""
    if not month:
        return "Without a date"
    year, _, number = month.partition("-")
    return date_format(date(int(year), int(number), 1), "F Y")


def listed(report: Report, kind: str, which: str) -> QuerySet[Mismatch]:
    """By kind and by how they compare with the report before; of those settled since then, that report's own rows."""
    before = reports.latest(report.sync, report)
    rows = report.mismatches.all()
    if which == SETTLED:
        rows = before.mismatches.exclude(key__in=rows.values("key")) if before else rows.none()
    elif which == IGNORED:
        rows = rows.filter(state=Mismatch.State.IGNORED)
    elif which in {NEW, STILL}:
        rows = rows.filter(still=which == STILL)
    chosen = rows.filter(kind=kind) if kind in set(Kind) else rows
    place = Case(*(When(kind=kind, then=n) for n, kind in enumerate(LABELS)), output_field=IntegerField())
    return chosen.select_related("link", "sync").annotate(place=place).order_by("place", "pk")


def tabs(report: Report) -> list[tuple[str, str, int]]:
    """(kind, words, how many), money first; kinds of which there is none are left out."""
    kinds = report.counts.get("kinds", {})
    return [(str(kind), words, kinds[kind]) for kind, words in LABELS.items() if kinds.get(kind)]


def standings(report: Report) -> list[tuple[str, str, int]]:
    counts = report.counts
    meant = report.mismatches.filter(state=Mismatch.State.IGNORED).count()
    found = [
        (NEW, "New", counts.get("new", 0)), (STILL, "Still there", counts.get("still", 0)),
        (SETTLED, "Settled since the report before", counts.get("settled", 0)), (IGNORED, "Meant to be so", meant),
    ]  # fmt: skip
    return [each for each in found if each[2]]


def open_count(report: Report | None) -> int:
    return report.mismatches.filter(state=Mismatch.State.OPEN).count() if report else 0
