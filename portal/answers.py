"""Why a record is as it is: "why did this not sync?" answered in plain words, also when nothing has happened."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils import timezone

from portal import access, wording
from portal.health import WORKER_SILENT
from portal.models import Connection, WorkerBeat
from portal.sides import Sides, Teller
from syncs import audit
from syncs.models import Attempt, AuditEntry, Link, Mismatch, Sync
from syncs.planning import PUT_BACK
from syncs.rules import judging, routes
from syncs.rules.holding import EXPIRED, role_of

_S = Link.State


@dataclass(frozen=True, slots=True)
class Step:
    """What can be done next; `page` where it is done, '' where it is told and not pressed."""

    words: str
    page: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """`title`: how it stands; `told`: why, the most pressing first; `steps`: what to do about it, in that order."""

    title: str
    told: Sequence[str]
    steps: Sequence[Step]
    look: str = ""


@dataclass(frozen=True, slots=True)
class _Part:
    words: str
    step: Step | None = None


def of(tell: Teller, link: Link, looks: Sequence[Attempt], both: Sides) -> Answer:
    """`looks`: those at this record, newest first."""
    stands = list(_stands(tell, link, looks, both))
    outside = list(_outside(tell))
    parts = [*outside, *stands] if outside else stands
    if link.sync.writes and not outside and _waits(link):
        parts += _held_up(tell, timezone.now())
    steps = [part.step for part in parts if part.step]
    return Answer(_title(tell, link, both, well=not outside), [p.words for p in parts if p.words], steps, _look(link))


def _title(tell: Teller, link: Link, both: Sides, *, well: bool) -> str:
    terms = tell.terms
    if link.state == _S.ENDED:
        return "No longer kept in step"
    if not link.target_id:
        there = f"Not in {terms.target}" if terms.target_one != "note" else f"Not noted in {terms.target}"
        return there if link.sync.mode != Sync.Mode.PREVIEW else f"{there}: this is a preview"
    if link.state == _S.SKIPPED:
        return "Left out"
    if link.state == _S.IN_STEP and not _waits(link):
        return "In step" if well else "In step when it was last read"
    return "Not in step"


def _look(link: Link) -> str:
    if link.state in {_S.HELD, _S.CONFLICT, _S.PARKED}:
        return "warn"
    return ""


def _waits(link: Link) -> bool:
    """Somebody has told of a change that was not looked at yet."""
    return link.noticed > link.handled


# What holds up everything of its sync


def _outside(tell: Teller) -> Iterator[_Part]:
    """Connections that are broken, and a sync that writes nothing."""
    sync = tell.sync
    for row in (sync.source, sync.target):
        if row.status != Connection.Status.ACTIVE:
            yield _broken(tell, row)
    page = reverse("sync", args=[sync.business_id, sync.pk])
    if sync.mode == Sync.Mode.OFF:
        words = f"“{sync.name}” is switched off: nothing is read or written until somebody resumes it."
        yield _Part(f"{words}{_switched(tell)}", Step(f"Resume “{sync.name}”", page))
    elif sync.mode == Sync.Mode.PREVIEW:
        words = f"“{sync.name}” is in preview: every record is planned, and nothing is written."
        yield _Part(words, Step("Check the plan and go live", page))


def _switched(tell: Teller) -> str:
    """Who has switched it off, and when, as far as that was written down."""
    entries = AuditEntry.objects.filter(subject=audit.subject_of(tell.sync), action="sync.mode")
    last = entries.order_by("-pk").first()
    return f" {last.who} did so on {wording.moment(last.at, tell.place)}." if last else ""


def _broken(tell: Teller, row: Connection) -> _Part:
    name, since = row.service.name, wording.moment(row.status_since, tell.place)
    lost = f"{name} is disconnected since {since}" if row.status == Connection.Status.OFF else (
        f"{name} has not let us in since {since}"
    )  # fmt: skip
    reason = f" ({row.status_reason.rstrip('.')})" if row.status_reason else ""
    words = f"{lost}{reason}: changes wait until it is connected again. Nothing is lost."
    return _Part(words, Step(f"Reconnect {name}", reverse("connections", args=[row.business_id])))


def _held_up(tell: Teller, now: datetime) -> Iterator[_Part]:
    """Why work that could be done is not done yet."""
    lane, terms = tell.sync.lane, tell.terms
    if lane.parked:
        page = reverse("attention", args=[tell.sync.business_id])
        yield _Part(f"The work waits: {lane.parked}", Step("See why", page))
    elif lane.resume_at and lane.resume_at > now:
        until = wording.moment(lane.resume_at, tell.place)
        if lane.failures:
            yield _Part(f"{terms.source} or {terms.target} does not answer just now. It is tried again at {until}.")
        else:
            asked = f"{terms.source} or {terms.target} has asked for fewer calls (its rate limit)."
            yield _Part(f"{asked} It goes on by itself at {until}.")
    elif not WorkerBeat.objects.filter(stopped_at=None, beat_at__gt=now - WORKER_SILENT).exists():
        yield _Part("Nobody is at work just now.", Step("Tell whoever runs Fieldbridge for you: no worker is running."))


# How the record itself stands


def _stands(tell: Teller, link: Link, looks: Sequence[Attempt], both: Sides) -> Iterator[_Part]:
    terms, step = tell.terms, wording.next_step(link, tell.terms)
    if _waits(link):
        yield _Part(f"It waits for its turn: {wording.why_noticed(link.noticed_by)}.")
        if link.state in {_S.HELD, _S.CONFLICT, _S.PARKED, _S.RETRYING} and link.cause:
            yield _Part(f"When it was last looked at: {link.cause}")
    elif wording.waits(link):
        yield from _behind(tell, link)
    elif link.state == _S.IN_STEP:
        yield from _in_step(tell, looks, both)
    elif role := (role_of(link.cause_code) if link.state == _S.HELD else ""):
        words = f"It waits for approval; {access.decider(role).lower()} decides. {link.cause}"
        yield _Part(words, Step(step, reverse("approvals", args=[link.business_id])))
    elif link.state == _S.SKIPPED:
        yield _left_out(tell, link)
    elif link.state == _S.RETRYING:
        again = f" The next try is at {wording.moment(link.next_try, tell.place)}." if link.next_try else ""
        yield _Part(
            f"{link.cause or 'The last try did not work.'}{again}", Step("Nothing: it is tried again by itself.")
        )
    elif link.state == _S.DUE and (found := _found(link)):
        yield _compared(tell, found)
    else:
        yield _Part(link.cause, Step(step) if step else None)
    if link.state == _S.ENDED and not both.target and link.cause_code == "source_deleted" and not link.target_id:
        yield _Part(f"Nothing of it is in {terms.target}.")


def _found(link: Link) -> Mismatch | None:
    return Mismatch.objects.filter(link=link, state=Mismatch.State.OPEN).order_by("-pk").first()


def _compared(tell: Teller, found: Mismatch) -> _Part:
    """A comparison came upon it first, and what that finds waits for a person."""
    since = wording.moment(found.first_seen_at, tell.place)
    words = f"A comparison came upon it on {since}, and “{tell.sync.name}” leaves what that finds to a person."
    page = reverse("mismatch", args=[found.business_id, found.pk])
    return _Part(f"{found.words} {words}".strip(), Step("See what would be written, and have it done", page))


def _behind(tell: Teller, link: Link) -> Iterator[_Part]:
    """What it waits for, and why that is not there."""
    first = link.waits_for
    yield _Part(link.cause)
    if first is None:
        return
    page = reverse("record", args=[link.business_id, first.pk])
    said = f"{first} itself: {wording.badge(first).words.lower()}. {first.cause}".strip()
    yield _Part(said, Step(f"Settle {first} first; this goes on by itself then", page))


def _in_step(tell: Teller, looks: Sequence[Attempt], both: Sides) -> Iterator[_Part]:
    written = next((look for look in looks if look.outcome == "written"), None)
    if tell.sync.source_resource != "clients":  # what is opened for payment is left as it is, and so may differ
        yield _Part("Both sides agreed at the last look.")
    elif both.differing:
        count = f"{both.differing} field{' differs' if both.differing == 1 else 's differ'}"
        yield _Part(f"Both sides agreed at the last look; {count} now.", Step("Sync this record now, below."))
    elif both.unsent:
        count = f"{both.unsent} field{'' if both.unsent == 1 else 's'}"
        yield _Part(f"Both sides agree, but for {count} that {tell.terms.target} cannot take.")
    else:
        yield _Part("Both sides agree.")
    if written is None:
        return
    reason, at = str(written.plan.get("reason", "")), wording.moment(written.at, tell.place)
    back = reason.endswith(PUT_BACK)
    step = Step(f"Change it in {tell.terms.source}, which has the say about it; in {tell.terms.target} it is put back.")
    yield _Part(f"Last written on {at}, when this was so: {reason}", step if back else None)


def _left_out(tell: Teller, link: Link) -> _Part:
    sync = tell.sync
    page = reverse("sync", args=[sync.business_id, sync.pk])
    match link.cause_code:
        case "lead" | "archived":
            return _Part(
                link.cause, Step(f"It follows by itself then. What is left out is chosen in “{sync.name}”", page)
            )
        case judging.LEFT_OUT | routes.UNSENT:
            how = reverse("explained", args=[sync.business_id])
            return _Part(link.cause, Step("Change the record, or have the rule changed; see the rules", how))
        case routes.ROUTED:
            return _Part(link.cause)
        case "left_out":
            return _Part(link.cause, Step("Press “Do not leave it out any more” if that was wrong."))
        case code if code == EXPIRED:
            return _Part(link.cause, Step("Sync this record now, and it is asked about once more."))
        case "no_invoice" | "not_ours":
            return _Part(
                link.cause, Step(f"Match it by hand in {tell.terms.source}, or enter it in {tell.terms.target}.")
            )
        case "not_sent":
            return _Part(link.cause, Step(f"Send it in {tell.terms.source}; it follows by itself."))
    return _Part(link.cause)
