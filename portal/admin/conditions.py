"""The rows of a rule's conditions on the page: a field, what is asked about it, and what it is compared with."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminSelect2Widget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from portal.admin.display import rendered
from syncs.rules.conditions import MOST_TESTS, kind_at
from syncs.rules.operators import BY_KIND, LABELS
from syncs.rules.values import Kind, shown

#: Rows without a field that stand below those of a rule.
EMPTY_ROWS = 2
#: Operators in the order in which they are offered, by what they are for.
_ORDER = (
    ("Texts and lists", ("is", "is_not", "contains", "begins", "one_of", "any_of")),
    ("Numbers and amounts", ("eq", "lt", "le", "gt", "ge")),
    ("Yes or no", ("yes", "no")),
    ("Dates", ("before", "from", "last_days")),
    ("Anything", ("empty",)),
)
_KINDS_OF = {name: [k for k, known in BY_KIND.items() if name in known] for known in BY_KIND.values() for name in known}


class _FieldSelect(UnfoldAdminSelect2Widget):  # type: ignore[misc]  # unfold ships no types
    """Each field says of which kind it is, so that the page offers only what can be asked about it."""

    kinds: Mapping[str, Kind] = {}

    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(*args, **kwargs)
        kind = kind_at(str(option["value"]), self.kinds) if option["value"] else None
        return {**option, "attrs": {**option["attrs"], "data-kind": kind}} if kind else option


class _OperatorSelect(UnfoldAdminSelectWidget):  # type: ignore[misc]  # unfold ships no types
    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(*args, **kwargs)
        kinds = "|".join(_KINDS_OF.get(str(option["value"]), ()))
        return {**option, "attrs": {**option["attrs"], "data-kinds": kinds}} if kinds else option


class ConditionsWidget(forms.Widget):
    """Rows of a field, what is asked about it, and what it is compared with."""

    def __init__(self, fields: Iterable[tuple[str, str]] = (), kinds: Mapping[str, Kind] | None = None) -> None:
        super().__init__()
        self.field = _FieldSelect(choices=[("", ""), *fields])
        self.field.kinds = kinds or {}
        self.operator = _OperatorSelect(choices=_operators())
        self.value = UnfoldAdminTextInputWidget({"placeholder": "Compared with"})

    @property
    def media(self) -> forms.Media:
        found: forms.Media = self.field.media + self.operator.media + self.value.media
        return found

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        given: list[Mapping[str, Any]] = [*(value or []), *({} for _ in range(EMPTY_ROWS))]
        rows = [self._row(f"{name}-{n}", row, n + 1) for n, row in enumerate(given)]
        return rendered("admin/syncs/sync/conditions.html", {"rows": rows})

    def _row(self, name: str, row: Mapping[str, Any], number: int) -> list[Any]:
        cells = (("field", self.field), ("operator", self.operator), ("value", self.value))
        labels = {"field": "Field", "operator": "Question", "value": "Compared with"}
        return [
            widget.render(f"{name}-{part}", _said(row.get(part)), {
                "id": f"id_{name}-{part}", "aria-label": f"{labels[part]} of condition {number}",
            })
            for part, widget in cells
        ]  # fmt: skip

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[dict[str, str]]:
        """Rows without a field are no conditions."""
        rows = [
            {part: str(data.get(f"{name}-{n}-{part}") or "").strip() for part in ("field", "operator", "value")}
            for n in range(MOST_TESTS + EMPTY_ROWS)
        ]
        return [row for row in rows if row["field"]]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False

    def id_for_label(self, id_: str, index: str = "0") -> str:
        return f"{id_}-0-field"


def _said(value: Any) -> str:
    return shown(value) if value is not None else ""


def _operators() -> list[Any]:
    return [(title, [(name, LABELS[name]) for name in names]) for title, names in _ORDER]


class ConditionsField(forms.Field):
    widget = ConditionsWidget

    def has_changed(self, initial: Any, data: Any) -> bool:
        plain = [{part: _said(row.get(part)) for part in ("field", "operator", "value")} for row in initial or []]
        return plain != list(data or [])
