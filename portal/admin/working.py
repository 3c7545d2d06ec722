"""What is being worked on: runs and lanes."""

from django.contrib import admin
from django.utils import timezone
from django.utils.safestring import SafeString

from portal.admin.base import BY_BUSINESS, HistoryAdmin, ScopedAdmin, SeenFilter
from portal.admin.display import NOTHING, as_json, linked, links, list_of, state, when
from portal.admin.filters import within
from syncs.models import Lane, Link, Run, Sync


@admin.register(Run)
class RunAdmin(HistoryAdmin):
    """Readings of many records. Where one stands is kept page by page, so that it goes on after a stop."""

    list_display = ("of", "where", "kind", "condition", "side", "read", "began", "ended", "cause")
    list_select_related = ("sync", "business")
    search_fields = ("sync__name", "business__name", "cause")
    list_filter = (BY_BUSINESS, ("sync", SeenFilter), within("started_at"), "kind", "state")
    fields = (
        ("business", "sync"), ("kind", "condition"), ("side", "read"), ("started_at", "finished_at"),
        ("since", "next_try"), ("attempts", "cause"), "related", "counted",
    )  # fmt: skip
    of, where, condition = linked("sync"), linked("business"), state()
    began, ended, counted = when("started_at", "began"), when("finished_at", "ended"), as_json("counts", "counts")

    @admin.display(description="records read")
    def read(self, row: Run) -> str:
        seen = int(row.counts.get("seen", 0))
        return f"{seen:,} of {row.total:,}" if row.total else f"{seen:,}"

    @admin.display(description="see also")
    def related(self, row: Run) -> SafeString:
        return links((list_of(Link, run__id__exact=row.pk), "records it noticed last"))


@admin.register(Lane)
class LaneAdmin(ScopedAdmin):
    """One business and one target account, worked by one worker at a time."""

    list_display = ("__str__", "where", "waits", "until", "failures", "held_until", "served")
    list_select_related = ("business", "target")
    search_fields = ("business__name", "target__account_name", "parked")
    list_filter = (BY_BUSINESS, "parked_code")
    fields = (
        ("business", "target"), ("waits", "parked_code"), ("resume_at", "failures"), ("lease", "lease_until"),
        ("woken_at", "served_at"), "related",
    )  # fmt: skip
    where, until = linked("business"), when("resume_at", "waits until")
    held_until, served = when("lease_until", "held until"), when("served_at", "worked last")

    @admin.display(description="waits because", ordering="parked")
    def waits(self, row: Lane) -> str:
        if row.parked:
            return row.parked
        waiting = row.resume_at is not None and row.resume_at > timezone.now()
        return "The service asked for a pause, or does not answer." if waiting else NOTHING

    @admin.display(description="see also")
    def related(self, row: Lane) -> SafeString:
        return links((list_of(Sync, lane__id__exact=row.pk), "its syncs"))
