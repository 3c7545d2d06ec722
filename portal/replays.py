"""One look at a record, gone through again: as it was planned then, as it would be planned from the same, and now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.sides import Teller
from syncs import replaying
from syncs.models import Attempt, Link

VERDICTS = {
    "create": "Create it", "update": "Change it", "link": "Match it", "skip": "Nothing to write",
    "hold": "Wait for a person", "conflict": "Ask which side is right", "wait": "Wait for another record",
    "end": "Keep it in step no longer",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """A plan in words: what would be done, why, and {field: (before, after)}."""

    what: str
    why: str
    changes: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Line:
    """One field in both plans, '' where a plan leaves it alone. `differs`: what is written is not the same."""

    label: str
    then: str
    now: str

    @property
    def differs(self) -> bool:
        return self.then != self.now


@dataclass(frozen=True, slots=True)
class Replay:
    """`stored`: the plan as it was kept; `then`: planned again from the version and the states of then, None where
    that cannot be done any more; `now`: from the live version and the states last read."""

    attempt: Attempt
    stored: Told
    then: Told | None
    now: Told | None

    @property
    def faithful(self) -> bool:
        """Planning again from what was known then says the same as what was planned then."""
        return self.then is not None and self.then == self.stored

    @property
    def lines(self) -> Sequence[Line]:
        old, new = (self.then or self.stored).changes, self.now.changes if self.now else {}
        return [Line(label, *(_after(side, label) for side in (old, new))) for label in {**old, **new}]

    @property
    def same(self) -> bool:
        then = self.then or self.stored
        return self.now is not None and then.what == self.now.what and not any(line.differs for line in self.lines)


def _after(changes: Mapping[str, tuple[str, str]], label: str) -> str:
    return (changes[label][1] or "emptied") if label in changes else ""


def of(tell: Teller, link: Link, attempt: Attempt) -> Replay:
    then, now = replaying.as_then(attempt), replaying.as_now(tell.sync, [link]).get(link.pk)
    return Replay(
        attempt, _told(tell, attempt.plan or {"verdict": attempt.verdict, "reason": attempt.error}),
        _told(tell, then.as_json()) if then else None, _told(tell, now.as_json()) if now else None,
    )  # fmt: skip


def _told(tell: Teller, plan: Mapping[str, Any]) -> Told:
    what = VERDICTS.get(str(plan.get("verdict", "")), str(plan.get("verdict", "")))
    changes = {label: (before, after) for label, before, after in tell.changes(plan)}
    return Told(what, str(plan.get("reason", "")), changes)


def chosen(link: Link, asked: str) -> Attempt | None:
    """The look of this record that was asked for; the newest where none was."""
    looks = Attempt.objects.filter(link=link).select_related("version", "link__sync__business")
    if asked:
        return looks.filter(pk=int(asked)).first() if asked.isdecimal() and len(asked) < 19 else None
    return looks.first()
