"""Failures grouped by sync and cause: opened once, closed when no record has the cause any more."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils import timezone

from syncs import flagging, handling, recipes
from syncs.invoices.totals import ROUNDS
from syncs.models import Incident, Link, Sync
from syncs.rules.holding import role_of

if TYPE_CHECKING:
    from portal.models import Connection

#: What happened to how many records, and what a person can do. {there} and {here}: the services of both sides.
_WORDS = {
    "ambiguous": ("{n} {records} may already exist in {there}", "Say who is who."),
    "target_deleted": ("{n} {records} changed after the counterpart was deleted", "Make a new one, or leave it out."),
    "gave_up": ("{n} {records} could not be written after many tries", "Look at the answer, then try again."),
    "missing": ("{n} {records} belong{s} to what is gone in {there}", "Put it back there, or leave {them} out."),
    "contract": ("{n} {records} met an answer we do not know", "Tell the maintainers; nothing was lost."),
    "kills_worker": ("{n} {records} had the work break off each time", "Look at the record, then try again."),
    "total_differs": (
        "{n} {records} come{s} to another total in {there}",
        "Compare the lines of both; until they agree, {it} stay{s} {a_draft} there.",
    ),
    ROUNDS: (
        "{n} {records} come{s} to another total in {there}, by rounding",
        "Let the sync add a line for the cents, or correct the lines; until then, {it} stay{s} {a_draft} there.",
    ),
    "approve_void": ("{n} {records} can still be paid in {there}", "Say whether to void {them}."),
    "approve_replace": ("{n} {records} changed after being opened", "Say whether to void {them} and make {new}."),
    "void_there": ("{n} {records} {were} voided in {there}", "Make {new}, or leave {them} out."),
    "paid_there": (
        "{n} {records} {are} paid in {there}, but given up in {here}",
        "Look at each, and settle it with the client; then say so.",
    ),
    "changed_after_paid": (
        "{n} {records} changed after being paid",
        "Give a credit note or bill the difference, and say so.",
    ),
    "part_paid": (
        "{n} {records} changed after a part was paid in {there}",
        "Give a credit note or the money back in {there}; then say that it is settled.",
    ),
    "paid_twice": ("{n} {records} may have been paid twice", "Look at the payments on both sides."),
    "payment_changed": (
        "{n} {records} {have} other payments in {here} than in {there}",
        "Put each right on the side that is wrong, or say that it is settled.",
    ),
    "too_small": (
        "{n} {records} come{s} to less than can be paid in {there}",
        "Settle {them} another way, or leave {them} out.",
    ),
    "ambiguous_invoice": ("{n} {records} {are} in {there} more than once", "Void all but one of each."),
    "unknown_status": ("{n} {records} {have} a status we do not know", "Say in the sync's options what it means."),
    "not_in_table": (
        "{n} {records} {have} a value that is in no table",
        "Add it to the table of the mapping, or correct it; {it} go{es} on then.",
    ),
    "client_stopped": (
        "{n} {records} wait{s} for a client that needs a look",
        "Settle the client; {it} go{es} on then.",
    ),
    "no_client_sync": ("{n} {records} wait{s} for a sync of clients", "Choose “Clients to customers” first."),
    "both_changed": ("{n} {records} {were} changed on both sides", "Say which side is right."),
    "made_there": ("{n} {records} made in {there} may be in {here} already", "Say whether to make a new one."),
    "rule_hold": ("{n} {records} {are} held by a rule", "Approve {them}, or decline {them}."),
    "mode_hold": ("{n} {records} wait{s} for approval", "Approve {them}, or decline {them}."),
    "route_circle": (
        "{n} {records} {are} sent in a circle by rules",
        "Change one of the rules that send {them} to each other's sync.",
    ),
    "route_gone": (
        "{n} {records} {are} sent to a sync that is not there any more",
        "Change the rule that sends {them} there.",
    ),
    "taken": ("{n} {records} point{s} at a counterpart that is already linked", "Say who is who."),
}
_REJECTED = (
    "{n} {records} refused by the service", "Correct the record or the mapping; it is tried again by itself.",
)  # fmt: skip
_ONE = {
    "s": "s", "es": "es", "are": "is", "were": "was", "have": "has", "it": "it", "them": "it", "a_draft": "a draft",
    "new": "a new one",
}  # fmt: skip
_SEVERAL = {
    "s": "", "es": "", "are": "are", "were": "were", "have": "have", "it": "they", "them": "them", "a_draft": "drafts",
    "new": "new ones",
}  # fmt: skip
RECONNECT = "Open Connections and connect it again; waiting work then goes on by itself."
_OPEN = [Link.State.HELD, Link.State.CONFLICT, Link.State.PARKED]


def refresh(sync: Sync) -> None:
    """Open, update and close the incidents of a sync by what its links say now."""
    counts = dict(
        Link.objects.filter(sync=sync, state__in=_OPEN).values_list("cause_code").annotate(n=Count("pk")).order_by()
    )
    counts |= flagging.counts(sync)
    subject = f"sync:{sync.pk}"
    current = {i.cause_code: i for i in Incident.objects.filter(subject=subject).exclude(state="resolved")}
    for code, count in counts.items():
        title, step = words(code, count, sync)
        _raise(current.get(code), subject, code, title, step, count, sync=sync)
    trying = Link.objects.filter(sync=sync, state=Link.State.RETRYING)
    tried = set(trying.order_by().values_list("cause_code", flat=True).distinct())
    for code, incident in current.items():
        if code not in counts and code not in tried and not (code == "gave_up" and tried):  # it may end so again
            _close(incident)
        elif code in counts:
            handling.open_if_changed(incident, sync)


def words(code: str, count: int, sync: Sync) -> tuple[str, str]:
    """What is said of so many records of the sync, and what to do."""
    if flagging.is_raised(code):
        return flagging.words(code, count, sync)
    title, step = _WORDS.get(code.partition(":")[0] if role_of(code) else code, _REJECTED)
    names, many = recipes.get(sync.recipe).names, sync.source_resource
    said = {
        "n": f"{count:,}", "records": many.removesuffix("s") if count == 1 else many, "there": names.target,
        "here": names.source, **(_ONE if count == 1 else _SEVERAL),
    }  # fmt: skip
    return title.format(**said), step.format(**said)


def work_stuck(sync: Sync, found: Mapping[str, tuple[str, str]]) -> None:
    """What holds up the work of a sync, or of its webhooks, beyond any single record: {code: (title, next step)}.
    What is not among it any more is over."""
    subject = f"work:{sync.pk}"
    current = {i.cause_code: i for i in Incident.objects.filter(subject=subject).exclude(state="resolved")}
    for code, (title, step) in found.items():
        _raise(current.get(code), subject, code, title, step, 0, sync=sync)
    for code, incident in current.items():
        if code not in found:
            _close(incident)


def connection_failed(connection: "Connection", code: str, title: str, step: str) -> None:
    """One for the connection, however often and in whatever words it is refused until it works again."""
    subject = f"connection:{connection.pk}"
    current = Incident.objects.filter(subject=subject).exclude(state="resolved").first()
    _raise(current, subject, code, title, step, 0, connection=connection)


def connection_refused(connection: "Connection", code: str, words: str) -> None:
    """The service does not let us in any more, as `words` say."""
    connection_failed(connection, code, f"{connection} needs attention: {words.rstrip('.')}", RECONNECT)


def connection_works(connection: "Connection") -> None:
    for incident in Incident.objects.filter(subject=f"connection:{connection.pk}").exclude(state="resolved"):
        _close(incident)


def account_stands(
    connection: "Connection", found: Mapping[tuple[str, str], tuple[str, str]], closed: Mapping[str, str],
    unread: Collection[str],
) -> None:  # fmt: skip
    """What the outside account's owner has to know: {(code, what it is about): (title, next step)}. What is not among
    it any more is over, but for the codes that could not be asked for; `closed`: how, {what it was about: title}."""
    prefix = f"account:{connection.pk}:"
    rows = Incident.objects.filter(subject__startswith=prefix).exclude(state="resolved")
    current = {(row.cause_code, row.subject): row for row in rows}
    subjects = {(code, f"{prefix}{about}"[:60]): words for (code, about), words in found.items()}
    for (code, subject), (title, step) in subjects.items():
        _raise(current.get((code, subject)), subject, code, title, step, 0, connection=connection)
    for place, row in current.items():
        if place not in subjects and row.cause_code not in unread:
            row.title = closed.get(row.subject.removeprefix(prefix), row.title)[:200]
            _close(row)


def _raise(
    current: Incident | None, subject: str, code: str, title: str, step: str, count: int, *,
    sync: Sync | None = None, connection: "Connection | None" = None,
) -> None:  # fmt: skip
    now = timezone.now()
    if current:
        current.title, current.next_step, current.records, current.last_seen_at = title[:200], step, count, now
        current.save(update_fields=["title", "next_step", "records", "last_seen_at"])
        return
    owner = sync or connection
    assert owner is not None  # noqa: S101  # one of the two is always given
    try:
        with transaction.atomic():
            Incident.objects.create(
                business_id=owner.business_id, sync=sync, connection=connection, subject=subject, cause_code=code,
                title=title[:200], next_step=step, records=count,
            )  # fmt: skip
    except IntegrityError:
        return  # another worker opened it just now


def _close(incident: Incident) -> None:
    incident.state, incident.resolved_at, incident.records = Incident.State.RESOLVED, timezone.now(), 0
    incident.save(update_fields=["title", "state", "resolved_at", "records"])
