"""Reports of reconciliation and what they found: to look up; they are put right on the pages of the business."""

from django.contrib import admin

from portal.admin.base import BY_BUSINESS, HistoryAdmin, SeenFilter
from portal.admin.display import as_json, linked, state, when
from portal.admin.filters import within
from syncs.models import Mismatch, Report


@admin.register(Report)
class ReportAdmin(HistoryAdmin):
    """Each is one whole comparison of both sides."""

    list_display = ("of", "where", "began", "ended", "found", "asked_by")
    list_select_related = ("sync", "business", "asked_by")
    search_fields = ("sync__name", "business__name")
    list_filter = (BY_BUSINESS, ("sync", SeenFilter), within("started_at"))
    fields = (("business", "sync"), ("run", "asked_by"), ("started_at", "finished_at"), "counted", "sums")
    of, where = linked("sync"), linked("business")
    began, ended = when("started_at", "began"), when("finished_at", "ended")
    counted, sums = as_json("counts", "counts"), as_json("totals", "months")

    @admin.display(description="mismatches")
    def found(self, row: Report) -> str:
        counts = row.counts.get("kinds", {})
        return f"{sum(counts.values()):,}" if row.finished_at else ""


@admin.register(Mismatch)
class MismatchAdmin(HistoryAdmin):
    """One difference of one report."""

    list_display = ("__str__", "condition", "words", "of", "where", "first")
    list_select_related = ("sync", "business", "link")
    search_fields = ("label", "source_id", "target_id")
    search_help_text = "Its name, or the id of the record on either side"
    list_filter = (BY_BUSINESS, ("sync", SeenFilter), "kind", "state")
    fields = (
        ("business", "sync"), ("report", "link"), ("kind", "condition"), "words", ("source_id", "target_id"), "both",
        ("here_amount", "there_amount", "currency"), ("fix", "chosen"), ("first_seen_at", "still"), ("why", "who"),
    )  # fmt: skip
    of, where, condition = linked("sync"), linked("business"), state()
    first, both = when("first_seen_at", "first seen"), as_json("fields", "both sides")
