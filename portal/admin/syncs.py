"""Syncs: the draft of their mapping, publishing it, running and pausing them. Nothing edited here is live by itself."""

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.views import ChangeList

from portal import freshness
from portal.access import Action
from portal.admin import modes, standing
from portal.admin.base import BY_BUSINESS, person
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
    stale,
)
from portal.admin.drafts import differences, said
from portal.admin.filters import PLACE_WORDS
from portal.admin.preview import Previewing
from portal.admin.rules import RuleInline
from portal.admin.studio import StudioPages
from portal.admin.transforms import described, for_builder
from portal.admin.whatif import Asking
from portal.health import Health
from syncs import audit, choosing, ledger, revising
from syncs.mapping import MappingError
from syncs.models import Attempt, Incident, Link, Run, Sync, Version, WhatIf, Write

#: On the page of a sync.
VERSIONS_SHOWN = 10
#: What is asked before a write, and of whom.
APPROVALS = ("approver", "approval_days", "raised_by")


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
class SyncAdmin(Previewing, Asking, StudioPages):
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
        (
            "Outside of the draft",
            {
                "fields": ("poll_minutes", *APPROVALS),
                "description": "What is here counts as soon as it is saved.",
            },
        ),
    )
    actions = ("sync_these_now", "review_these", "pause_these", "resume_these")
    actions_detail = (
        "what_if", "publish_draft", "sync_now", "review_again", "ask_first", "write_at_once", "step_back", "pause",
        "resume",
    )  # fmt: skip
    change_form_outer_before_template = "admin/syncs/sync/state.html"
    change_form_before_template = "admin/syncs/sync/opened.html"
    change_form_outer_after_template = "admin/syncs/sync/after.html"
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

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may not step the mode up cannot say who may either."""
        shown = super().get_readonly_fields(request, obj)
        return shown if obj is None or modes.may_raise(request, obj) else (*shown, *APPROVALS)

    def save_model(self, request: HttpRequest, obj: Sync, form: Any, change: bool) -> None:
        """What is asked before a write has consequences of its own for what waits."""
        form.before = choosing.draft_content(Sync.objects.get(pk=obj.pk))
        wanted = {name: form.cleaned_data[name] for name in APPROVALS if name in form.cleaned_data}
        Sync.objects.filter(pk=obj.pk).update(name=obj.name, options=obj.options, poll_minutes=obj.poll_minutes)
        if wanted:
            choosing.ask_before_writing(obj, person(request), **wanted)
        self.note_saved(request, obj, form, change)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Sync]:
        return super().get_queryset(request).select_related(*self.list_select_related)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        sync = self.row(request, object_id)
        with transaction.atomic():
            meant = self._meant_over(request, sync)
            context = {**(extra_context or {}), **self._state(sync), **self._opened(request, sync)}
            answer: HttpResponse = super().change_view(request, object_id, form_url, context)
            if meant and answer.status_code != 302:
                answer.render()  # type: ignore[attr-defined]  # a page with what is still wrong
                transaction.set_rollback(True)
        return answer

    def _meant_over(self, request: HttpRequest, sync: Sync) -> bool:
        """Somebody saw what others have changed, and saves over it: the draft is put back to what they had opened, and
        takes their form."""
        if "save_over" not in request.POST or not self.has_change_permission(request, sync):
            return False
        opened = stale(sync, request.POST)
        if opened is None or request.POST["save_over"] != revising.digest(choosing.draft_content(sync)):
            return False
        revising.put(sync, opened.content, opened.mappings, opened.rules)
        return True

    def _opened(self, request: HttpRequest, sync: Sync) -> dict[str, Any]:
        """The draft that the form is about, and who has changed it since it was opened."""
        if not self.has_change_permission(request, sync):
            return {}
        found = stale(sync, request.POST) if request.method == "POST" else None
        held = request.POST.get("opened") or revising.opened(sync).sealed()
        if found is None:
            return {"opened": held, "may_build": True}
        now = choosing.draft_content(sync)
        return {
            "opened": held, "may_build": True, "over": revising.digest(now), "theirs": differences(found.content, now),
            "who": revising.changed_since(sync, found.at), "since": found.at,
        }  # fmt: skip

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        changed = differences(form.before, choosing.draft_content(form.instance))
        if changed:
            named = ", ".join(d.what for d in changed[:5]) + (f" and {len(changed) - 5} more" if changed[5:] else "")
            over = " over what others had saved" if "save_over" in request.POST else ""
            words = f"Saved the draft of “{form.instance}”{over}: {named}"
            audit.record(form.instance.business_id, person(request), "draft.saved", form.instance, words)

    def _state(self, sync: Sync) -> dict[str, Any]:
        (found,) = standing.of([sync])
        places, versions = ledger.equation(sync), Version.objects.filter(sync=sync).select_related("author")
        tiles = [
            (words, places[p], list_of(Link, sync__id__exact=sync.pk, place=p)) for p, words in PLACE_WORDS.items()
        ]
        return {
            "is_fullwidth": "1", "sync": sync, "standing": found, "seen": places["seen"], "tiles": tiles,
            "transforms": described(), "builder": for_builder(), "versions": list(versions[:VERSIONS_SHOWN]),
            "more_versions": versions.count() > VERSIONS_SHOWN, "all_links": list_of(Link, sync__id__exact=sync.pk),
            "differences": draft_differences(sync), "freshness": freshness.of(sync),
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
            Sync.Mode.OFF: {"sync_now", "review_again", "pause", "ask_first", "write_at_once", "step_back"},
            Sync.Mode.PREVIEW: {"sync_now", "resume", "step_back"},
            Sync.Mode.APPROVE: {"review_again", "resume", "ask_first"},
            Sync.Mode.LIVE: {"review_again", "resume", "write_at_once"},
        }[Sync.Mode(sync.mode)]
        if choosing.is_live(sync):
            hidden = {*hidden, "publish_draft"}
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
        shown = form.cleaned_data["shown"]
        try:
            with transaction.atomic():
                locked = Sync.objects.select_for_update().get(pk=sync.pk)
                if shown and shown != revising.digest(choosing.draft_content(locked)):
                    raise MappingError("The draft has changed since it was shown to you. Look at it, then publish.")
                if choosing.is_live(locked):
                    self.message_user(request, "This draft is live already. Nothing was published.", messages.INFO)
                    return self.back(request, sync.pk)
                version = choosing.publish(locked, person(request), form.cleaned_data["note"])
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
        return self._done(request, sync, modes.pause(request, sync))

    @button(
        "Resume", "It goes on in the mode that it was paused in. Everything is read once first.",
        "configure", "resume", "play_arrow",
    )  # fmt: skip
    def resume(self, request: HttpRequest, form: Confirm, object_id: str) -> HttpResponse:
        sync = self.row(request, object_id)
        return self._done(request, sync, modes.resume(request, sync))

    @button(
        "Ask before every write", "Every change waits until it is approved. All else goes on as if it were live.",
        "configure", "ask-first", "approval_delegation",
    )  # fmt: skip
    def ask_first(self, request: HttpRequest, form: Confirm, object_id: str) -> HttpResponse:
        sync = self.row(request, object_id)
        return self._done(request, sync, modes.write(request, sync, Sync.Mode.APPROVE))

    @button(
        "Go live", "Every change is written at once, also those that wait for approval now.",
        "configure", "go-live", "bolt",
    )  # fmt: skip
    def write_at_once(self, request: HttpRequest, form: Confirm, object_id: str) -> HttpResponse:
        sync = self.row(request, object_id)
        return self._done(request, sync, modes.write(request, sync, Sync.Mode.LIVE))

    @button(
        "Back to preview", "Nothing is written any more; every record is read and planned.",
        "configure", "step-back", "undo",
    )  # fmt: skip
    def step_back(self, request: HttpRequest, form: Confirm, object_id: str) -> HttpResponse:
        sync = self.row(request, object_id)
        return self._done(request, sync, modes.preview(request, sync))

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
        self._each(request, rows, Action.CONFIGURE, partial(modes.pause, request))

    @admin.action(description="Resume", permissions=["configure"])
    def resume_these(self, request: HttpRequest, rows: QuerySet[Sync]) -> None:
        self._each(request, rows, Action.CONFIGURE, partial(modes.resume, request))
