"""What the looks of the last 24 hours came to, as numbers and as a chart."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from portal import figures
from portal.admin.display import Tile, list_of
from portal.figures import Hours
from syncs.models import Attempt

#: What a look came to, in words, and the colour of its part of a bar.
SERIES = (
    (figures.WRITTEN, "Written", "#0b5fa5"), (figures.UNCHANGED, "Nothing to write", "#9db4c8"),
    (figures.FAILED, "Failed", "#c2372f"),
)  # fmt: skip
#: Read on light and on dark.
GREY = "#748090"
#: Of the bar chart: parts on top of each other, every sixth hour named.
CHART_OPTIONS = json.dumps(
    {
        "maintainAspectRatio": False,
        "animation": False,
        "interaction": {"mode": "index", "intersect": False},
        "plugins": {
            "legend": {
                "display": True,
                "position": "bottom",
                "labels": {"boxWidth": 12, "boxHeight": 12, "color": GREY},
            }
        },
        "scales": {
            "x": {
                "stacked": True,
                "grid": {"display": False},
                "ticks": {"maxTicksLimit": 8, "maxRotation": 0, "color": GREY},
            },
            "y": {"stacked": True, "beginAtZero": True, "ticks": {"precision": 0, "maxTicksLimit": 5, "color": GREY}},
        },
    }
)


def totals(day: Hours) -> list[Tile]:
    """What was found as it was has no list: most of it has no look of its own."""
    looks = {figures.WRITTEN: "good", figures.UNCHANGED: "plain", figures.FAILED: "bad"}
    sums = {kind: figures.total(day, kind) for kind, _, _ in SERIES}
    pages = {k: list_of(Attempt, outcome=k, within="24h") for k in (figures.WRITTEN, figures.FAILED)}
    return [
        Tile(words, sums[kind], pages.get(kind, ""), looks[kind] if sums[kind] else "plain")
        for kind, words, _ in SERIES
    ]


def _hours(now: datetime) -> list[datetime]:
    this = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return [this - timedelta(hours=n) for n in range(23, -1, -1)]


def rows(day: Hours, now: datetime) -> list[tuple[datetime, list[int]]]:
    """The same numbers hour by hour, for who cannot see the chart; hours in which nothing happened are left out."""
    counts = [(hour, [day.get((hour, kind), 0) for kind, _, _ in SERIES]) for hour in _hours(now)]
    return [(hour, numbers) for hour, numbers in counts if any(numbers)]


def chart(day: Hours, now: datetime) -> dict[str, Any]:
    """For Chart.js: one bar an hour, three parts each."""
    hours = _hours(now)
    sets = [
        {"label": words, "data": [day.get((h, kind), 0) for h in hours], "backgroundColor": colour, "stack": "looks"}
        for kind, words, colour in SERIES
    ]
    return {"labels": [f"{timezone.localtime(h):%H:%M}" for h in hours], "datasets": sets}
