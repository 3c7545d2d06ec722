"""Businesses, the people in them, and how they sign in."""

from collections.abc import Callable
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.forms import CharField, ChoiceField, ModelForm, ValidationError
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminSelect2Widget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from portal import people, places
from portal.access import Action
from portal.admin.base import BY_BUSINESS, SUPERUSERS, ScopedAdmin, ScopedInline, SystemAdmin, person
from portal.admin.display import linked, list_of, when
from portal.models import Business, Invitation, Membership, Role, User
from portal.pages.home import plain

for model in (Group, EmailAddress, Authenticator, UserSession):
    admin.site.unregister(model)


class MembersInline(ScopedInline):
    model = Membership
    fields = readonly_fields = ("who", "role", "created_at")
    verbose_name_plural = "people"
    show_change_link = True
    show_title = False
    who = linked("user", "person")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("user", "business").order_by("created_at")


class MembershipsInline(MembersInline):
    fields = readonly_fields = ("where", "role", "created_at")
    verbose_name_plural = "belongs to"
    where = linked("business")


class BusinessForm(ModelForm):  # type: ignore[type-arg]  # generic for the type checker only
    name = CharField(max_length=120, validators=[plain], widget=UnfoldAdminTextInputWidget)
    country = ChoiceField(choices=places.countries, initial="AU", widget=UnfoldAdminSelectWidget)
    currency = ChoiceField(choices=places.currencies, initial="AUD", widget=UnfoldAdminSelectWidget)
    time_zone = ChoiceField(choices=places.time_zones, initial="Australia/Sydney", widget=UnfoldAdminSelect2Widget)

    class Meta:
        model = Business
        fields = ("name", "country", "currency", "time_zone")


@admin.register(Business)
class BusinessAdmin(ScopedAdmin):
    business_path = "pk"
    add_gate, change_gate = SUPERUSERS, Action.SETTINGS
    form = BusinessForm
    list_display = ("name", "country", "currency", "time_zone", "people", "made")
    search_fields = ("name",)
    ordering = ("name",)
    list_filter = ("country", "currency")
    fields = ("name", "country", "currency", "time_zone", "created_at")
    inlines = (MembersInline,)
    made = when("created_at", "since")

    def business_of(self, row: Any) -> int | None:
        return int(row.pk)

    def get_readonly_fields(self, request: HttpRequest, obj: Business | None = None) -> tuple[str, ...]:
        """What money is counted in stays as it began."""
        return ("country", "currency", "created_at") if obj else ("created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Business]:
        rows: QuerySet[Business] = super().get_queryset(request).annotate(members=Count("memberships"))
        return rows

    @admin.display(description="people", ordering="members")
    def people(self, row: Any) -> SafeString:
        address = list_of(Membership, business__id__exact=row.pk)
        return format_html('<a class="fb-link" href="{}">{}</a>', address, row.members)


class MembershipForm(ModelForm):  # type: ignore[type-arg]  # generic for the type checker only
    def clean_role(self) -> str:
        role = str(self.cleaned_data["role"])
        if role != Role.OWNER and _last_owner(self.instance):
            raise ValidationError("A business needs an owner: make somebody else one first.")
        return role


def _last_owner(membership: Membership) -> bool:
    owners = Membership.objects.filter(business_id=membership.business_id, role=Role.OWNER)
    return set(owners.values_list("pk", flat=True)) == {membership.pk}


@admin.register(Membership)
class MembershipAdmin(ScopedAdmin):
    add_gate = change_gate = delete_gate = Action.PEOPLE
    form = MembershipForm
    list_display = ("who", "where", "role", "since")
    list_select_related = ("user", "business")
    search_fields = ("user__email", "user__name", "business__name")
    list_filter = (BY_BUSINESS, "role")
    autocomplete_fields = ("user", "business")
    fields = ("user", "business", "role", "created_at")
    who, where, since = linked("user", "person"), linked("business"), when("created_at", "since")

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        return ("user", "business", "created_at") if obj else ("created_at",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        row = self.row(request, obj)
        return super().has_delete_permission(request, row) and not (row and _last_owner(row))

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        if change:
            _kept(people.change_role, obj, obj.role, person(request))
        else:
            super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        _kept(people.remove, obj, person(request))


def _kept(act: Callable[..., object], membership: Membership, *how: object) -> None:
    """By the rules of the people page, which hold also where two do it at once."""
    try:
        act(membership.business, membership.pk, *how)
    except people.Refused as refused:
        raise PermissionDenied(str(refused)) from None


@admin.register(Invitation)
class InvitationAdmin(ScopedAdmin):
    """Made and sent on the pages of the business; here they can be looked up and withdrawn."""

    delete_gate = Action.PEOPLE
    list_display = ("email", "where", "role", "sent", "expires", "accepted")
    list_select_related = ("business",)
    search_fields = ("email", "business__name")
    list_filter = (BY_BUSINESS, "role")
    fields = ("email", "business", "role", "invited_by", "created_at", "expires_at", "accepted_at")
    where = linked("business")
    sent, expires, accepted = when("created_at", "sent"), when("expires_at", "ends"), when("accepted_at", "accepted")


@admin.register(User)
class UserAdmin(ScopedAdmin):
    """People sign up or are invited; whoever must not come in any more is made inactive."""

    business_path = ""
    change_gate = SUPERUSERS
    list_display = ("email", "name", "is_active", "is_staff", "is_superuser", "seen")
    search_fields = ("email", "name")
    list_filter = ("is_active", "is_staff", "is_superuser")
    fields = ("email", "name", "is_active", "is_staff", "is_superuser", "last_login", "date_joined")
    readonly_fields = ("email", "last_login", "date_joined")
    ordering = ("email",)
    inlines = (MembershipsInline,)
    seen = when("last_login", "last sign-in")

    def limited(self, rows: QuerySet[User], businesses: set[int]) -> QuerySet[User]:
        return rows.filter(pk__in=Membership.objects.filter(business__in=businesses).values("user"))


@admin.register(EmailAddress)
class EmailAddressAdmin(ScopedAdmin):
    business_path = ""
    change_gate = SUPERUSERS
    list_display = ("email", "who", "primary", "verified")
    list_select_related = ("user",)
    search_fields = ("email", "user__name")
    list_filter = ("verified", "primary")
    fields = ("email", "user", "primary", "verified")
    readonly_fields = ("email", "user", "primary")
    who = linked("user", "person")

    def limited(self, rows: QuerySet[EmailAddress], businesses: set[int]) -> QuerySet[EmailAddress]:
        return rows.filter(user__in=Membership.objects.filter(business__in=businesses).values("user"))


@admin.register(Authenticator)
class AuthenticatorAdmin(SystemAdmin):
    """Which second factors people have, never what is in them. Deleting one lets a person who lost it start over."""

    delete_gate = SUPERUSERS
    list_display = ("who", "type", "made", "used")
    list_select_related = ("user",)
    search_fields = ("user__email",)
    list_filter = ("type",)
    fields = ("user", "type", "created_at", "last_used_at")
    who, made, used = linked("user", "person"), when("created_at", "set up"), when("last_used_at", "last used")


@admin.register(UserSession)
class UserSessionAdmin(SystemAdmin):
    """Who is signed in where. Deleting one signs the person out there."""

    delete_gate = SUPERUSERS
    list_display = ("who", "ip", "user_agent", "began", "seen")
    list_select_related = ("user",)
    search_fields = ("user__email", "ip")
    fields = ("user", "ip", "user_agent", "created_at", "last_seen_at")
    who, began, seen = linked("user", "person"), when("created_at", "began"), when("last_seen_at", "last seen")

    def delete_model(self, request: HttpRequest, obj: UserSession) -> None:
        self.note(request, obj, "removed", f"Signed {obj.user} out elsewhere")
        obj.end()
