"""How both sides of one record stand, field by field, in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q

from connectors.base import Field
from portal import wording
from portal.values import Reader
from portal.wording import Terms
from syncs import describing, looking, mapping
from syncs.comparing import compare
from syncs.mapping import Value, compile_version
from syncs.models import Link, Snapshot, Sync
from syncs.rules import judging

#: What an action is given, where no record has a field of that name.
_GIVEN = {"ids": "Lines", "payment_record": "Payment record"}


@dataclass(frozen=True)
class Teller:
    """What it takes to tell a story: whose sync, in which words, in which time zone and currency.

    `sources` and `targets` are the field catalogues of both sides.
    """

    sync: Sync
    terms: Terms
    place: ZoneInfo
    home: str
    targets: Sequence[Field] = field(default_factory=tuple)
    sources: Sequence[Field] = field(default_factory=tuple)

    def label(self, path: str) -> str:
        return _GIVEN.get(path) or describing.label(path, self.targets)

    def reader(self, fields: Sequence[Field]) -> Reader:
        return Reader(self.place, self.home, fields)

    def shown(self, path: str, value: Any) -> str:
        """A value of the target."""
        return self.reader(self.targets).shown(path, value)

    def changes(self, plan: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        """(field, before, after) of a stored plan's [path, before, after]."""
        return [(what, before, after) for what, before, after in self.fields(plan, plan.get("changes", ()))]

    def fields(self, plan: Mapping[str, Any], rows: Iterable[Sequence[Any]]) -> list[tuple[str, ...]]:
        """Rows of a path and values, in words: of the record that this plan writes to."""
        fields = self._written(plan)
        read = self.reader(fields)
        return [
            (_GIVEN.get(path) or describing.label(path, fields), *(read.shown(path, v) for v in values))
            for path, *values in rows
        ]

    def _written(self, plan: Mapping[str, Any]) -> Sequence[Field]:
        if plan.get("back"):
            return self.sources
        beside = plan.get("resource")
        return self.sync.target.service.catalogue(beside) if beside else self.targets


def teller(sync: Sync) -> Teller:
    return Teller(
        sync, wording.terms_of(sync), wording.zone(sync.business), sync.business.currency,
        sync.target.service.catalogue(sync.target_resource), sync.source.service.catalogue(sync.source_resource),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One mapped field: what the source says, what the target has. `note` where they differ rightly; `unsent` where
    what the source says cannot be sent; `owner`: who wins where both have changed it; `along`: bookkeeping, which only
    goes along with other changes."""

    label: str
    said: str
    has: str
    agrees: bool
    note: str = ""
    own: bool = True
    unsent: bool = False
    owner: str = ""
    along: bool = False


@dataclass(frozen=True, slots=True)
class Sides:
    """Both records as last read, and their mapped fields."""

    source: Snapshot | None
    target: Snapshot | None
    rows: list[Row]

    @property
    def own(self) -> list[Row]:
        return [row for row in self.rows if row.own]

    @property
    def extra(self) -> list[Row]:
        return [row for row in self.rows if not row.own]

    @property
    def extra_differs(self) -> bool:
        return any(not row.agrees and not row.along for row in self.extra)

    @property
    def source_url(self) -> str:
        return _web(self.source)

    @property
    def target_url(self) -> str:
        return _web(self.target)

    @property
    def differing(self) -> int:
        return sum(not row.agrees and not row.along for row in self.rows)

    @property
    def unsent(self) -> int:
        return sum(row.unsent for row in self.rows)

    @property
    def owned(self) -> bool:
        """Whether it is said of any field who has the say."""
        return any(row.owner for row in self.rows)


def _web(held: Snapshot | None) -> str:
    """Its page at the service; the address comes from there, so only a web address is taken for one."""
    return held.url if held and held.url.startswith(("https://", "http://")) else ""


#: (connection, resource, id there)
type Key = tuple[int, str, str]


def keys_of(sync: Sync, link: Link, target_id: str = "") -> tuple[Key, Key]:
    """By which both sides are known; `target_id`: the counterpart, where nothing is linked yet."""
    here = (sync.source_id, sync.source_resource, link.source_id)
    return here, (sync.target_id, sync.target_resource, target_id or link.target_id or "")


def read(keys: Iterable[Key], held: Iterable[Snapshot] = ()) -> dict[Key, Snapshot]:
    """One query for what is not among those `held` already."""
    known = {(s.connection_id, s.resource, s.external_id): s for s in held}
    asked: dict[tuple[int, str], set[str]] = {}
    for connection, what, key in keys:
        if key and (connection, what, key) not in known:
            asked.setdefault((connection, what), set()).add(key)
    each = [Q(connection=connection, resource=what, external_id__in=ids) for (connection, what), ids in asked.items()]
    found = Snapshot.objects.filter(reduce(or_, each)) if each else ()
    return known | {(s.connection_id, s.resource, s.external_id): s for s in found}


def of(tell: Teller, link: Link, target_id: str, held: Sequence[Snapshot] = ()) -> Sides:
    """`target_id`: the counterpart, or the one a plan has found; '' where there is none. `held`: what is read already;
    one query unless it is all."""
    here, there = keys_of(tell.sync, link, target_id)
    known = read((here, there), held)
    source, target = known.get(here), known.get(there)
    return Sides(source, target, rows(tell, link, source, target) if source else [])


def rows(tell: Teller, link: Link, source: Snapshot, target: Snapshot | None) -> list[Row]:
    """The mapped fields that either side fills."""
    if tell.sync.version is None:
        return []
    known, now = looking.known_of(link), looking.clock(tell.sync)
    version = judging.judge(compile_version(tell.sync.version.content), source.as_record(), known, now).version
    there = target.as_record() if target and target.deleted_at is None else None
    compared = compare(version, source.as_record(), there, known)
    sent = {change.path: change.after for change in compared.changes}
    by_path = {row.target: row for row in version.rows}
    values, _ = version.values(source.data, list(there.data) if there else ())
    found = []
    for path, wanted in {**compared.values, **sent}.items():
        said = _said(by_path.get(path), source, wanted)
        has = there.data.get(path) if there else None
        if wanted or has or said:  # an empty one on both sides, or a plain no, tells nothing
            agrees = there is None or path not in sent
            found.append(_row(tell, by_path.get(path), path, said, wanted, has, values.get(path), agrees=agrees))
    return found + _without_room(tell, version, source, values)


def _without_room(
    tell: Teller, version: mapping.Compiled, source: Snapshot, values: Mapping[str, Value]
) -> list[Row]:  # fmt: skip
    """What the source says and the target takes no more of, such as the 51st entry of its metadata."""
    found = []
    for path, paths in version.origins(source.data).items():
        said = _first(paths, source)
        if said and path not in values:
            found.append(replace(_row(tell, None, path, said, "", "", None, agrees=True), unsent=True))
    return found


def _said(row: mapping.Row | None, source: Snapshot, wanted: Any) -> Any:
    """What the source holds; of several fields, what is made of them, as long as something can be."""
    if row is None or (len(row.sources) > 1 and wanted):
        return wanted
    return _first(row.sources, source)


def _first(paths: Iterable[str], source: Snapshot) -> Any:
    """The first of these fields that the source fills; '' where it fills none."""
    return next((value for path in paths if (value := source.data.get(path))), "")


def _row(
    tell: Teller, row: mapping.Row | None, path: str, said: Any, wanted: Any, has: Any, value: Value | None, *,
    agrees: bool,
) -> Row:  # fmt: skip
    paths = row.sources if row and len(row.sources) == 1 and not row.many else ()
    told = tell.reader(tell.sources).shown(paths[0] if paths else path, said)
    goal, there = tell.shown(path, wanted), tell.shown(path, has)
    unsent = value is not None and value.unusable
    note = f"goes over as “{goal[:80]}”" if goal and goal not in (told, there) else ""
    along = row is not None and row.mode == "with_changes"
    if along and there and goal != there:
        note = "goes along with the next change"
    note = "" if unsent else note
    return Row(
        tell.label(path), told, there, agrees, note, describing.is_own(path), unsent, _owner(tell, row), along
    )  # fmt: skip


def _owner(tell: Teller, row: mapping.Row | None) -> str:
    """Whose value stands where both sides have changed the field."""
    if row is None or not tell.sync.options.get("two_way") or not row.back:
        return tell.terms.source
    named = {"source": tell.terms.source, "target": tell.terms.target, "newest": "The later edit"}
    return named.get(row.owner, "You are asked")
