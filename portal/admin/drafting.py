"""The draft on the page of its sync: options, rows, and what publishing it would change."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from portal import offers
from portal.access import Action
from portal.admin.base import ScopedInline
from portal.admin.drafts import Difference, differences, examples_words, steps_words
from portal.admin.mapping import MappingForm, MappingFormSet, catalogue
from syncs import choosing, recipes, revising, routing, rulebook, whatif
from syncs.mapping import MappingError
from syncs.models import FieldMapping, Sync, WhatIf


def draft_differences(sync: Sync) -> list[Difference]:
    """What publishing would change; everything, where nothing was published yet."""
    return differences(sync.version.content if sync.version else {}, choosing.draft_content(sync))


CHANGED = "Nothing was saved: the draft has changed since you opened it. What has changed stands above."


def stale(sync: Sync, data: Mapping[str, Any]) -> revising.Opened | None:
    """The draft as the page has shown it, where it is another by now. Nobody else changes it while this is asked."""
    opened = revising.unsealed(str(data.get("opened") or ""))
    if opened is None:
        return None
    now = Sync.objects.select_for_update().get(pk=sync.pk)
    return None if opened.is_of(now) else opened


class SyncForm(forms.ModelForm):  # type: ignore[type-arg]  # generic for the type checker only
    """The recipe's yes/no options as boxes."""

    switches = forms.MultipleChoiceField(
        label="Options", required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Part of the draft: they count from the next version on.",
    )  # fmt: skip

    class Meta:
        model = Sync
        fields = ("name", "poll_minutes", "approver", "approval_days", "raised_by")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.labels = option_labels(self.instance)
        if "switches" in self.fields:  # not for who may only look
            self.fields["switches"].choices = list(self.labels.items())  # type: ignore[attr-defined]
            self.fields["switches"].initial = [k for k in self.labels if self.instance.options.get(k)]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.instance.pk and stale(self.instance, self.data):
            raise forms.ValidationError(CHANGED)
        return cleaned

    def save(self, commit: bool = True) -> Any:
        self.instance.options = self.chosen_options()
        return super().save(commit)

    def chosen_options(self) -> dict[str, Any]:
        """The options as the form has them."""
        chosen = self.cleaned_data.get("switches", [])
        held: dict[str, Any] = {**self.instance.options, **{k: k in chosen for k in self.labels}}
        for name, (option, key) in choice_fields(self.instance).items():
            value = self.cleaned_data.get(name)
            if value:  # not shown to who may only look
                held[option] = {**(held.get(option) or {}), key: value} if key else value
        return held


def choice_fields(sync: Sync) -> dict[str, tuple[str, str]]:
    """{form field: (option, key in its table, '' for an option without a table)}."""
    recipe = recipes.RECIPES.get(sync.recipe)
    if recipe is None:
        return {}
    single = {f"option_{option}": (option, "") for option in recipe.option_choices}
    tables = {f"table_{o}_{key}": (o, key) for o, table in recipe.tables.items() for key, _ in table.keys}
    return single | tables


def choice_form(sync: Sync) -> type[SyncForm]:
    """The form with a field for each option that is one of several."""
    recipe = recipes.RECIPES.get(sync.recipe)
    fields = {name: _choice(recipe, sync, *place) for name, place in choice_fields(sync).items()} if recipe else {}
    return type("SyncForm", (SyncForm,), fields)


def _choice(recipe: recipes.Recipe, sync: Sync, option: str, key: str) -> forms.ChoiceField:
    held = {**recipe.options, **sync.options}.get(option)
    if key:
        table = recipe.tables[option]
        label, choices, value = f"{table.label}: {dict(table.keys)[key]}", table.choices, (held or {}).get(key)
    else:
        label, choices, value = recipe.option_labels.get(option, option), recipe.option_choices[option], held
    return forms.ChoiceField(
        label=label, choices=choices, initial=value, required=False, widget=UnfoldAdminSelectWidget
    )  # fmt: skip


def option_labels(sync: Sync) -> dict[str, str]:
    """{option: what it means} of those that are a yes or no."""
    recipe = recipes.RECIPES.get(sync.recipe)
    known = {**(recipe.options if recipe else {}), **offers.common(sync), **sync.options}
    labels = {**(recipe.option_labels if recipe else {}), routing.ONLY_SENT: routing.ONLY_SENT_WORDS}
    return {k: labels.get(k, k.replace("_", " ").capitalize()) for k, v in known.items() if isinstance(v, bool)}


_SHOWN = ("reads", "target_path", "steps", "mode", "owner", "back_path", "editable", "expected")


class MappingInline(ScopedInline):
    model = FieldMapping
    formset = MappingFormSet
    add_gate = change_gate = delete_gate = Action.CONFIGURE
    verbose_name, verbose_name_plural = "row", "draft of the mapping"
    ordering_field, hide_ordering_field = "position", True
    show_title = False
    template_after = "admin/syncs/sync/transforms.html"

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        if not self.has_change_permission(request, obj):
            self.ordering_field = ""  # nothing to drag
        elif obj:
            known = {"catalogue": catalogue(request, obj), "known": rulebook.fields_of(obj)}
            kwargs["form"] = type("MappingForm", (MappingForm,), known)
        return super().get_formset(request, obj, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if self.has_change_permission(request, obj):
            return (
                "sources", "target_path", "transforms", "mode", "owner", "back_path", "back_transforms", "editable",
                "examples",
                "position",
            )  # fmt: skip
        return _SHOWN

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if self.has_change_permission(request, obj) else _SHOWN

    @admin.display(description="from")
    def reads(self, row: FieldMapping) -> str:
        return ", ".join(row.sources)

    @admin.display(description="transforms")
    def steps(self, row: FieldMapping) -> str:
        return steps_words(row.transforms).rstrip(", ") or "as it is"

    @admin.display(description="examples")
    def expected(self, row: FieldMapping) -> str:
        return examples_words(row.examples) or "none"


class PublishForm(BaseDialogForm):  # type: ignore[misc]  # unfold ships no types
    shown = forms.CharField(required=False, widget=forms.HiddenInput)
    note = forms.CharField(
        max_length=300, required=False, widget=UnfoldAdminTextInputWidget, help_text="What changes, and why."
    )  # fmt: skip
    form_before_template = "admin/syncs/sync/publish.html"

    def get_before_template_context(self, request: HttpRequest, object_id: Any = None) -> dict[str, Any]:
        sync = Sync.objects.select_related("version").filter(pk=object_id).first()
        if sync is None:
            return {}
        self.initial["shown"] = revising.digest(choosing.draft_content(sync))
        return {"sync": sync, "differences": draft_differences(sync), "what_if": _tried(sync)}


def _tried(sync: Sync) -> WhatIf | None:
    """The latest what-if of exactly this draft."""
    try:
        return whatif.last_of(sync, choosing.checked_draft(sync))
    except MappingError:
        return None
