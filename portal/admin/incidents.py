"""Incidents: who takes care of each, another try with a dry run first, and its records as a file."""

from collections.abc import Callable
from datetime import timedelta
from itertools import chain
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.forms import BaseDialogForm
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from portal import exports, receivables, spreadsheets
from portal.access import Action
from portal.admin.base import BY_BUSINESS, ScopedAdmin, SeenFilter, person
from portal.admin.buttons import Confirm, button
from portal.admin.display import NOTHING, link, linked, links, list_of, state, when
from portal.admin.filters import within
from portal.models import Membership, User
from portal.pages.incidents import DRY_RUN, EXPECTED, try_again, worth
from syncs import audit, flagging, handling, replaying
from syncs.models import AuditEntry, Incident, Link, Sync

#: Records and entries shown on the page of one incident.
SHOWN = 25
_HOURS = [("4", "Four hours"), ("24", "A day"), ("168", "A week"), ("720", "Thirty days")]


class AssignForm(BaseDialogForm):  # type: ignore[misc]  # unfold ships no types
    email = forms.EmailField(
        label="Who", required=False, widget=UnfoldAdminEmailInputWidget,
        help_text="The email address of somebody who belongs to the business; empty for nobody.",
    )  # fmt: skip


class NoteForm(BaseDialogForm):  # type: ignore[misc]  # as above
    note = forms.CharField(required=False, max_length=handling.MOST_NOTE, widget=UnfoldAdminTextareaWidget)


class SnoozeForm(BaseDialogForm):  # type: ignore[misc]  # as above
    hours = forms.ChoiceField(label="For", choices=_HOURS, initial="24", widget=UnfoldAdminSelectWidget)


class TryForm(BaseDialogForm):  # type: ignore[misc]  # as above
    """Shows first what another try would come to, from what is stored."""

    form_before_template = "admin/syncs/incident/dry_run.html"

    def get_before_template_context(self, request: HttpRequest, object_id: Any = None) -> dict[str, Any]:
        related = ("sync__business", "sync__source", "sync__target", "sync__version")
        row = Incident.objects.select_related(*related).filter(pk=object_id).first()
        if row is None or row.sync is None:
            return {"guesses": []}
        found = replaying.dry_run(row.sync, list(handling.records(row)[:DRY_RUN]))
        return {
            "counts": [(n, EXPECTED[kind][0]) for kind, n in found.counts.items()], "fails": found.fails_again,
            "guesses": [(g, EXPECTED[g.expected][0]) for g in found.guesses[:SHOWN]], "incident": row,
        }  # fmt: skip


class IncidentList(ChangeList):  # type: ignore[misc]  # unfold ships no types
    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        """With what the records of each come to, in one query."""
        super().get_results(request)
        rows = list(self.result_list)
        sums = receivables.stopped(receivables.current())
        for row in rows:
            row.sums = sums.get((row.sync_id, row.cause_code))
        self.result_list = rows


@admin.register(Incident)
class IncidentAdmin(ScopedAdmin):
    """Opened and closed by what the records say; people say who takes care of it, and whether it may wait."""

    list_display = (
        "title", "where", "of", "condition", "records", "stake", "assignee", "opened", "seen", "next_step",
    )  # fmt: skip
    list_select_related = ("business", "sync", "connection", "assignee")
    search_fields = ("title", "cause_code", "business__name", "note")
    list_filter = (BY_BUSINESS, ("sync", SeenFilter), "state", within("opened_at"))
    links_by = ("cause_code", "connection")
    fields = (
        "title", "next_step", ("business", "of"), ("condition", "records"), ("assignee", "snoozed_until"), "note",
        ("opened_at", "last_seen_at"), ("told_at", "resolved_at"), "cause_code", "related",
    )  # fmt: skip
    actions = ("ignore", "reopen", "download")
    actions_detail = ("try_all", "assign", "put_note", "snooze", "ignore_one", "reopen_one")
    change_form_outer_before_template = "admin/syncs/incident/records.html"
    where, condition = linked("business"), state()
    opened, seen = when("opened_at", "opened"), when("last_seen_at", "seen last")

    @admin.display(description="about")
    def of(self, row: Incident) -> SafeString | str:
        return link(row.sync or row.connection)

    @admin.display(description="money at stake")
    def stake(self, row: Incident) -> str:
        sums: receivables.Sums | None = getattr(row, "sums", None)
        return sums.shown(row.business.currency) if sums else NOTHING

    @admin.display(description="see also")
    def related(self, row: Incident) -> SafeString | str:
        if row.sync_id is None:
            return NOTHING
        if flagging.is_raised(row.cause_code):
            return links((list_of(Link, incident=row.pk), "its records"))
        return links((list_of(Link, sync__id__exact=row.sync_id, cause_code=row.cause_code), "its records"))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return IncidentList

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.row(request, object_id)
        more = {
            "incident": row, "worth": worth(row.business, row), "rows": list(handling.records(row)[:SHOWN]),
            "entries": list(AuditEntry.objects.filter(business=row.business_id, subject=f"incident:{row.pk}")[:SHOWN]),
        }  # fmt: skip
        answer: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})
        return answer

    # On the page of one

    def _do(self, request: HttpRequest, object_id: str, done: str, act: Callable[[Incident], None]) -> HttpResponse:
        row = self.row(request, object_id)
        try:
            act(row)
        except handling.TooLate as late:
            self.message_user(request, str(late), messages.WARNING)
        else:
            self.message_user(request, done, messages.SUCCESS)
        return self.back(request, row.pk)

    @button(
        "Try all again", "Nothing was sent for this: it is worked out from what is stored.", "run", "try", "replay",
        form=TryForm, primary=True,
    )  # fmt: skip
    def try_all(self, request: HttpRequest, form: TryForm, object_id: str) -> HttpResponse:
        row = self.row(request, object_id)
        if row.sync is None or row.sync.mode == Sync.Mode.OFF:
            self.message_user(request, "Its sync is paused, or it is about no records.", messages.WARNING)
            return self.back(request, row.pk)
        count = try_again(row, row.sync, person(request))
        self.message_user(request, f"{count:,} records are looked at again.", messages.SUCCESS)
        return self.back(request, row.pk)

    @button("Assign", "Who takes care of it.", "run", "assign", "person", form=AssignForm)
    def assign(self, request: HttpRequest, form: AssignForm, object_id: str) -> HttpResponse:
        row, email = self.row(request, object_id), form.cleaned_data["email"]
        found = Membership.objects.filter(business=row.business_id, user__email__iexact=email).select_related("user")
        member = found.first() if email else None
        if email and member is None:
            self.message_user(request, f"Nobody with that address belongs to {row.business}.", messages.ERROR)
            return self.back(request, row.pk)
        to: User | None = member.user if member else None
        return self._do(request, object_id, "Noted.", lambda row: handling.assign(row, to, person(request)))

    @button("Note", "A note for whoever looks at it next.", "run", "note", "edit_note", form=NoteForm)
    def put_note(self, request: HttpRequest, form: NoteForm, object_id: str) -> HttpResponse:
        text = form.cleaned_data["note"]
        return self._do(request, object_id, "Noted.", lambda row: handling.note(row, text, person(request)))

    @button("Put off", "It asks for nobody before then.", "run", "snooze", "snooze", form=SnoozeForm)
    def snooze(self, request: HttpRequest, form: SnoozeForm, object_id: str) -> HttpResponse:
        until = timezone.now() + timedelta(hours=int(form.cleaned_data["hours"]))
        return self._do(request, object_id, "Put off.", lambda row: handling.snooze(row, until, person(request)))

    @button("Ignore", "Until one of its records changes: then it opens anew.", "run", "ignore", "visibility_off")
    def ignore_one(self, request: HttpRequest, form: Confirm, object_id: str) -> HttpResponse:
        return self._do(request, object_id, "Ignored.", lambda row: handling.ignore(row, person(request)))

    @button("Open again", "It asks for somebody again.", "run", "reopen", "undo")
    def reopen_one(self, request: HttpRequest, form: Confirm, object_id: str) -> HttpResponse:
        return self._do(request, object_id, "Open again.", lambda row: handling.reopen(row, person(request)))

    # For several in the list

    def _each(
        self, request: HttpRequest, rows: QuerySet[Incident], act: Callable[[Incident, User], None], words: str
    ) -> None:
        changed = 0
        for row in self.chosen(request, rows, Action.RUN).exclude(state=Incident.State.RESOLVED):
            act(row, person(request))
            changed += 1
        self.message_user(request, f"{changed} incidents: {words}", messages.SUCCESS if changed else messages.WARNING)

    @admin.action(description="Ignore until a record changes", permissions=["run"])
    def ignore(self, request: HttpRequest, rows: QuerySet[Incident]) -> None:
        """It closes by itself when its records succeed, and opens anew when one of them changes."""
        self._each(request, rows.filter(state=Incident.State.OPEN), handling.ignore, "ignored.")

    @admin.action(description="Open again", permissions=["run"])
    def reopen(self, request: HttpRequest, rows: QuerySet[Incident]) -> None:
        self._each(request, rows.filter(state=Incident.State.IGNORED), handling.reopen, "open again.")

    @admin.action(description="Download the records as CSV", permissions=["view"])
    def download(self, request: HttpRequest, rows: QuerySet[Incident]) -> HttpResponse:
        chosen = list(rows.select_related("business", "sync"))
        for row in chosen:
            words = f"Downloaded the records of “{row}”"
            audit.record(row.business_id, person(request), "incident.exported", row, words)
        parts = [exports.stopped(row.business, handling.records(row)) for row in chosen]
        lines = chain([exports.HEAD], *(list(part)[1:] for part in parts))
        return spreadsheets.attachment(f"incidents-{timezone.localdate():%Y-%m-%d}", lines)
