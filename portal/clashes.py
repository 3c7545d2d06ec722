"""Fields that both sides have changed to different values, for the person who says which side is right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.sides import Teller
from syncs import deciding
from syncs.mapping import Compiled, compile_version
from syncs.models import Attempt, Link

SIDES = ("source", "target")


@dataclass(frozen=True, slots=True)
class Clash:
    """What is decided as one: a field, or all parts of an address. `rows`: (field, what both had agreed on, what the
    source says, what the target says). `paths`: all that the decision is about."""

    key: str
    rows: Sequence[tuple[str, ...]]
    paths: Sequence[str]

    @property
    def label(self) -> str:
        return self.rows[0][0] if len(self.rows) == 1 else ", ".join(row[0] for row in self.rows)


def of(tell: Teller, link: Link, last: Attempt | None) -> list[Clash]:
    """`last`: the newest look at it. Empty where there is no such conflict."""
    if link.cause_code != deciding.BOTH_CHANGED or last is None or tell.sync.version is None:
        return []
    version, found = compile_version(tell.sync.version.content), dict[str, list[Sequence[Any]]]()
    for row in last.plan.get("conflicts") or ():
        found.setdefault(version.limits.unit_of(row[0]), []).append(row)
    return [Clash(key, tell.fields({}, rows), _paths(version, key)) for key, rows in found.items()]


def _paths(version: Compiled, key: str) -> list[str]:
    return [row.target for row in version.rows if key in (row.target, version.limits.unit_of(row.target))]


def chosen(clashes: Sequence[Clash], said: Mapping[str, str]) -> dict[str, str]:
    """{target path: side} from {key: side}; ValueError unless every one of them is decided."""
    if any(said.get(clash.key) not in SIDES for clash in clashes):
        raise ValueError("Say which side is right for every field.")
    return {path: said[clash.key] for clash in clashes for path in clash.paths}
