"""What should be done with one record, field by field, and why. Pure: no database, no network, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from connectors.base import Record
from syncs.mapping import Compiled, Value
from syncs.matching import Clues, match
from syncs.transforms import is_empty


class Verdict(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    LINK = "link"
    SKIP = "skip"
    HOLD = "hold"
    CONFLICT = "conflict"
    END = "end"


@dataclass(frozen=True, slots=True)
class Names:
    """What things are called: services and resources, and the cross reference the target carries."""

    source: str
    source_one: str
    target: str
    target_one: str
    reference: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the link knows. `base`: last agreed value of each target path; `rendered`: how the target shows it."""

    target_id: str = ""
    base: Mapping[str, Any] = field(default_factory=dict)
    rendered: Mapping[str, Any] = field(default_factory=dict)
    decision: Mapping[str, Any] = field(default_factory=dict)
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Plan:
    """`code` names the reason for machines, `reason` says it to people. `values`: every mapped value, sent or not."""

    verdict: Verdict
    code: str
    reason: str
    target_id: str = ""
    changes: tuple[Change, ...] = ()
    warnings: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def writes(self) -> bool:
        return self.verdict == Verdict.CREATE or (self.verdict in {Verdict.UPDATE, Verdict.LINK} and bool(self.changes))

    @property
    def data(self) -> dict[str, Any]:
        """What to send, by target path."""
        return {c.path: c.after for c in self.changes}

    def as_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "code": self.code,
            "reason": self.reason,
            "target_id": self.target_id,
            "changes": [[c.path, c.before, c.after] for c in self.changes],
            "warnings": list(self.warnings),
        }


def plan(
    version: Compiled, names: Names, source: Record | None, target: Record | None, known: Known, clues: Clues
) -> Plan:
    """The one decision there is. `target` is the linked counterpart as last seen, None when unlinked or gone."""
    if source is None or source.deleted:
        return _source_gone(names, known)
    left_out = _left_out(version, names, source, known)
    if left_out:
        return left_out
    if known.target_id:
        return _linked(version, names, source, target, known)
    return _unlinked(version, names, source, known, clues)


def _source_gone(names: Names, known: Known) -> Plan:
    kept = f" The {names.target} {names.target_one} stays as it is." if known.target_id else ""
    reason = f"The {names.source_one} was deleted in {names.source}.{kept}"
    return Plan(Verdict.END, "source_deleted", reason, known.target_id)


def _left_out(version: Compiled, names: Names, source: Record, known: Known) -> Plan | None:
    """Filters speak for records without a counterpart; a linked one is kept in step."""
    if known.decision.get("choice") == "leave":
        return Plan(Verdict.SKIP, "left_out", "Someone chose to leave this one out.", known.target_id)
    if source.data.get("sample_data"):
        return Plan(Verdict.SKIP, "sample", f"It is {names.source}'s own sample data.", known.target_id)
    if known.target_id:
        return None
    if source.data.get("is_lead") and not version.options.get("include_leads"):
        return Plan(Verdict.SKIP, "lead", f"A lead is left out until it becomes a {names.source_one}.")
    if source.data.get("is_archived") and not version.options.get("include_archived", True):
        return Plan(Verdict.SKIP, "archived", f"It is archived in {names.source}.")
    return None


def _linked(version: Compiled, names: Names, source: Record, target: Record | None, known: Known) -> Plan:
    if target is None or target.deleted:
        return _target_gone(version, names, source, known)
    wanted, warnings = version.values(source.data)
    changes = differences(wanted, target.data, known)
    values = {p: v.value for p, v in wanted.items()}
    if not changes:
        return Plan(Verdict.SKIP, "in_step", "Both sides agree.", target.id, (), tuple(warnings), values)
    reason = f"{_fields(changes)} changed in {names.source}."
    return Plan(Verdict.UPDATE, "changed", reason, target.id, changes, tuple(warnings), values)


def _target_gone(version: Compiled, names: Names, source: Record, known: Known) -> Plan:
    gone = f"The {names.target} {names.target_one} was deleted in {names.target}"
    if known.decision.get("choice") == "new":
        return _create(version, source, f"{gone}, and someone asked for a new one.")
    if not known.ended:
        return Plan(Verdict.END, "target_deleted", f"{gone}. Nothing was changed in {names.source}.", known.target_id)
    reason = f"{gone}, and the {names.source_one} has changed since. Make a new {names.target_one}, or leave it out?"
    return Plan(Verdict.HOLD, "target_deleted", reason, known.target_id)


def _unlinked(version: Compiled, names: Names, source: Record, known: Known, clues: Clues) -> Plan:
    choice = known.decision.get("choice")
    if choice == "new":
        return _create(version, source, "Someone said it is not any of the records there.")
    if choice == "same":
        chosen = next((c for c in clues.candidates if c.id == known.decision.get("target_id")), None)
        if chosen:
            return _link(version, source, chosen, "Someone said they are the same", known)
    found = match(source, clues, names.reference)
    if found.doubt:
        return Plan(Verdict.HOLD, "ambiguous", f"{found.doubt}.")
    if found.target:
        return _link(version, source, found.target, found.how, known)
    return _create(version, source, f"There is no such {names.target_one} in {names.target} yet.")


def _create(version: Compiled, source: Record, reason: str) -> Plan:
    wanted, warnings = version.values(source.data)
    changes = tuple(Change(p, "", v.value) for p, v in wanted.items() if not is_empty(v.value))
    values = {p: v.value for p, v in wanted.items()}
    return Plan(Verdict.CREATE, "missing", reason, "", changes, tuple(warnings), values)


def _link(version: Compiled, source: Record, target: Record, how: str, known: Known) -> Plan:
    wanted, warnings = version.values(source.data)
    changes = differences(wanted, target.data, known)
    values = {p: v.value for p, v in wanted.items()}
    return Plan(Verdict.LINK, "matched", f"{how}.", target.id, changes, tuple(warnings), values)


def differences(wanted: Mapping[str, Value], current: Mapping[str, Any], known: Known) -> tuple[Change, ...]:
    """The fields to send. Those written only 'with changes' come along when another one does."""
    found: list[Change] = []
    riders: list[Change] = []
    for path, value in wanted.items():
        before = current.get(path)
        before = "" if before is None else before
        if _agrees(path, value.value, before, known) or _protected(path, value, before, known):
            continue
        (riders if value.mode == "with_changes" else found).append(Change(path, before, value.value))
    return tuple(found + riders) if found else ()


def _agrees(path: str, wanted: Any, before: Any, known: Known) -> bool:
    if wanted == before or (is_empty(wanted) and is_empty(before)):
        return True
    return path in known.rendered and known.base.get(path) == wanted and known.rendered[path] == before


def _protected(path: str, value: Value, before: Any, known: Known) -> bool:
    """A blank does not erase, unless it clears what we had agreed on; some rows only fill what is empty or new."""
    if value.mode == "when_new":
        return bool(known.target_id)
    if value.mode == "when_empty":
        return not is_empty(before)
    return is_empty(value.value) and is_empty(known.base.get(path))


def _fields(changes: tuple[Change, ...]) -> str:
    names = []
    for change in changes:
        name = change.path.removeprefix("metadata.").split(".")[0].replace("_", " ")
        if name not in names:
            names.append(name)
    text = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return text[:1].upper() + text[1:]
