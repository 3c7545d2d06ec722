"""The story of one record: everything that happened to it, newest first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from itertools import groupby
from operator import or_

from django.db.models import Model, Q, QuerySet

from portal import wording
from portal.calls import CameBack, came_back
from portal.sides import Teller
from portal.wording import Badge
from syncs.invoices.facts import ON_ITS_WAY
from syncs.models import Approval, Attempt, Event, Link, Write

_A = Approval.State
#: Newest rows of each kind that a story shows.
MOST = 60
#: Place of a notice among what happened at the same moment, and how that of a service ends.
NOTICE, TOLD = 1, " told us of a change"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `changes`: (field, before, after); `facts` and `sent`: (what, value), for who digs
    deeper. `beside`: the other record it happened to, '' where it was the one the page is about; `page`: its link."""

    at: datetime
    title: str
    badge: Badge | None = None
    told: Sequence[str] = ()
    warnings: Sequence[str] = ()
    changes: Sequence[tuple[str, str, str]] = ()
    facts: Sequence[tuple[str, str]] = ()
    sent: Sequence[tuple[str, str]] = ()
    #: Of a call: what the service said.
    came: CameBack | None = None
    order: int = 0
    beside: str = ""
    page: int = 0
    #: (rule, whether it applies, what came of it), in the order in which they were asked.
    rules: Sequence[tuple[str, bool, str]] = ()
    #: It changed nothing: a notice, or a look that found nothing to write.
    quiet: bool = False
    #: Those of one kind that this one speaks for, itself among them, newest first.
    folded: Sequence["Entry"] = ()

    @property
    def first_at(self) -> datetime:
        return self.folded[-1].at if self.folded else self.at


@dataclass(frozen=True, slots=True)
class Tale:
    """One link of the story, and in whose words it is told."""

    tell: Teller
    link: Link


def looks_at(links: Sequence[Link], before: datetime | None = None) -> list[Attempt]:
    """Newest first."""
    looks = _earlier(Attempt.objects.filter(link__in=links), "at", before)
    return list(looks.select_related("version").order_by("-pk")[:MOST])


def _earlier[M: Model](rows: QuerySet[M], name: str, before: datetime | None) -> QuerySet[M]:
    return rows.filter(**{f"{name}__lt": before}) if before else rows


def timeline(tales: Sequence[Tale], looks: Sequence[Attempt], before: datetime | None = None) -> list[Entry]:
    """`looks`: those at the links of the tales. The first tale is the record itself; what happened to records beside
    it, such as its payments, says whose it was. `before`: only what is older."""
    return folded(happened(tales, looks, before))


def happened(tales: Sequence[Tale], looks: Sequence[Attempt], before: datetime | None = None) -> list[Entry]:
    """All of it, newest first."""
    links = [tale.link for tale in tales]
    of = {tale.link.pk: tale.tell for tale in tales}
    beside, services = {tale.link.pk: tale.link for tale in tales[1:]}, _services(tales)
    writes = _earlier(Write.objects.filter(link__in=links), "intended_at", before)
    writes = writes.select_related("actor").order_by("-pk")
    found = [_at(beside.get(w.link_id), _write(of[w.link_id], w)) for w in writes[:MOST]]
    found += [_at(beside.get(a.link_id), _look(of[a.link_id], a)) for a in looks]
    found += [_at(beside.get(a.link_id), _approval(of[a.link_id], a)) for a in _approvals(links, before)]
    told_of = _told_of(tales)
    found += [_at(told_of.get((e.connection_id, e.record_id)), _event(services, e)) for e in _events(tales, before)]
    found += _asked(looks, beside)
    due = [link for link in links if link.noticed > link.handled]
    found += [_at(beside.get(x.pk), _waiting(x, x.noticed_at)) for x in due if x.noticed_at and not before]
    return sorted(found, key=lambda e: (e.at, e.order), reverse=True)


def _approvals(links: Sequence[Link], before: datetime | None) -> list[Approval]:
    rows = _earlier(Approval.objects.filter(link__in=links), "asked_at", before)
    decided = rows.exclude(state__in=[_A.WAITING, _A.OVERTAKEN])
    return list(decided.order_by("-pk")[:MOST])


_DECIDED = {
    _A.APPROVED: ("{} approved it", Badge("Approved", "badge-ok")),
    _A.DECLINED: ("{} declined it", Badge("Declined", "badge-warn")),
    _A.EXPIRED: ("Nobody decided in time", Badge("Expired")),
}


def _approval(tell: Teller, row: Approval) -> Entry:
    words, badge = _DECIDED[_A(row.state)]
    edits = tell.fields({}, ([path, edit["instead"], edit["value"]] for path, edit in row.edits.items()))
    told = [row.reason] if row.reason else []
    changes = [(what, before, after) for what, before, after in edits]
    return Entry(row.decided_at or row.asked_at, words.format(row.who), badge, told, changes=changes, order=2)


def _at(link: Link | None, entry: Entry) -> Entry:
    """What happened to a record beside the one the page is about says whose it was."""
    return replace(entry, beside=str(link), page=link.pk) if link else entry


def folded(entries: Iterable[Entry]) -> list[Entry]:
    """Between two things that matter, quiet ones of one kind stand as one, in the place of the newest: a service tells
    of a single change several times, and each time it is looked at."""
    found: list[Entry] = []
    for quiet, block in groupby(entries, key=lambda e: e.quiet):
        if not quiet:
            found += block
            continue
        kinds: dict[tuple[str, int], list[Entry]] = {}
        for entry in block:
            kinds.setdefault((entry.title, entry.page), []).append(entry)
        found += [_one_of(rows) if rows[1:] else rows[0] for rows in kinds.values()]
    return found


def _one_of(rows: Sequence[Entry]) -> Entry:
    title = f"{rows[0].title}, {len(rows)} times"
    if rows[0].title.endswith(TOLD):
        title = f"{rows[0].title.removesuffix(TOLD)} told us of {len(rows)} changes"
    return replace(rows[0], title=title, facts=(), folded=rows)


def _told_of(tales: Sequence[Tale]) -> dict[tuple[int | None, str], Link]:
    """{(connection, record): the record beside the first one that its deliveries are about}."""
    found: dict[tuple[int | None, str], Link] = {}
    for tale in reversed(tales):
        sync, link = tale.tell.sync, tale.link
        for key in ((sync.source_id, link.source_id), (sync.target_id, link.target_id or "")):
            found.pop(key, None)
            if tale is not tales[0]:
                found[key] = link
    return found


def _services(tales: Sequence[Tale]) -> dict[int, str]:
    """{connection: what its service is called}."""
    both = [(t.tell.sync, t.tell.terms) for t in tales]
    return {pk: name for s, n in both for pk, name in ((s.source_id, n.source), (s.target_id, n.target))}


def _events(tales: Sequence[Tale], before: datetime | None) -> list[Event]:
    about: dict[tuple[int, str], set[str]] = {}
    for tale in tales:
        sync, link = tale.tell.sync, tale.link
        about.setdefault((sync.source_id, sync.source_resource), set()).add(link.source_id)
        if link.target_id:
            about.setdefault((sync.target_id, sync.target_resource), set()).add(link.target_id)
    either = [Q(connection=pk, resource=what, record_id__in=sorted(ids)) for (pk, what), ids in about.items()]
    rows = _earlier(Event.objects.filter(reduce(or_, either)), "received_at", before)
    return list(rows.defer("body")[:MOST])


def _waiting(link: Link, at: datetime) -> Entry:
    told = [f"{_sentence(wording.why_noticed(link.noticed_by))}. It is its turn soon."]
    return Entry(at, "Waiting to be looked at", Badge("Waiting"), told, order=9)


def _asked(looks: Sequence[Attempt], beside: Mapping[int, Link]) -> list[Entry]:
    """Notices that left no delivery behind: people and readings."""
    found = {
        (a.noticed_at, a.noticed_by, a.link_id)
        for a in looks
        if a.noticed_at and not a.noticed_by.startswith("webhook")
    }
    return [
        _at(beside.get(link), Entry(at, _sentence(wording.why_noticed(by)), order=NOTICE, quiet=True))
        for at, by, link in found
        if at
    ]


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _event(services: Mapping[int, str], event: Event) -> Entry:
    service = services.get(event.connection_id or 0, event.connector.title())
    facts = [("Kind", event.topic), ("What came of it", event.get_verdict_display()), ("Delivery", event.event_id)]
    if event.deliveries > 1:
        facts.append(("Delivered", f"{event.deliveries} times"))
    if event.answered_ms is not None:
        facts.append(("Answered in", f"{event.answered_ms:.0f} ms"))
    echo = event.verdict == Event.Verdict.ECHO
    title = f"Our own write came back from {service}" if echo else f"{service}{TOLD}"
    return Entry(event.received_at, title, None, facts=facts, order=NOTICE, quiet=True)


_LOOKS = {
    "create": "Not there yet, so it is to be created",
    "update": "Some details differ",
    "link": "Recognised",
    "skip": "Looked at: nothing to write",
    "hold": "It needs a look from a person",
    "conflict": "It needs a look from a person",
    "wait": "Another record comes first",
    "end": "It is no longer synced",
}
#: What a look came to, where it was one step of several.
_STEPS = {
    "add_lines": "Lines are to be added",
    "update_lines": "Lines are to be changed",
    "remove_lines": "Lines are to be taken away",
    "finalize": "It is to be opened for payment",
    "void": "It is to be voided",
    "mark_uncollectible": "It is to be marked as bad debt",
    "delete": "Its draft is to be deleted",
    "pay_out_of_band": "It is to be marked as paid elsewhere",
    "attach_payment": "An earlier payment is to count",
    "close_received": "It is to be closed as received",
    "add_link_field": "Invoices need a field for the page to pay by",
}


def _look(tell: Teller, look: Attempt) -> Entry:
    made = look.plan
    told = [t for t in (made.get("reason", ""), look.error) if t]
    facts = [("Why it was looked at", _sentence(wording.why_noticed(look.noticed_by)))]
    if look.noticed_at:
        facts.append(("From noticing to done", wording.seconds(max(0.0, (look.at - look.noticed_at).total_seconds()))))
    if look.version:
        facts.append(("Mapping and rules used", str(look.version).capitalize()))
    acted, rules = _rules(look)
    told += acted
    warnings, changes = made.get("warnings", ()), tell.changes(made)
    quiet = look.verdict == "skip" and look.outcome == "done" and not (warnings or changes or acted or look.error)
    return Entry(
        look.at, title_of(look), _look_badge(look), told, warnings, changes, facts, order=2, rules=rules,
        quiet=quiet,
    )  # fmt: skip


def _rules(look: Attempt) -> tuple[list[str], list[tuple[str, bool, str]]]:
    """What the rules have said, in their order. Of a record that was to be written, that of those that apply also
    stands with the rest."""
    writes = look.verdict in {"create", "update", "link"}
    rulings = look.plan.get("rules", ())
    acted = [f"Rule “{name}” applies: {came}." for name, applies, came in rulings if applies and writes]
    return acted, [(name, bool(applies), came) for name, applies, came in rulings]


def title_of(look: Attempt) -> str:
    made = look.plan
    if made.get("hold") or look.verdict == "skip":
        held = "A rule holds it" if made.get("hold", {}).get("rule") else "It waits for approval"
        return held if made.get("hold") else _LOOKS["skip"]
    if made.get("code") == ON_ITS_WAY:
        return "A payment comes first"
    if made.get("resource"):
        return f"A {wording.BESIDE.get(made['resource'], made['resource'])} is to be made first"
    return _STEPS.get(made.get("action", "")) or _LOOKS.get(look.verdict, "Looked at")


def _look_badge(look: Attempt) -> Badge | None:
    if look.outcome == "failed":
        return Badge("Not written", "badge-bad")
    if look.outcome == "planned":
        return Badge("Preview: nothing written")
    if look.outcome == "written":
        return Badge("Written", "badge-ok")
    if look.verdict == "wait":
        return Badge("Waits")
    return Badge("Needs a look", "badge-warn") if look.verdict in {"hold", "conflict"} else None


_WRITES = {
    Write.State.INTENDED: ("About to be sent to {}", Badge("Under way")),
    Write.State.CONFIRMED: ("{} in {}", Badge("Done", "badge-ok")),
    Write.State.UNKNOWN: ("Sent to {}, the answer got lost", Badge("Being checked", "badge-warn")),
    Write.State.REJECTED: ("{} refused it", Badge("Refused", "badge-bad")),
    Write.State.ABSENT: ("Not done in {}", Badge("Nothing happened")),
    Write.State.UNLEARNT: ("Sent to {}, the answer got lost", Badge("Planned again")),
}


def _write(tell: Teller, write: Write) -> Entry:
    words, badge = _WRITES[Write.State(write.state)]
    back = write.connection_id == tell.sync.source_id
    service = tell.terms.source if back else tell.terms.target
    title = words.format(*((wording.done(write), service) if write.state == Write.State.CONFIRMED else (service,)))
    told = [write.error] if write.error else []
    if write.replayed:
        told.append(f"{service} had done it before and said so: it was not done twice.")
    plan = {"back": back, "resource": write.resource if write.resource in wording.BESIDE else ""}
    sent = [(what, value) for what, value in tell.fields(plan, write.params.items())]
    return Entry(
        write.settled_at or write.intended_at, title, badge, told, facts=_trace(write), sent=sent,
        came=came_back(write), order=3,
    )  # fmt: skip


def _trace(write: Write) -> list[tuple[str, str]]:
    took = f"{write.duration_ms:.0f} ms" if write.duration_ms is not None else ""
    facts = [
        ("Answer", f"{write.get_state_display()}: {write.error}" if write.error else write.get_state_display()),
        ("Took", took), ("Record there", write.outside_id or write.target_id), ("Request id", write.request_id),
        ("Idempotency key", write.key), ("By", str(write.actor) if write.actor else "Fieldbridge, by itself"),
    ]  # fmt: skip
    return [(what, value) for what, value in facts if value]
