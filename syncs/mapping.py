"""From a source record to the values its counterpart should have, by the rows of a version. Pure."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from syncs.rules import RuleError
from syncs.rules.book import Rule, compile_rules
from syncs.transforms import CATALOGUE, Hold, Notes, is_empty
from syncs.transforms import GATHERING as GATHERING

#: A row whose source and target end in * maps every path with the prefix: custom.* -> metadata.cf_*
WILDCARD = "*"
#: When a row's value is written, and "merge": the target's list keeps what others have added to it.
MODES = frozenset({"always", "when_new", "when_empty", "with_changes", "merge"})


class MappingError(ValueError):
    """A row that cannot work, in words for who edits it."""


#: Who wins where both sides have changed a field: a side, the later of them, or a person.
OWNERS = frozenset({"source", "target", "newest", "ask"})


@dataclass(frozen=True, slots=True)
class Row:
    """`back`: the source's field that takes what the target says, '' where nothing goes back. `may_hold`: one of its
    transforms may keep the record back. `editable`: who approves may edit the value before it is written."""

    sources: tuple[str, ...]
    target: str
    steps: tuple[Callable[[Any, Notes], Any], ...]
    mode: str
    owner: str = "source"
    back: str = ""
    back_steps: tuple[Callable[[Any, Notes], Any], ...] = ()
    may_hold: bool = False
    editable: bool = False

    @property
    def many(self) -> bool:
        """Whether it maps a whole group of paths."""
        return self.target.endswith(WILDCARD)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the target takes. `groups`: path prefix -> most entries it may hold. `units`: prefixes of paths that are
    one field together, so that half of it never comes from one side and half from the other."""

    groups: Mapping[str, int] = field(default_factory=lambda: {"metadata.": 50})
    key_length: int = 40
    list_length: int = 500
    units: tuple[str, ...] = ("address.",)

    def unit_of(self, path: str) -> str:
        """The prefix of the unit it is part of, or the path itself."""
        return next((unit for unit in self.units if path.startswith(unit)), path)


class Value(NamedTuple):
    """`notes`: what was done to it, in words. `unusable`: the source holds something, but nothing that can be sent.
    `hold`: nothing about the record may be written before a person has looked, and why."""

    value: Any
    mode: str = "always"
    notes: tuple[str, ...] = ()
    unusable: bool = False
    hold: Hold | None = None


@dataclass(frozen=True)
class Compiled:
    """A version ready to be used. `options` are the recipe's; `constants` what rules have set for one record, or a
    person who approved it: `edited` are the paths of those, which are written when their rows say."""

    rows: tuple[Row, ...]
    options: Mapping[str, Any]
    limits: Limits = field(default_factory=Limits)
    rules: tuple[Rule, ...] = ()
    constants: Mapping[str, Any] = field(default_factory=dict)
    edited: frozenset[str] = frozenset()

    def values(self, data: Mapping[str, Any], there: Collection[str] = ()) -> tuple[dict[str, Value], list[str]]:
        """{target path: value}, and warnings about what could not be sent. `there`: paths the target has filled."""
        found: dict[str, Value] = {}
        taken = set(self._targets)
        for row in self.rows:
            for sources, target in _pairs(row, data, self.limits, taken):
                found[target] = _value(row, sources, data)
        modes = {path: found[path].mode for path in self.edited if path in found}
        found |= {path: Value(value, modes.get(path, "always")) for path, value in self.constants.items()}
        warnings = [note for value in found.values() if value.unusable for note in value.notes]
        for prefix in self.limits.units:
            _as_one(found, prefix)
        return found, warnings + self._fit(found, there)

    @cached_property
    def _targets(self) -> frozenset[str]:
        return frozenset(row.target for row in self.rows)

    @cached_property
    def _own(self) -> dict[str, frozenset[str]]:
        """{prefix of a group: the paths in it that a row of their own writes, or a constant}"""
        named = {*self.constants, *(row.target for row in self.rows if not row.many)}
        return {prefix: frozenset(p for p in named if p.startswith(prefix)) for prefix in self.limits.groups}

    def setting(self, values: Mapping[str, Any]) -> "Compiled":
        """With these values whatever the rows say. What is set is no longer a row's to say, and goes nowhere back."""
        rows = tuple(replace(row, back="", owner="source") if row.target in values else row for row in self.rows)
        return replace(self, rows=rows, constants={**self.constants, **values})

    def _fit(self, found: dict[str, Value], there: Collection[str]) -> list[str]:
        """Leave out what a group has no room for: rows of their own come first, then what is there, then by name."""
        warnings = []
        for prefix, most in self.limits.groups.items():
            own = self._own[prefix]
            more = [p for p in found if p.startswith(prefix) and p not in own and not is_empty(found[p].value)]
            strangers = sum(1 for p in there if p.startswith(prefix) and p not in own and not self.covers(p))
            more.sort(key=lambda path: (path not in there, path))
            left_out = more[max(0, most - len(own) - strangers) :]
            for path in left_out:
                del found[path]
            if left_out:
                warnings.append(f"{len(left_out)} custom fields were not sent: there is room for {most} entries there.")
        return warnings

    @property
    def may_hold(self) -> bool:
        return any(row.may_hold for row in self.rows)

    def holds(self, data: Mapping[str, Any]) -> list[Hold]:
        """Why the record has to wait for a person, by the rows that can say so."""
        asking = [row for row in self.rows if row.may_hold]
        found = (_value(row, paths, data).hold for row in asking for paths, _ in _pairs(row, data, self.limits, set()))
        return [hold for hold in found if hold]

    def origins(self, data: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        """{target path: the source's paths that its value is made of}; what a rule sets is made of none."""
        taken = set(self._targets)
        found = {t: paths for row in self.rows for paths, t in _pairs(row, data, self.limits, taken)}
        return {target: () if target in self.constants else paths for target, paths in found.items()}

    def covers(self, path: str) -> bool:
        """Whether a row for a whole group writes paths like this one."""
        return any(row.many and path.startswith(row.target[:-1]) for row in self.rows)


def compile_version(content: Mapping[str, Any]) -> Compiled:
    """Raises MappingError that names the row."""
    rows = tuple(compile_row(r) for r in content["mappings"])
    targets = [row.target for row in rows]
    twice = next((t for t in targets if targets.count(t) > 1), None)
    if twice:
        raise MappingError(f"{twice}: two rows write this field.")
    try:
        rules = compile_rules(content.get("rules", ()))
    except RuleError as error:
        raise MappingError(str(error)) from None
    return Compiled(rows=rows, options=content.get("options", {}), rules=rules)


def compile_row(row: Mapping[str, Any]) -> Row:
    sources, target = tuple(row["sources"]), row["target"]
    if not sources or not target or not all(sources):
        raise MappingError("A row needs at least one field to read and one to write.")
    if row["mode"] not in MODES:
        raise MappingError(f"{target}: there is no way to write called “{row['mode']}”.")
    _check_stars(sources, target)
    steps = tuple(_step(step, target, sources if not n else ()) for n, step in enumerate(row["transforms"]))
    if len(sources) > 1 and (not steps or row["transforms"][0]["name"] not in GATHERING):
        raise MappingError(f"{target}: several fields need a first transform that makes one of them, such as “join”.")
    may_hold = any(CATALOGUE[step["name"]].may_hold for step in row["transforms"])
    editable = bool(row.get("editable"))
    if editable and target.endswith(WILDCARD):
        raise MappingError(f"{target}: a whole group of fields cannot be edited while approving.")
    return Row(sources, target, steps, row["mode"], may_hold=may_hold, editable=editable, **_way_back(row, target))


def _way_back(row: Mapping[str, Any], target: str) -> dict[str, Any]:
    owner, back = row.get("owner") or "source", row.get("back") or ""
    if owner not in OWNERS:
        raise MappingError(f"{target}: nobody called “{owner}” can win.")
    if owner != "source" and not back:
        raise MappingError(f"{target}: it says no field that takes the value back, so the source must win.")
    if back and target.endswith(WILDCARD):
        raise MappingError(f"{target}: a whole group of fields cannot go back.")
    steps = tuple(_step(step, target, ()) for step in row.get("back_transforms") or ())
    return {"owner": owner, "back": back, "back_steps": steps}


def _check_stars(sources: Sequence[str], target: str) -> None:
    ends = [path.endswith(WILDCARD) for path in (*sources, target)]
    if any(ends) != all(ends):
        raise MappingError(f"{target}: a star must stand on both sides or on neither.")
    if any(ends) and (len(sources) > 1 or "." not in target or "." not in sources[0]):
        raise MappingError(f"{target}: a row with a star reads one group of fields and writes one group.")


def _step(step: Any, target: str, sources: Sequence[str]) -> Callable[[Any, Notes], Any]:
    if not isinstance(step, Mapping):
        raise MappingError(f'{target}: a transform is written as {{"name": "text"}}, not as {step!r}.')
    name = step.get("name")
    entry = CATALOGUE.get(str(name))
    if entry is None:
        raise MappingError(f"{target}: there is no transform called “{name}”.")
    try:
        return entry.bound({k: v for k, v in step.items() if k != "name"}, sources)
    except ValueError as error:
        raise MappingError(f"{target}: “{name}” {str(error).rstrip('.')}.") from None


def applied(steps: Iterable[Callable[[Any, Notes], Any]], value: Any, notes: Notes) -> Any:
    """What the steps make of a value, '' for nothing. A Hold among the notes ends the chain."""
    for step in steps:
        value = step(value, notes)
        if notes and isinstance(notes[-1], Hold):
            return ""
    return "" if value is None else value


def _value(row: Row, sources: Sequence[str], data: Mapping[str, Any]) -> Value:
    notes: Notes = []
    read = data.get(sources[0]) if len(sources) == 1 else [data.get(s) for s in sources]
    found = applied(row.steps, read, notes)
    if not notes:
        return Value(found, row.mode)
    named = _label(sources[0] if len(sources) == 1 else row.target)
    told = tuple(f"{named} {note}." for note in notes)
    hold = Hold(notes[-1].code, told[-1]) if isinstance(notes[-1], Hold) else None
    return Value(found, row.mode, told, is_empty(found), hold)


def _pairs(row: Row, data: Iterable[str], limits: Limits, taken: set[str]) -> Sequence[tuple[tuple[str, ...], str]]:
    """By name, since a database does not keep the order of keys."""
    if not row.many:
        return [(row.sources, row.target)]
    prefix, stem = row.sources[0][:-1], row.target[:-1]
    pairs = []
    for path in sorted(p for p in data if p.startswith(prefix)):
        target = _key(stem, path[len(prefix) :], limits, taken)
        taken.add(target)
        pairs.append(((path,), target))
    return pairs


_NOT_SLUG = re.compile(r"[^a-z0-9_]+")


def _key(stem: str, name: str, limits: Limits, taken: set[str]) -> str:
    """A key short enough for the target and unlike its siblings."""
    group, _, head = stem.rpartition(".")
    slug = _NOT_SLUG.sub("_", name.lower()).strip("_") or "field"
    room = limits.key_length - len(head)
    key, number = slug[:room], 2
    while f"{group}.{head}{key}" in taken:
        suffix = f"_{number}"
        key, number = slug[: room - len(suffix)] + suffix, number + 1
    return f"{group}.{head}{key}"


def _as_one(found: dict[str, Value], prefix: str) -> None:
    """Where a part of the unit is filled, one that cannot be sent is empty, not left to the other side."""
    parts = {p: v for p, v in found.items() if p.startswith(prefix)}
    if any(not is_empty(v.value) for v in parts.values()):
        found.update({p: v._replace(unusable=False, notes=()) for p, v in parts.items() if v.unusable})


def _label(path: str) -> str:
    """'billing_address.city' -> 'Billing address city'."""
    words = path.removeprefix("metadata.").removeprefix("custom.").replace(".", " ").replace("_", " ")
    return words[:1].upper() + words[1:]
