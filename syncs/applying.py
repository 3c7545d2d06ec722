"""The only place that writes to an outside service.

Intend: the Write is committed before the first byte leaves. Send: the call, on a thread, no database. Settle: outcome,
snapshot, link and attempt in one transaction, only while the lane is still ours.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from connectors.base import Record, Session, WriteResult
from connectors.errors import ConnectorError, ContractError, MissingError, RateLimited, RejectedError, UnknownOutcome
from connectors.hearing import hearing
from syncs import lanes, ledger
from syncs.failpoints import failpoint
from syncs.looking import Look
from syncs.models import Lane, Snapshot, Sync, Write
from syncs.planning import Plan, Verdict

#: A service forgets idempotency keys after 24 hours; a key older than this is not trusted to repeat.
KEY_TRUSTED = timedelta(hours=23)
#: So long after every target record was read, its absence among the snapshots proves that it does not exist.
FRESH = timedelta(minutes=10)


@dataclass(slots=True)
class Order:
    """One call to make. `ask_email`: look for a counterpart with this email right before creating; `known`: ids of
    records with that email that the plan has weighed already.

    `made`: the call may have been made before, and this is what it made. `send` False: it must not be repeated, since
    its key is no protection (any more). `again`: it went out before, so what this time says nothing happened says
    nothing of that.
    """

    look: Look
    write: Write
    ask_email: str = ""
    known: frozenset[str] = frozenset()
    made: Sequence[Record] = ()
    send: bool = True
    again: bool = False


@dataclass(slots=True)
class Answer:
    """How a call ended: a result, records that may be the counterpart after all, or an error."""

    order: Order
    result: WriteResult | None = None
    found: Sequence[Record] = ()
    error: ConnectorError | None = None
    seconds: float = 0.0
    #: What the service said, as connectors.hearing keeps it.
    said: str = ""


def intend(lane: Lane, sync: Sync, looks: Sequence[Look]) -> list[Order]:
    """Commit what is about to be sent. Stepped when the sync is in another mode by now, LostLease when the lane is not
    ours any more."""
    now = timezone.now()
    writes = [_write(sync, look, now) for look in looks]
    failpoint("intend.before")
    with transaction.atomic():
        lanes.guard(lane, sync)
        ledger.append(sync.business_id, writes)
        failpoint("intend.inside")
    failpoint("intend.after")
    if sync.target_read_at is not None and now - sync.target_read_at < FRESH:
        return [Order(look, write) for look, write in zip(looks, writes, strict=True)]
    asking = [look.source if asks_first(look) else None for look in looks]
    known = _known_by_email(sync, {source.email for source in asking if source})
    return [
        Order(look, write, str(source.data["email"]).strip(), known.get(source.email, frozenset()))
        if source
        else Order(look, write)
        for look, write, source in zip(looks, writes, asking, strict=True)
    ]


def _write(sync: Sync, look: Look, now: datetime) -> Write:
    made, changed = look.plan, look.source if look.plan.back else look.target
    connection, resource = (
        (sync.source, sync.source_resource) if made.back else (sync.target, made.resource or sync.target_resource)
    )
    return Write(
        business_id=sync.business_id, link=look.link, connection=connection, resource=resource, verb=made.verb,
        target_id=made.target_id, key=f"fb-{uuid.uuid4().hex}", params=made.data, intended_at=now,
        planned_on=changed.fingerprint if changed else "", agreed=made.values if _aside(made) else None,
    )  # fmt: skip


def _aside(made: Plan) -> bool:
    """Whether the values that both sides agree on once it is done are others than those that are sent."""
    return bool(made.action or made.resource or (made.back and made.verdict == Verdict.CREATE))


def _known_by_email(sync: Sync, emails: set[str]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    rows = Snapshot.objects.filter(connection=sync.target, resource=sync.target_resource, email__in=emails)
    for email, key in rows.values_list("email", "external_id"):
        found.setdefault(email, set()).add(key)
    return {email: frozenset(keys) for email, keys in found.items()}


def asks_first(look: Look) -> bool:
    """Whether its email is asked for before a create that nobody has ordered in so many words."""
    wanted = look.plan.verdict == Verdict.CREATE and look.link.decision.get("choice") != "new"
    return wanted and not look.plan.back and look.source is not None and bool(look.source.email)


def send(session: Session, order: Order, reference: str, deadline: float) -> Answer:
    """Runs on a thread: the network and nothing else. Any error becomes part of the answer."""
    started = time.monotonic()
    failpoint("send.before")
    with hearing() as heard:
        try:
            answer = _send(session, order, reference, deadline)
        except ConnectorError as error:
            answer = Answer(order, error=error)
        except Exception as error:  # a fault of ours must not be taken for the service's word
            answer = Answer(order, error=_unexpected(error))
    failpoint("send.after")
    answer.seconds, answer.said = time.monotonic() - started, heard.said
    return answer


def _unexpected(error: Exception) -> ConnectorError:
    return UnknownOutcome(f"Something unexpected happened while writing ({type(error).__name__}).")


def _send(session: Session, order: Order, reference: str, deadline: float) -> Answer:
    write = order.write
    if time.monotonic() > deadline:
        raise RateLimited("There was no time left to send it safely.", after=0.1, reason="deadline")
    if write.verb == "update":
        done = session.update(write.resource, write.target_id, write.params, key=write.key, deadline=deadline)
        return Answer(order, done)
    if write.verb != "create":
        done = session.act(
            write.resource, write.target_id, write.verb, write.params, key=write.key, deadline=deadline
        )  # fmt: skip
        return Answer(order, done)
    if len(order.made) == 1:
        return Answer(order, WriteResult(order.made[0], replayed=True))
    found = order.made or _alike(session, order, reference)
    if found or not order.send:
        return Answer(order, found=found)
    return Answer(order, session.create(write.resource, write.params, key=write.key, deadline=deadline))


def _alike(session: Session, order: Order, reference: str) -> list[Record]:
    """Unclaimed records with the email of the one about to be made that nobody had seen when it was planned."""
    if not order.ask_email:
        return []
    mine = {None, order.look.link.source_id}
    alike = session.find_by_email(order.write.resource, order.ask_email)
    return [r for r in alike if r.references.get(reference) in mine and r.id not in order.known]


def state_after(answer: Answer) -> str:
    """The Write's state an answer leads to."""
    if answer.result:
        return Write.State.CONFIRMED
    if isinstance(answer.error, MissingError | RejectedError | ContractError):
        return Write.State.REJECTED
    if isinstance(answer.error, UnknownOutcome) or (answer.error and answer.order.again):
        return Write.State.UNKNOWN
    return Write.State.ABSENT
