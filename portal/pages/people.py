"""Who belongs to a business: members, roles, invitations."""

from collections.abc import Callable
from functools import wraps
from typing import cast
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import access, accounts, people
from portal.access import Action
from portal.models import Business, Invitation, Membership, Role, User
from portal.people import Refused

#: What each role is for, as people are told when they choose one.
MEANING = {
    Role.OWNER: "Everything: connect accounts, choose what is kept in step, invite people.",
    Role.OFFICE: "Daily work: see all records, start a sync, decide about records that need a person.",
    Role.STAFF: "For those who set things up for you: the daily work, and what is kept in step and how.",
    Role.SUPPORT: "For those who look into problems for you: see everything and start a sync, change no settings.",
    Role.READ_ONLY: "Look on: see records and how things are going, change nothing.",
}
SAID = {role: (role.label, meaning) for role, meaning in MEANING.items()}
type Page = Callable[..., HttpResponseBase]


class RoleField(forms.ChoiceField):
    """Radio buttons that say what each role may do."""

    def __init__(self) -> None:
        choices = [
            (role.value, format_html("<span><strong>{}</strong><br>{}</span>", *said)) for role, said in SAID.items()
        ]
        super().__init__(label="Role", choices=choices, widget=forms.RadioSelect, initial=Role.OFFICE)


class InviteForm(forms.Form):
    email = forms.EmailField(label="Their email address", widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = RoleField()


class RoleForm(forms.Form):
    role = RoleField()


def _person(request: HttpRequest) -> User:
    return cast(User, request.user)


def confirmed_for(action: Action, page: str) -> Callable[[Page], Page]:
    """For people who may, and have said within 15 minutes that it is really them. `page`: where they go on from."""

    def confirming(view: Page) -> Page:
        @wraps(view)
        def guarded(request: HttpRequest, business_id: int, **kwargs: int) -> HttpResponseBase:
            access.demand(request, business_id, action)
            if accounts.recently_signed_in(request):
                return view(request, business_id, **kwargs)
            if request.method == "POST":
                messages.info(request, "Nothing was changed yet: do it once more now that we know it is you.")
            back = request.path if request.method == "GET" else reverse(page, args=[business_id])
            return accounts.confirm_first(request, back)

        return guarded

    return confirming


confirmed = confirmed_for(Action.PEOPLE, "people")


# The list


@login_required
@require_safe
def members(request: HttpRequest, business_id: int) -> HttpResponse:
    business = access.demand(request, business_id, Action.VIEW)
    rows = Membership.objects.filter(business=business).select_related("user").order_by("created_at", "pk")
    invitations = Invitation.objects.filter(accepted_at=None).order_by("-created_at")
    own = request.membership.role  # type: ignore[attr-defined]
    context = {
        "members": rows,
        "invitations": invitations if access.may(own, Action.PEOPLE) else [],
        "roles": SAID.values(),
        "now": timezone.now(),
    }
    return render(request, "portal/people.html", context)


# Changing


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@confirmed
def member(request: HttpRequest, business_id: int, membership_id: int) -> HttpResponse:
    business = access.demand(request, business_id, Action.PEOPLE)
    row = get_object_or_404(Membership.objects.select_related("user"), business=business, pk=membership_id)
    form = RoleForm(request.POST or None, initial={"role": row.role})
    if form.is_valid() and _changed(request, business, row, form.cleaned_data["role"]):
        return redirect("people", business.pk)
    return render(request, "portal/people_member.html", {"member": row, "form": form})


def _changed(request: HttpRequest, business: Business, row: Membership, role: str) -> bool:
    try:
        people.change_role(business, row.pk, role, _person(request))
    except Refused as refusal:
        messages.error(request, str(refusal))
        return False
    messages.success(request, f"{row.user} now has the role {Role(role).label}.")
    return True


@login_required
@require_POST
@confirmed
def remove(request: HttpRequest, business_id: int, membership_id: int) -> HttpResponse:
    business = access.demand(request, business_id, Action.PEOPLE)
    return _let_go(request, business, get_object_or_404(Membership, business=business, pk=membership_id))


@login_required
@require_POST
def leave(request: HttpRequest, business_id: int) -> HttpResponse:
    """Anybody may go by themselves."""
    business = access.demand(request, business_id, Action.VIEW)
    return _let_go(request, business, Membership.objects.get(business=business, user=_person(request)))


def _let_go(request: HttpRequest, business: Business, row: Membership) -> HttpResponse:
    try:
        gone = people.remove(business, row.pk, _person(request))
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("people", business.pk)
    if gone.user_id == request.user.pk:
        messages.success(request, f"You left {business}.")
        return redirect("home")
    messages.success(request, f"{gone.user} no longer belongs to {business}.")
    return redirect("people", business.pk)


# Inviting


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@confirmed
def invite(request: HttpRequest, business_id: int) -> HttpResponse:
    business = access.demand(request, business_id, Action.PEOPLE)
    form = InviteForm(request.POST or None)
    if form.is_valid():
        try:
            row = people.invite(business, _person(request), form.cleaned_data["email"], form.cleaned_data["role"])
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"{row.email} was sent an invitation. It is good for seven days.")
            return redirect("people", business.pk)
    return render(request, "portal/people_invite.html", {"form": form})


@login_required
@require_POST
@confirmed
def invitation_resend(request: HttpRequest, business_id: int, invitation_id: int) -> HttpResponse:
    row = get_object_or_404(Invitation.objects.select_related("business"), pk=invitation_id, accepted_at=None)
    try:
        people.resend(row, _person(request))
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{row.email} was sent a new link. The old one no longer works.")
    return redirect("people", business_id)


@login_required
@require_POST
@confirmed
def invitation_withdraw(request: HttpRequest, business_id: int, invitation_id: int) -> HttpResponse:
    row = get_object_or_404(Invitation, pk=invitation_id, accepted_at=None)
    people.withdraw(row, _person(request))
    messages.success(request, f"The invitation of {row.email} is withdrawn. Its link no longer works.")
    return redirect("people", business_id)


# Joining


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, key: str) -> HttpResponse:
    """Where the link of the mail leads, signed in or not."""
    row = people.find(key)
    if row is None or row.accepted_at or row.expires_at <= timezone.now():
        return _no_longer_good(request, row)
    if request.method == "POST" and request.user.is_authenticated:
        return _join(request, row)
    if not request.user.is_authenticated:
        request.session[accounts.INVITED] = row.email
    own = request.user.is_authenticated and people.is_for(row, _person(request))
    context = {
        "invitation": row,
        "own": own,
        "meaning": MEANING[Role(row.role)],
        "signin": urlencode({"next": request.path}),
        "signup": urlencode({"next": request.path, "email": row.email}),
    }
    return render(request, "portal/invitation.html", context)


def _no_longer_good(request: HttpRequest, row: Invitation | None) -> HttpResponse:
    """A link pressed again by who used it leads on; for everybody else the same page, whatever the reason."""
    used = row is not None and row.accepted_at is not None and request.user.is_authenticated
    if row and used and Membership.objects.filter(business_id=row.business_id, user=_person(request)).exists():
        return redirect("overview", row.business_id)
    return render(request, "portal/invitation_over.html", status=410)


@login_required
@require_POST
def invitation_join(request: HttpRequest, invitation_id: int) -> HttpResponse:
    """The same without the link, for somebody whose address is proven."""
    waiting = {row.pk: row for row in people.waiting_for(_person(request))}
    if invitation_id not in waiting:
        raise Http404("No such invitation.")
    return _join(request, waiting[invitation_id])


def _join(request: HttpRequest, row: Invitation) -> HttpResponse:
    try:
        membership = people.join(row, _person(request))
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("home")
    messages.success(request, f"Welcome to {row.business}. Your role is {membership.get_role_display()}.")
    return redirect("overview", row.business_id)


urlpatterns = [
    path("b/<int:business_id>/people/", members, name="people"),
    path("b/<int:business_id>/people/invite/", invite, name="people_invite"),
    path("b/<int:business_id>/people/leave/", leave, name="people_leave"),
    path("b/<int:business_id>/people/<int:membership_id>/", member, name="people_member"),
    path("b/<int:business_id>/people/<int:membership_id>/remove/", remove, name="people_remove"),
    path(
        "b/<int:business_id>/people/invitations/<int:invitation_id>/resend/",
        invitation_resend,
        name="invitation_resend",
    ),
    path(
        "b/<int:business_id>/people/invitations/<int:invitation_id>/withdraw/",
        invitation_withdraw,
        name="invitation_withdraw",
    ),
    path("invitations/<int:invitation_id>/join/", invitation_join, name="invitation_join"),
    path("invitations/<str:key>/", invitation, name="invitation"),
]
