"""The audit trail: who did what in a business; and what was erased and stays out."""

from collections import Counter
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.contrib.filters.admin import DropdownFilter

from portal import spreadsheets, trail
from portal.access import Action
from portal.admin.base import BY_BUSINESS, HistoryAdmin, person
from portal.admin.display import as_json, linked, when
from portal.admin.filters import within
from portal.models import Business
from syncs import audit
from syncs.models import AuditEntry, Erased


def _cells(line: trail.Line) -> tuple[str, ...]:
    at = line.at.isoformat(timespec="seconds")
    return (at, line.who, line.what, line.words, line.about, line.proof)


class Kind(DropdownFilter):  # type: ignore[misc]  # unfold ships no types
    """What was done, in the kinds of the owner's page."""

    title, parameter_name = "what", "what"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(key, words) for key, (words, _) in trail.WHAT.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        return queryset.filter(trail.of_kind(self.value() or ""))


@admin.register(AuditEntry)
class AuditEntryAdmin(HistoryAdmin):
    """Append only: each entry is chained to the one before it in the business."""

    list_display = ("words", "who", "kind", "where", "done")
    list_select_related = ("business",)
    search_fields = ("words", "who", "subject", "business__name")
    search_help_text = "Words, who did it, a business, or what it was done to, such as link:12"
    list_filter = (BY_BUSINESS, within("at"), Kind)
    fields = ("business", "words", ("who", "action"), ("subject", "at"), "more", ("previous_hash", "hash"))
    actions = ("download",)
    where, done, more = linked("business"), when("at", "when"), as_json("details", "details")

    @admin.display(description="what", ordering="action")
    def kind(self, row: AuditEntry) -> str:
        return trail.kind(row)

    @admin.action(description="Download as CSV", permissions=["view"])
    def download(self, request: HttpRequest, rows: QuerySet[AuditEntry]) -> HttpResponse:
        """That they were taken stands in the trail of each business that they are of."""
        chosen = list(rows.select_related("business").order_by("-pk")[: trail.MOST])
        cells = [(str(row.business), *_cells(line)) for row, line in zip(chosen, trail.lines(chosen), strict=True)]
        found = Business.objects.in_bulk({row.business_id for row in chosen})
        for business_id, count in Counter(row.business_id for row in chosen).items():
            words = f"Downloaded {count:,} {'entry' if count == 1 else 'entries'} of the audit trail"
            audit.record(business_id, person(request), "audit.exported", found[business_id], words)
        return spreadsheets.attachment(f"audit-{timezone.localdate():%Y-%m-%d}", [("Business", *trail.HEAD), *cells])


@admin.register(Erased)
class ErasedAdmin(HistoryAdmin):
    """Records of erased clients. One that is deleted here is read in again when both sides are compared next."""

    delete_gate = Action.SETTINGS
    list_display = ("external_id", "resource", "of", "where", "done")
    list_select_related = ("business", "connection")
    search_fields = ("external_id",)
    list_filter = (BY_BUSINESS, "resource")
    fields = ("business", "connection", ("resource", "external_id"), "at")
    of, where, done = linked("connection"), linked("business"), when("at", "since")
