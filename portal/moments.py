"""Both sides of a record as they were known at an earlier moment, beside how they are now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from portal import sides, stories
from portal.sides import Row, Sides, Teller
from syncs import replaying
from syncs.models import Attempt, Link

#: A look is stored a little before what it has written was read back.
AFTER = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Moment:
    at: datetime
    words: str

    @property
    def key(self) -> str:
        return self.at.isoformat()


@dataclass(frozen=True, slots=True)
class Line:
    """One field: what each side said then, and says now."""

    label: str
    here_then: str
    here_now: str
    there_then: str
    there_now: str

    @property
    def changed(self) -> bool:
        return (self.here_then, self.there_then) != (self.here_now, self.there_now)


@dataclass(frozen=True, slots=True)
class Moments:
    """`choices`: every look there was, newest first: no change comes in without one. `at`: the one that was asked for;
    then `lines` say how both sides were, and `here` and `there` whether anything was known of each."""

    choices: Sequence[Moment]
    at: datetime | None = None
    lines: Sequence[Line] = ()
    here: bool = False
    there: bool = False

    @property
    def chosen(self) -> str:
        return self.at.isoformat() if self.at else ""

    @property
    def earlier(self) -> Moment | None:
        return next((m for m in self.choices if self.at and m.at < self.at), None)

    @property
    def later(self) -> Moment | None:
        return next((m for m in reversed(self.choices) if self.at and m.at > self.at), None)


def of(tell: Teller, link: Link, looks: Sequence[Attempt], now: Sides, asked: str) -> Moments:
    """`looks`: those at this record; `asked`: a moment as an address names it, '' for none."""
    choices, at = [Moment(look.at, stories.title_of(look)) for look in looks], moment(asked)
    if at is None:
        return Moments(choices)
    sync, after = link.sync, at + AFTER
    here = replaying.as_known(sync.source_id, sync.source_resource, link.source_id, after)
    target_id = now.target.external_id if now.target else link.target_id or ""
    there = replaying.as_known(sync.target_id, sync.target_resource, target_id, after) if target_id else None
    then = sides.rows(tell, link, here, there) if here else []
    return Moments(choices, at, _lines(then, now.rows), here is not None, there is not None)


def moment(asked: str) -> datetime | None:
    """None for what is no moment, or has not come yet."""
    try:
        at = datetime.fromisoformat(asked)
    except ValueError:
        return None
    return at if at.tzinfo and at.year > 1 and at <= timezone.now() else None


def _lines(then: Sequence[Row], now: Sequence[Row]) -> list[Line]:
    old, new = ({row.label: row for row in rows} for rows in (then, now))
    empty = Row("", "", "", agrees=True)
    return [
        Line(label, a.said, b.said, a.has, b.has)
        for label in {**old, **new}
        for a, b in [(old.get(label, empty), new.get(label, empty))]
    ]
