"""The draft's rows as a person edits them: fields out of both catalogues, transforms as JSON, checked on save."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import QueryDict
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import (
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from connectors import registry
from connectors.base import Field, FieldType
from syncs import examples, rulebook
from syncs.mapping import WILDCARD, MappingError, compile_row
from syncs.models import FieldMapping, Owner, Snapshot, Sync

type Choices = list[tuple[str, str]]
#: Records looked at for the account's own fields.
LOOKED_AT = 50
ONLY_LISTS = {"first", "join"}
NOT_STEPS = 'This is not a list of steps. Write it as [{"name": "text"}, {"name": "cut", "length": 150}].'


@dataclass(frozen=True)
class Catalogue:
    """What a sync can read and write. A path that ends in * stands for every field with that beginning."""

    source_name: str
    target_name: str
    sources: dict[str, Field]
    targets: dict[str, Field]

    def field(self, path: str, side: dict[str, Field]) -> Field | None:
        """The catalogue's entry, also for one key under a star."""
        head = path.split(".", 1)[0]
        return side.get(path) or (side.get(f"{head}.{WILDCARD}") if len(path) > len(head) + 1 else None)


def catalogue(sync: Sync) -> Catalogue:
    source, target = registry.get(sync.source.connector), registry.get(sync.target.connector)
    seen = Snapshot.objects.filter(connection=sync.source_id, resource=sync.source_resource).order_by("-pk")
    own = sorted(
        {p for data in seen.values_list("data", flat=True)[:LOOKED_AT] for p in data if p.startswith("custom.")}
    )
    sources = [
        *source.catalogue(sync.source_resource),
        Field("custom.*", "Every custom field", custom=True),
        *(Field(p, p.removeprefix("custom.").replace("_", " ").capitalize(), custom=True) for p in own),
    ]
    targets = [f for f in target.catalogue(sync.target_resource) if f.writable]
    return Catalogue(
        f"{source.name} {sync.source_resource}", f"{target.name} {sync.target_resource}",
        {f.path: f for f in sources}, {f.path: f for f in targets},
    )  # fmt: skip


def _choices(fields: dict[str, Field], first: Iterable[str]) -> Choices:
    """The chosen ones first, in their order, since a list of choices is sent in the order it is drawn."""
    named = {p: fields.get(p) or Field(p, p) for p in [*first, *fields]}
    return [(p, f"{p} · {f.label}" if f.label != p else p) for p, f in named.items()]


class PathsField(forms.MultipleChoiceField):
    widget = UnfoldAdminSelect2MultipleWidget

    def valid_value(self, value: Any) -> bool:
        return True  # the form knows the catalogue

    def has_changed(self, initial: Any, data: Any) -> bool:
        """The order counts."""
        return list(initial or []) != list(data or [])


class StepsField(forms.JSONField):
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


class ExamplesField(forms.JSONField):
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
        required=False, widget=UnfoldAdminTextareaWidget({"rows": 2, "spellcheck": "false"}),
        help_text="A list of steps, applied in order. What there is to choose from stands below the rows.",
    )  # fmt: skip
    examples = ExamplesField(
        required=False,
        widget=UnfoldAdminTextareaWidget({"rows": 1, "spellcheck": "false", "placeholder": '[["in", "out"]]'}),
        help_text='Tried before the draft is published: [["what goes in", "what comes out"], …], at most 20. '
        'What goes in of several fields is a list; a record that must wait is {"held": true}.',
    )  # fmt: skip
    owner = forms.ChoiceField(
        label="wins", choices=Owner.choices, initial=Owner.SOURCE, required=False, widget=UnfoldAdminSelectWidget,
        help_text="Where both sides have changed it; only where the sync goes both ways.",
    )  # fmt: skip
    back_path = forms.CharField(label="back to", max_length=120, required=False, widget=UnfoldAdminSelect2Widget)

    class Meta:
        model = FieldMapping
        fields = (
            "sources", "target_path", "transforms", "mode", "owner", "back_path", "editable", "examples", "position",
        )  # fmt: skip
        error_messages: ClassVar = {NON_FIELD_ERRORS: {"unique_together": "Another row writes to this field already."}}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen, target = self._chosen()
        self.fields["sources"].widget.choices = _choices(self.catalogue.sources, chosen)
        offered = [("", ""), *_choices(self.catalogue.targets, [target] if target else [])]
        self.fields["target_path"].widget.choices = offered
        writable = {p: f for p, f in self.catalogue.sources.items() if f.writable}
        self.fields["back_path"].widget.choices = [("", "nowhere"), *_choices(writable, [])]
        steps = self.instance.transforms if isinstance(self.instance.transforms, list) else []
        self.fields["transforms"].widget.attrs["rows"] = max(2, len(steps))
        self.fields["examples"].widget.attrs["rows"] = max(1, len(self.instance.examples or []))

    def _chosen(self) -> tuple[Sequence[str], str]:
        if isinstance(self.data, QueryDict) and self.is_bound:
            return self.data.getlist(self.add_prefix("sources")), self.data.get(self.add_prefix("target_path")) or ""
        return self.instance.sources or [], self.instance.target_path

    def clean_sources(self) -> list[str]:
        paths: list[str] = self.cleaned_data["sources"]
        for path in paths:
            if self.catalogue.field(path, self.catalogue.sources) is None:
                raise forms.ValidationError(f"{self.catalogue.source_name} have no field “{path}”.")
        return paths

    def clean_target_path(self) -> str:
        path = str(self.cleaned_data["target_path"]).strip()
        if self.catalogue.field(path, self.catalogue.targets) is None:
            raise forms.ValidationError(f"{self.catalogue.target_name} have no field “{path}” that can be written.")
        return path

    def clean_owner(self) -> str:
        return self.cleaned_data["owner"] or Owner.SOURCE

    def clean_back_path(self) -> str:
        path = str(self.cleaned_data["back_path"]).strip()
        field = self.catalogue.field(path, self.catalogue.sources) if path else None
        if path and not (field and field.writable):
            raise forms.ValidationError(f"{self.catalogue.source_name} have no field “{path}” that can be written.")
        return path

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if {"sources", "target_path", "transforms"} <= cleaned.keys():
            problem = self._problem(cleaned)
            if problem:
                self.add_error(None, problem)
            if cleaned.get("editable") and not rulebook.may_edit(cleaned["target_path"], self.known):
                self.add_error("editable", "This field is not for a person to edit while approving.")
            wrong = examples.problem(cleaned.get("examples", []), len(cleaned["sources"]))
            if wrong:
                self.add_error("examples", wrong)
        return cleaned

    def _problem(self, cleaned: dict[str, Any]) -> str:
        row = {"sources": cleaned["sources"], "target": cleaned["target_path"], "transforms": cleaned["transforms"]}
        try:
            ways = {"owner": cleaned.get("owner"), "back": cleaned.get("back_path")}
            compiled = compile_row({**row, **ways, "mode": cleaned.get("mode", "always")})
        except MappingError as error:
            return str(error)
        fields = [self.catalogue.field(p, self.catalogue.sources) for p in cleaned["sources"]]
        samples = [_sample(f) for f in fields if f]
        steps = [str(s["name"]) for s in cleaned["transforms"]]
        if len(samples) == 1 and steps and steps[0] in ONLY_LISTS and not isinstance(samples[0], list):
            return f"{row['target']}: “{steps[0]}” needs several fields, or one that holds a list."
        return self._tried(compiled.steps, samples[0] if len(samples) == 1 else samples, row["target"])

    @staticmethod
    def _tried(steps: Sequence[Any], value: Any, target: str) -> str:
        """The transforms on a made-up record: what only shows there, such as a name chosen from too few fields."""
        try:
            for step in steps:
                value = step(value, [])
        except Exception:  # whatever it is, the row cannot work
            return f"{target}: these transforms do not work on these fields. Check their number and the arguments."
        return ""


def _sample(field: Field) -> Any:
    made: dict[FieldType, Any] = {FieldType.LIST: ["one", "two"], FieldType.BOOLEAN: True}
    return made.get(field.type, "2026-01-31T09:00:00Z" if field.type == FieldType.DATETIME else "Sample")


class RowsFormSet(PaginationInlineFormSet):  # type: ignore[misc]  # unfold ships no types
    def get_unique_error_message(self, unique_check: Sequence[str]) -> str:
        return "Two rows write to the same field. Keep one of them."
