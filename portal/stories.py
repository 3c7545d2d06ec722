"""The story of one record: everything that happened to it, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from portal import wording
from portal.sides import Teller
from portal.wording import Badge
from syncs.models import Attempt, Event, Link, Sync, Write

#: Newest rows of each kind that a story shows.
MOST = 60


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
