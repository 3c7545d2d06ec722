"""The first page, and the businesses a person belongs to: choosing, creating and naming them."""

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_safe
from django_scopes import scope

from portal import access, figures, people, places
from portal.access import Action
from portal.models import Business, Membership, Role, User
from syncs import audit

#: How many businesses one person may own: nobody needs more, and a script that makes them stops here.
MOST_OWNED = 25
#: Of more than so many one is looked for by its name.
MANY = 6


def plain(text: str) -> None:
    """Names go into mails to others, so they carry no links and no line breaks."""
    if "://" in text or not text.isprintable():
        raise ValidationError("Write the name as plain words.")


class BusinessForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    name = forms.CharField(
        label="Name of the business",
        max_length=120,
        validators=[plain],
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    country = forms.ChoiceField(choices=places.countries, initial="AU")
    currency = forms.ChoiceField(choices=places.currencies, initial="AUD")
    time_zone = forms.ChoiceField(
        label="Time zone", choices=places.time_zones, initial="Australia/Sydney", help_text="Times are shown in it."
    )

    class Meta:
        model = Business
        fields = ("name", "country", "currency", "time_zone")


class SettingsForm(BusinessForm):
    country = None  # type: ignore[assignment]  # Django's way to drop an inherited field
    currency = None  # type: ignore[assignment]

    class Meta:
        model = Business
        fields = ("name", "time_zone")


class NameForm(forms.ModelForm):  # type: ignore[type-arg]  # as above
    name = forms.CharField(
        label="Your name",
        max_length=150,
        validators=[plain],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        help_text="The people you work with see it.",
    )

    class Meta:
        model = User
        fields = ("name",)


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """On to the one business, the one used last, or the choice of several."""
    mine = access.businesses(cast(User, request.user))
    if not mine:
        return redirect("business_new")
    last = request.session.get("business")
    chosen = mine[0] if len(mine) == 1 else next((business for business in mine if business.pk == last), None)
    return redirect("overview", chosen.pk) if chosen else redirect("businesses")


@login_required
@require_safe
def businesses(request: HttpRequest) -> HttpResponse:
    """`q`: part of a name; `show=attention`: those only in which something waits for a person."""
    person = cast(User, request.user)
    mine = list(Membership.objects.filter(user=person).select_related("business").order_by(Lower("business__name")))
    with scope(business=[one.business_id for one in mine]):
        waits = figures.needing_somebody() if mine else {}
    asked, needing = request.GET.get("q", "").strip()[:200], request.GET.get("show") == "attention"
    words = asked.casefold().split()
    named = [one for one in mine if all(word in one.business.name.casefold() for word in words)]
    context = {
        "memberships": [
            (one, waits.get(one.business_id, 0)) for one in named if waits.get(one.business_id) or not needing
        ],
        "belongs": len(mine),
        "many": len(mine) > MANY,
        "needing": len(waits),
        "q": asked,
        "only_needing": needing,
        "invitations": people.waiting_for(person),
    }
    return render(request, "portal/businesses.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def business_new(request: HttpRequest) -> HttpResponse:
    person = cast(User, request.user)
    form = BusinessForm(request.POST or None)
    if Membership.objects.filter(user=person, role=Role.OWNER).count() >= MOST_OWNED:
        messages.error(request, f"You own {MOST_OWNED} businesses, which is as many as one person can.")
        return redirect("businesses")
    if form.is_valid():
        business = create(person, form)
        messages.success(request, f"{business} is ready. Connect your accounts next.")
        return redirect("connections", business.pk)
    mine = Membership.objects.filter(user=person).exists()
    context = {"form": form, "first": not mine, "invitations": people.waiting_for(person)}
    return render(request, "portal/business_new.html", context)


@transaction.atomic
def create(person: User, form: BusinessForm) -> Business:
    business: Business = form.save()
    Membership.objects.create(business=business, user=person, role=Role.OWNER)
    with scope(business=business):
        audit.record(business.pk, person, "business.made", business, f"Set up {business}")
    return business


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def business_settings(request: HttpRequest, business_id: int) -> HttpResponse:
    business = access.demand(request, business_id, Action.SETTINGS)
    form = SettingsForm(request.POST or None, instance=Business.objects.get(pk=business.pk))
    if form.is_valid():
        with transaction.atomic():
            form.save()
            changed = {name: [str(form.initial[name]), str(form.cleaned_data[name])] for name in form.changed_data}
            words = f"Changed the {' and the '.join(name.replace('_', ' ') for name in changed)} of the business"
            if changed:
                audit.record(business.pk, cast(User, request.user), "business.settings", business, words, **changed)
        messages.success(request, "Saved.")
        return redirect("business_settings", business.pk)
    country = places.COUNTRIES.get(business.country, (business.country, ""))[0]
    return render(request, "portal/business_settings.html", {"form": form, "country": country})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def you(request: HttpRequest) -> HttpResponse:
    form = NameForm(request.POST or None, instance=User.objects.get(pk=cast(User, request.user).pk))
    if form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("you")
    context: dict[str, Any] = {"form": form}
    return render(request, "account/name.html", context)


urlpatterns = [
    path("", home, name="home"),
    path("you/", you, name="you"),
    path("businesses/", businesses, name="businesses"),
    path("businesses/new/", business_new, name="business_new"),
    path("b/<int:business_id>/settings/", business_settings, name="business_settings"),
]
