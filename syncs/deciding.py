"""What a person decides about one record, and asking for another try. One decision counts, however often it is sent."""

from collections.abc import Iterable, Mapping
from copy import copy
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from syncs import approvals, audit, candidates, choosing, lanes, notice, rulebook
from syncs.comparing import same
from syncs.models import Approval, Link, Sync
from syncs.planning import Plan, Verdict
from syncs.rules.editing import Edits
from syncs.rules.holding import EXPIRED, parts_edited, role_of
from syncs.rules.settable import taken

if TYPE_CHECKING:
    from portal.models import User


class Choice(StrEnum):
    SAME = "same"  # it is this record of the target
    NEW = "new"  # it is none of them
    LEAVE = "leave"  # it is not to be synced
    VOID = "void"  # what can still be paid there is to be void
    HERE = "here"  # where both sides have changed it, the source is right
    THERE = "there"  # the target is
    REPLACE = "replace"  # it is to be voided, and a new one made
    SETTLED = "settled"  # people have settled the difference; it is asked about again once it is another one
    THROUGH = "through"  # what is held for approval is to be written, as it was shown
    DECLINE = "decline"  # it is not, for a reason


class TooLate(Exception):
    """There is nothing (more) to decide. The text says why, in words for who tried."""


_OPEN = {Link.State.HELD, Link.State.CONFLICT, Link.State.PARKED}
#: The cause of a conflict about fields.
BOTH_CHANGED = "both_changed"
_SIDES = {Choice.HERE: "source", Choice.THERE: "target"}
#: What a cause asks for, besides leaving the record out.
_ONE_PRESS = {
    "approve_void": Choice.VOID, "approve_replace": Choice.REPLACE, "void_there": Choice.NEW, "made_there": Choice.NEW,
    "target_deleted": Choice.NEW,
}  # fmt: skip
#: What people settle elsewhere, and what then may stay as it is.
_SETTLE = {"part_paid", "payment_changed", "changed_after_paid", "paid_twice", "paid_there"}
LONGEST_REASON = 200
_WHO_IS_WHO = {"ambiguous", "taken"}
_WORDS = {
    Choice.SAME: "they are the same",
    Choice.NEW: "make a new one",
    Choice.LEAVE: "leave it out",
    Choice.VOID: "void it there",
    Choice.REPLACE: "void it and make a new one",
    Choice.SETTLED: "it is settled",
    Choice.THROUGH: "approve it",
}


def choices(link: Link) -> tuple[Choice, ...]:
    """What can be decided about it now; empty when nothing can."""
    if _decided(link):
        return ()
    if link.state == Link.State.ENDED and link.cause_code == "target_deleted":
        return (Choice.NEW,)
    if link.state not in _OPEN:
        return ()
    if link.cause_code == BOTH_CHANGED:
        return (Choice.HERE, Choice.THERE, Choice.LEAVE)
    if asked_of(link):
        return (Choice.THROUGH, Choice.DECLINE)
    if link.cause_code in _ONE_PRESS:
        return (_ONE_PRESS[link.cause_code], Choice.LEAVE)
    if link.cause_code in _SETTLE:
        return (Choice.SETTLED, Choice.LEAVE)
    if link.cause_code in _WHO_IS_WHO:
        return (Choice.SAME, Choice.NEW, Choice.LEAVE)
    return (Choice.LEAVE,)


_ASKING = {Verdict.HOLD: Link.State.HELD, Verdict.CONFLICT: Link.State.CONFLICT, Verdict.END: Link.State.ENDED}


def asked(link: Link, made: Plan) -> Link:
    """As it stands once the question of a plan is asked; the link itself where it is, or where none would be."""
    state = _ASKING.get(made.verdict)
    if state is None or link.cause_code == made.code:
        return link
    found = copy(link)
    found.state, found.cause_code, found.cause, found.since = state, made.code, made.reason[:500], timezone.now()
    return found


def ask(link: Link, made: Plan) -> None:
    """Have the question of a plan stand, as it would after a look, so that it can be answered at once."""
    asked(link, made).save(update_fields=["state", "cause_code", "cause", "since"])


def _decided(link: Link) -> bool:
    """Somebody has, and the look that carries it out is still to come."""
    return bool(link.decision.get("choice")) and link.noticed > link.handled


def asked_of(link: Link) -> str:
    """The role of who may decide, where it waits for approval: 'owner', 'office' or 'staff'; '' for anybody who
    decides."""
    return role_of(link.cause_code)


def decide(
    link: Link, choice: Choice, target_id: str, by: "User", *, shown: str = "", reason: str = "",
    edits: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """Keep the decision and have the record looked at. TooLate when another one came first.

    `shown`: for what waits for approval, what stands for the plan that the person was shown. `edits`: {target path:
    what it is to be instead}; RuleError says which cannot be. `reason`: why it is declined; ValueError without one.
    """
    if choice in _SIDES:
        choose_sides(link, dict.fromkeys(clashing(link), _SIDES[choice]), by)
        return
    if choice == Choice.SAME and not _offered(link, target_id):
        raise TooLate("That one is not there any more, or it already belongs to another record. Nothing was changed.")
    with transaction.atomic():
        held = _held(link)
        if choice not in choices(held):
            raise TooLate(_why_not(held, shown))
        kept: dict[str, Any] = _edits(held)
        said = {"choice": str(choice), "by": by.pk, "who": by.get_short_name()}
        if choice == Choice.THROUGH:  # what was decided before, such as who it is, still counts
            before = {name: value for name, value in held.decision.items() if name not in {"by", "who", EXPIRED}}
            held.decision = {**said, **before, **_approved(held, shown, edits or {}, by)}
        elif choice == Choice.DECLINE:
            held.decision = {
                **kept,
                **said,
                "choice": str(Choice.LEAVE),
                "declined": _declined(held, shown, reason, by),
            }
        else:
            about = {Choice.SAME: {"target_id": target_id}, Choice.SETTLED: {"settled": held.cause}}
            held.decision = {**kept, **said, **about.get(choice, {})}
            words = f"Decided about {held}: {_WORDS.get(choice, str(choice))}"
            audit.record(held.business_id, by, "record.decided", held, words, choice=str(choice), target_id=target_id)
        _ask(held, by)


def _approved(link: Link, shown: str, said: Mapping[str, str], by: "User") -> dict[str, Any]:
    """Exactly the plan that was shown, but for what the person has edited."""
    row = _shown(link, shown)
    hold, before = row.plan["hold"], link.decision.get("edits") or {}
    changed = edits_of(row, said)
    edits = {p: e for p, e in {**before, **changed}.items() if not same(e["value"], e["instead"])}
    values = {path: edit["value"] for path, edit in changed.items()}
    parts = parts_edited(hold, row.plan["changes"], values)
    approvals.close(row, Approval.State.APPROVED, by, edits={p: edits[p] for p in changed if p in edits})
    through = {"rule": hold["rule"], "role": hold["role"], "parts": parts, "who": by.get_short_name()}
    return {"through": through, "edits": edits}


def edits_of(row: Approval, said: Mapping[str, str]) -> Edits:
    """Of what a person typed for the fields that may be edited, what differs from what would be written."""
    editable = row.plan["hold"].get("editable") or {}
    fields = rulebook.fields_of(row.sync) if editable else None
    found = {}
    for path, (given, written) in editable.items():
        field = fields.target(path) if fields else None
        if field is None or path not in said or typed(written) == (text := said[path].strip().replace("\r\n", "\n")):
            continue
        value = taken(field, text) if text else ""
        if not same(value, written):
            found[path] = {"value": value, "instead": given}
    return found


def typed(value: Any) -> str:
    """A value as it stands in a form."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _declined(link: Link, shown: str, reason: str, by: "User") -> str:
    row, why = _shown(link, shown), " ".join(reason.split())[:LONGEST_REASON]
    if not why:
        raise ValueError("Say why it is declined: people who look for the record read it.")
    approvals.close(row, Approval.State.DECLINED, by, reason=why)
    return why


def _shown(link: Link, shown: str) -> Approval:
    """What waits, as long as it is what the person was shown."""
    row = approvals.lock(link)
    if row is None or not shown or row.shown != shown:
        raise TooLate("It has changed since this was shown. Look at it again before you decide; nothing was changed.")
    return row


def clashing(link: Link) -> dict[str, tuple[Any, Any]]:
    """{target path: what the source says, what the target says} of the fields that both sides have changed."""
    last = link.history.order_by("-pk").first()
    return {path: (here, there) for path, _, here, there in (last.plan.get("conflicts") or ())} if last else {}


def choose_sides(link: Link, sides: Mapping[str, str], by: "User", *, always: bool = False) -> None:
    """Which side is right about each field that both have changed: {target path: "source" or "target"}.

    `always`: the same side wins for these fields from now on, in every record. TooLate when there is no such conflict
    (any more).
    """
    with transaction.atomic():
        held = _held(link)
        if held.state != Link.State.CONFLICT or held.cause_code != BOTH_CHANGED or _decided(held):
            raise TooLate(_why_not(held))
        held.decision = {
            **_edits(held),
            "choice": "sides",
            "sides": dict(sides),
            "by": by.pk,
            "who": by.get_short_name(),
        }
        words = f"Decided about {held}: which side is right about {len(sides)} of its fields"
        audit.record(held.business_id, by, "record.decided", held, words, sides=dict(sides))
        if always:
            for side in sorted(set(sides.values())):
                paths = [path for path, chosen in sides.items() if chosen == side]
                note = f"{by.get_short_name()} chose which side always wins for {len(paths)} of its fields"
                choosing.always(held.sync, paths, side, by, note)
        _ask(held, by)


def choose_for_all(links: Iterable[Link], side: str, by: "User") -> tuple[int, int]:
    """The same side is right about every field of these conflicts, each decided as if by itself. Returns how many were,
    and how many had been settled before."""
    decided = late = 0
    for link in links:
        try:
            choose_sides(link, dict.fromkeys(clashing(link), side), by)
        except TooLate:
            late += 1
        else:
            decided += 1
    return decided, late


def reconsider(link: Link, by: "User") -> None:
    """Take back “leave it out”. TooLate when that is not how it stands."""
    with transaction.atomic():
        held = _held(link)
        if held.decision.get("choice") != Choice.LEAVE:
            raise TooLate("It is not left out any more.")
        if held.decision.get("declined"):
            words = f"Reconsidered: {held}, which {held.decision.get('who')} had declined"
            audit.record(held.business_id, by, "approval.reconsidered", held, words)
        held.decision = _edits(held)
        _ask(held, by)


def _edits(link: Link) -> dict[str, Any]:
    """What a person has set, which no other decision takes back."""
    return {"edits": link.decision["edits"]} if link.decision.get("edits") else {}


def _offered(link: Link, target_id: str) -> bool:
    found = candidates.of(link.sync, [link]).get(link.pk, [])
    return any(candidate.record.id == target_id for candidate in found)


def _held(link: Link) -> Link:
    """The row as it is now, ours until the transaction ends; the lane before the link, as a worker locks them."""
    lanes.wake(link.sync.lane_id)
    held: Link = Link.objects.select_for_update(of=("self",)).select_related("sync").get(pk=link.pk)
    return held


def _ask(link: Link, by: "User") -> None:
    link.save(update_fields=["decision"])
    notice.ask(link, by.get_short_name())


def _why_not(link: Link, shown: str = "") -> str:
    before = Approval.objects.filter(link=link, shown=shown).exclude(who="").first() if shown else None
    if before:
        done = before.get_state_display().lower()
        why = f": {before.reason}" if before.reason else "."
        return f"{before.who} has already {done} it{why} Nothing was changed by your click."
    who, choice = link.decision.get("who", "Somebody"), link.decision.get("choice", "")
    if _decided(link):
        words = _WORDS.get(choice, "something else")
        return f"{who} has already decided: {words}. It is being worked on; nothing was changed by your click."
    if link.state in _OPEN:  # it was decided, and something else is asked by now
        done = f"{who} has already decided: {_WORDS[choice]}" if choice in _WORDS else "Somebody has decided already"
        return f"{done}. Nothing was changed by your click."
    return f"There is nothing to decide about it any more: {link.get_state_display().lower()}."


def again(sync: Sync, cause_code: str, who: str) -> int:
    """Every record of the sync that stopped with this cause is looked at once more. Returns how many."""
    with transaction.atomic():
        lanes.wake(sync.lane_id)
        stopped = Link.objects.filter(sync=sync, cause_code=cause_code, state__in=_OPEN, noticed__lte=F("handled"))
        return int(
            stopped.update(
                noticed=F("noticed") + 1, noticed_at=timezone.now(), noticed_by=f"asked by {who}"[:60], next_try=None,
                priority=Link.Priority.PERSON,
            )
        )  # fmt: skip
