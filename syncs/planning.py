"""What should be done with one record, field by field, and why. Pure: no database, no network, no clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from connectors.base import Record
from syncs import comparing
from syncs.comparing import Change as Change
from syncs.comparing import Comparison, compare, moved_on
from syncs.comparing import Known as Known
from syncs.mapping import Compiled
from syncs.matching import Clues, match


class Verdict(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    LINK = "link"
    SKIP = "skip"
    HOLD = "hold"
    CONFLICT = "conflict"
    WAIT = "wait"
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
class Parent:
    """A record that another one needs, such as an invoice's client. `state`: "ready" (it has its counterpart, `id`),
    "coming", "stopped" (`cause` says why), or "unknown": no sync looks after records of its kind. `key`: the link to
    wait for."""

    state: str
    id: str = ""
    label: str = ""
    cause: str = ""
    key: int | None = None


@dataclass(frozen=True, slots=True)
class Clash:
    """A field that both sides have changed to different values, and neither has the say. `path`: at the target;
    `agreed`: what both had before."""

    path: str
    agreed: Any
    here: Any
    there: Any


#: How the reason ends of a write that undoes what was changed at the target.
PUT_BACK = "is put back."
#: Actions that are done for all records of the account at once.
ACCOUNT_WIDE = frozenset({"add_link_field"})


@dataclass(frozen=True, slots=True)
class Plan:
    """`code` names the reason for machines, `reason` says it to people. `values`: every mapped value, sent or not.

    A record that takes several calls is planned one step at a time: `action` is what is done to the counterpart ('':
    its fields are written), `resource` what is made beside it ('': the counterpart itself), `more` says that another
    step follows, `back` that this one writes to the source.

    `rules`: each rule that was asked, whether it applies, and what came of it. `hold`: what a person may approve.
    `flags`: names of rules that raise an incident about it. `route`: the sync that a rule sends it to.
    """

    verdict: Verdict
    code: str
    reason: str
    target_id: str = ""
    changes: tuple[Change, ...] = ()
    warnings: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    action: str = ""
    resource: str = ""
    more: bool = False
    back: bool = False
    conflicts: tuple[Clash, ...] = ()
    rules: tuple[Sequence[Any], ...] = ()
    hold: Mapping[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    route: int | None = None

    @property
    def writes(self) -> bool:
        changing = self.verdict in {Verdict.UPDATE, Verdict.LINK} and bool(self.changes or self.action)
        return self.verdict == Verdict.CREATE or changing

    @property
    def verb(self) -> str:
        """What the ledger calls it: create, update, or the action."""
        return self.action or ("create" if self.verdict == Verdict.CREATE else "update")

    @property
    def shared(self) -> bool:
        """Whether other records wait for the same thing, which must be done once."""
        return bool(self.resource) or self.action in ACCOUNT_WIDE

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
            **{name: value for name in ("action", "resource", "back") if (value := getattr(self, name))},
            **({"conflicts": [[c.path, c.agreed, c.here, c.there] for c in self.conflicts]} if self.conflicts else {}),
            **({"rules": [list(rule) for rule in self.rules]} if self.rules else {}),
            **({"hold": dict(self.hold)} if self.hold else {}),
            **({"flags": list(self.flags)} if self.flags else {}),
            **({"route": self.route} if self.route else {}),
        }


def plan(
    version: Compiled, names: Names, source: Record | None, target: Record | None, known: Known, clues: Clues,
    facts: object = None,
) -> Plan:  # fmt: skip
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


def left_out(known: Known) -> Plan | None:
    """Where a person has chosen so, or has declined what was to be written."""
    if known.decision.get("choice") != "leave":
        return None
    reason, who = "Someone chose to leave this one out.", known.decision.get("who") or "somebody"
    if known.decision.get("declined"):
        reason = f"Left out because {who} declined: {known.decision['declined']}"
    return Plan(Verdict.SKIP, "left_out", reason, known.target_id)


def _left_out(version: Compiled, names: Names, source: Record, known: Known) -> Plan | None:
    """Filters speak for records without a counterpart; a linked one is kept in step."""
    decided = left_out(known)
    if decided:
        return decided
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
    found = compare(version, source, target, known)
    if not found.changes:
        return Plan(Verdict.SKIP, "in_step", "Both sides agree.", target.id, (), found.warnings, found.values)
    return _plan(Verdict.UPDATE, "changed", why(names, found.led, known), found, target.id)


def _plan(verdict: Verdict, code: str, reason: str, found: Comparison, target_id: str = "") -> Plan:
    return Plan(verdict, code, reason, target_id, found.changes, found.warnings, found.values)


def _target_gone(version: Compiled, names: Names, source: Record, known: Known) -> Plan:
    """Said once; asked about only when the source has something new to tell."""
    gone = f"The {names.target} {names.target_one} was deleted in {names.target}"
    if known.decision.get("choice") == "new":
        return _create(version, source, f"{gone}, and someone asked for a new one.")
    if not known.ended or not moved_on(version, source, known):
        return Plan(Verdict.END, "target_deleted", f"{gone}. Nothing was changed in {names.source}.", known.target_id)
    reason = f"{gone}, and the {names.source_one} has changed since. Make a new {names.target_one}, or leave it out?"
    return Plan(Verdict.HOLD, "target_deleted", reason, known.target_id)


def _unlinked(version: Compiled, names: Names, source: Record, known: Known, clues: Clues) -> Plan:
    choice = known.decision.get("choice")
    if choice == "new":
        return _create(version, source, "Someone said it is not any of the records there.")
    if choice == "same":
        return _chosen(version, names, source, known, clues)
    found = match(source, clues, names.reference)
    if found.doubt:
        return Plan(Verdict.HOLD, "ambiguous", f"{found.doubt}.")
    if found.target:
        return _link(version, names, source, found.target, found.how)
    return _create(version, source, f"There is no such {names.target_one} in {names.target} yet.")


def _chosen(version: Compiled, names: Names, source: Record, known: Known, clues: Clues) -> Plan:
    """No other record is taken in place of the one that a person chose."""
    chosen = next((c for c in clues.candidates if c.id == known.decision.get("target_id")), None)
    if chosen:
        return _link(version, names, source, chosen, "Someone said they are the same")
    reason = (
        f"The {names.target_one} that someone chose is gone, or linked to another {names.source_one}. Choose again."
    )
    return Plan(Verdict.HOLD, "ambiguous", reason)


def _create(version: Compiled, source: Record, reason: str) -> Plan:
    return _plan(Verdict.CREATE, "missing", reason, compare(version, source, None, Known()))


def _link(version: Compiled, names: Names, source: Record, target: Record, how: str) -> Plan:
    ours = target.references.get(names.reference) == source.id
    known = comparing.adopted(version, target) if ours else Known()
    return _plan(Verdict.LINK, "matched", f"{how}.", compare(version, source, target, known), target.id)


def kept_back(version: Compiled, source: Record | None, made: Plan) -> Plan:
    """The plan, or a hold in its place where a value must not be guessed: nothing is made, linked, opened or written
    then, and nothing counts as in step. What withdraws the counterpart or counts its payments goes on."""
    if source is None or made.back or not version.may_hold or not _needs_values(version, made):
        return made
    holds = version.holds(source.data)
    if not holds:
        return made
    return Plan(Verdict.HOLD, holds[0].code, " ".join(dict.fromkeys(holds)), made.target_id, warnings=made.warnings)


#: Steps after which others see the counterpart.
_SHOWS = frozenset({"finalize"})


def _needs_values(version: Compiled, made: Plan) -> bool:
    if made.verdict == Verdict.LINK or made.code == "in_step" or made.action in _SHOWS:
        return True
    if made.verdict == Verdict.CREATE:
        return not made.resource  # what is made beside the counterpart shows none of its values
    mapped = {row.target for row in version.rows}
    return made.verdict == Verdict.UPDATE and any(c.path in mapped or version.covers(c.path) for c in made.changes)


def agreement(made: Plan, known: Known, shown: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The link's new base and rendered values, once the plan was carried out and the target shows `shown`."""
    return dict(made.values), comparing.rendered(made.values, made.data, known, shown)


def why(names: Names, changes: Sequence[Change], known: Known) -> str:
    """Which side moved, as far as the base tells."""
    told = [c for c in changes if c.path not in known.base or known.base[c.path] != c.after]
    if told:
        return f"{field_words(told)} changed in {names.source}."
    return f"{field_words(changes)} changed in {names.target}; what {names.source} says {PUT_BACK}"


def field_words(changes: Sequence[Change]) -> str:
    """'Name, email, address and 2 more'."""
    return field_words_of([change.path for change in changes])


def field_words_of(paths: Sequence[str]) -> str:
    found: list[str] = []
    for path in paths:
        name = path.removeprefix("metadata.").removeprefix("cf_").split(".")[0].replace("_", " ")
        if name not in found:
            found.append(name)
    text = ", ".join(found[:4]) + (f" and {len(found) - 4} more" if len(found) > 4 else "")
    return text[:1].upper() + text[1:]
