"""Around the draft of a mapping: rows tried out, versions compared, recipes as files. Each page of one sync."""

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods
from unfold.widgets import UnfoldAdminFileFieldWidget

from portal.admin.base import ScopedAdmin, person
from portal.admin.drafts import differences
from syncs import audit, catalogues, chains, choosing, examples, fitting, recipefiles, recipes, revising, rulebook
from syncs.mapping import MappingError
from syncs.models import Rule, Sync, Version
from syncs.recipefiles import FileError, Read
from syncs.rules import RuleError

#: What stands for the draft where versions are chosen by their numbers.
DRAFT = "draft"
MOST_TRIED = examples.MOST


class UploadForm(forms.Form):
    file = forms.FileField(
        label="Recipe file", widget=UnfoldAdminFileFieldWidget({"accept": ".json,application/json"}),
        help_text=f"At most {recipefiles.LARGEST // 1024} kB. Nothing is replaced before you have seen what changes.",
    )  # fmt: skip


class StudioPages(ScopedAdmin):
    """Mixed into the admin of syncs: pages beside the form of one of them."""

    def get_urls(self) -> list[Any]:
        look = ["GET", "HEAD"]
        mine: list[tuple[str, Any, list[str]]] = [
            ("try", self.try_row, ["POST"]), ("compare", self.compare, look), ("export", self.export, ["POST"]),
            ("import", self.import_file, [*look, "POST"]),
        ]  # fmt: skip
        named = [
            path(
                f"<path:object_id>/{name}/", self.admin_site.admin_view(require_http_methods(methods)(view)),
                name=f"syncs_sync_{name}",
            )
            for name, view, methods in mine
        ]  # fmt: skip
        return [*named, *super().get_urls()]

    def _configured(self, request: HttpRequest, object_id: str) -> Sync:
        """The sync, where the person may change it: else it does not exist, or is not theirs to change."""
        sync: Sync = self.row(request, object_id)
        if not self.has_configure_permission(request, object_id):
            raise PermissionDenied
        return sync

    def _page(self, request: HttpRequest, sync: Sync, template: str, title: str, **more: Any) -> HttpResponse:
        shown = {"title": f"{title}: {sync}", "opts": self.opts, "sync": sync, "original": sync, **more}
        return TemplateResponse(request, template, {**self.admin_site.each_context(request), **shown})

    def try_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What a row as it stands on the page makes of some values, for its examples."""
        self._configured(request, object_id)
        try:
            row = {"sources": request.POST.getlist("sources"), "target": "row", "mode": "always"}
            row["transforms"] = json.loads(request.POST.get("transforms") or "[]")
            values = json.loads(request.POST.get("values") or "[]")
            if not isinstance(row["transforms"], list) or not isinstance(values, list) or len(values) > MOST_TRIED:
                raise ValueError
            return JsonResponse({"made": chains.made(row, values)})
        except MappingError as error:
            return JsonResponse({"problem": str(error).removeprefix("row: ")})
        except (ValueError, RecursionError, TypeError):
            return JsonResponse({"problem": "Correct the steps first: these cannot be read."})

    # Versions

    def compare(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Any two versions, or one and the draft."""
        sync: Sync = self.row(request, object_id)
        versions = list(Version.objects.filter(sync=sync).select_related("author"))
        live = str(sync.version.number) if sync.version else DRAFT
        one, other = request.GET.get("from", live), request.GET.get("to", DRAFT)
        first, second = (_content(sync, versions, name) for name in (one, other))
        found = differences(first, second) if first is not None and second is not None else None
        choices = [(DRAFT, "The draft"), *((str(v.number), _called(v, sync)) for v in versions)]
        return self._page(
            request, sync, "admin/syncs/sync/compare.html", "Compare versions",
            choices=choices, one=one, other=other, differences=found, names=(_name(one), _name(other)),
        )  # fmt: skip

    # Files

    def export(self, request: HttpRequest, object_id: str) -> HttpResponse:
        sync = self._configured(request, object_id)
        recipe, number = recipes.RECIPES.get(sync.recipe), request.POST.get("version", DRAFT)
        content = _content(sync, Version.objects.filter(sync=sync), number)
        if recipe is None or content is None:
            self.message_user(request, "There is no such version to export.", "error")
            return self.back(request, sync.pk)
        by, note = person(request), f"{_name(number)} of {sync}"
        text = recipefiles.write(
            content, recipe, at=timezone.now().isoformat(timespec="seconds"), by=by.get_short_name(), note=note
        )
        audit.record(sync.business_id, by, "recipe.exported", sync, f"Exported {note} as a file")
        name = f"{slugify(str(sync))}-{number if number == DRAFT else f'version-{number}'}.json"
        return HttpResponse(
            text, content_type="application/json; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )  # fmt: skip

    def import_file(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Upload, look at what would change, press."""
        sync = self._configured(request, object_id)
        if "content" in request.POST:
            return self._take(request, sync)
        form = UploadForm(request.POST or None, request.FILES or None)
        wrong: Sequence[str] = ()
        found: Read | None = None
        if request.method == "POST" and form.is_valid():
            try:
                found = _read(sync, form.cleaned_data["file"])
            except FileError as error:
                wrong = error.sentences
        return self._import_page(request, sync, form, wrong, found)

    def _import_page(
        self, request: HttpRequest, sync: Sync, form: UploadForm, wrong: Sequence[str], found: Read | None
    ) -> HttpResponse:  # fmt: skip
        now = choosing.draft_content(sync)
        more: dict[str, Any] = {"form": form, "wrong": wrong, "found": found, "media": form.media}
        if found:
            more |= {
                "differences": differences(now, found.content), "warnings": _warnings(sync, found.content),
                "sealed": revising.Opened(found.content).sealed(), "shown": revising.digest(now),
            }  # fmt: skip
        return self._page(request, sync, "admin/syncs/sync/import.html", "Import a recipe file", **more)

    def _take(self, request: HttpRequest, sync: Sync) -> HttpResponse:
        taken = revising.unsealed(request.POST["content"])
        with transaction.atomic():
            locked = Sync.objects.select_for_update().get(pk=sync.pk)
            if taken is None or request.POST.get("shown") != revising.digest(choosing.draft_content(locked)):
                words = "Nothing was replaced: the draft has changed since it was shown. Choose the file once more."
                self.message_user(request, words, "error")
                return redirect("admin:syncs_sync_import", sync.pk)
            words = f"Replaced the draft of “{sync}” with an imported recipe file"
            revising.replace(locked, taken.content, person(request), "draft.imported", words)
        self.log_change(request, sync, words)
        said = "The draft is now what the file says. Look at it below, then publish it: nothing is live yet."
        self.message_user(request, said, "success")
        return self.back(request, sync.pk)


def _content(sync: Sync, versions: Any, name: str) -> dict[str, Any] | None:
    """What the draft or a version says; None for one there is not."""
    if name == DRAFT:
        return choosing.draft_content(sync)
    found = [v for v in versions if str(v.number) == name]
    return found[0].content if found else None


def _name(name: str) -> str:
    return "the draft" if name == DRAFT else f"version {name}"


def _called(version: Version, sync: Sync) -> str:
    live = ", live" if version.pk == sync.version_id else ""
    note = f": {version.note[:60]}" if version.note else ""
    return f"Version {version.number}{live}{note}"


def _read(sync: Sync, file: Any) -> Read:
    recipe = recipes.RECIPES.get(sync.recipe)
    if recipe is None:
        raise FileError("This sync has a recipe that is not known here, so no file fits it.")
    if file.size > recipefiles.LARGEST:
        raise FileError(f"The file is larger than {recipefiles.LARGEST // 1024} kB, so it is no recipe.")
    return recipefiles.read(file.read(), recipe, rulebook.fields_of(sync).asked)


def _warnings(sync: Sync, content: dict[str, Any]) -> list[str]:
    """What keeps the file from being published as it is: fields that this account does not have, and the like."""
    fields = rulebook.fields_of(sync)
    found = fitting.problems(content, catalogues.of(sync))
    for rule in revising.rules_of(sync, content):
        found += _rule_problem(rule, fields)
    return found


def _rule_problem(rule: Rule, fields: rulebook.Fields) -> list[str]:
    try:
        rulebook.checked(rule, fields)
    except RuleError as error:
        return [str(error)]
    return []
