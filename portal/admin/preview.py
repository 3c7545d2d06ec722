"""The live preview beside the rows: what the draft, as it is typed, makes of real records. Nothing is saved."""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import path
from django_htmx.http import reswap, retarget
from django_scopes import scope

from portal import previews
from portal.admin.mapping import catalogue
from portal.previews import Preview
from syncs import choosing, examples
from syncs.mapping import MappingError
from syncs.models import FieldMapping, Rule, Sync

ASKED = "preview_q"


class Previewing:
    """Mixed into the admin of syncs."""

    def get_urls(self) -> list[Any]:
        place = path(
            "<path:object_id>/preview/", self.admin_site.admin_view(self.preview), name="syncs_sync_preview"  # type: ignore[attr-defined]  # of the admin mixed with, as below
        )  # fmt: skip
        return [place, *super().get_urls()]  # type: ignore[misc]

    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET: the saved draft, as a page. POST: the draft as the sync's form has it, as a fragment of that page."""
        sync: Sync = self.row(request, object_id)  # type: ignore[attr-defined]
        if not self.has_configure_permission(request, sync):  # type: ignore[attr-defined]
            raise PermissionDenied("Only who may configure the sync can try its draft.")
        with scope(business=sync.business):
            if request.method == "POST":
                return self._typed(request, sync)
            return self._saved(request, sync)

    def _saved(self, request: HttpRequest, sync: Sync) -> HttpResponse:
        found, problems = None, []
        try:
            found = previews.preview(sync, choosing.checked_draft(sync), request.GET.get(ASKED, ""))
        except MappingError as error:
            problems = [str(error)]
        context = {
            **self.admin_site.each_context(request), "title": f"Preview of the draft of “{sync}”",  # type: ignore[attr-defined]
            "opts": Sync._meta, "sync": sync, "preview": found, "problems": problems, "is_fullwidth": "1",
        }  # fmt: skip
        return TemplateResponse(request, "admin/syncs/sync/preview_page.html", context)

    def _typed(self, request: HttpRequest, sync: Sync) -> HttpResponse:
        form = self.get_form(request, sync, change=True)(request.POST, instance=sync)  # type: ignore[attr-defined]
        formsets, _ = self._create_formsets(request, sync, change=True)  # type: ignore[attr-defined]
        with transaction.atomic():  # the form locks the draft to see whether it is the one that was opened
            problems = [*_form_problems(form), *(words for each in formsets for words in _formset_problems(each))]
        if not problems:
            try:
                return self._fragment(request, sync, form, formsets)
            except MappingError as error:
                problems = [str(error)]
        answer = render(request, "admin/syncs/sync/preview_problems.html", {"problems": problems})
        return reswap(retarget(answer, "#fb-preview-problems"), "innerHTML")

    def _fragment(self, request: HttpRequest, sync: Sync, form: Any, formsets: Iterable[Any]) -> HttpResponse:
        rows = {formset.model: _rows(formset) for formset in formsets}
        content = choosing.checked_content(
            sync, rows[FieldMapping], rows[Rule], form.chosen_options(), catalogue(request, sync)
        )  # fmt: skip
        found: Preview = previews.preview(sync, content, request.POST.get(ASKED, ""))
        context = {"preview": found, "sync": sync, "unpublishable": _unpublishable(content)}
        return render(request, "admin/syncs/sync/preview_records.html", context)


def _unpublishable(content: dict[str, Any]) -> str:
    """Why it could not be published as it is, although it can be tried."""
    try:
        examples.check(content)
    except MappingError as error:
        return str(error)
    return ""


def _rows(formset: Any) -> list[Any]:
    """As saving would keep them: those that are there in their order, then those that were added."""
    gone = set(formset.deleted_forms)
    kept = [form.instance for form in formset.initial_forms if form not in gone]
    added = [form.instance for form in formset.extra_forms if form.has_changed() and form not in gone]
    return [*sorted(kept, key=lambda row: (row.position, row.pk)), *added]


def _form_problems(form: Any) -> list[str]:
    return [] if form.is_valid() else [_said(form, name, words) for name, words in form.errors.items()]


def _formset_problems(formset: Any) -> list[str]:
    """In the form's own words, with the row or rule that each is about."""
    if formset.is_valid():
        return []
    one = str(formset.model._meta.verbose_name)
    name = {"field mapping": "Row"}.get(one, one.capitalize())
    found = [
        f"{name} {number}{_called(form)}: {_said(form, field, words)}"
        for number, form in enumerate(formset.forms, start=1)
        for field, words in form.errors.items()
    ]
    return [*formset.non_form_errors(), *found]


def _called(form: Any) -> str:
    """' (metadata.title)': what a person knows the row by."""
    typed = form["target_path"].value() if isinstance(form.instance, FieldMapping) else form["name"].value()
    return f" ({typed})" if typed else ""


def _said(form: Any, field: str, words: Iterable[str]) -> str:
    said = " ".join(str(one) for one in words)
    if field not in form.fields:
        return said
    label = str(form.fields[field].label or field.replace("_", " "))
    return f"{label[:1].upper()}{label[1:]}: {said}"
