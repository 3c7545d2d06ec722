"""Storing how looks and calls ended: links, attempts, writes and snapshots, together or not at all."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from connectors.base import Record
from connectors.errors import ContractError, MissingError, RejectedError
from syncs import approvals, bulk, flagging, lanes, snapshots, strangers, waiting
from syncs.applying import Answer, state_after
from syncs.comparing import same
from syncs.failpoints import failpoint
from syncs.looking import Look, known_of, rules_of
from syncs.models import Attempt, Lane, Link, Snapshot, Sync, Write
from syncs.planning import Plan, Verdict, agreement
from syncs.retries import Decision, Next, decide
from syncs.rules import editing

if TYPE_CHECKING:
    from portal.models import Connection

#: A record taken up this often without an end is worked alone.
ALONE = 2
#: So many steps in a row bring any record to its end; more of them would never.
MOST_STEPS = 60
_LINK_STATE = (
    "source_id", "target_id", "label", "base", "rendered", "handled", "state", "verdict", "written_at", "cause_code",
    "cause", "since", "next_try", "attempts", "claims", "version", "waits_for",
)  # fmt: skip
_WRITE_STATE = (
    "state", "spent", "outside_id", "request_id", "replayed", "duration_ms", "error", "answer", "settled_at", "agreed",
)  # fmt: skip
_ATTEMPT = ("link", "noticed_by", "noticed_at", "verdict", "plan", "outcome", "error_code", "error")
_STATE_OF = {
    Verdict.SKIP: Link.State.SKIPPED,
    Verdict.HOLD: Link.State.HELD,
    Verdict.CONFLICT: Link.State.CONFLICT,
    Verdict.WAIT: Link.State.DUE,
    Verdict.END: Link.State.ENDED,
    Verdict.LINK: Link.State.IN_STEP,
}


def settle_looks(lane: Lane, sync: Sync, looks: Sequence[Look], *, preview: bool) -> None:
    """Looks that lead to no call: in step, left out, held, ended, or planned only. Stepped where what was only planned
    is to be written by now."""
    if not looks:
        return
    now = timezone.now()
    for look in looks:
        _apply_verdict(look, sync, now, preview)
    attempts = [_attempt(look, "planned" if preview else "done") for look in looks]
    try:
        with transaction.atomic():
            lanes.guard(lane, sync)
            strangers.give_way(sync, [look.link for look in looks])
            bulk.update_each([look.link for look in looks], _LINK_STATE)
            flagging.keep(looks)
            _spend_decisions([look.link for look in looks if look.link.state == Link.State.IN_STEP])
            _insert(sync, attempts, now)
            approvals.settle(sync, looks)
            waiting.wake(sync, [look.link for look in looks])
            failpoint("looks.inside")
        failpoint("looks.after")
    except IntegrityError:
        if len(looks) == 1:
            _hold(lane, sync, looks[0].link, looks[0].noticed, _TAKEN)
            return
        for look in looks:  # find the one whose counterpart another link holds
            settle_looks(lane, sync, [look], preview=preview)


def settle_unreadable(lane: Lane, sync: Sync, link: Link, decision: Decision) -> None:
    """The record itself cannot be read: it waits for a person, the others go on. An answer that is not as we know it
    may be a passing fault of the service's, so it is asked for a few times, alone."""
    if decision.next == Next.AGAIN:
        _move(link, Link.State.RETRYING, decision.code, decision.words, now := timezone.now())
        link.attempts, link.claims, link.next_try = link.attempts + 1, ALONE, now + timedelta(seconds=decision.after)
        with transaction.atomic():
            lanes.guard(lane)
            link.save(update_fields=_LINK_STATE)
        return
    supersede(Write.objects.filter(link=link, verb="update", state__in=[Write.State.INTENDED, Write.State.UNKNOWN]))
    _hold(lane, sync, link, link.noticed, decision)


def set_aside(sync: Sync, links: Sequence[Link]) -> None:
    """Each of these has killed the workers that took it up."""
    for link in links:
        link.claims, link.handled = 0, link.noticed
        words = "The work broke off each time this record was taken up."
        _move(link, Link.State.PARKED, "kills_worker", words, timezone.now())
    with transaction.atomic():
        bulk.update_each(links, ("state", "cause_code", "cause", "claims", "handled", "since"))
        approvals.overtaken(links)
        waiting.wake(sync, links)


_TAKEN = Decision(Next.HOLD, "taken", "Its counterpart is already linked to another record.")


def _hold(lane: Lane, sync: Sync, link: Link, noticed: int, decision: Decision) -> None:
    now = timezone.now()
    if decision.code == "taken":
        link.target_id = None
    link.handled, link.next_try, link.claims, link.version_id = noticed, None, 0, sync.version_id
    link.verdict = Verdict.HOLD
    _move(link, Link.State.HELD, decision.code, decision.words, now)
    with transaction.atomic():
        lanes.guard(lane)
        link.save(update_fields=_LINK_STATE)
        approvals.overtaken([link])
        waiting.wake(sync, [link])
        Attempt.objects.create(
            business_id=sync.business_id, link=link, version_id=sync.version_id, noticed_by=link.noticed_by,
            noticed_at=link.noticed_at, verdict=Verdict.HOLD, plan={}, outcome="failed", error_code=decision.code,
            error=decision.words[:500], at=now,
        )  # fmt: skip


def _apply_verdict(look: Look, sync: Sync, now: datetime, preview: bool) -> None:
    link, made = look.link, look.plan
    _handled(link, look, sync)
    if preview and made.writes:
        _move(link, Link.State.PLANNED, "", made.reason, now)
        return
    if made.more:
        link.handled = min(link.handled, link.noticed - 1)
    state = _STATE_OF[made.verdict]
    if made.code == "in_step" or made.verdict == Verdict.LINK:
        state = Link.State.IN_STEP
        if not preview or link.target_id:
            _agree(link, made, look.target.data if look.target else {})
    cause = "" if state == Link.State.IN_STEP else made.reason
    _move(link, state, made.code if cause else "", cause, now)


def _handled(link: Link, look: Look, sync: Sync) -> None:
    link.handled, link.next_try, link.attempts, link.claims = look.noticed, None, 0, 0
    link.version_id, link.verdict, link.waits_for_id = sync.version_id, look.plan.verdict, look.waits_for
    if look.source:
        link.label = look.label


def _agree(link: Link, made: Plan, shown: Mapping[str, Any]) -> None:
    """`shown`: the counterpart as the service shows it now."""
    link.base, link.rendered = agreement(made, known_of(link), shown)
    if not made.back:  # there it names the source's record
        link.target_id = made.target_id or link.target_id


def _move(link: Link, state: str, code: str, cause: str, now: datetime) -> None:
    """It stands so since the cause began, however often it was tried again."""
    if link.cause_code != code or (link.state != state and not code):
        link.since = now
    link.state, link.cause_code, link.cause = state, code[:60], cause[:500]


def _attempt(look: Look, outcome: str, decision: Decision | None = None) -> tuple[Any, ...]:
    """As `_ATTEMPT` names its values."""
    link, said = look.link, (decision.code, decision.words[:500]) if decision else ("", "")
    return link.pk, link.noticed_by, link.noticed_at, look.plan.verdict, look.plan.as_json(), outcome, *said


def _insert(sync: Sync, attempts: Iterable[tuple[Any, ...]], now: datetime) -> None:
    alike = Attempt(business_id=sync.business_id, version_id=sync.version_id, at=now)
    bulk.insert_alike(alike, _ATTEMPT, attempts)


def settle_answers(lane: Lane, sync: Sync, answers: Sequence[Answer], asked: datetime, *, outage: bool) -> None:
    """Outcomes of calls. `outage`: no call got through, so nothing is held against the records."""
    failpoint("settle.before")
    try:
        _store(lane, sync, answers, asked, outage)
    except IntegrityError:
        for answer in answers:  # find the one whose counterpart another link holds
            _settle_alone(lane, sync, answer, asked, outage=outage)


def _settle_alone(lane: Lane, sync: Sync, answer: Answer, asked: datetime, *, outage: bool) -> None:
    """Once more at least: a webhook may have made a link for the same record just then, which gives way now."""
    try:
        _store(lane, sync, [answer], asked, outage)
    except IntegrityError:
        _settle_taken(lane, sync, answer)


def _store(lane: Lane, sync: Sync, answers: Sequence[Answer], asked: datetime, outage: bool) -> None:
    """All of it or nothing, and only while the lane is held."""
    with transaction.atomic():
        lanes.guard(lane)
        _store_answers(sync, answers, asked, outage)
        failpoint("settle.inside")
    failpoint("settle.after")


def _store_answers(sync: Sync, answers: Sequence[Answer], asked: datetime, outage: bool) -> None:
    now = timezone.now()
    _keep_records(sync, answers, asked)
    _read_again(answers, now)
    attempts = [_settle_answer(a, sync, now, outage) for a in answers]
    bulk.update_each([a.order.write for a in answers], _WRITE_STATE, by="key")
    failpoint("settle.links")
    strangers.give_way(sync, [a.order.look.link for a in answers if a.result])
    bulk.update_each([a.order.look.link for a in answers], _LINK_STATE)
    flagging.keep([a.order.look for a in answers])
    _spend_decisions([a.order.look.link for a in answers if a.result and not a.order.look.plan.more])
    _insert(sync, filter(None, attempts), now)
    approvals.overtaken([a.order.look.link for a in answers])
    links = [answer.order.look.link for answer in answers]
    waiting.wake(sync, [link for link in links if link.target_id or link.handled >= link.noticed])


def _spend_decisions(links: Sequence[Link]) -> None:
    """What a person decided is done: it must not speak again after the counterpart is deleted one day. A decision
    made while this was being worked has its own look to come. Values that a person has set stay as long as they
    stand."""
    done = [link for link in links if link.decision and link.target_id]
    kept = {link.pk: left for link in done if (left := editing.still(link.decision.get("edits") or {}, link.base))}
    spent, rest = Link.objects.filter(noticed=F("handled")), [link.pk for link in done if link.pk not in kept]
    if rest:
        spent.filter(pk__in=rest).update(decision={})
    for link in done:
        if link.pk in kept and link.decision != {"edits": kept[link.pk]}:
            spent.filter(pk=link.pk).update(decision={"edits": kept[link.pk]})


def _keep_records(sync: Sync, answers: Sequence[Answer], asked: datetime) -> None:
    """What the service showed in its answers, by where it was written."""
    places: dict[tuple[int, str], tuple[Connection, list[Record]]] = {}
    for answer in answers:
        write = answer.order.write
        _, found = places.setdefault((write.connection_id, write.resource), (write.connection, []))
        found += [*answer.found, *([answer.result.record] if answer.result else [])]
    for (_, resource), (connection, records) in places.items():
        there = [r for r in records if not r.deleted]
        gone = [r.id for r in records if r.deleted]
        snapshots.save(connection, resource, there, asked, by=sync, gone=gone, answered=True)


def _read_again(answers: Sequence[Answer], now: datetime) -> None:
    """The service says that these are gone or moved on, or shows them as they were: the next look sees for itself."""
    refused = [a for a in answers if isinstance(a.error, MissingError) or _may_be_stale(a)]
    lost = [a.order.write for a in refused if a.order.write.target_id]
    old = [(a.order.write, a.result.record.id) for a in answers if a.result and _repeated(a)]
    for write, number in [*((write, write.target_id) for write in lost), *old]:
        held = Snapshot.objects.filter(connection=write.connection_id, resource=write.resource, external_id=number)
        held.update(noticed_at=now)


def _settle_answer(answer: Answer, sync: Sync, now: datetime, outage: bool) -> tuple[Any, ...] | None:
    _settle_write(answer, now)
    look, link = answer.order.look, answer.order.look.link
    if answer.result:
        _settle_done(link, look, sync, answer, now)
        return _attempt(look, "written")
    link.claims = 0
    if answer.error is None:
        return None  # a counterpart turned up: the next look sees it
    decision = decide(answer.error, link.attempts)
    if isinstance(answer.error, MissingError) and answer.order.write.verb == "create":
        words = f"What it belongs to is gone there, and stays so. {decision.words}"
        decision = Decision(Next.HOLD, "missing", words)
    if _may_be_stale(answer):
        decision = replace(decision, next=Next.AGAIN)
    _after_error(link, look, sync, decision, now, outage)
    quiet = decision.next in {Next.WAIT, Next.RECONNECT} or outage
    return None if quiet else _attempt(look, "failed", decision)


def _settle_done(link: Link, look: Look, sync: Sync, answer: Answer, now: datetime) -> None:
    """The step is done. With more to come the link stays due; the last one leaves it in step."""
    assert answer.result is not None  # noqa: S101  # only what was done comes here
    made, answered = look.plan, answer.result.record
    shown = look.target.data if look.target else made.values
    ours, steps = not (made.back or made.resource), link.attempts + 1
    _handled(link, look, sync)
    link.written_at = now
    _agree(link, made, answered.data if ours else shown)
    if ours:
        link.target_id = answered.id
    elif made.back and made.verdict == Verdict.CREATE:
        link.source_id = answered.id
    if made.more and steps >= MOST_STEPS:
        _move(link, Link.State.HELD, "no_end", f"It was not in step after {steps} steps in a row.", now)
    elif made.more or _repeated(answer) or _shows_news(look, sync, answered):
        link.handled, link.attempts = min(link.handled, link.noticed - 1), steps
        _move(link, Link.State.DUE, "", "", now)
    else:
        _move(link, Link.State.IN_STEP, "", "", now)


def _may_be_stale(answer: Answer) -> bool:
    """Whether what a refused call was planned from may have changed since, so that it is planned anew. Of a call that
    went out before it may; and, once in a row, of one that changes a record: it may have been read too early."""
    link, order, error = answer.order.look.link, answer.order, answer.error
    if order.again:
        return isinstance(error, RejectedError | ContractError)
    refused_before = link.state == Link.State.RETRYING and link.cause_code.startswith("rejected")
    return bool(order.write.target_id) and isinstance(error, RejectedError) and not refused_before


def _repeated(answer: Answer) -> bool:
    """Whether the service has only repeated what it said of this record the first time: it may be another by now."""
    order = answer.order
    return bool(answer.result and answer.result.replayed and not (order.made or order.look.plan.resource))


def _shows_news(look: Look, sync: Sync, answered: Record) -> bool:
    """Whether a changed record shows what it did not when this was planned, and what was not sent: somebody else has
    written that. Once it is stored it is no news to any reading, and the word of it may be lost."""
    made, before = look.plan, look.source if look.plan.back else look.target
    if made.resource or made.verdict == Verdict.CREATE or before is None:
        return False
    rows = [row for row in rules_of(sync)[0].rows if row.mode != "with_changes"]
    paths = {path for row in rows for path in (row.sources if made.back else (row.target,))}
    return any(not same(answered.data.get(p), before.data.get(p)) for p in paths - made.data.keys())


def _after_error(link: Link, look: Look, sync: Sync, decision: Decision, now: datetime, outage: bool) -> None:
    if decision.next == Next.HOLD:
        _handled(link, look, sync)
        state = Link.State.PARKED if decision.code == "gave_up" else Link.State.HELD
        _move(link, state, decision.code, decision.words, now)
    elif decision.next in {Next.AGAIN, Next.LOOK} and not outage:
        link.attempts += 1
        link.next_try = now + timedelta(seconds=decision.after)
        _move(link, Link.State.RETRYING, decision.code, decision.words, now)


def _settle_write(answer: Answer, now: datetime) -> None:
    write, error = answer.order.write, answer.error
    write.state, write.settled_at = state_after(answer), now
    write.agreed = write.agreed if write.state == Write.State.UNKNOWN else None
    write.duration_ms, write.answer = round(answer.seconds * 1000, 2), answer.said
    if answer.result:
        write.outside_id, write.request_id = answer.result.record.id, answer.result.request_id[:120]
        write.replayed = answer.result.replayed
    if error:
        write.error, write.request_id = str(error)[:500], error.request_id[:120]
        write.spent = write.spent or bool(getattr(error, "spent", False))


def _settle_taken(lane: Lane, sync: Sync, answer: Answer) -> None:
    """The counterpart belongs to another link already: this one waits for a person."""
    _settle_write(answer, timezone.now())
    with transaction.atomic():
        lanes.guard(lane)
        bulk.update_each([answer.order.write], _WRITE_STATE, by="key")
    answer.order.look.link.refresh_from_db(fields=["source_id"])  # it keeps its own
    _hold(lane, sync, answer.order.look.link, answer.order.look.noticed, _TAKEN)


def supersede(writes: Iterable[Write], landed: Iterable[Write] = ()) -> None:
    """Updates whose outcome is unknown need no answer: values are set as a whole, so they are planned anew. Those that
    have `landed` are done: what they sent was found there."""
    alike = {"settled_at": timezone.now(), "agreed": None}
    seen = [write.pk for write in landed]
    Write.objects.filter(pk__in=seen).update(
        state=Write.State.CONFIRMED,
        outside_id=F("target_id"),
        error="No answer came, but what was sent is there.",
        **alike,
    )
    Write.objects.filter(pk__in={write.pk for write in writes} - {*seen}).update(
        state=Write.State.UNLEARNT, error="What came of it was never learnt; it was planned again.", **alike
    )
