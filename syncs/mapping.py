"""From a source record to the values its counterpart should have, by the rows of a version. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from syncs.transforms import TRANSFORMS, Notes, is_empty

#: A row whose source and target end in * maps every path with the prefix: custom.* -> metadata.cf_*
WILDCARD = "*"


class MappingError(ValueError):
    """A row that cannot work, in words for who edits it."""


@dataclass(frozen=True, slots=True)
class Row:
    sources: tuple[str, ...]
    target: str
    steps: tuple[Callable[[Any, Notes], Any], ...]
    mode: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What the target takes. `groups`: path prefix -> most entries it may hold, such as {"metadata.": 50}."""

    groups: Mapping[str, int] = field(default_factory=lambda: {"metadata.": 50})
    key_length: int = 40


@dataclass(frozen=True, slots=True)
class Value:
    value: Any
    mode: str


@dataclass(frozen=True)
class Compiled:
    """A version ready to be used. `options` are the recipe's."""

    rows: tuple[Row, ...]
    options: Mapping[str, Any]
    limits: Limits = field(default_factory=Limits)

    def values(
        self, data: Mapping[str, Any], labels: Mapping[str, str] | None = None
    ) -> tuple[dict[str, Value], list[str]]:
        """{target path: value} in row order, and warnings in words."""
        found: dict[str, Value] = {}
        warnings: list[str] = []
        for row in self.rows:
            for source, target in _pairs(row, data, self.limits):
                notes: Notes = []
                raw = data.get(source[0]) if len(source) == 1 else [data.get(s) for s in source]
                for step in row.steps:
                    raw = step(raw, notes)
                found[target] = Value("" if raw is None else raw, row.mode)
                warnings += [f"{_label(source, labels)} {note}." for note in notes]
        return _within_limits(found, self.limits, warnings), warnings


def compile_version(content: Mapping[str, Any]) -> Compiled:
    """Raises MappingError that names the row."""
    rows = tuple(compile_row(r) for r in content["mappings"])
    return Compiled(rows=rows, options=content.get("options", {}))


def compile_row(row: Mapping[str, Any]) -> Row:
    sources = tuple(row["sources"])
    if not sources or not row["target"]:
        raise MappingError("A row needs at least one field to read and one to write.")
    if row["target"].endswith(WILDCARD) != sources[0].endswith(WILDCARD):
        raise MappingError(f"{row['target']}: a star must stand on both sides or on neither.")
    return Row(sources, row["target"], tuple(_step(s, row["target"]) for s in row["transforms"]), row["mode"])


def _step(step: Mapping[str, Any], target: str) -> Callable[[Any, Notes], Any]:
    arguments = {k: v for k, v in step.items() if k != "name"}
    function = TRANSFORMS.get(str(step.get("name")))
    if function is None:
        raise MappingError(f"{target}: there is no transform called “{step.get('name')}”.")
    try:
        bound = partial(function, **arguments)
        bound([""] * 6 if function.__name__ in {"first", "join", "choose_name", "country"} else "", [])
    except TypeError:
        raise MappingError(f"{target}: the transform “{step['name']}” does not take these arguments.") from None
    return bound


def _pairs(row: Row, data: Mapping[str, Any], limits: Limits) -> Sequence[tuple[tuple[str, ...], str]]:
    if not row.target.endswith(WILDCARD):
        return [(row.sources, row.target)]
    prefix, stem = row.sources[0][:-1], row.target[:-1]
    taken: set[str] = set()
    pairs = []
    for path in data:
        if path.startswith(prefix):
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


def _within_limits(found: dict[str, Value], limits: Limits, warnings: list[str]) -> dict[str, Value]:
    for prefix, most in limits.groups.items():
        filled = [p for p, v in found.items() if p.startswith(prefix) and not is_empty(v.value)]
        if len(filled) > most:
            for path in filled[most:]:
                del found[path]
            left = len(filled) - most
            warnings.append(f"{left} custom fields were not sent: there is room for {most} entries there.")
    return found


def _label(source: tuple[str, ...], labels: Mapping[str, str] | None) -> str:
    path = source[0]
    known = (labels or {}).get(path)
    return known or path.split(".")[-1].replace("_", " ").capitalize()
