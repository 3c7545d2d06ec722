"""The only door to the admin's rows: which of them a person sees, and what the role there lets them do.

Django's own per-model permissions are not asked. A gate names who may: an action of `portal.access`, judged by the
role a person has in the row's business, or one of the two below.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, cast

from django.contrib import admin, messages
from django.contrib.admin.views.main import ERROR_FLAG
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.db.models import Field, ForeignKey, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.contrib.filters.forms import AutocompleteDropdownForm
from unfold.paginator import InfinitePaginator

from portal import signins
from portal.access import Action, may
from portal.models import Business, User
from syncs import audit

type Gate = Action | str
NOBODY = "nobody"
SUPERUSERS = "superusers"
_COMPARISONS = {"exact", "in", "isnull", "gte", "gt", "lte", "lt"}
#: Longer numbers are no id: the database would not take them.
_ID_DIGITS = 18


def businesses_where(request: HttpRequest, gate: Gate) -> set[int] | None:
    """Ids of the businesses in which this person may; None means all of them."""
    roles = cast("dict[int, str] | None", request.looked_after)  # type: ignore[attr-defined]  # portal.middleware
    if gate == NOBODY:
        return set()
    if roles is None:
        return None
    return {business for business, role in roles.items() if isinstance(gate, Action) and may(role, gate)}


def role_at(request: HttpRequest, business_id: int) -> str | None:
    """The person's role in a business that they look after, '' in none; None means every right."""
    roles = cast("dict[int, str] | None", request.looked_after)  # type: ignore[attr-defined]  # portal.middleware
    return None if roles is None else roles.get(business_id, "")


def person(request: HttpRequest) -> User:
    return cast(User, request.user)


def _asked_about(row: Any) -> list[int]:
    """Ids of the businesses whose owners would ask who changed this row: its own, or those its person can see."""
    if isinstance(row, Business):
        return [row.pk]
    if hasattr(row, "business_id"):
        return [row.business_id]
    return [business.pk for business in signins.seen_by(row if isinstance(row, User) else row.user)]


class Scoped:
    """Mixed into model admins and inlines: rows, choices and permissions by the businesses looked after."""

    #: From a row to its business, as a lookup; empty for rows of no one business, where only the person is judged.
    business_path: ClassVar[str] = "business"
    view_gate: ClassVar[Gate] = Action.VIEW
    add_gate: ClassVar[Gate] = NOBODY
    change_gate: ClassVar[Gate] = NOBODY
    delete_gate: ClassVar[Gate] = NOBODY
    admin_site: Any

    def limited(self, rows: QuerySet[Any], businesses: set[int]) -> QuerySet[Any]:
        return rows.filter(**{f"{self.business_path}__in": businesses})

    def business_of(self, row: Any) -> int | None:
        return cast("int | None", row.business_id)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]  # of the admin mixed with
        businesses = businesses_where(request, self.view_gate)
        return rows if businesses is None else self.limited(rows, businesses)

    def formfield_for_foreignkey(self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Choices are the rows the person sees; a new row's business is one in which they may add it."""
        related = db_field.remote_field.model
        rows = self.admin_site.get_model_admin(related).get_queryset(request)
        allowed = businesses_where(request, self.add_gate)
        if related is Business and allowed is not None:
            rows = rows.filter(pk__in=allowed)
        kwargs.setdefault("queryset", rows)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]

    def formfield_for_dbfield(self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        """Without the buttons that open another row's form in a frame: no page of ours may be framed."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if field and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget.can_add_related = field.widget.can_change_related = False
            field.widget.can_delete_related = field.widget.can_view_related = False
        return field

    def allows(self, request: HttpRequest, gate: Gate, row: Any = None) -> bool:
        """In this row's business; without a row, in any."""
        allowed = businesses_where(request, gate)
        if not allowed or row is None or not self.business_path:
            return allowed is None or bool(allowed)
        return self.business_of(row) in allowed

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, self.view_gate)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.allows(request, self.view_gate, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.allows(request, self.add_gate, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.allows(request, self.change_gate, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.allows(request, self.delete_gate, obj)


class ScopedAdmin(Scoped, ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """Lists are dense, searched and never counted as a whole. `links_by`: lookups that links of ours filter by."""

    links_by: ClassVar[Sequence[str]] = ()
    show_full_result_count = False
    list_per_page = 50
    list_filter_submit = True
    list_fullwidth = True

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """A filter by a number that no id can be ends like every other filter that means nothing."""
        asked = [part for name in request.GET if "__" in name for part in request.GET[name].split(",")]
        if any(len(part) > _ID_DIGITS and part.strip().lstrip("-").isdigit() for part in asked):
            return redirect(f"{request.path}?{ERROR_FLAG}=1")
        answer: HttpResponse = super().changelist_view(request, extra_context)
        return answer

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:  # fmt: skip
        """With the way to the log of changes only where people can change something."""
        changes = self.change_gate != NOBODY or bool(self.actions)
        context = {"show_history": changes, **(extra_context or {})}
        answer: HttpResponse = super().changeform_view(request, object_id, form_url, context)
        return answer

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """What one does not look after does not exist: Http404, before any permission is asked."""
        found = super().get_object(request, object_id, from_field)
        if found is None:
            raise Http404("No such row.")
        return found

    def row(self, request: HttpRequest, row: Any) -> Any:
        """The row that buttons name by its id, read once per request."""
        if row is None or isinstance(row, Model):
            return row
        known: dict[tuple[type, str], Any] = request.__dict__.setdefault("admin_rows", {})
        place = (self.model, str(row))
        if place not in known:
            known[place] = self.get_object(request, str(row))
        return known[place]

    def allows(self, request: HttpRequest, gate: Gate, row: Any = None) -> bool:
        return super().allows(request, gate, self.row(request, row))

    def has_run_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.allows(request, Action.RUN, obj)

    def has_configure_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.allows(request, Action.CONFIGURE, obj)

    def chosen(self, request: HttpRequest, rows: QuerySet[Any], gate: Gate) -> QuerySet[Any]:
        """Of the rows an action was called for, those where the person may; says so when some are left out."""
        allowed = businesses_where(request, gate)
        if allowed is None:
            return rows
        mine = self.limited(rows, allowed)
        left = rows.count() - mine.count()
        if left:
            self.message_user(request, f"{left} left out: your role there does not allow it.", messages.WARNING)
        return mine

    def back(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        """To the row's page, also from within a dialog."""
        opts = self.opts
        answer = redirect(f"admin:{opts.app_label}_{opts.model_name}_change", object_id)
        return (
            HttpResponse(headers={"HX-Redirect": answer["Location"]}) if request.headers.get("HX-Request") else answer
        )

    def get_ordering(self, request: HttpRequest) -> Sequence[Any]:
        """Always one, so that pages of a list do not overlap."""
        return self.ordering or self.opts.ordering or ("-pk",)

    def get_action_choices(
        self, request: HttpRequest, default_choices: Any = None, action_location: Any = admin.ActionLocation.CHANGE_LIST
    ) -> list[tuple[str, str]]:
        """As the theme's, with the arguments that Django 6.1 calls it with."""
        first = [("", "Select action")]
        return list(admin.ModelAdmin.get_action_choices(self, request, first, action_location))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        self.note_saved(request, obj, form, change)

    def note_saved(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """In the audit trail, with what each field was before."""
        said = {name: [str(form.initial.get(name)), str(form.cleaned_data.get(name))] for name in form.changed_data}
        if not change:
            self.note(request, obj, "added", f"Added {self.opts.verbose_name} “{obj}”")
        elif said:
            named = ", ".join(str(form.fields[name].label or name.replace("_", " ")) for name in said)
            self.note(request, obj, "changed", f"Changed {self.opts.verbose_name} “{obj}”: {named}", **said)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.note(request, obj, "removed", f"Removed {self.opts.verbose_name} “{obj}”")
        super().delete_model(request, obj)

    def note(self, request: HttpRequest, row: Any, what: str, words: str, **details: Any) -> None:
        for business_id in _asked_about(row):
            audit.record(business_id, person(request), f"admin.{what}", row, words, **details)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only what is offered: a free lookup would let anyone feel their way along a hidden column."""
        offered = {self._path(f) for f in self.get_list_filter(request)} | set(self.links_by)
        for path in (p for p in offered if lookup == p or lookup.startswith(f"{p}__")):
            if set(lookup[len(path) :].split("__")[1:]) <= {*_COMPARISONS, "id", "pk"}:
                return True
        return False

    @staticmethod
    def _path(listed: Any) -> str:
        named = listed[0] if isinstance(listed, tuple | list) else listed
        return named if isinstance(named, str) else str(getattr(named, "parameter_name", ""))


class HistoryAdmin(ScopedAdmin):
    """What happened stays as it is: nothing is added, changed or deleted. Long tables are not counted."""

    paginator = InfinitePaginator
    actions: ClassVar[Sequence[str] | None] = None


class SystemAdmin(HistoryAdmin):
    """Rows of the installation itself, of no business: for superusers."""

    business_path = ""
    view_gate = SUPERUSERS

    def limited(self, rows: QuerySet[Any], businesses: set[int]) -> QuerySet[Any]:
        return rows if businesses else rows.none()


class _Inside(Scoped):
    """Rows inside their parent's page, which the person sees already; the other gates are asked for the parent."""

    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.allows(request, self.view_gate)


class ScopedInline(_Inside, TabularInline):  # type: ignore[misc]  # unfold ships no types
    """One under the other, as lines of a table."""


class ScopedStackedInline(_Inside, StackedInline):  # type: ignore[misc]  # unfold ships no types
    """Each with its own block, for rows of many fields."""


class _SeenForm(AutocompleteDropdownForm):  # type: ignore[misc]  # unfold ships no types
    """Names the chosen row only where the person sees it."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        field, model_admin = kwargs["field"], kwargs["model_admin"]
        seen = model_admin.admin_site.get_model_admin(field.remote_field.model).get_queryset(request)
        self.fields[kwargs["name"]].queryset = seen


class SeenFilter(AutocompleteSelectFilter):  # type: ignore[misc]  # unfold ships no types
    """A searchable filter by a related row."""

    form_class = _SeenForm


BY_BUSINESS = ("business", SeenFilter)
