"""The draft's rules as a person edits them: conditions in rows or as an expression, checked on save in plain words."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest
from unfold.widgets import (
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from portal.access import Action
from portal.admin.base import BY_BUSINESS, ScopedAdmin, ScopedStackedInline
from portal.admin.conditions import ConditionsField, ConditionsWidget
from portal.admin.display import linked
from portal.admin.drafts import rule_words
from portal.admin.mapping import Catalogue, RowsFormSet, catalogue
from syncs import rulebook
from syncs.models import Outcome, Rule
from syncs.rulebook import Fields
from syncs.rules import RuleError
from syncs.rules.book import check_condition
from syncs.rules.conditions import GROUPS, Group
from syncs.rules.values import LINK_FIELDS, shown

JOINED = (("all", "All of these are so"), ("any", "Any of these is so"), ("not", "None of these is so"))


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]  # generic for the type checker only
    known: ClassVar[Fields]
    catalogue: ClassVar[Catalogue]
    joined = forms.ChoiceField(label="It applies when", choices=JOINED, required=False, widget=UnfoldAdminSelectWidget)
    conditions = ConditionsField(required=False)
    expression = forms.CharField(
        label="Or an expression", required=False, max_length=1000,
        widget=UnfoldAdminTextareaWidget({"rows": 2, "spellcheck": "false"}),
        help_text="In CEL, instead of rows, for what these cannot say. What saved rows make below is a good start.",
    )  # fmt: skip
    target_path = forms.CharField(
        label="Field to set", max_length=120, required=False, widget=UnfoldAdminSelect2Widget({"data-tags": "true"})
    )
    sends_to = forms.ChoiceField(
        label="Sync to send it to", required=False, widget=UnfoldAdminSelectWidget,
        help_text="Those of this business that read the same records of the same account.",
    )  # fmt: skip

    class Meta:
        model = Rule
        fields = (
            "name", "joined", "conditions", "expression", "outcome", "reason", "role", "target_path", "value",
            "sends_to", "position",
        )  # fmt: skip
        error_messages: ClassVar = {NON_FIELD_ERRORS: {"unique_together": "Another rule has this name already."}}
        help_texts: ClassVar = {
            "name": "People read it where the rule has done something.",
            "reason": "In the words of who reads it: “Leads stay in Jobber.” Of an incident, it is the next step.",
            "role": "For what is held.",
            "value": "For a field that is set.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        joined, rows, expression = as_rows(self.instance, self.known)
        self.initial.update(joined=joined, conditions=rows, expression=expression)
        self.fields["conditions"].widget = ConditionsWidget(_asked(self.catalogue, rows), self.known.asked)
        settable = {p: f for p, f in self.known.settable.items() if not p.endswith("*")}
        chosen = str(self["target_path"].value() or "")
        named = [(p, f"{p} · {f.label}") for p, f in settable.items()]
        extra = [(chosen, chosen)] if chosen and chosen not in settable else []
        self.fields["target_path"].widget.choices = [("", ""), *extra, *named]
        self._offer_syncs()

    def _offer_syncs(self) -> None:
        others = {str(sync.pk): sync for sync in self.known.others}
        self.fields["sends_to"].choices = [  # type: ignore[attr-defined]  # a ChoiceField
            ("", "None chosen" if others else "There is no other sync of these records"),
            *((pk, f"{sync}, to {sync.target}") for pk, sync in others.items()),
        ]
        with suppress(RuleError):
            self.initial["sends_to"] = str(rulebook.routed_to(self.instance, self.known.others).pk)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        rows, expression = cleaned.get("conditions") or [], cleaned.get("expression", "").strip()
        if rows and expression:
            self.add_error("expression", "Use the rows or the expression, not both. Empty one of them.")
            return cleaned
        self.instance.expression = expression
        self.instance.condition = {} if expression else {cleaned.get("joined") or "all": [_test(row) for row in rows]}
        chosen = next((sync for sync in self.known.others if str(sync.pk) == cleaned.get("sends_to")), None)
        self.instance.route_to = rulebook.place(chosen) if chosen else {}
        self._check(cleaned)
        return cleaned

    def _check(self, cleaned: dict[str, Any]) -> None:
        """One sentence where it cannot work, at the field that it is about."""
        row = Rule(
            condition=self.instance.condition, expression=self.instance.expression, route_to=self.instance.route_to
        )
        for name in ("name", "outcome", "reason", "role", "target_path", "value"):
            setattr(row, name, cleaned.get(name) or "")
        try:
            check_condition(rulebook.unchecked(row)["condition"], self.known.asked)
        except RuleError as error:
            self.add_error("expression" if row.expression else "conditions", str(error))
            return
        if not row.name or not row.outcome:
            return  # that is said already
        try:
            kept = rulebook.checked(row, self.known)
        except RuleError as error:
            self.add_error(self._place(row), str(error).removeprefix(f"Rule “{row.name}”: "))
            return
        cleaned["value"] = shown(kept["value"]) if row.outcome == Outcome.SET else cleaned.get("value", "")

    def _place(self, row: Rule) -> str:
        """The field that what is wrong with its outcome is about."""
        if row.outcome == Outcome.SET:
            return "value" if self.known.target(row.target_path) else "target_path"
        places = {Outcome.HOLD: "role", Outcome.ROUTE: "sends_to"}
        return places.get(Outcome(row.outcome), "reason")


def _test(row: Mapping[str, str]) -> dict[str, str]:
    return {part: row[part] for part in ("field", "operator", "value")}


def as_rows(rule: Rule, known: Fields) -> tuple[str, list[dict[str, Any]], str]:
    """How its conditions are joined, the rows, and the expression. What is more than one group is shown as one."""
    how, parts = next(iter(rule.condition.items())) if isinstance(rule.condition, dict) and rule.condition else ("", [])
    if rule.expression or how not in GROUPS or not isinstance(parts, list):
        return "all", [], rule.expression
    if all(isinstance(part, dict) and "field" in part for part in parts):
        return how, parts, ""
    try:
        found = check_condition(rule.condition, known.asked)
    except RuleError:
        return "all", [], ""
    return "all", [], str(found.cel()) if isinstance(found, Group) else rule.expression


def _asked(fields: Catalogue, rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """What a condition can be about: the record's fields, then the link's."""
    here = {p: f.label for p, f in fields.sources.items() if not p.endswith("*")} | LINK_FIELDS
    chosen = {str(row.get("field")): "" for row in rows if row.get("field") and row.get("field") not in here}
    return [(p, f"{p} · {label}" if label and label != p else p) for p, label in {**chosen, **here}.items()]


class RulesFormSet(RowsFormSet):
    def get_unique_error_message(self, unique_check: Any) -> str:
        return "Two rules have the same name. Give one of them another."


class RuleInline(ScopedStackedInline):
    model = Rule
    formset = RulesFormSet
    add_gate = change_gate = delete_gate = Action.CONFIGURE
    verbose_name, verbose_name_plural = "rule", "draft of the rules"
    ordering_field, hide_ordering_field = "position", True
    template_before = "admin/syncs/sync/rules.html"
    known: Fields | None = None

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        if not self.has_change_permission(request, obj):
            self.ordering_field = ""  # nothing to drag
        elif obj:
            self.known = rulebook.fields_of(obj)
            named = {"known": self.known, "catalogue": catalogue(request, obj)}
            kwargs["form"] = type("RuleForm", (RuleForm,), named)
        return super().get_formset(request, obj, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if not self.has_change_permission(request, obj):
            return ((None, {"fields": ("name", "words")}),)
        return (
            (None, {"fields": (
                "name", "joined", "conditions", "expression", "outcome", "role", "reason", "target_path", "value",
                "sends_to", "as_expression", "position",
            )}),
        )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("as_expression",) if self.has_change_permission(request, obj) else ("name", "words")

    @admin.display(description="does")
    def words(self, row: Rule) -> str:
        return rule_words(rulebook.unchecked(row))

    @admin.display(description="the rows as an expression")
    def as_expression(self, row: Rule) -> str:
        """What to begin with for who wants to write more than rows can say."""
        if row.pk is None or row.expression or self.known is None:
            return "Shown here once they are saved." if not row.expression else "–"
        try:
            return str(rulebook.compiled(row, self.known).cel())
        except RuleError as error:
            return str(error)


@admin.register(Rule)
class RuleAdmin(ScopedAdmin):
    """Rules of drafts, to be found; they are edited on the page of their sync."""

    list_display = ("name", "words", "of", "where")
    list_select_related = ("sync", "business")
    search_fields = ("name", "reason", "sync__name")
    list_filter = (BY_BUSINESS, "outcome")
    fields = ("business", "sync", "name", "words")
    of, where = linked("sync"), linked("business")

    @admin.display(description="does")
    def words(self, row: Rule) -> str:
        return rule_words(rulebook.unchecked(row))
