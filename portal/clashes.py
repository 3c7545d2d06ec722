"""Fields that both sides have changed to different values, for the person who says which side is right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max

from portal.sides import Key, Teller, keys_of
from syncs import deciding
from syncs.mapping import Compiled, compile_version
from syncs.models import Attempt, Link, Snapshot

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


@dataclass(frozen=True, slots=True)
class Conflict:
    """The clashes of one record, and when each side changed as far as that is known. `noticed`: what is known of the
    target is only when its change came to notice."""

    clashes: Sequence[Clash]
    here_at: datetime | None = None
    there_at: datetime | None = None
    noticed: bool = False


def conflict(clashes: Sequence[Clash], here: Snapshot | None, there: Snapshot | None) -> Conflict:
    there_at = (there.updated_at or there.noticed_at or there.read_at) if there else None
    noticed = there is not None and there.updated_at is None
    return Conflict(clashes, here.updated_at if here else None, there_at, noticed)


def of_several(tell: Teller, links: Sequence[Link], held: Mapping[Key, Snapshot]) -> dict[int, Conflict]:
    """{link id: its conflict} of those links of one sync that have one. One query, however many. `held`: both sides."""
    asked = [link for link in links if link.cause_code == deciding.BOTH_CHANGED]
    if not asked or tell.sync.version is None:
        return {}
    version = compile_version(tell.sync.version.content)
    last = {look.link_id: look for look in _newest(asked)}
    found = {}
    for link in asked:
        here, there = keys_of(tell.sync, link)
        told = _clashes(tell, version, last.get(link.pk))
        found[link.pk] = conflict(told, held.get(here), held.get(there))
    return found


def _newest(links: Sequence[Link]) -> list[Attempt]:
    newest = Attempt.objects.filter(link__in=links).values("link").order_by().annotate(newest=Max("pk"))
    return list(Attempt.objects.filter(pk__in=newest.values("newest")))


def of(tell: Teller, link: Link, last: Attempt | None) -> list[Clash]:
    """`last`: the newest look at it. Empty where there is no such conflict."""
    if link.cause_code != deciding.BOTH_CHANGED or tell.sync.version is None:
        return []
    return _clashes(tell, compile_version(tell.sync.version.content), last)


def _clashes(tell: Teller, version: Compiled, last: Attempt | None) -> list[Clash]:
    found: dict[str, list[Sequence[Any]]] = {}
    for row in (last.plan.get("conflicts") or ()) if last else ():
        found.setdefault(version.limits.unit_of(row[0]), []).append(row)
    return [Clash(key, tell.fields({}, rows), _paths(version, key)) for key, rows in found.items()]


def _paths(version: Compiled, key: str) -> list[str]:
    return [row.target for row in version.rows if key in (row.target, version.limits.unit_of(row.target))]


def chosen(clashes: Sequence[Clash], said: Mapping[str, str]) -> dict[str, str]:
    """{target path: side} from {key: side}; ValueError unless every one of them is decided."""
    if any(said.get(clash.key) not in SIDES for clash in clashes):
        raise ValueError("Say which side is right for every field.")
    return {path: said[clash.key] for clash in clashes for path in clash.paths}
