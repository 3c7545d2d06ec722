"""Alerts: what was told, to whom, and whether it arrived. Owners choose the places on the pages of the business."""

from django.contrib import admin
from django.utils.safestring import SafeString

from portal.admin.base import BY_BUSINESS, HistoryAdmin
from portal.admin.display import NOTHING, as_json, badge, linked, links, list_of, state, when
from portal.admin.filters import within
from portal.models import Alert, AlertDestination, AlertSettings, Delivery


@admin.register(Alert)
class AlertAdmin(HistoryAdmin):
    list_display = ("title", "where", "what", "told")
    list_select_related = ("business",)
    search_fields = ("title", "business__name")
    list_filter = (BY_BUSINESS, within("at"), "kind")
    fields = (("business", "kind"), "title", "at", "key", "told_of", "counted", "related")
    where, told = linked("business"), when("at", "noted")
    what = state("kind", "kind")
    told_of, counted = as_json("items", "told of"), as_json("numbers", "numbers")

    @admin.display(description="see also")
    def related(self, row: Alert) -> SafeString:
        return links((list_of(Delivery, alert__id__exact=row.pk), "where it went"))


@admin.register(Delivery)
class DeliveryAdmin(HistoryAdmin):
    list_display = ("alert", "where", "to", "condition", "tries", "again", "sent", "answer")
    list_select_related = ("business", "alert", "destination")
    search_fields = ("alert__title", "recipient", "business__name", "answer")
    list_filter = (BY_BUSINESS, "state", "destination__kind")
    links_by = ("alert", "destination")
    fields = (
        ("business", "alert"), ("destination", "recipient"), ("condition", "tries"), ("next_try", "sent_at"), "answer",
        "told_of",
    )  # fmt: skip
    where, condition, told_of = linked("business"), state(), as_json("items", "told of")
    again, sent = when("next_try", "next try"), when("sent_at", "sent")

    @admin.display(description="to")
    def to(self, row: Delivery) -> str:
        return row.recipient or str(row.destination)


@admin.register(AlertDestination)
class AlertDestinationAdmin(HistoryAdmin):
    """Addresses are shown only as far as they are no key."""

    list_display = ("__str__", "where", "kind", "shown", "doing", "arrived", "trouble")
    list_select_related = ("business",)
    search_fields = ("name", "shown", "business__name")
    list_filter = (BY_BUSINESS, "kind", "active")
    fields = (
        ("business", "kind"), ("name", "shown"), ("minimum", "active"), "topics", ("last_ok_at", "last_failed_at"),
        "last_failure", ("created_by", "created_at"), "related",
    )  # fmt: skip
    where = linked("business")
    arrived = when("last_ok_at", "last arrived")

    @admin.display(description="state")
    def doing(self, row: AlertDestination) -> SafeString:
        if not row.active:
            return badge("Off")
        return badge("Not arriving", "bad") if row.failing else badge("On", "good")

    @admin.display(description="trouble")
    def trouble(self, row: AlertDestination) -> str:
        return row.last_failure if row.failing else NOTHING

    @admin.display(description="see also")
    def related(self, row: AlertDestination) -> SafeString:
        return links((list_of(Delivery, destination__id__exact=row.pk), "what went there"))


@admin.register(AlertSettings)
class AlertSettingsAdmin(HistoryAdmin):
    list_display = ("where", "quiet_from", "quiet_until", "critical_passes", "digest_at")
    list_display_links = ("quiet_from", "quiet_until")
    list_select_related = ("business",)
    search_fields = ("business__name",)
    list_filter = (BY_BUSINESS,)
    fields = ("business", ("quiet_from", "quiet_until"), "critical_passes", ("digest_at", "digest_on"))
    where = linked("business")
