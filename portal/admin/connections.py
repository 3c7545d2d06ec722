"""Connections, and what came in through them: deliveries, and records as last seen. No credential is ever shown."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from portal import accountwatch
from portal.admin.base import BY_BUSINESS, HistoryAdmin, ScopedAdmin, SeenFilter
from portal.admin.display import (
    NOTHING,
    as_json,
    health_words,
    linked,
    links,
    list_of,
    outside,
    state,
    when,
)
from portal.admin.standing import of_account
from portal.models import Connection, ConnectStart
from syncs.models import Event, Link, Snapshot, SnapshotHistory, Sync


@admin.register(Connection)
class ConnectionAdmin(ScopedAdmin):
    """Made and ended on the pages of the business. The columns that hold credentials are not even read."""

    list_display = ("__str__", "where", "condition", "reason", "answered", "renewed", "mode")
    list_select_related = ("business",)
    search_fields = ("account_name", "account_id", "business__name")
    list_filter = (BY_BUSINESS, "connector", "status", "livemode")
    fieldsets = (
        (None, {"fields": ("business", "connector", "account", "doing", "related")}),
        (
            "Access",
            {
                "fields": (
                    ("condition", "reason"), ("status_since", "expires_at"), ("refreshed_at", "refresh_failed_at"),
                    ("method", "granted"), "budget",
                ),
            },
        ),
        (
            "Account",
            {
                "fields": (
                    ("account_id", "livemode"), ("country", "currency"), ("connected_by", "connected_at"),
                    ("says", "watched_at"),
                )
            },
        ),
    )  # fmt: skip
    where, condition = linked("business"), state("status", "status")
    answered, renewed = when("last_ok_at", "last answer"), when("refreshed_at", "access renewed")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        return super().get_queryset(request).defer("credentials", "credentials_digest")

    @admin.display(description="reason")
    def reason(self, row: Connection) -> str:
        return row.status_reason or NOTHING

    @admin.display(description="test or live", ordering="livemode")
    def mode(self, row: Connection) -> str:
        return "Live" if row.livemode else "Test"

    @admin.display(description="account")
    def account(self, row: Connection) -> SafeString | str:
        return outside(row.account_url, row.account_name or row.account_id)

    @admin.display(description="how it is doing")
    def doing(self, row: Connection) -> SafeString:
        return health_words(of_account(row))

    @admin.display(description="what the service says about it")
    def says(self, row: Connection) -> str:
        return "; ".join(f"{one.title}. {one.next_step}" for one in accountwatch.told(row)) or NOTHING

    @admin.display(description="allowed to")
    def granted(self, row: Connection) -> str:
        return ", ".join(row.scopes) or NOTHING

    @admin.display(description="what the service lets us use")
    def budget(self, row: Connection) -> str:
        said = [f"{b['label']}: {b['available']:,.0f} of {b['maximum']:,.0f}" for b in row.budgets]
        return "; ".join(said) or NOTHING

    @admin.display(description="see also")
    def related(self, row: Connection) -> SafeString:
        return links(
            (list_of(Sync, source__id__exact=row.pk), "syncs that read it"),
            (list_of(Sync, target__id__exact=row.pk), "syncs that write to it"),
            (list_of(Event, connection__id__exact=row.pk), "deliveries"),
            (list_of(Snapshot, connection__id__exact=row.pk), "records as last seen"),
        )


@admin.register(ConnectStart)
class ConnectStartAdmin(ScopedAdmin):
    """Presses of Connect, each good for ten minutes and one use. What proves them is not shown."""

    list_display = ("connector", "where", "who", "pressed", "used")
    list_select_related = ("business", "user")
    search_fields = ("user__email", "business__name")
    list_filter = (BY_BUSINESS, "connector")
    fields = ("business", "user", "connector", "method", "reconnects", "created_at", "used_at")
    where, who = linked("business"), linked("user", "person")
    pressed, used = when("created_at", "pressed"), when("used_at", "used")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConnectStart]:
        return super().get_queryset(request).defer("verifier", "state_digest", "session_digest")


@admin.register(Event)
class EventAdmin(HistoryAdmin):
    """Webhook deliveries as they came."""

    list_display = ("received", "topic", "record_id", "what", "where", "connector", "deliveries")
    list_select_related = ("business",)
    search_fields = ("record_id", "topic", "event_id", "account_id")
    search_help_text = "A record's id, a topic, an event's id or an account's id"
    list_filter = (BY_BUSINESS, ("connection", SeenFilter), "verdict", "connector")
    fields = (
        ("business", "connection"), ("connector", "account_id"), ("topic", "record_id"), ("what", "deliveries"),
        ("received_at", "occurred_at"), ("event_id", "answered_ms"), "related", "content",
    )  # fmt: skip
    received, what, where = when("received_at", "received"), state("verdict", "what came of it"), linked("business")
    content = as_json("body", "body")

    @admin.display(description="see also")
    def related(self, row: Event) -> SafeString | str:
        if not row.record_id:
            return NOTHING
        return links(
            (list_of(Link, q=row.record_id), "the record's links"),
            (list_of(Snapshot, q=row.record_id), "the record as last seen"),
            (list_of(Event, q=row.record_id), "all its deliveries"),
        )


@admin.register(Snapshot)
class SnapshotAdmin(HistoryAdmin):
    """Records as the services showed them last."""

    list_display = ("label", "resource", "of", "where", "email", "changed", "read", "gone")
    list_select_related = ("business", "connection")
    search_fields = ("label", "external_id", "email")
    search_help_text = "A name, an email address or the record's id in its service"
    list_filter = (BY_BUSINESS, ("connection", SeenFilter), "resource")
    fields = (
        ("business", "connection"), ("resource", "external_id"), ("label", "there"), ("updated_at", "created_at"),
        ("read_at", "deleted_at"), ("email", "reference"), "related", "content",
    )  # fmt: skip
    of, where, content = linked("connection"), linked("business"), as_json("data", "fields")
    changed, read, gone = when("updated_at", "changed there"), when("read_at", "read"), when("deleted_at", "gone")

    @admin.display(description="in its service")
    def there(self, row: Snapshot) -> SafeString | str:
        return outside(row.url, "open it there") if row.url else NOTHING

    @admin.display(description="see also")
    def related(self, row: Snapshot) -> SafeString:
        return links(
            (list_of(SnapshotHistory, snapshot__id__exact=row.pk), "its earlier states"),
            (list_of(Link, q=row.external_id), "its links"),
            (list_of(Event, q=row.external_id), "deliveries about it"),
        )


@admin.register(SnapshotHistory)
class SnapshotHistoryAdmin(HistoryAdmin):
    list_display = ("record", "where", "changed", "read", "replaced")
    list_select_related = ("business", "snapshot")
    search_fields = ("snapshot__label", "snapshot__external_id")
    list_filter = (BY_BUSINESS,)
    links_by = ("snapshot",)
    fields = (("business", "snapshot"), ("updated_at", "read_at"), ("replaced_at", "deleted_at"), "content")
    record, where, content = linked("snapshot", "record"), linked("business"), as_json("data", "fields")
    changed, read = when("updated_at", "changed there"), when("read_at", "read")
    replaced = when("replaced_at", "replaced")
