"""What the looks of the last 24 hours came to, as numbers and as a chart."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, TextField
from django.db.models.functions import Cast, Substr
from django.utils import timezone

from portal.admin.display import Tile, list_of
from syncs.models import Attempt

DAY = timedelta(hours=24)
#: Outcome of a look, in words, and the colour of its part of a bar.
SERIES = (("written", "Written", "#0b5fa5"), ("done", "Nothing to write", "#9db4c8"), ("failed", "Failed", "#c2372f"))
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

type Counts = dict[tuple[datetime, str], int]


def counted(now: datetime) -> Counts:
    """{(hour in UTC, outcome): looks} of the last 24 hours."""
    hour = Substr(Cast("at", TextField()), 1, len("2026-01-31 09"))  # TruncHour is a call into Python per row on SQLite
    rows = Attempt.objects.filter(at__gte=now - DAY).annotate(hour=hour).values("hour", "outcome")
    found = rows.annotate(n=Count("pk")).order_by()
    return {(datetime.fromisoformat(r["hour"]).replace(tzinfo=UTC), r["outcome"]): r["n"] for r in found}


def totals(day: Counts) -> list[Tile]:
    looks = {"written": "good", "done": "plain", "failed": "bad"}
    sums = {o: sum(n for (_, outcome), n in day.items() if outcome == o) for o, _, _ in SERIES}
    return [
        Tile(words, sums[o], list_of(Attempt, outcome=o, within="24h"), looks[o] if sums[o] else "plain")
        for o, words, _ in SERIES
    ]


def chart(day: Counts, now: datetime) -> dict[str, Any]:
    """For Chart.js: one bar an hour, three parts each."""
    this = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [this - timedelta(hours=n) for n in range(23, -1, -1)]
    sets = [
        {"label": words, "data": [day.get((h, o), 0) for h in hours], "backgroundColor": colour, "stack": "looks"}
        for o, words, colour in SERIES
    ]
    return {"labels": [f"{timezone.localtime(h):%H:%M}" for h in hours], "datasets": sets}
