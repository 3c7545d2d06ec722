"""The story of one record: how both sides stand, field by field, and everything that happened to it, newest first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q

from connectors.base import Field
from portal import wording
from portal.wording import Badge, Terms
from syncs import describing, looking, mapping
from syncs.comparing import compare
from syncs.mapping import Value, compile_version
from syncs.models import Attempt, Event, Link, Snapshot, Sync, Write

#: Newest rows of each kind that a story shows.
MOST = 60


@dataclass(frozen=True, slots=True)
class Row:
    """One mapped field: what the source says, what the target has. `note` where they differ rightly; `unsent` where
    what the source says cannot be sent."""

    label: str
    said: str
    has: str
    agrees: bool
    note: str = ""
    own: bool = True
    unsent: bool = False


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
        return any(not row.agrees for row in self.extra)

    @property
    def source_url(self) -> str:
        return _web(self.source)

    @property
    def target_url(self) -> str:
        return _web(self.target)

    @property
    def differing(self) -> int:
        return sum(not row.agrees for row in self.rows)

    @property
    def unsent(self) -> int:
        return sum(row.unsent for row in self.rows)


def _web(held: Snapshot | None) -> str:
    """Its page at the service; the address comes from there, so only a web address is taken for one."""
    return held.url if held and held.url.startswith(("https://", "http://")) else ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `changes`: (field, before, after); `facts` and `sent`: (what, value), for who digs
    deeper."""

    at: datetime
    title: str
    badge: Badge | None = None
    told: Sequence[str] = ()
    warnings: Sequence[str] = ()
    changes: Sequence[tuple[str, str, str]] = ()
    facts: Sequence[tuple[str, str]] = ()
    sent: Sequence[tuple[str, str]] = ()
    order: int = 0


@dataclass(frozen=True)
class Teller:
    """What it takes to tell a story: whose sync, in which words, in which time zone."""

    sync: Sync
    terms: Terms
    place: ZoneInfo
    targets: Sequence[Field] = field(default_factory=tuple)

    def label(self, path: str) -> str:
        return describing.label(path, self.targets)

    def shown(self, value: Any) -> str:
        return wording.shown(value, self.place)

    def changes(self, found: Iterable[Sequence[Any]]) -> list[tuple[str, str, str]]:
        """From a stored plan's [path, before, after]."""
        return [(self.label(path), self.shown(before), self.shown(after)) for path, before, after in found]


def teller(sync: Sync) -> Teller:
    targets = sync.target.service.catalogue(sync.target_resource)
    return Teller(sync, wording.terms_of(sync), wording.zone(sync.business), targets)


# Both sides


def sides(tell: Teller, link: Link, target_id: str) -> Sides:
    """`target_id`: the counterpart, or the one a plan has found; '' where there is none."""
    sync = tell.sync
    either = Q(connection=sync.source_id, resource=sync.source_resource, external_id=link.source_id)
    if target_id:
        either |= Q(connection=sync.target_id, resource=sync.target_resource, external_id=target_id)
    found = {s.connection_id: s for s in Snapshot.objects.filter(either)}
    source, target = found.get(sync.source_id), found.get(sync.target_id)
    return Sides(source, target, _rows(tell, link, source, target) if source else [])


def _rows(tell: Teller, link: Link, source: Snapshot, target: Snapshot | None) -> list[Row]:
    """The mapped fields that either side fills."""
    if tell.sync.version is None:
        return []
    version = compile_version(tell.sync.version.content)
    there = target.as_record() if target and target.deleted_at is None else None
    compared = compare(version, source.as_record(), there, looking.known_of(link))
    sent = {change.path: change.after for change in compared.changes}
    by_path = {row.target: row for row in version.rows}
    values, _ = version.values(source.data, list(there.data) if there else ())
    rows = []
    for path, wanted in {**compared.values, **sent}.items():
        said = _said(by_path.get(path), source, wanted)
        has = there.data.get(path) if there else None
        if wanted or has or said:  # an empty one on both sides, or a plain no, tells nothing
            agrees = there is None or path not in sent
            rows.append(_row(tell, path, said, wanted, has, values.get(path), agrees=agrees))
    return rows


def _said(row: mapping.Row | None, source: Snapshot, wanted: Any) -> Any:
    """What the source holds; of several fields, what is made of them, as long as something can be."""
    if row is None or (len(row.sources) > 1 and wanted):
        return wanted
    return next((value for path in row.sources if (value := source.data.get(path))), "")


def _row(tell: Teller, path: str, said: Any, wanted: Any, has: Any, value: Value | None, *, agrees: bool) -> Row:
    told, goal, there = tell.shown(said), tell.shown(wanted), tell.shown(has)
    unsent = value is not None and value.unusable
    note = f"goes over as “{goal[:80]}”" if goal and goal not in (told, there) else ""
    if value and value.mode == "with_changes" and there and goal != there:
        note = "goes along with the next change"
    note = "" if unsent else note
    return Row(tell.label(path), told, there, agrees, note, describing.is_own(path), unsent)


# The timeline


def looks_at(link: Link) -> list[Attempt]:
    """Newest first."""
    return list(Attempt.objects.filter(link=link).select_related("version")[:MOST])


def timeline(tell: Teller, link: Link, looks: Sequence[Attempt]) -> list[Entry]:
    writes = list(Write.objects.filter(link=link).select_related("actor")[:MOST])
    events = list(Event.objects.filter(_about(tell.sync, link)).defer("body")[:MOST])
    found = [_event(tell, e) for e in events] + [_look(tell, a) for a in looks] + [_write(tell, w) for w in writes]
    found += _asked(looks)
    if link.noticed > link.handled and link.noticed_at:
        found.append(_waiting(link, link.noticed_at))
    return sorted(found, key=lambda e: (e.at, e.order), reverse=True)


def _about(sync: Sync, link: Link) -> Q:
    about = Q(connection=sync.source_id, resource=sync.source_resource, record_id=link.source_id)
    if link.target_id:
        about |= Q(connection=sync.target_id, resource=sync.target_resource, record_id=link.target_id)
    return about


def _waiting(link: Link, at: datetime) -> Entry:
    told = [f"{_sentence(wording.why_noticed(link.noticed_by))}. It is its turn soon."]
    return Entry(at, "Waiting to be looked at", Badge("Waiting"), told, order=9)


def _asked(looks: Sequence[Attempt]) -> list[Entry]:
    """Notices that left no delivery behind: people and readings."""
    found = {(a.noticed_at, a.noticed_by) for a in looks if a.noticed_at and not a.noticed_by.startswith("webhook")}
    return [Entry(at, _sentence(wording.why_noticed(by)), order=0) for at, by in found if at]


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _event(tell: Teller, event: Event) -> Entry:
    service = tell.terms.source if event.connection_id == tell.sync.source_id else tell.terms.target
    facts = [("Kind", event.topic), ("What came of it", event.get_verdict_display()), ("Delivery", event.event_id)]
    if event.deliveries > 1:
        facts.append(("Delivered", f"{event.deliveries} times"))
    if event.answered_ms is not None:
        facts.append(("Answered in", f"{event.answered_ms:.0f} ms"))
    return Entry(event.received_at, f"{service} told us of a change", None, facts=facts, order=1)


_LOOKS = {
    "create": "Not there yet, so it is to be created",
    "update": "Some details differ",
    "link": "Recognised",
    "skip": "Looked at: nothing to write",
    "hold": "It needs a look from a person",
    "conflict": "It needs a look from a person",
    "end": "It is no longer synced",
}


def _look(tell: Teller, look: Attempt) -> Entry:
    made = look.plan
    told = [t for t in (made.get("reason", ""), look.error) if t]
    facts = [("Why it was looked at", _sentence(wording.why_noticed(look.noticed_by)))]
    if look.noticed_at:
        facts.append(("From noticing to done", wording.seconds(max(0.0, (look.at - look.noticed_at).total_seconds()))))
    if look.version:
        facts.append(("Rules used", str(look.version).capitalize()))
    return Entry(
        look.at, _LOOKS.get(look.verdict, "Looked at"), _look_badge(look), told, made.get("warnings", ()),
        tell.changes(made.get("changes", ())), facts, order=2,
    )  # fmt: skip


def _look_badge(look: Attempt) -> Badge | None:
    if look.outcome == "failed":
        return Badge("Not written", "badge-bad")
    if look.outcome == "planned":
        return Badge("Preview: nothing written")
    if look.outcome == "written":
        return Badge("Written", "badge-ok")
    return Badge("Needs a look", "badge-warn") if look.verdict in {"hold", "conflict"} else None


_WRITES = {
    Write.State.INTENDED: ("About to be sent to {}", Badge("Under way")),
    Write.State.CONFIRMED: ("{} in {}", Badge("Done", "badge-ok")),
    Write.State.UNKNOWN: ("Sent to {}, the answer got lost", Badge("Being checked", "badge-warn")),
    Write.State.REJECTED: ("{} refused it", Badge("Refused", "badge-bad")),
    Write.State.ABSENT: ("Not done in {}", Badge("Nothing happened")),
}


def _write(tell: Teller, write: Write) -> Entry:
    words, badge = _WRITES[Write.State(write.state)]
    verb = "Created" if write.verb == "create" else "Updated"
    title = words.format(*((verb, tell.terms.target) if write.state == Write.State.CONFIRMED else (tell.terms.target,)))
    told = [write.error] if write.error else []
    if write.replayed:
        told.append(f"{tell.terms.target} had done it before and said so: it was not done twice.")
    sent = [(tell.label(path), tell.shown(value)) for path, value in write.params.items()]
    return Entry(
        write.settled_at or write.intended_at, title, badge, told, facts=_trace(write), sent=sent, order=3
    )  # fmt: skip


def _trace(write: Write) -> list[tuple[str, str]]:
    took = f"{write.duration_ms:.0f} ms" if write.duration_ms is not None else ""
    facts = [
        ("Took", took), ("Record there", write.outside_id or write.target_id), ("Request id", write.request_id),
        ("Idempotency key", write.key), ("By", str(write.actor) if write.actor else "Fieldbridge, by itself"),
    ]  # fmt: skip
    return [(what, value) for what, value in facts if value]
