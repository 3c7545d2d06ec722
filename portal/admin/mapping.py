"""The draft's rows as a person edits them: fields out of both catalogues, steps and examples, checked on save."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, QueryDict
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import (
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from connectors.base import Field
from syncs import catalogues, chains, examples, fitting, rulebook
from syncs.fitting import Catalogue as Catalogue
from syncs.models import FieldMapping, Owner, Sync
from syncs.transforms import is_empty, plain

type Choices = list[tuple[str, str]]
NOT_STEPS = 'This is not a list of steps. Write it as [{"name": "text"}, {"name": "cut", "length": 150}].'
#: Characters of a sample value that stand beside its field.
LONGEST_SAMPLE = 40


def catalogue(request: HttpRequest, sync: Sync) -> Catalogue:
    """Read once for a request: rows, rules and the preview of both ask for it."""
    known: dict[int, Catalogue] = request.__dict__.setdefault("sync_catalogues", {})
    if sync.pk not in known:
        known[sync.pk] = catalogues.of(sync)
    return known[sync.pk]


def _choices(fields: Mapping[str, Field], first: Iterable[str], seen: Sequence[Mapping[str, Any]] = ()) -> Choices:
    """The chosen ones first, in their order, since a list of choices is sent in the order it is drawn."""
    return [(p, described(fields[p], seen) if p in fields else p) for p in dict.fromkeys([*first, *fields])]


def described(field: Field, seen: Sequence[Mapping[str, Any]]) -> str:
    """“custom.gate_code · Gate code · text of 500 characters · e.g. 4411”."""
    limit = f" of {field.max_length:,} characters at most" if field.max_length else ""
    value = next((plain(v) for data in seen if not is_empty(v := data.get(field.path))), "")
    sample = f"e.g. {value[:LONGEST_SAMPLE]}{'…' if len(value) > LONGEST_SAMPLE else ''}" if value else ""
    label = field.label if field.label != field.path else ""
    return " · ".join(filter(None, (field.path, label, f"{field.type}{limit}", sample)))


class PathsField(forms.MultipleChoiceField):
    widget = UnfoldAdminSelect2MultipleWidget

    def valid_value(self, value: Any) -> bool:
        return True  # the form knows the catalogue

    def has_changed(self, initial: Any, data: Any) -> bool:
        """The order counts."""
        return list(initial or []) != list(data or [])


def _builder(kind: str, **attrs: Any) -> UnfoldAdminTextareaWidget:
    """A text that static/fieldbridge-rows.js shows as lines to fill in, and that is there without it too."""
    return UnfoldAdminTextareaWidget({"rows": 1, "spellcheck": "false", "data-lines": kind, **attrs})


class _ListField(forms.JSONField):
    def has_changed(self, initial: Any, data: Any) -> bool:
        """An empty list is the same as nothing."""
        given = "" if isinstance(data, str) and data.strip() == "[]" else data
        return super().has_changed(initial or None, given)


class StepsField(_ListField):
    """A list of steps, one a line."""

    default_error_messages = {"invalid": NOT_STEPS}

    def prepare_value(self, value: Any) -> Any:
        if value is None:
            return ""  # a new row
        if not isinstance(value, list):
            return super().prepare_value(value)
        return "[" + ",\n ".join(json.dumps(step, ensure_ascii=False) for step in value) + "]"

    def clean(self, value: Any) -> list[dict[str, Any]]:
        steps = super().clean(value) or []
        if not isinstance(steps, list) or not all(isinstance(s, dict) and s.get("name") for s in steps):
            raise forms.ValidationError(NOT_STEPS, code="invalid")
        return steps


class ExamplesField(_ListField):
    """Pairs of what goes in and what comes out, one a line."""

    default_error_messages = {"invalid": f"{examples.WRITTEN}."}

    def prepare_value(self, value: Any) -> Any:
        if not value:
            return ""
        if not isinstance(value, list):
            return super().prepare_value(value)
        return "[" + ",\n ".join(map(examples.shown, value)) + "]"

    def clean(self, value: Any) -> list[list[Any]]:
        pairs = super().clean(value) or []
        problem = examples.problem(pairs)
        if problem:
            raise forms.ValidationError(problem, code="invalid")
        return list(pairs)


class MappingForm(forms.ModelForm):  # type: ignore[type-arg]  # generic for the type checker only
    catalogue: ClassVar[Catalogue]
    known: ClassVar[rulebook.Fields]
    sources = PathsField(label="from")
    target_path = forms.CharField(label="to", max_length=120, widget=UnfoldAdminSelect2Widget({"data-tags": "true"}))
    transforms = StepsField(
        required=False, widget=_builder("steps"), help_text="Steps, applied in order. Without any, it goes as it is."
    )
    back_transforms = StepsField(label="on the way back", required=False, widget=_builder("steps"))
    examples = ExamplesField(
        required=False, widget=_builder("examples", placeholder='[["in", "out"]]'),
        help_text="Tried before the draft is published. A record that must wait comes out as held.",
    )  # fmt: skip
    owner = forms.ChoiceField(
        label="wins", choices=Owner.choices, initial=Owner.SOURCE, required=False, widget=UnfoldAdminSelectWidget,
        help_text="Where both sides have changed it; only where the sync goes both ways.",
    )  # fmt: skip
    back_path = forms.CharField(label="back to", max_length=120, required=False, widget=UnfoldAdminSelect2Widget)

    class Meta:
        model = FieldMapping
        fields = (
            "sources", "target_path", "transforms", "mode", "owner", "back_path", "back_transforms", "editable",
            "examples", "position",
        )  # fmt: skip
        error_messages: ClassVar = {NON_FIELD_ERRORS: {"unique_together": "Another row writes to this field already."}}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen, target = self._chosen()
        here, there = self.catalogue.seen, self.catalogue.seen_there
        self.fields["sources"].widget.choices = _choices(self.catalogue.sources, chosen, here)
        offered = [("", ""), *_choices(self.catalogue.targets, [target] if target else [], there)]
        self.fields["target_path"].widget.choices = offered
        writable = {p: f for p, f in self.catalogue.sources.items() if f.writable}
        self.fields["back_path"].widget.choices = [("", "nowhere"), *_choices(writable, [], here)]
        for name, least in (("transforms", 2), ("back_transforms", 1), ("examples", 1)):
            held = getattr(self.instance, name)
            self.fields[name].widget.attrs["rows"] = max(least, len(held) if isinstance(held, list) else 0)

    def _chosen(self) -> tuple[Sequence[str], str]:
        if isinstance(self.data, QueryDict) and self.is_bound:
            return self.data.getlist(self.add_prefix("sources")), self.data.get(self.add_prefix("target_path")) or ""
        return self.instance.sources or [], self.instance.target_path

    def clean_sources(self) -> list[str]:
        paths: list[str] = self.cleaned_data["sources"]
        for path in paths:
            if self.catalogue.source(path) is None:
                raise forms.ValidationError(f"{self.catalogue.source_name} have no field “{path}”.")
        return paths

    def clean_target_path(self) -> str:
        path = str(self.cleaned_data["target_path"]).strip()
        if self.catalogue.target(path) is None:
            raise forms.ValidationError(fitting.not_writable(path, self.catalogue))
        return path

    def clean_owner(self) -> str:
        return self.cleaned_data["owner"] or Owner.SOURCE

    def clean_back_path(self) -> str:
        path = str(self.cleaned_data["back_path"]).strip()
        field = self.catalogue.source(path) if path else None
        if path and not (field and field.writable):
            raise forms.ValidationError(f"{self.catalogue.source_name} have no field “{path}” that can be written.")
        return path

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name, reads in (("transforms", cleaned.get("sources", ())), ("back_transforms", ())):
            self._steps(name, cleaned, reads)
        if {"sources", "target_path", "transforms", "back_transforms", "back_path"} <= cleaned.keys():
            problem = fitting.row_problem(self._row(cleaned), self.catalogue)
            if problem:
                self.add_error(None, problem)
            if cleaned.get("editable") and not rulebook.may_edit(cleaned["target_path"], self.known):
                self.add_error("editable", "This field is not for a person to edit while approving.")
            wrong = examples.problem(cleaned.get("examples", []), len(cleaned["sources"]))
            if wrong:
                self.add_error("examples", wrong)
        return cleaned

    def _steps(self, name: str, cleaned: Mapping[str, Any], reads: Sequence[str]) -> None:
        """What is wrong with one step, at that step: the page shows it beside the argument."""
        found = chains.fault(cleaned.get(name) or (), reads)
        if found:
            self.add_error(name, found.words)
            attrs = {"data-step": found.step, "data-argument": found.argument, "data-fault": found.words}
            self.fields[name].widget.attrs.update(attrs)

    @staticmethod
    def _row(cleaned: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "sources": cleaned["sources"], "target": cleaned["target_path"], "transforms": cleaned["transforms"],
            "mode": cleaned.get("mode", "always"), "owner": cleaned.get("owner"), "back": cleaned["back_path"],
            "back_transforms": cleaned["back_transforms"],
        }  # fmt: skip


class RowsFormSet(PaginationInlineFormSet):  # type: ignore[misc]  # unfold ships no types
    def get_unique_error_message(self, unique_check: Sequence[str]) -> str:
        return "Two rows write to the same field. Keep one of them."


class MappingFormSet(RowsFormSet):
    """The rows together: what a record cannot do without, and how many keys there is room for."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        kept = [f for f in self.forms if f.cleaned_data.get("target_path") and not f.cleaned_data.get("DELETE")]
        rows = [{"target": form.cleaned_data["target_path"]} for form in kept]
        wrong = fitting.together(rows, self.form.catalogue) if hasattr(self.form, "catalogue") else []
        if wrong:
            raise forms.ValidationError(wrong)
