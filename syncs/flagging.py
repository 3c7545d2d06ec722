"""Records that a rule has raised an incident about: kept with the link, counted when a sync was worked."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from django.db.models import Count, Window
from django.db.models.functions import RowNumber

from syncs import bulk
from syncs.models import Incident, Link, Sync
from syncs.rules.book import INCIDENT
from syncs.rules.judging import RAISED, raised

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from syncs.looking import Look


def kept(flags: Sequence[str]) -> str:
    """Names as the link keeps them: one on each line."""
    return "\n".join(flags)


def keep(looks: "Iterable[Look]") -> None:
    """Inside the transaction that settles them. Nothing is written where nothing changes."""
    moved = [look.link for look in looks if (look.plan.flags or look.link.flags) and _differs(look)]
    bulk.update_each(moved, ("flags",))


def _differs(look: "Look") -> bool:
    before, look.link.flags = look.link.flags, kept(look.plan.flags)
    return before != look.link.flags


def rules(sync: Sync) -> dict[str, tuple[str, str]]:
    """{cause: (name, what is to be done)} of the live version's rules that raise incidents."""
    rows = sync.version.content.get("rules", ()) if sync.version else ()
    return {raised(r["name"]): (r["name"], r.get("reason", "")) for r in rows if r.get("outcome") == INCIDENT}


def counts(sync: Sync) -> dict[str, int]:
    """{cause: how many records the rule applies to}; those of rules that are gone do not count."""
    known = rules(sync)
    if not known:
        return {}
    found: Counter[str] = Counter()
    for flags, number in _groups(sync):
        for cause in {raised(name) for name in flags.splitlines()} & known.keys():
            found[cause] += number
    return dict(found)


def words(cause: str, count: int, sync: Sync) -> tuple[str, str]:
    """What is said of so many records that a rule has raised an incident about, and what to do."""
    name, reason = rules(sync).get(cause, ("", ""))
    many = sync.source_resource
    of = f"{count:,} {many.removesuffix('s') if count == 1 else many}"
    return f"Rule “{name}” applies to {of}", reason


def is_raised(cause: str) -> bool:
    return cause.startswith(RAISED)


def records(sync: Sync, cause: str) -> "QuerySet[Link]":
    """What an incident that a rule has raised is about."""
    groups = [flags for flags, _ in _groups(sync) if is_about(flags, cause)]
    return Link.objects.filter(sync=sync, flags__in=groups)


def is_about(flags: str, cause: str) -> bool:
    """Whether the rule that raised this incident is one of those that a link keeps."""
    return cause in map(raised, flags.splitlines())


def first_records(syncs: Iterable[int | None], most: int) -> list[Link]:
    """Of the records of these syncs that rules have raised incidents about, at least so many of the first of each."""
    flagged = Link.objects.filter(sync__in=list(syncs)).exclude(flags="")
    ranked = flagged.annotate(nth=Window(RowNumber(), partition_by=["sync", "flags"], order_by="pk"))
    return list(ranked.filter(nth__lte=most).order_by("pk"))


def records_of(incident: Incident) -> "QuerySet[Link]":
    return records(incident.sync, incident.cause_code) if incident.sync else Link.objects.none()


def _groups(sync: Sync) -> list[tuple[str, int]]:
    """Rules that apply together to some records, and to how many."""
    flagged = Link.objects.filter(sync=sync).exclude(flags="")
    return list(flagged.values_list("flags").annotate(n=Count("pk")).order_by())
