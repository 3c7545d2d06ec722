"""Filters whose choices are known: no list of distinct values is read from a long table."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import DropdownFilter

from syncs import flagging
from syncs.ledger import DUE
from syncs.models import Incident, Link, Sync
from syncs.rules.judging import RAISED

PERIODS = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
#: Incidents to choose from.
MOST_OFFERED = 200
_WAITING = (Link.State.DUE, Link.State.PLANNED, Link.State.RETRYING)
#: The places of the ledger's equation, as conditions on links.
PLACES = {
    "waiting": DUE | Q(state__in=_WAITING),
    "written": ~DUE & Q(state=Link.State.IN_STEP, written_at__isnull=False),
    "unchanged": ~DUE & Q(state=Link.State.IN_STEP, written_at__isnull=True),
    "skipped": ~DUE & Q(state__in=[Link.State.SKIPPED, Link.State.ENDED]),
    "held": ~DUE & Q(state__in=[Link.State.HELD, Link.State.CONFLICT]),
    "failed": ~DUE & Q(state=Link.State.PARKED),
}
PLACE_WORDS = {
    "written": "Written", "unchanged": "Unchanged", "skipped": "Left out", "held": "Needs a look", "failed": "Failed",
    "waiting": "Waiting",
}  # fmt: skip


class Place(DropdownFilter):  # type: ignore[misc]  # unfold ships no types
    """Where a record stands in the equation."""

    title, parameter_name = "place", "place"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*PLACE_WORDS.items(), ("due", "Noticed, not yet worked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Link]) -> QuerySet[Link]:
        if self.value() == "due":
            return queryset.filter(DUE).exclude(sync__mode=Sync.Mode.OFF)
        condition = PLACES.get(self.value() or "")
        return queryset.filter(condition) if condition else queryset


class Raised(DropdownFilter):  # type: ignore[misc]  # as above
    """What an incident is about that a rule has raised."""

    title, parameter_name = "incident of a rule", "incident"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Those that the person sees."""
        seen: QuerySet[Incident] = model_admin.admin_site.get_model_admin(Incident).get_queryset(request)
        rows = seen.filter(cause_code__startswith=RAISED).exclude(state=Incident.State.RESOLVED)
        self.incidents = {str(row.pk): row for row in rows.select_related("sync__version")[:MOST_OFFERED]}
        return [(key, row.title) for key, row in self.incidents.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Link]) -> QuerySet[Link]:
        incident = self.incidents.get(self.value() or "")
        return queryset.filter(pk__in=flagging.records_of(incident).values("pk")) if incident else queryset


def one_of(field: str, title: str, choices: Sequence[tuple[str, str]]) -> type[Any]:
    """A filter for a text column that holds one of these values."""

    class OneOf(DropdownFilter):  # type: ignore[misc]  # as above
        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return list(choices)

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            return queryset.filter(**{field: self.value()}) if self.value() else queryset

    OneOf.title, OneOf.parameter_name = title, field
    return OneOf


def within(field: str) -> type[Any]:
    """A filter for the last hour, day, week or month."""

    class Within(DropdownFilter):  # type: ignore[misc]  # as above
        title, parameter_name = "when", "within"

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [("1h", "Last hour"), ("24h", "Last 24 hours"), ("7d", "Last 7 days"), ("30d", "Last 30 days")]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            period = PERIODS.get(self.value() or "")
            return queryset.filter(**{f"{field}__gte": timezone.now() - period}) if period else queryset

    return Within
