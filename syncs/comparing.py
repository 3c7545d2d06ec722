"""Three-way comparison: what the source says, what the target shows, what both had agreed on. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from connectors.base import Record
from syncs.mapping import Compiled, Limits, Value
from syncs.transforms import fit_list, is_empty

_SEPARATOR = ", "


@dataclass(frozen=True, slots=True)
class Known:
    """What the link knows. `base`: last agreed value of each target path; `rendered`: how the target shows it."""

    target_id: str = ""
    base: Mapping[str, Any] = field(default_factory=dict)
    rendered: Mapping[str, Any] = field(default_factory=dict)
    decision: Mapping[str, Any] = field(default_factory=dict)
    ended: bool = False


class Change(NamedTuple):
    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """`changes`: what to send; `led`: those of them that call for it. `values`: what is agreed once that is done.
    `warnings`: what was cut or not sent."""

    changes: tuple[Change, ...]
    led: tuple[Change, ...]
    values: dict[str, Any]
    warnings: tuple[str, ...]


def compare(
    version: Compiled, source: Record, target: Record | None, known: Known, *, aside: Collection[str] = ()
) -> Comparison:
    """`target` None: all of it is new. Values written only 'with changes' come along when another one is.

    `aside`: paths that the target has the say about, or a person: nothing is sent for them, and what had been agreed
    on stays.
    """
    current = target.data if target else {}
    wanted, warnings = version.values(source.data, _filled(current))
    found = list(_vanished(version, wanted, current, known))
    riders: list[Change] = []
    for path, value in wanted.items():
        if path in aside:
            continue
        change = _change(path, value, current, known, wanted, version.limits, new=target is None)
        if change:
            (riders if value.mode == "with_changes" else found).append(change)
    changes = tuple(found + riders) if found else ()
    trims = [note for c in changes if c.path in wanted for note in wanted[c.path].notes]
    agreed = {p: v for p, v in _agreed(wanted, known).items() if p not in aside}
    agreed |= {p: known.base[p] for p in aside if p in known.base}
    return Comparison(changes, tuple(found), agreed, tuple(dict.fromkeys(trims + warnings)))


def adopted(version: Compiled, target: Record) -> Known:
    """For a target that already carries the source's id: what an earlier link of ours has left in its keys."""
    own = {row.target for row in version.rows if row.mode != "merge"}
    ours = {p: v for p, v in target.data.items() if p.startswith(tuple(version.limits.groups))}
    return Known(base={p: v for p, v in ours.items() if p in own or version.covers(p)})


def moved_on(version: Compiled, source: Record, known: Known) -> bool:
    """Whether the source says anything else than what had been agreed on."""
    wanted, _ = version.values(source.data, _filled(known.base))
    told = {p: v.value for p, v in wanted.items() if v.mode != "with_changes" and not v.unusable}
    gone = [p for p in _filled(known.base) if p not in wanted and version.covers(p)]
    return bool(gone) or any(not same(value, known.base.get(path)) for path, value in told.items())


def rendered(
    values: Mapping[str, Any], sent: Mapping[str, Any], known: Known, shown: Mapping[str, Any]
) -> dict[str, Any]:
    """Where the target shows an agreed value in its own way: its trimming, its spelling. Only what was just sent, or
    was seen so before, counts: any other difference is somebody's edit."""
    found = {}
    for path, value in values.items():
        there = _plain(shown.get(path))
        if path not in sent and not _agrees(path, value, there, known):
            continue
        if not same(there, value):
            found[path] = there
    return found


def moved_there(path: str, there: Any, known: Known) -> bool:
    """Whether the target says anything else than what had been agreed on."""
    if path not in known.base:
        return not is_empty(there)
    return not _agrees(path, known.base[path], _plain(there), known)


def moved_here(path: str, wanted: Any, known: Known) -> bool:
    """Whether the source says anything else than what had been agreed on."""
    return not is_empty(wanted) if path not in known.base else not same(wanted, known.base[path])


def _filled(data: Mapping[str, Any]) -> list[str]:
    return [path for path, value in data.items() if not is_empty(value)]


def _plain(value: Any) -> Any:
    return "" if is_empty(value) else value


def same(one: Any, other: Any) -> bool:
    """Whether they say the same; nothing and an empty text do."""
    return bool(one == other) or (is_empty(one) and is_empty(other))


def _agreed(wanted: Mapping[str, Value], known: Known) -> dict[str, Any]:
    return {p: known.base.get(p, "") if v.unusable else v.value for p, v in wanted.items()}


def _vanished(
    version: Compiled, wanted: Mapping[str, Value], current: Mapping[str, Any], known: Known
) -> Sequence[Change]:
    """Entries of a group that we had written and that the source no longer has."""
    gone = [p for p in _filled(known.base) if p not in wanted and version.covers(p)]
    return [Change(p, current[p], "") for p in sorted(gone) if not is_empty(current.get(p))]


def _change(
    path: str, value: Value, current: Mapping[str, Any], known: Known, wanted: Mapping[str, Value], limits: Limits, *,
    new: bool,
) -> Change | None:  # fmt: skip
    before, after = _plain(current.get(path)), value.value
    if value.unusable or _agrees(path, after, before, known):
        return None
    if new:
        return Change(path, before, after)
    if value.mode == "merge":
        after = _merged(path, value, before, known, limits)
        if set(_entries(after)) == set(_entries(before)):
            return None
    unit = limits.unit_of(path)
    whole = unit != path and any(not is_empty(v.value) for p, v in wanted.items() if p.startswith(unit))
    if _protected(path, after, before, value.mode, known) and not (whole and value.mode == "always"):
        return None
    return Change(path, before, after)


def _agrees(path: str, wanted: Any, before: Any, known: Known) -> bool:
    if same(wanted, before):
        return True
    return path in known.rendered and known.base.get(path) == wanted and known.rendered[path] == before


def _protected(path: str, wanted: Any, before: Any, mode: str, known: Known) -> bool:
    """A blank does not erase, unless it clears what we had agreed on; some rows only fill what is empty or new."""
    if mode == "when_new":
        return True
    if mode == "when_empty":
        return not is_empty(before)
    return is_empty(wanted) and is_empty(known.base.get(path))


def _merged(path: str, value: Value, before: Any, known: Known, limits: Limits) -> str:
    """The source's entries, then those that others have added at the target."""
    gone = {e.casefold() for e in _entries(known.base.get(path))}
    added = [e for e in _entries(before) if e.casefold() not in gone]
    return fit_list([*_entries(value.value), *added], _SEPARATOR, limits.list_length)[0]


def _entries(joined: Any) -> list[str]:
    return [word for part in str(_plain(joined)).split(",") if (word := part.strip())]
