"""Records that rules send from one sync to another: who sends what, and telling the others when that changes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from django.db import transaction
from django.utils import timezone

from syncs import bulk, lanes, notice
from syncs.mapping import Compiled
from syncs.models import Link, Outcome, Rule, Sync
from syncs.planning import Plan
from syncs.rules.book import ROUTE
from syncs.rules.routes import ONLY_SENT as ONLY_SENT
from syncs.rules.routes import Routes

if TYPE_CHECKING:
    from django.db.models import QuerySet

ONLY_SENT_WORDS = "Take only what a rule of another sync sends here"


class Looked(Protocol):
    @property
    def link(self) -> Link: ...
    @property
    def plan(self) -> Plan: ...


def others(sync: Sync) -> "QuerySet[Sync]":
    """The syncs that a rule of this one can send records to: they read the same records of the same account."""
    alike = Sync.objects.filter(
        business=sync.business_id, source=sync.source_id, source_resource=sync.source_resource
    )  # fmt: skip
    return alike.exclude(pk=sync.pk).select_related("target").order_by("pk")


def may_be_sent_to(sync: Sync) -> bool:
    """Whether it makes sense to offer that it takes only what is sent: a rule does send, or it is set already."""
    if sync.options.get(ONLY_SENT):
        return True
    beside = list(others(sync).select_related("version"))
    if not beside:
        return False
    live = [version.content for other in beside if (version := other.version)]
    sends = any(rule.get("sync") == sync.pk for content in live for rule in content.get("rules", ()))
    drafts = Rule.objects.filter(sync__in=beside, outcome=Outcome.ROUTE)
    return sends or any(rule.route_to.get("recipe") == sync.recipe for rule in drafts)


def told(sync: Sync, version: Compiled, links: Sequence[Link], *, steps: bool) -> Mapping[str, Routes]:
    """{source id: where it is sent}, where rules of this sync or of others have a say about it."""
    sends = any(rule.outcome == ROUTE for rule in version.rules)
    if not (sends or version.options.get(ONLY_SENT) or any(link.routed_to_id for link in links)):
        return {}
    names = dict(others(sync).values_list("pk", "name"))
    beside = Link.objects.filter(sync__in=list(names), source_id__in=[link.source_id for link in links])
    sent: dict[str, dict[int, int]] = defaultdict(dict)
    holding: set[tuple[str, int]] = set()
    for key, pk, to, target, state in beside.values_list("source_id", "sync", "routed_to", "target_id", "state"):
        if to:
            sent[key][pk] = to
        if steps and target and state != Link.State.ENDED:
            holding.add((key, pk))
    found = {}
    for link in links:
        keeps = link.routed_to_id if (link.source_id, link.routed_to_id) in holding else None
        found[link.source_id] = Routes(sync.pk, names, sent[link.source_id], keeps)
    return found


def move(sync: Sync, looks: Iterable[Looked]) -> None:
    """Tell the syncs whose record it is from now on, and those whose it was: before anything is written, and in one
    transaction with what this sync remembers of it. A review only plans, and tells nobody."""
    moved = [look for look in looks if look.plan.route != look.link.routed_to_id]
    if not moved or sync.mode == Sync.Mode.PREVIEW:
        return
    places = {look.link.pk: {look.plan.route, look.link.routed_to_id} - {None} for look in moved}
    to = Sync.objects.in_bulk({pk for several in places.values() for pk in several if pk})
    with transaction.atomic():
        for lane_id in sorted({other.lane_id for other in to.values()}):
            lanes.wake(lane_id)  # before the links, as everywhere
        for look in moved:
            look.link.routed_to_id = look.plan.route
            for pk in sorted(to.keys() & places[look.link.pk]):
                notice.mark(to[pk], look.link.source_id, f"rule of {sync}", timezone.now(), look.link.priority)
        bulk.update_each([look.link for look in moved], ("routed_to",))
