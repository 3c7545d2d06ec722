"""The plan of a sync that is not live yet: its records, what would happen to each and why, and may it go live."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page
from django.db.models import OuterRef, Subquery

from portal import figures, paging, sides, wording
from portal.figures import Group
from portal.models import Connection
from portal.sides import Teller
from portal.wording import Badge
from syncs.models import Attempt, Link, Run, Snapshot, Sync

#: Looks gone through for what they warned of.
MOST_WARNED = 5000
#: The group of records, besides those of the plan, that something should be known of.
WARNED = "warned"

type Warned = Mapping[int, Sequence[str]]


def broken(sync: Sync) -> list[Connection]:
    """Its connections that do not work."""
    return [c for c in (sync.source, sync.target) if c.status != Connection.Status.ACTIVE]


def refusal(sync: Sync, *, reviewed: bool, waiting: int) -> str:
    """Why it cannot go live just now; '' when it can."""
    if broken(sync):
        return f"{broken(sync)[0].service.name} is not connected. Connect it again first."
    if not reviewed:
        return "The review is not done yet."
    if waiting:
        is_or_are = "is" if waiting == 1 else "are"
        return f"{wording.terms_of(sync).count(waiting)} {is_or_are} still to be looked at. That takes a moment."
    return ""


def why_not_live(sync: Sync) -> str:
    """Why it cannot be stepped up to where it writes; '' when it can. One that writes already has been reviewed."""
    if sync.writes:
        return f"{broken(sync)[0].service.name} is not connected. Connect it again first." if broken(sync) else ""
    if Run.objects.filter(sync=sync, state=Run.State.RUNNING).exists():
        return "The review is still going on."
    reviewed = Run.objects.filter(sync=sync, state=Run.State.DONE).exists()
    return refusal(sync, reviewed=reviewed, waiting=figures.in_group(sync, Group.WAITING).count())


# What is worth knowing


def warned(sync: Sync) -> Warned:
    """{link id: warnings} of the records, as looked at with the version there is."""
    looks = Attempt.objects.filter(link__sync=sync, version=sync.version_id).exclude(plan__warnings=[])
    rows = looks.order_by("pk").values_list("link_id", "plan__warnings")[:MOST_WARNED]
    return {link: list(warnings) for link, warnings in rows if warnings}


def summary(warnings: Iterable[str]) -> list[tuple[int, str]]:
    """(how many, one example) of each kind of warning."""
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for words in warnings:
        kind = wording.kind(words)
        counts[kind] += 1
        examples.setdefault(kind, words)
    return [(n, examples[kind]) for kind, n in counts.most_common()]


# Record by record


@dataclass(frozen=True, slots=True)
class Planned:
    """One record of the plan. `other`: the name of the counterpart it was matched with."""

    link: Link
    badge: Badge
    reason: str
    other: str
    changes: list[tuple[str, str, str]]
    warnings: list[str]


def group(asked: str, counts: Mapping[Group, int], warned: Warned) -> str:
    """What was asked for, else what needs a look, else the first group that has records."""
    if asked in set(Group) or (asked == WARNED and warned):
        return asked
    return str(next((g for g in (Group.LOOK, *Group) if counts[g]), Group.CREATE))


def records(sync: Sync, group: str, warned: Warned, number: str, known: int) -> Page[Any]:
    """One page of a group, as Planned. `known`: how many records are in it."""
    of_sync = Link.objects.filter(sync=sync)
    links = of_sync.filter(pk__in=list(warned)) if group == WARNED else figures.in_group(sync, Group(group))
    last = Attempt.objects.filter(link=OuterRef("pk")).order_by("-pk")
    made = links.order_by("pk").annotate(made=Subquery(last.values("plan")[:1]))
    page = paging.page(made, number, known)
    rows = list(page.object_list)
    there = _labels(sync, [(row.made or {}).get("target_id") for row in rows])
    tell = sides.teller(sync)
    page.object_list = [_planned(tell, row, there) for row in rows]
    return page


def _labels(sync: Sync, ids: Iterable[str | None]) -> dict[str, str]:
    asked = [i for i in ids if i]
    if not asked:
        return {}
    held = Snapshot.objects.filter(connection=sync.target_id, resource=sync.target_resource, external_id__in=asked)
    return dict(held.values_list("external_id", "label"))


def _planned(tell: Teller, row: Any, there: Mapping[str, str]) -> Planned:
    made: dict[str, Any] = row.made or {}
    return Planned(
        row, wording.badge(row), row.cause or made.get("reason", ""), there.get(made.get("target_id") or "", ""),
        tell.changes(made), made.get("warnings", []),
    )  # fmt: skip
