"""How the syncs of a business have done, in numbers that each lead to their records."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_safe

from portal import access, figures, wording
from portal import numbers as counting
from portal.access import Action
from portal.figures import Speed
from portal.models import Business, Connection
from portal.numbers import Day
from syncs import ledger
from syncs.models import Attempt, Link, Sync

SPANS = (("last hour", timedelta(hours=1)), ("last 24 hours", figures.DAY), ("last 7 days", timedelta(days=7)))


@login_required
@require_safe
def numbers(request: HttpRequest, business_id: int) -> HttpResponse:
    """Six queries of its own, however much there is."""
    business = access.demand(request, business_id, Action.VIEW)
    now, place = timezone.now(), wording.zone(business)
    syncs = list(Sync.objects.select_related("business", "version", "source", "target").order_by("pk"))
    places = ledger.count(Link.objects.filter(sync__in=syncs))
    calls = counting.calls(now, place)
    days = counting.days(calls, now, place)
    connections = list(Connection.objects.exclude(status=Connection.Status.OFF).defer("credentials"))
    measured = figures.speeds(Attempt.objects.filter(business=business), now, [span for _, span in SPANS])
    context = {
        "now": now,
        "places": places,
        "in_step": places["written"] + places["unchanged"],
        "percent": counting.in_step(places),
        "looked_at": min((s.polled_until for s in syncs if s.polled_until and s.mode != Sync.Mode.OFF), default=None),
        "speeds": [(words, _speed(found)) for (words, _), found in zip(SPANS, measured, strict=True)],
        "latest": figures.LATEST,
        "days": [(day, f"{reverse('records', args=[business.pk])}?written={day.on.isoformat()}") for day in days],
        "newest": days[-1].on,
        "written": (written := sum(day.written for day in days)),
        "hours": counting.typing_hours(written),
        "typing": counting.TYPING_MINUTES,
        "kept": [(one, wording.terms_of(one.sync)) for one in counting.kept(syncs, calls)],
        "refused": sum(day.refused for day in days),
        "chart": json.dumps(_chart(business, days)),
        "used": counting.used(connections),
    }
    return render(request, "portal/numbers.html", context)


def _speed(found: Speed | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"half": wording.seconds(found.half), "most": wording.seconds(found.most), "changes": found.changes}


def _chart(business: Business, days: Sequence[Day]) -> dict[str, Any]:
    """For fieldbridge-charts.js: a bar a day, and where each leads."""
    page = reverse("records", args=[business.pk])
    return {
        "labels": [date_format(day.on, "j M") for day in days],
        "links": [f"{page}?written={day.on.isoformat()}" if day.written else "" for day in days],
        "sets": [
            {"label": "Written", "colour": "--accent", "data": [day.written for day in days]},
            {"label": "Refused by the service", "colour": "--bad", "data": [day.refused for day in days]},
        ],
    }


urlpatterns = [path("b/<int:business_id>/numbers/", numbers, name="numbers")]
