"""Syncs: the draft of their mapping, publishing it, running and pausing them. Nothing edited here is live by itself."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.views import ChangeList

from portal.access import Action
from portal.admin import modes, standing
from portal.admin.base import BY_BUSINESS, ScopedAdmin, person
from portal.admin.buttons import Confirm, button
from portal.admin.display import link, linked, links, list_of, state, state_badge, when
from portal.admin.drafting import (
    MappingInline,
    PublishForm,
    SyncForm,
    choice_fields,
    choice_form,
    draft_differences,
    option_labels,
)
from portal.admin.drafts import said
from portal.admin.filters import PLACE_WORDS
from portal.admin.preview import Previewing
from portal.admin.rules import RuleInline
from portal.admin.transforms import described
from portal.admin.whatif import Asking
from portal.health import Health
from syncs import choosing, ledger
from syncs.mapping import MappingError
from syncs.models import Attempt, Incident, Link, Run, Sync, Version, WhatIf, Write


class SyncList(ChangeList):  # type: ignore[misc]  # unfold ships no types
    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        """With the health of every sync on the page, read for all of them at once."""
        super().get_results(request)
        syncs: list[Sync] = list(self.result_list)
        for found in standing.of(syncs):
            found.sync.standing = found  # type: ignore[attr-defined]  # only for the list
        self.result_list = syncs


@admin.register(Sync)
class SyncAdmin(Previewing, Asking, ScopedAdmin):
    """Which account is kept in step with which is chosen on the pages of the business, once."""

    change_gate = Action.CONFIGURE
    form = SyncForm
    inlines = (MappingInline, RuleInline)
    list_display = ("name", "where", "condition", "doing", "reads", "writes", "published", "looked")
    list_select_related = standing.RELATED
    search_fields = ("name", "business__name", "source__account_name", "target__account_name")
    list_filter = (BY_BUSINESS, "mode", "recipe")
    links_by = ("source", "target", "lane")
    fieldsets = (
        (None, {"fields": ("name", "switches")}),
        ("Outside of the draft", {"fields": ("poll_minutes",), "description": "It counts as soon as it is saved."}),
    )
    actions = ("sync_these_now", "review_these", "pause_these", "resume_these")
    actions_detail = ("what_if", "publish_draft", "sync_now", "review_again", "pause", "resume")
    change_form_outer_before_template = "admin/syncs/sync/state.html"
    change_form_outer_after_template = "admin/syncs/sync/preview.html"
    warn_unsaved_form = True
    where, condition = linked("business"), state("mode", "mode")
    looked = when("polled_until", "read until")

    @admin.display(description="from", ordering="source_resource")
    def reads(self, row: Sync) -> SafeString | str:
        return link(row.source, f"{row.source.get_connector_display()} {row.source_resource}")

    @admin.display(description="to", ordering="target_resource")
    def writes(self, row: Sync) -> SafeString | str:
        return link(row.target, f"{row.target.get_connector_display()} {row.target_resource}")

    @admin.display(description="live version")
    def published(self, row: Sync) -> SafeString | str:
        return link(row.version, f"version {row.version.number}") if row.version else "none yet"

    @admin.display(description="options")
    def switches(self, row: Sync) -> str:
        """For who may only look."""
        return "; ".join(f"{words}: {said(bool(row.options.get(k)))}" for k, words in option_labels(row).items())

    @admin.display(description="how it is doing")
    def doing(self, row: Sync) -> SafeString:
        found: Health = row.standing.health  # type: ignore[attr-defined]  # set by SyncList
        return format_html(
            "{} {}", state_badge(found.level, found.level.words), found.why if found.level != "ok" else ""
        )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return SyncList

    # The page of one sync

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj and self.has_change_permission(request, obj):
            kwargs["form"] = choice_form(obj)
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The recipe's own choices stand with its switches."""
        shown = super().get_fieldsets(request, obj)
        if not obj or not self.has_change_permission(request, obj):
            return shown
        (title, first), *others = shown
        return [(title, {**first, "fields": (*first["fields"], *choice_fields(obj))}), *others]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Sync]:
        return super().get_queryset(request).select_related(*self.list_select_related)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {**(extra_context or {}), **self._state(self.row(request, object_id))}
        answer: HttpResponse = super().change_view(request, object_id, form_url, context)
        return answer

    def _state(self, sync: Sync) -> dict[str, Any]:
        (found,) = standing.of([sync])
        places = ledger.equation(sync)
        tiles = [
            (words, places[p], list_of(Link, sync__id__exact=sync.pk, place=p)) for p, words in PLACE_WORDS.items()
        ]
        return {
            "is_fullwidth": "1", "sync": sync, "standing": found, "seen": places["seen"], "tiles": tiles,
            "transforms": described(), "all_links": list_of(Link, sync__id__exact=sync.pk),
            "differences": draft_differences(sync),
            "related": links(
                (list_of(Version, sync__id__exact=sync.pk), "versions"),
                (list_of(WhatIf, sync__id__exact=sync.pk), "what-ifs"),
                (list_of(Run, sync__id__exact=sync.pk), "runs"),
                (list_of(Incident, sync__id__exact=sync.pk), "incidents"),
                (list_of(Attempt, link__sync__id__exact=sync.pk), "attempts"),
                (list_of(Write, link__sync__id__exact=sync.pk), "writes"),
            ),
        }  # fmt: skip

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Added rows come last, in the order they were added."""
        last = max((f.instance.position for f in formset.initial_forms), default=0)
        for number, extra in enumerate(formset.extra_forms, start=1):
            extra.instance.position = last + number
            extra.instance.business_id = form.instance.business_id
        super().save_formset(request, form, formset, change)

    # Buttons and actions

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only those that mean something in the sync's mode."""
        sync = self.row(request, object_id)
        hidden = {
            Sync.Mode.OFF: {"sync_now", "review_again", "pause"},
            Sync.Mode.PREVIEW: {"sync_now", "resume"},
            Sync.Mode.LIVE: {"review_again", "resume"},
        }[Sync.Mode(sync.mode)]
        shown = super().get_actions_detail(request, object_id)
        return [a for a in shown if a.action_name.removeprefix("syncs_sync_") not in hidden]

    def _done(self, request: HttpRequest, sync: Sync, words: str) -> HttpResponse:
        self.log_change(request, sync, words)
        self.message_user(request, words, messages.SUCCESS)
        return self.back(request, sync.pk)

    @button(
        "Publish the draft", "The saved draft becomes the live version, and every record is looked at with it.",
        "configure", "publish", "publish", form=PublishForm, primary=True,
    )  # fmt: skip
    def publish_draft(self, request: HttpRequest, form: PublishForm, object_id: str) -> HttpResponse:
        sync = self.row(request, object_id)
        try:
            version = choosing.publish(sync, person(request), form.cleaned_data["note"])
        except MappingError as error:
            self.message_user(request, f"Nothing was published. {error}", messages.ERROR)
            return self.back(request, sync.pk)
        return self._done(request, sync, f"Version {version.number} is live. Every record is looked at with it.")

    @button(
        "Sync now", "Every record at the source is read once. Only what has changed is looked at and written.",
        "run", "sync-now", "sync",
    )  # fmt: skip
    def sync_now(self, request: HttpRequest, form: Confirm, object_id: str) -> HttpResponse:
        sync = self.row(request, object_id)
        return self._done(request, sync, modes.run_now(sync))

    @button("Review again", "Every record is read and planned anew. Nothing is written.", "run", "review", "fact_check")
    def review_again(self, request: HttpRequest, form: Confirm, object_id: str) -> HttpResponse:
        sync = self.row(request, object_id)
        return self._done(request, sync, modes.run_now(sync))

    @button(
        "Pause", "Nothing is read or written until somebody resumes. What waits keeps waiting.",
        "configure", "pause", "pause",
    )  # fmt: skip
    def pause(self, request: HttpRequest, form: Confirm, object_id: str) -> HttpResponse:
        sync = self.row(request, object_id)
        return self._done(request, sync, modes.pause(sync))

    @button(
        "Resume", "It goes on as before: live if it was live, as a preview if not. Everything is read once first.",
        "configure", "resume", "play_arrow",
    )  # fmt: skip
    def resume(self, request: HttpRequest, form: Confirm, object_id: str) -> HttpResponse:
        sync = self.row(request, object_id)
        return self._done(request, sync, modes.resume(sync))

    def _each(self, request: HttpRequest, rows: QuerySet[Sync], gate: Action, act: Any) -> None:
        for sync in self.chosen(request, rows, gate):
            words = act(sync)
            self.log_change(request, sync, words)
            self.message_user(request, f"{sync.business}, {sync}: {words}", messages.SUCCESS)

    @admin.action(description="Sync now", permissions=["run"])
    def sync_these_now(self, request: HttpRequest, rows: QuerySet[Sync]) -> None:
        self._each(request, rows, Action.RUN, modes.run_now)

    @admin.action(description="Review again", permissions=["run"])
    def review_these(self, request: HttpRequest, rows: QuerySet[Sync]) -> None:
        self._each(request, rows.filter(mode=Sync.Mode.PREVIEW), Action.RUN, modes.run_now)

    @admin.action(description="Pause", permissions=["configure"])
    def pause_these(self, request: HttpRequest, rows: QuerySet[Sync]) -> None:
        self._each(request, rows, Action.CONFIGURE, modes.pause)

    @admin.action(description="Resume", permissions=["configure"])
    def resume_these(self, request: HttpRequest, rows: QuerySet[Sync]) -> None:
        self._each(request, rows, Action.CONFIGURE, modes.resume)
