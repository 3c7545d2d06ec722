"""How many calls it takes to carry a what-if out, and how long: as the engine makes them, and as fast as it was."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from math import ceil
from typing import Any

from django.db.models import Count
from django.utils import timezone

from syncs import recipes
from syncs.models import Link, Sync, WhatIf, Write
from syncs.tallying import DRAFT, LIVE

MEASURED, FEW = 500, 5
LATELY = timedelta(days=30)
#: Calls a second where nothing was written lately; a pause longer than IDLE between two calls was no work.
ASSUMED, IDLE = 2.0, 1.0
#: Calls that a record of several steps takes where none was made yet: a draft, its lines, opening it.
STEPS = 3.0


@dataclass(frozen=True, slots=True)
class Pace:
    """`rate`: calls a second. `rests_on`: what that is known from, in words."""

    rate: float
    rests_on: str


def estimate(asked: WhatIf) -> dict[str, Any]:
    """{side: {"write", "look_up", "read", "calls", "seconds"}, "rests_on": words}."""
    sync, calls = asked.sync, asked.counts.get("calls", {})
    pace, steps = measured(sync), _steps(sync)
    options = {LIVE: asked.version.content.get("options", {}) if asked.version else {}}
    options[DRAFT] = asked.content.get("options", {})
    found: dict[str, Any] = {}
    for side in (LIVE, DRAFT):
        counted = calls.get(side, {})
        writes = counted.get("write", 0) + round(counted.get("steps", 0) * (steps - 1))
        read = _reads(asked) if options[side].get("two_way") else 0
        whole = {"write": writes, "look_up": counted.get("look_up", 0), "read": read}
        total = sum(whole.values())
        found[side] = {**whole, "calls": total, "seconds": round(total / pace.rate, 1)}
    more = f" A record that takes several steps takes {steps:.1f} calls." if recipes.get(sync.recipe).steps else ""
    return {**found, "rests_on": pace.rests_on + more}


def measured(sync: Sync) -> Pace:
    """How fast calls went through lately, no faster than the service said that it lets us."""
    recent = Write.objects.filter(
        connection=sync.target_id, state=Write.State.CONFIRMED, settled_at__gte=timezone.now() - LATELY
    )  # fmt: skip
    times = sorted(filter(None, recent.order_by("-pk").values_list("settled_at", flat=True)[:MEASURED]))
    if len(times) < FEW:
        rate, words = ASSUMED, f"Hardly anything was written lately, so {ASSUMED:.0f} calls a second are assumed."
    else:
        busy = sum(min(IDLE, (b - a).total_seconds()) for a, b in pairwise(times))
        rate = (len(times) - 1) / max(busy, 0.01)
        words = f"Measured: the last {len(times)} calls went through at {rate:.1f} a second."
    allowed = _allowed(sync)
    if allowed and allowed < rate:
        return Pace(allowed, f"{words} The service lets us make {allowed:.1f} a second.")
    return Pace(rate, words)


def _allowed(sync: Sync) -> float:
    """The slowest pace that the service has shown for calls; 0 where it has shown none. A budget of calls allows as
    many a second as it holds at most; others are counted in units of the service's own."""
    rates = [_rate(b) for b in sync.target.budgets if b.get("available") == b.get("maximum") == _rate(b)]
    return min(filter(None, rates), default=0.0)


def _rate(budget: Mapping[str, Any]) -> float:
    return float(budget.get("restore_per_second") or 0)


def _steps(sync: Sync) -> float:
    """Calls for a record that was made by this sync, on the average."""
    if not recipes.get(sync.recipe).steps:
        return 1.0
    made = Write.objects.filter(link__sync=sync, verb="create", resource=sync.target_resource, state="confirmed")
    links = list(made.order_by("-pk").values_list("link_id", flat=True)[:MEASURED])
    if not links:
        return STEPS
    whole = Write.objects.filter(link__in=links, state="confirmed").aggregate(n=Count("pk"))["n"]
    return max(1.0, float(whole) / len(set(links)))


def _reads(asked: WhatIf) -> int:
    """Where both sides may be written, both are read anew before each look: so many at once as each lets us."""
    linked = Link.objects.filter(sync=asked.sync).exclude(target_id=None).exclude(state=Link.State.ENDED).count()
    here, there = asked.sync.source.service, asked.sync.target.service
    return ceil(asked.done / here.fetch_batch) + ceil(min(linked, asked.done) / there.fetch_batch)
