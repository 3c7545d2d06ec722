"""What-ifs: asking one on the page of a sync, watching it, its answer, and the list to take away."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.text import slugify
from django.views.decorators.http import require_POST
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget

from portal import spreadsheets, whatifs
from portal.admin.base import BY_BUSINESS, HistoryAdmin, SeenFilter, person
from portal.admin.buttons import button
from portal.admin.display import linked, page_of, state, when
from syncs import audit, whatif
from syncs.mapping import MappingError
from syncs.models import Sync, WhatIf, WhatIfRecord


class WhatIfForm(BaseDialogForm):  # type: ignore[misc]  # unfold ships no types
    scope = forms.ChoiceField(
        label="Which records", choices=WhatIf.Scope.choices, initial=WhatIf.Scope.ALL, widget=UnfoldAdminSelectWidget
    )  # fmt: skip


class Asking:
    """Mixed into the admin of syncs."""

    @button(
        "What if", "The saved draft is tried on the records that are stored, beside the live version. Nothing is "
        "written and nobody is asked outside.", "configure", "what-if", "science", form=WhatIfForm,
    )  # fmt: skip
    def what_if(self, request: HttpRequest, form: WhatIfForm, object_id: str) -> HttpResponse:
        sync: Sync = self.row(request, object_id)  # type: ignore[attr-defined]  # of the admin mixed with, as below
        try:
            asked = whatif.start(sync, person(request), form.cleaned_data["scope"])
        except MappingError as error:
            self.message_user(request, f"The draft cannot be tried. {error}", messages.ERROR)  # type: ignore[attr-defined]
            answer: HttpResponse = self.back(request, sync.pk)  # type: ignore[attr-defined]
            return answer
        place = page_of(asked)
        return HttpResponse(headers={"HX-Redirect": place}) if request.headers.get("HX-Request") else redirect(place)


@admin.register(WhatIf)
class WhatIfAdmin(HistoryAdmin):
    list_display = ("__str__", "of", "where", "condition", "scope", "differing", "by", "at")
    list_select_related = ("sync__business", "sync__source", "sync__target", "business", "version", "by")
    search_fields = ("sync__name", "by__email")
    list_filter = (BY_BUSINESS, ("sync", SeenFilter), "state")
    fields = (("business", "sync"), ("by", "scope"), ("version", "since"), ("started_at", "finished_at"))
    change_form_outer_before_template = "admin/syncs/whatif/answer.html"
    of, where, condition, at = linked("sync"), linked("business"), state(), when("started_at", "asked")

    @admin.display(description="come out otherwise")
    def differing(self, row: WhatIf) -> str:
        return f"{row.counts.get('differ', 0):,} of {row.done:,}"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related(*self.list_select_related)

    def get_urls(self) -> list[Any]:
        views = (("progress", self.progress), ("cancel", self.cancel), ("download", self.download))
        places = [
            path(f"<path:object_id>/{name}/", self.admin_site.admin_view(view), name=f"syncs_whatif_{name}")
            for name, view in views
        ]
        return [*places, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        asked: WhatIf = self.row(request, object_id)
        shown = {"asked": asked, "is_fullwidth": "1", "may_configure": self.has_configure_permission(request, asked)}
        if asked.state != WhatIf.State.RUNNING:
            shown |= {"answer": whatifs.answer(asked), "page": whatifs.differing(asked, request.GET.get("page", "1"))}
        context = {**(extra_context or {}), **shown}
        answer: HttpResponse = super().change_view(request, object_id, form_url, context)
        return answer

    def progress(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The bar, asked for again and again; once it is over the whole page is."""
        asked: WhatIf = self.row(request, object_id)
        answer = render(request, "admin/syncs/whatif/progress.html", {"asked": asked})
        if asked.state != WhatIf.State.RUNNING and request.headers.get("HX-Request"):
            answer.headers["HX-Refresh"] = "true"
        return answer

    def _gated(self, request: HttpRequest, object_id: str) -> WhatIf:
        asked: WhatIf = self.row(request, object_id)
        if not self.has_configure_permission(request, asked):
            raise PermissionDenied("Only who may configure the sync can do this.")
        return asked

    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return require_POST(self._cancel)(request, object_id)

    def _cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        asked = self._gated(request, object_id)
        words = "Cancelled." if whatif.cancel(asked) else "It was over already."
        self.message_user(request, words, messages.SUCCESS)
        return self.back(request, asked.pk)

    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return require_POST(self._download)(request, object_id)

    def _download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Customers' data leaves the portal here, so that it is recorded who took it."""
        asked = self._gated(request, object_id)
        with transaction.atomic():
            words = f"Downloaded what the draft of “{asked.sync}” would do to {asked.done:,} records"
            audit.record(asked.business_id, person(request), "what_if.downloaded", asked, words, records=asked.done)
            name = f"what-if-{slugify(str(asked.sync))}-{asked.started_at:%Y-%m-%d}"
            return spreadsheets.attachment(name, whatifs.lines(asked))


@admin.register(WhatIfRecord)
class WhatIfRecordAdmin(HistoryAdmin):
    """Records of what-ifs, to be found; they are read on the page of their what-if."""

    list_display = ("label", "of", "where", "differs", "live_outcome", "draft_outcome", "draft_reason")
    list_select_related = ("what_if", "business")
    search_fields = ("label",)
    list_filter = (BY_BUSINESS, "differs")
    links_by = ("what_if",)
    fields = (
        ("business", "what_if"), ("label", "link"), ("live_outcome", "live_reason"), ("draft_outcome", "draft_reason"),
    )  # fmt: skip
    of, where = linked("what_if", "what-if"), linked("business")
