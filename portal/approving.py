"""What waits for approval, and what was decided, as people see it: the plan in words, its money, who decides."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Field, FieldType
from portal import access, sides, wording
from portal.sides import Teller
from syncs import currencies, deciding, rulebook
from syncs.models import Approval, Sync

#: A longer text gets more than one line to be edited in.
LONG = 80
_YES_NO = (("yes", "Yes"), ("no", "No"))


@dataclass(frozen=True, slots=True)
class Editable:
    """One field that may be edited before it is written. `given`: what the mapping gives, where that is not what
    would be written."""

    path: str
    label: str
    value: str
    given: str
    choices: Sequence[tuple[str, str]]
    most: int | None

    @property
    def long(self) -> bool:
        return len(self.value) > LONG or "\n" in self.value


@dataclass(frozen=True, slots=True)
class Asked:
    """One approval. `does`: what would be done; `planned`: why; `held`: for what it waits; `changes`: (field, before,
    after). `decider`: who decides, where that is not the person who looks."""

    row: Approval
    title: str
    does: str
    planned: str
    held: str
    amount: str
    changes: Sequence[tuple[str, str, str]]
    whole: bool
    fields: Sequence[Editable]
    edits: Sequence[tuple[str, ...]]
    decider: str

    @property
    def mine(self) -> bool:
        return not self.decider


def shown(role: str, rows: Iterable[Approval]) -> list[Asked]:
    """For a person of this role. `rows`: with their links and syncs."""
    found, tellers, fields = list(rows), dict[int, Teller](), dict[int, rulebook.Fields]()
    for row in found:
        if row.sync_id not in tellers:
            tellers[row.sync_id], fields[row.sync_id] = sides.teller(row.sync), rulebook.fields_of(row.sync)
    return [_shown(role, row, tellers[row.sync_id], fields[row.sync_id]) for row in found]


def _shown(role: str, row: Approval, tell: Teller, fields: rulebook.Fields) -> Asked:
    plan, hold = row.plan, row.plan.get("hold") or {}
    whole = bool(hold.get("steps"))
    beside = whole and bool(plan.get("resource"))  # what is made first says nothing about the record
    decider = "" if row.role in access.asked_for(role) else access.decider(row.role)
    return Asked(
        row, wording.title(row.sync.recipe, str(row.link)), wording.to_do(plan, tell.terms),
        "" if beside else str(hold.get("planned") or ""), _held(row), amount(row, tell.home),
        [] if beside else tell.changes(plan), whole, _editable(hold.get("editable") or {}, tell, fields),
        list(tell.fields({}, ([p, e["instead"], e["value"]] for p, e in row.edits.items()))), decider,
    )  # fmt: skip


def _held(row: Approval) -> str:
    """The plan's reason says it all, but for a rule's first word about the record."""
    planned, reason = str(row.plan["hold"].get("planned") or ""), str(row.plan.get("reason") or "")
    return reason.removeprefix(planned).strip()


def amount(row: Approval, home: str) -> str:
    return "" if row.amount is None else currencies.shown(row.amount, row.currency or home, home)


def _editable(said: Mapping[str, Any], tell: Teller, fields: rulebook.Fields) -> list[Editable]:
    return [_field(tell, field, path, *both) for path, both in said.items() if (field := fields.target(path))]


def _field(tell: Teller, field: Field, path: str, given: Any, written: Any) -> Editable:
    value, before = deciding.typed(written), deciding.typed(given)
    choices = _YES_NO if field.type == FieldType.BOOLEAN else field.choices
    return Editable(path, tell.label(path), value, before if before != value else "", choices, field.max_length)


def edits_in(posted: Mapping[str, Any]) -> dict[str, str]:
    """What a form says of the fields that may be edited."""
    head = "edit:"
    return {key.removeprefix(head): str(value)[:10_000] for key, value in posted.items() if key.startswith(head)}


def syncs_of(rows: Iterable[Approval], known: Mapping[int, Sync]) -> list[Approval]:
    """With the syncs that were read already, and their records."""
    found = list(rows)
    for row in found:
        row.sync = row.link.sync = known[row.sync_id]
    return found
