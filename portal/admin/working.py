"""What is being worked on: runs, lanes, and the incidents that need somebody."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.access import Action
from portal.admin.base import BY_BUSINESS, HistoryAdmin, ScopedAdmin, SeenFilter
from portal.admin.display import NOTHING, as_json, link, linked, links, list_of, page_of, state, when
from portal.admin.filters import within
from syncs import flagging
from syncs.models import Incident, Lane, Link, Run, Sync

#: Records of an incident that are named on its page.
SHOWN = 20


def _records(incident: Incident) -> QuerySet[Link]:
    if flagging.is_raised(incident.cause_code):
        return flagging.records_of(incident)
    return Link.objects.filter(sync=incident.sync_id, cause_code=incident.cause_code)


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


@admin.register(Incident)
class IncidentAdmin(ScopedAdmin):
    """Opened and closed by what the records say; a person can only say that it may wait."""

    list_display = ("title", "where", "of", "condition", "records", "opened", "seen", "next_step")
    list_select_related = ("business", "sync", "connection")
    search_fields = ("title", "cause_code", "business__name")
    list_filter = (BY_BUSINESS, ("sync", SeenFilter), "state", within("opened_at"))
    links_by = ("cause_code", "connection")
    fields = (
        "title", "next_step", ("business", "of"), ("condition", "records"), ("opened_at", "last_seen_at"),
        ("told_at", "resolved_at"), "cause_code", "named", "related",
    )  # fmt: skip
    actions = ("ignore", "reopen")
    where, condition = linked("business"), state()
    opened, seen = when("opened_at", "opened"), when("last_seen_at", "seen last")

    @admin.display(description="about")
    def of(self, row: Incident) -> SafeString | str:
        return link(row.sync or row.connection)

    @admin.display(description="see also")
    def related(self, row: Incident) -> SafeString | str:
        if row.sync_id is None:
            return NOTHING
        if flagging.is_raised(row.cause_code):
            return links((list_of(Link, incident=row.pk), "its records"))
        return links((list_of(Link, sync__id__exact=row.sync_id, cause_code=row.cause_code), "its records"))

    @admin.display(description="records")
    def named(self, row: Incident) -> SafeString | str:
        """The first of them, each by its name."""
        if row.sync_id is None:
            return NOTHING
        found = [(page_of(each), str(each)) for each in _records(row).order_by("pk")[: SHOWN + 1]]
        more = f" and {row.records - SHOWN:,} more" if len(found) > SHOWN else ""
        return format_html("{}{}", links(*found[:SHOWN]), more) if found else NOTHING

    def _move(self, request: HttpRequest, rows: QuerySet[Incident], old: str, new: str, words: str) -> None:
        changed = 0
        for incident in self.chosen(request, rows, Action.RUN).filter(state=old):
            incident.state = Incident.State(new)
            incident.save(update_fields=["state"])
            self.log_change(request, incident, words)
            changed += 1
        self.message_user(request, f"{changed} incidents: {words}", messages.SUCCESS if changed else messages.WARNING)

    @admin.action(description="Ignore until it is over", permissions=["run"])
    def ignore(self, request: HttpRequest, rows: QuerySet[Incident]) -> None:
        """It closes by itself when its records succeed, and opens anew when they fail again after that."""
        self._move(request, rows, Incident.State.OPEN, Incident.State.IGNORED, "ignored.")

    @admin.action(description="Open again", permissions=["run"])
    def reopen(self, request: HttpRequest, rows: QuerySet[Incident]) -> None:
        self._move(request, rows, Incident.State.IGNORED, Incident.State.OPEN, "open again.")
