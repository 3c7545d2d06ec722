"""The audit trail: who did what in a business."""

from django.contrib import admin

from portal.admin.base import BY_BUSINESS, HistoryAdmin
from portal.admin.display import as_json, linked, when
from portal.admin.filters import within
from syncs.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(HistoryAdmin):
    """Append only: each entry is chained to the one before it in the business."""

    list_display = ("words", "who", "action", "where", "done")
    list_select_related = ("business",)
    search_fields = ("words", "who", "subject")
    list_filter = (BY_BUSINESS, within("at"), "action")
    fields = ("business", "words", ("who", "action"), ("subject", "at"), "more", ("previous_hash", "hash"))
    where, done, more = linked("business"), when("at", "when"), as_json("details", "details")
