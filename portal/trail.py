"""The audit trail and the ledger of writes as one reads them: filtered, in words, and as lines of a file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from portal import wording
from portal.models import Business
from syncs.audit import PORTAL
from syncs.models import AuditEntry, Write

#: What one can ask for: its words, and what the actions of it begin with.
WHAT: dict[str, tuple[str, tuple[str, ...]]] = {
    "people": ("Sign-ins and people", ("person.",)),
    "connections": ("Connections", ("connection.",)),
    "settings": (
        "Settings", ("business.", "sync.", "draft.", "version.", "alerts.", "admin.", "reconciliation.settings"),
    ),
    "decisions": ("Approvals and decisions", ("approval.", "record.", "mismatch.", "incident.")),
    "exports": ("Downloads", (
        "report.exported", "incident.exported", "what_if.downloaded", "recipe.exported", "audit.exported",
        "privacy.exported",
    )),
    "privacy": ("Erased and no longer kept", ("privacy.", "retention.")),
}  # fmt: skip
HEAD = ("When", "Who", "What", "In words", "About", "Proof")
#: Lines of one file.
MOST = 50_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page and the file show."""

    what: str = ""
    who: str = ""
    about: str = ""
    since: date | None = None
    until: date | None = None
    writes: bool = False

    @classmethod
    def of(cls, said: Mapping[str, str]) -> "Asked":
        """What cannot be read is not asked for."""
        what = said.get("what", "")
        return cls(
            what if what in WHAT else "", said.get("who", "").strip()[:150], said.get("about", "").strip()[:120],
            _day(said.get("since", "")), _day(said.get("until", "")), said.get("show") == "writes",
        )  # fmt: skip

    def rows(self, business: Business) -> "QuerySet[AuditEntry] | QuerySet[Write]":
        return self._writes(business) if self.writes else self._entries(business)

    def _entries(self, business: Business) -> QuerySet[AuditEntry]:
        found = AuditEntry.objects.filter(business=business, **self._between("at", business))
        if self.who:
            found = found.filter(who__icontains=self.who)
        if self.about:
            found = found.filter(Q(words__icontains=self.about) | Q(subject=self.about))
        return found.filter(of_kind(self.what))

    def _writes(self, business: Business) -> QuerySet[Write]:
        related = ("link__sync__source", "link__sync__target", "connection", "actor")
        found = Write.objects.filter(business=business, **self._between("intended_at", business))
        if self.who:
            nobody = Q(actor=None) if self.who.casefold() in PORTAL.casefold() else Q()
            found = found.filter(Q(actor__name__icontains=self.who) | nobody)
        if self.about:
            ids = Q(outside_id=self.about) | Q(target_id=self.about)
            found = found.filter(Q(link__label__icontains=self.about) | ids)
        return found.select_related(*related).defer("params", "answer")

    def _between(self, name: str, business: Business) -> dict[str, datetime]:
        """Days are those of the business."""
        place, limits = wording.zone(business), {}
        if self.since:
            limits[f"{name}__gte"] = _begins(self.since, place)
        if self.until:
            limits[f"{name}__lt"] = _begins(self.until + timedelta(days=1), place)
        return limits


def of_kind(what: str) -> Q:
    """Of entries: those of one of the kinds; all for a name that is none."""
    own = WHAT[what][1] if what in WHAT else ()
    begins = Q()
    for action in own:
        begins |= Q(action__startswith=action)
    for other in (action for name, (_, actions) in WHAT.items() if name != what for action in actions):
        if other.startswith(own):
            begins &= ~Q(action__startswith=other)
    return begins


def kind(entry: AuditEntry) -> str:
    """The one that names the action most closely."""
    fitting = [(len(a), words) for words, actions in WHAT.values() for a in actions if entry.action.startswith(a)]
    return max(fitting, default=(0, "Other"))[1]


def _day(said: str) -> date | None:
    try:
        found = date.fromisoformat(said)
    except ValueError:
        return None
    return found if date(1990, 1, 1) <= found <= date(2200, 1, 1) else None


def _begins(day: date, place: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, place).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Line:
    at: datetime
    who: str
    what: str
    words: str
    #: The id outside, of what was written; the words name what else there is.
    about: str
    link_id: int | None
    proof: str


def lines(rows: Iterable[Any]) -> list[Line]:
    return [_written(row) if isinstance(row, Write) else _done(row) for row in rows]


def _done(row: AuditEntry) -> Line:
    about, _, pk = row.subject.partition(":")
    return Line(row.at, row.who, kind(row), row.words, "", int(pk) if about == "link" else None, row.hash)


def _written(row: Write) -> Line:
    service, verb = row.connection.get_connector_display(), row.verb.replace("_", " ").capitalize()
    words = f"{verb} in {service}: {row.link} ({row.get_state_display().lower()})"
    who = row.actor.get_short_name() if row.actor else PORTAL
    return Line(
        row.intended_at, who, f"Written to {service}", words, row.outside_id or row.target_id, row.link_id, row.hash
    )


def as_file(business: Business, asked: Asked) -> Iterator[Sequence[Any]]:
    place = wording.zone(business)
    for line in lines(asked.rows(business).order_by("-pk")[:MOST]):
        at = line.at.astimezone(place).isoformat(timespec="seconds")
        yield (at, line.who, line.what, line.words, line.about, line.proof)
