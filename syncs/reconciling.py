"""What kind of mismatch a record is: from its plan and both sides as they were read. Pure.

The plan says what the sync would do. Money is compared once more beside it, since a plan also says "in step" of what
can not be changed any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from connectors.base import Record
from syncs.bothways import UNMADE
from syncs.invoices import statuses
from syncs.invoices.document import Impossible, cents
from syncs.invoices.facts import Facts
from syncs.invoices.totals import ROUNDS
from syncs.planning import Names, Plan, Verdict, field_words


class Kind(StrEnum):
    MISSING = "missing"
    FIELD = "field"
    AMOUNT = "amount"
    TAX = "tax"
    STATUS = "status"
    CLIENT = "client"
    PAYMENT = "payment"
    DUPLICATE = "duplicate"
    ORPHAN = "orphan"
    BROKEN = "broken"
    HELD = "held"
    LATE = "late"


#: In the order in which they are shown: money first.
LABELS = {
    Kind.AMOUNT: "The amount differs",
    Kind.TAX: "GST differs",
    Kind.PAYMENT: "A payment is not matched",
    Kind.STATUS: "The status differs",
    Kind.DUPLICATE: "There twice",
    Kind.CLIENT: "Another client",
    Kind.MISSING: "Missing on one side",
    Kind.BROKEN: "The link is broken",
    Kind.FIELD: "A field differs",
    Kind.HELD: "Waits for a person",
    Kind.LATE: "Late",
    Kind.ORPHAN: "Only on the other side",
}


class Fix(StrEnum):
    PUSH = "push"  # a look at it, which writes what the source says
    PULL = "pull"  # what the target says goes to the source
    LINK = "link"  # they are the same
    UNLINK = "unlink"  # they are not
    VOID = "void_copy"  # what is there a second time is to be void
    DECIDE = "decide"  # the record's own page asks about it
    MEANT = "meant"  # it is meant to be so


@dataclass(frozen=True, slots=True)
class Finding:
    """`fields`: (path, value at the source, value at the target); with `back` the paths are the source's. `here` and
    `there`: what both sides come to, in minor units, where it is about money."""

    kind: Kind
    words: str
    fields: tuple[tuple[str, Any, Any], ...] = ()
    here: int | None = None
    there: int | None = None
    fix: Fix | None = Fix.PUSH
    back: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """One link as it stands: both records, the plan, and what it was made with. `stopped`: why it waits for a person
    since its last look; `late`: for how long it has been waiting, in words. `referenced`: the target carries the
    source's id; `owned`: every record of the target should have one at the source; `riders`: what is only written along
    with other changes."""

    source: Record | None
    target: Record | None
    plan: Plan
    source_id: str = ""
    linked: bool = False
    facts: object = None
    options: Mapping[str, Any] | None = None
    stopped: str = ""
    late: str = ""
    referenced: bool = True
    owned: bool = True
    riders: frozenset[str] = frozenset()


def classify(pair: Pair, names: Names) -> list[Finding]:
    """Nothing for what is in step, and for what is rightly left out."""
    if pair.late:
        return [Finding(Kind.LATE, f"It was noticed {pair.late} ago and is not written yet. {pair.plan.reason}")]
    certain = [*_money(pair, names), *_broken(pair, names)]
    planned = _planned(pair, names, explained={f.kind for f in certain})
    return certain + [_held(pair, f) for f in planned]


def _held(pair: Pair, found: Finding) -> Finding:
    """What was refused or is asked about waits for a person, whatever a new plan would be."""
    if pair.stopped and found.kind in {Kind.MISSING, Kind.FIELD}:
        return replace(found, kind=Kind.HELD, words=pair.stopped)
    return found


# Money


def _money(pair: Pair, names: Names) -> list[Finding]:
    facts, source, target = pair.facts, pair.source, pair.target
    if not isinstance(facts, Facts) or source is None or target is None or source.deleted or target.deleted:
        return []
    status = str(target.data.get("status") or "")
    meant = statuses.goal(str(source.data.get("status") or ""), pair.options or {})
    if not pair.linked or pair.plan.code == "left_out":
        return []
    withdrawn = status == statuses.VOID or meant in {statuses.VOID, statuses.NONE}
    found = [] if withdrawn else [*_sums(source, target, facts, names, pair.plan), *_client(target, facts, pair.plan)]
    return [*found, *_status(source, target, meant, names, pair.plan)]


def _sums(source: Record, target: Record, facts: Facts, names: Names, made: Plan) -> list[Finding]:
    try:
        total, tax = cents(source.data.get("total"), facts.currency), cents(source.data.get("tax"), facts.currency)
    except Impossible:
        return []
    total_there, tax_there = _whole(target, "total"), _whole(target, "tax")
    fix = _asked(made)
    if total != total_there:
        if tax != tax_there and total - tax == total_there - tax_there:
            words = f"{names.source} and {names.target} agree before tax, and work out another GST."
            return [Finding(Kind.TAX, words, (("tax", tax, tax_there),), tax, tax_there, fix)]
        words = f"{names.source} and {names.target} come to different totals."
        return [Finding(Kind.AMOUNT, words, (("total", total, total_there),), total, total_there, fix)]
    if abs(tax - tax_there) > max(1, len(source.data.get("lines") or ())):  # a cent for each line is rounding
        words = "Both come to the same total, with another GST in it."
        return [Finding(Kind.TAX, words, (("tax", tax, tax_there),), tax, tax_there, fix)]
    return []


def _whole(record: Record, path: str) -> int:
    return int(record.data.get(path) or 0)


def _asked(made: Plan) -> Fix | None:
    """A hold or a conflict is settled by who decides about it."""
    if made.verdict in {Verdict.HOLD, Verdict.CONFLICT}:
        return Fix.DECIDE
    return Fix.PUSH if made.writes else None


def _client(target: Record, facts: Facts, made: Plan) -> list[Finding]:
    there = str(target.data.get("customer") or "")
    if facts.client.state != "ready" or not there or there == facts.client.id:
        return []
    words = f"It is billed to another customer than that of {facts.client.label or 'its client'}."
    return [Finding(Kind.CLIENT, words, (("customer", facts.client.id, there),), fix=_asked(made))]


def _status(source: Record, target: Record, meant: str, names: Names, made: Plan) -> list[Finding]:
    status, there = str(source.data.get("status") or ""), str(target.data.get("status") or "")
    waiting = there == statuses.DRAFT and made.action != "finalize"  # what is not right in it yet is told by itself
    gone = there == statuses.VOID and meant in {statuses.NONE, statuses.DRAFT}
    if not meant or meant == there or waiting or gone:
        return []
    if there == statuses.PAID and meant == statuses.OPEN:
        words = f"It is paid in {names.target}, and still open in {names.source}."
    else:
        words = (
            made.reason
            if made.code != "in_step"
            else f"It is {status.replace('_', ' ')} in {names.source} and {there} there."
        )
    amount = _whole(target, "total") or None
    return [Finding(Kind.STATUS, words, (("status", status, there),), amount, amount, _asked(made))]


# The link


def _broken(pair: Pair, names: Names) -> list[Finding]:
    """Its cross reference names another record, or none."""
    source, target = pair.source, pair.target
    if source is None or target is None or source.deleted or target.deleted or not (pair.linked and pair.referenced):
        return []
    named = target.references.get(names.reference, "")
    if pair.source_id.startswith(UNMADE) or named == source.id:
        return []
    whose = f"names another {names.source_one}" if named else f"does not name its {names.source_one} any more"
    path = f"metadata.{names.reference}"
    words = f"The {names.target_one} in {names.target} {whose}."
    return [Finding(Kind.BROKEN, words, ((path, source.id, named),), fix=_asked(pair.plan))]


# What the plan says


def _planned(pair: Pair, names: Names, explained: set[Kind]) -> list[Finding]:
    made = pair.plan
    match made.verdict:
        case Verdict.CREATE:
            return [_create(pair, names)]
        case Verdict.LINK:
            return _unlinked(pair, names)
        case Verdict.UPDATE:
            return _update(pair, names, explained)
        case Verdict.HOLD | Verdict.CONFLICT:
            return [] if explained else [_asking(pair)]
        case Verdict.END:
            return _ended(pair, names)
        case Verdict.SKIP:
            return _unmatched(pair)
    return []


def _create(pair: Pair, names: Names) -> Finding:
    made = pair.plan
    if made.resource == "payment_records":
        amount = int(made.data.get("amount") or 0)
        return Finding(Kind.PAYMENT, f"{made.reason} {names.target} does not know of it.", (), amount, 0)
    if pair.linked and pair.target is not None and not made.back:
        return Finding(Kind.FIELD, made.reason)
    where = names.source if made.back else names.target
    one = names.source_one if made.back else names.target_one
    words = f"{where} has no {one} for it."
    return Finding(Kind.MISSING, words, _worth_of(pair.source))


def _worth_of(source: Record | None) -> tuple[tuple[str, Any, Any], ...]:
    paths = [p for p in ("name", "email", "total", "status") if source is not None and source.data.get(p)]
    return tuple((p, source.data[p], "") for p in paths) if source is not None else ()


def _unlinked(pair: Pair, names: Names) -> list[Finding]:
    made = pair.plan
    if not (made.changes or made.action or pair.owned):
        return []
    words = f"It is in {names.source} and in {names.target}, and both are not linked: {made.reason}"
    return [Finding(Kind.BROKEN, words, _fields(made))]


#: Steps that change where an invoice stands.
_STANDING = frozenset(
    {"finalize", "void", "delete", "mark_uncollectible", "pay_out_of_band", "close_received"}
)  # fmt: skip


def _update(pair: Pair, names: Names, explained: set[Kind]) -> list[Finding]:
    made = pair.plan
    if made.action in _STANDING:
        return [] if explained & {Kind.STATUS, Kind.AMOUNT, Kind.TAX, Kind.CLIENT} else [
            Finding(Kind.STATUS, made.reason)
        ]  # fmt: skip
    if made.action == "attach_payment":
        return [Finding(Kind.PAYMENT, made.reason)]
    if made.action:  # its lines, or the field for its page
        return [] if explained & {Kind.AMOUNT, Kind.TAX} else [Finding(Kind.FIELD, made.reason)]
    if Kind.BROKEN in explained:
        return _beside_link(pair, names)
    return [Finding(Kind.FIELD, made.reason, _fields(made), back=made.back)] if made.changes else []


def _beside_link(pair: Pair, names: Names) -> list[Finding]:
    """What differs besides the cross reference, which is told of by itself."""
    told = pair.riders | {f"metadata.{names.reference}"}
    left = [c for c in pair.plan.changes if c.path not in told]
    words = f"It is not the same on both sides: {field_words(left).lower()}."
    found = tuple(f for f in _fields(pair.plan) if f[0] not in told)
    return [Finding(Kind.FIELD, words, found, back=pair.plan.back)] if left else []


def _fields(made: Plan) -> tuple[tuple[str, Any, Any], ...]:
    """By the side that is written to: what it has is the other side's word turned round."""
    return tuple((c.path, c.before, c.after) if made.back else (c.path, c.after, c.before) for c in made.changes)


_CODES = {
    "target_deleted": Kind.BROKEN, "ambiguous_invoice": Kind.DUPLICATE, "approve_void": Kind.STATUS,
    "void_there": Kind.STATUS, "paid_there": Kind.STATUS, "paid_twice": Kind.PAYMENT, "payment_changed": Kind.PAYMENT,
    "changed_after_paid": Kind.AMOUNT, "total_differs": Kind.AMOUNT, ROUNDS: Kind.TAX,
}  # fmt: skip


def _asking(pair: Pair) -> Finding:
    made = pair.plan
    fields = tuple((c.path, c.here, c.there) for c in made.conflicts)
    return Finding(_CODES.get(made.code, Kind.HELD), made.reason, fields, fix=Fix.DECIDE)


def _ended(pair: Pair, names: Names) -> list[Finding]:
    made = pair.plan
    if made.code == "target_deleted" and pair.owned:
        return [Finding(Kind.BROKEN, made.reason, fix=Fix.DECIDE)]
    alive = pair.target is not None and not pair.target.deleted and pair.target.data.get("status") != statuses.VOID
    if made.code == "source_deleted" and alive and pair.owned:
        words = f"Its {names.source_one} was deleted in {names.source}; the {names.target_one} is still there."
        return [Finding(Kind.ORPHAN, words, fix=None)]
    return []


def _unmatched(pair: Pair) -> list[Finding]:
    if pair.plan.code != "no_invoice" or pair.source is None:
        return []
    data = pair.source.data
    kept = int(data.get("amount_received") or 0) - int(data.get("amount_refunded") or 0)
    if kept <= 0:
        return []
    words = "It was paid, and belongs to no invoice that came from Jobber."
    return [Finding(Kind.PAYMENT, words, (("amount_received", kept, ""),), kept, 0, None)]


# Records of the target that no link holds


def stranger(target: Record, holder: str, names: Names, *, gone: bool) -> Finding | None:
    """`holder`: the label of the record that the target names and that has another counterpart; `gone`: the record it
    was made for is there no more."""
    status = str(target.data.get("status") or "")
    if status == statuses.VOID:
        return None
    amount = _whole(target, "total") if "total" in target.data else None
    if holder:
        words = f"{names.target} has more than one {names.target_one} for {holder}."
        fix = Fix.VOID if status in {statuses.OPEN, statuses.DRAFT, statuses.UNCOLLECTIBLE} else None
        return Finding(Kind.DUPLICATE, words, (), None, amount, fix)
    why = f"the {names.source_one} it was made for is gone" if gone else f"no {names.source_one} belongs to it"
    words = f"It is in {names.target}, and {why} in {names.source}."
    return Finding(Kind.ORPHAN, words, (), None, amount, Fix.LINK if "total" not in target.data else None)


# Two reports


def standing(before: Sequence[str], now: Sequence[str]) -> tuple[set[str], set[str], set[str]]:
    """(new, still there, settled) by key."""
    old, new = set(before), set(now)
    return new - old, new & old, old - new
