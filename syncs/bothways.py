"""Planning for two sides that both may change a record: field by field, against what both had agreed on. Pure.

What only one side has changed goes to the other. Where both have, the row's owner decides: a side, the later of the
two, or a person. One plan writes to one side; what is left for the other follows in the next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from connectors.base import Record
from syncs import planning
from syncs.comparing import Change, Known, compare, moved_here, moved_there, same
from syncs.mapping import Compiled, Row, applied
from syncs.matching import Clues
from syncs.planning import Clash, Names, Plan, Verdict
from syncs.transforms import Hold, Notes, is_empty

#: A record of the target that is to have its counterpart made at the source has this instead of a source id.
UNMADE = "new:"


@dataclass(frozen=True, slots=True)
class Facts:
    """When each side was changed last, as far as it says or shows. `unmade`: there is no source record yet; `alike`:
    labels of source records that may be it."""

    here_at: datetime | None = None
    there_at: datetime | None = None
    unmade: bool = False
    alike: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Sides:
    """Paths by who has the say this time; those that neither has changed are in none of them. `spelt`: what the
    target says in its own way, and the source would say no differently."""

    there: frozenset[str] = frozenset()
    clashing: frozenset[str] = frozenset()
    spelt: frozenset[str] = frozenset()


def plan(
    version: Compiled, names: Names, source: Record | None, target: Record | None, known: Known, clues: Clues,
    facts: Facts | None,
) -> Plan:  # fmt: skip
    """As planning.plan; the way back only where the business has chosen it."""
    if facts is None or not version.options.get("two_way"):
        return planning.plan(version, names, source, target, known, clues)
    if facts.unmade:
        return _make_here(version, names, target, known, facts)
    made = planning.plan(version, names, source, target, known, clues)
    target = next((c for c in clues.candidates if c.id == made.target_id), target)
    linked = made.verdict in {Verdict.UPDATE, Verdict.LINK} or made.code == "in_step"
    if source is None or target is None or not linked:
        return made
    return _both(version, names, source, target, known, facts, made)


def _both(
    version: Compiled, names: Names, source: Record, target: Record, known: Known, facts: Facts, made: Plan
) -> Plan:  # fmt: skip
    wanted, _ = version.values(source.data)
    told = {path: value.value for path, value in wanted.items() if not value.unusable}
    sides = _sides(version, told, target.data, known, facts)
    aside = sides.there | sides.clashing | sides.spelt
    found = compare(version, source, target, known, aside=aside)
    notes: Notes = []
    changes = _changes_here(version, source, target, sides.there, notes)
    agreed = {**found.values, **{p: target.data.get(p, "") for p in sides.there | sides.spelt}}
    if found.changes or (made.verdict == Verdict.LINK and not known.target_id):
        reason = made.reason if made.verdict == Verdict.LINK else planning.why(names, found.led, known)
        forward = replace(made, reason=reason, changes=found.changes, warnings=found.warnings, values=found.values)
        return replace(forward, more=bool(changes or sides.clashing))
    held = _held(names, notes, target)
    if held:
        return held
    if changes:
        reason = f"{planning.field_words(changes)} changed in {names.target}."
        return Plan(
            Verdict.UPDATE, "changed_there", reason, source.id, changes, (), agreed, back=True,
            more=bool(sides.clashing),
        )  # fmt: skip
    if sides.clashing:
        return _clash(names, told, target, known, sides, agreed)
    return Plan(Verdict.SKIP, "in_step", "Both sides agree.", target.id, (), found.warnings, agreed)


def _sides(
    version: Compiled, told: Mapping[str, Any], there: Mapping[str, Any], known: Known, facts: Facts
) -> Sides:  # fmt: skip
    target_says, clashing, spelt = set(), set(), set()
    for rows in _groups(version, told):
        paths = {row.target for row in rows}
        if all(alike(row, told[row.target], there.get(row.target)) for row in rows):
            spelt |= {p for p in paths if not same(told[p], there.get(p))}
            continue
        here_moved = any(_moved_here(row, told[row.target], known) for row in rows)
        there_moved = any(moved_there(p, there.get(p), known) for p in paths)
        side = _side(rows, here_moved, there_moved, known, facts)
        if side == "target":
            target_says |= paths
        elif side == "ask":
            clashing |= paths
    return Sides(frozenset(target_says), frozenset(clashing), frozenset(spelt))


def _moved_here(row: Row, told: Any, known: Known) -> bool:
    return moved_here(row.target, told, known) and not alike(row, told, known.base.get(row.target))


def alike(row: Row, told: Any, there: Any) -> bool:
    """Whether the source would tell just this once it had taken over what is there: +61 2 6666 1150 is told as
    +61266661150, and was taken over from there."""
    if same(told, there):
        return True
    if is_empty(there):
        return False
    values = [going_back(row, there, []) if path == row.back else "" for path in row.sources]
    return same(told, applied(row.steps, values[0] if len(values) == 1 else values, []))


def _groups(version: Compiled, told: Mapping[str, Any]) -> list[list[Row]]:
    """Rows with a way back; those of one unit, such as an address, together."""
    units: dict[str, list[Row]] = {}
    for row in version.rows:
        if row.back and row.target in told:
            units.setdefault(version.limits.unit_of(row.target), []).append(row)
    return list(units.values())


def _side(rows: Sequence[Row], here_moved: bool, there_moved: bool, known: Known, facts: Facts) -> str:
    """Who has the say about these rows: "source", "target", or "ask", which keeps both until a person has chosen. A
    unit follows its first row's owner, and a choice that was made about any part of it."""
    row, chosen = rows[0], known.decision.get("sides") or {}
    decided = next((str(chosen[r.target]) for r in rows if r.target in chosen), "")
    if decided:
        return decided
    if not there_moved:
        return "source"
    if not here_moved:
        return "source" if row.owner == "source" else "target"
    if row.owner != "newest":
        return row.owner
    later = facts.here_at is not None and facts.there_at is not None and facts.there_at > facts.here_at
    return "target" if later else "source"


def _held(names: Names, notes: Notes, target: Record) -> Plan | None:
    """Nothing goes back where what the target says must not be guessed."""
    hold = next((note for note in notes if isinstance(note, Hold)), None)
    if hold is None:
        return None
    return Plan(Verdict.HOLD, hold.code, f"In {names.target}, {hold}.", target.id)


def _changes_here(
    version: Compiled, source: Record, target: Record, paths: frozenset[str], notes: Notes
) -> tuple[Change, ...]:
    """What the source is sent, by its own paths."""
    changes = []
    for row in version.rows:
        if row.target in paths:
            before, after = source.data.get(row.back, ""), going_back(row, target.data.get(row.target), notes)
            if not same(before, after):
                changes.append(Change(row.back, before, after))
    return tuple(changes)


def going_back(row: Row, value: Any, notes: Notes) -> Any:
    """What the source is sent for a value of the target."""
    own: Notes = []
    found = applied(row.back_steps, "" if is_empty(value) else value, own)
    notes += own
    return found


def _clash(
    names: Names, told: Mapping[str, Any], target: Record, known: Known, sides: Sides, agreed: Mapping[str, Any]
) -> Plan:  # fmt: skip
    clashes = tuple(
        Clash(p, known.base.get(p, ""), told[p], target.data.get(p, ""))
        for p in sorted(sides.clashing)
        if not same(told[p], target.data.get(p))
    )
    fields = planning.field_words([Change(c.path, c.here, c.there) for c in clashes])
    reason = f"{fields} changed in {names.source} and in {names.target}, to different values. Which one is right?"
    return Plan(Verdict.CONFLICT, "both_changed", reason, target.id, (), (), agreed, conflicts=clashes)


# A record that was made at the target first


def _make_here(version: Compiled, names: Names, target: Record | None, known: Known, facts: Facts) -> Plan:
    choice, decided = known.decision.get("choice"), planning.left_out(known)
    if decided:
        return decided
    if target is None or target.deleted:
        gone = f"The {names.target_one} was deleted in {names.target} before it had its {names.source_one}."
        return Plan(Verdict.END, "target_deleted", gone, known.target_id)
    if facts.alike and choice != "new":
        reason = (
            f"It was made in {names.target} and may be {_among(facts.alike)} in {names.source}. Leave it out, or make "
            f"a new {names.source_one}?"
        )
        return Plan(Verdict.HOLD, "made_there", reason, target.id)
    notes: Notes = []
    changes = tuple(Change(p, "", v) for p, v in _as_new(version, target, notes).items() if not is_empty(v))
    held = _held(names, notes, target)
    if held:
        return held
    reason = f"It was made in {names.target}; {names.source} has no such {names.source_one} yet."
    agreed = {row.target: target.data.get(row.target, "") for row in version.rows if row.back}
    return Plan(Verdict.CREATE, "made_there", reason, "", changes, (), agreed, back=True, more=True)


def _among(labels: Sequence[str]) -> str:
    return labels[0] if len(labels) == 1 else f"one of {', '.join(labels[:3])}"


def _as_new(version: Compiled, target: Record, notes: Notes) -> dict[str, Any]:
    """All that goes back, and a name of the kind that the source keeps."""
    found = {row.back: going_back(row, target.data.get(row.target), notes) for row in version.rows if row.back}
    company = str(target.data.get("business_name") or "")
    name = str(target.data.get("individual_name") or ("" if company else target.data.get("name") or ""))
    first, _, last = name.strip().rpartition(" ")
    return {**found, "first_name": first or last, "last_name": last if first else "", "company_name": company,
            "is_company": bool(company)}  # fmt: skip
