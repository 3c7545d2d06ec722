"""Who is told when something needs a person: places, quiet hours, the daily summary, and a test of each place."""

from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from connectors import guard
from portal import access
from portal.access import Action
from portal.alerts import noting, sending, signing
from portal.alerts.sorting import Topic
from portal.models import Alert, AlertDestination, AlertSettings, Business, Delivery, User
from portal.pages.home import plain
from syncs import audit

MOST = 20
#: Tests of one place in a minute.
MOST_TESTS = 3
SHOWN = 15
_TIME = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
Kind = AlertDestination.Kind


class TimesForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    quiet_from = forms.TimeField(label="Quiet from", required=False, widget=_TIME)
    quiet_until = forms.TimeField(
        label="Quiet until", required=False, widget=_TIME,
        help_text="What comes in meanwhile is told together when the quiet hours end.",
    )  # fmt: skip
    critical_passes = forms.BooleanField(
        label="What is urgent is told at once all the same", required=False,
        help_text="Such as a connection that needs signing in again, or work that is stuck.",
    )  # fmt: skip
    digest_at = forms.TimeField(
        label="Daily summary at", required=False, widget=_TIME,
        help_text="It comes every day, also when all is well: when it stays away, something is wrong.",
    )  # fmt: skip

    class Meta:
        model = AlertSettings
        fields = ("quiet_from", "quiet_until", "critical_passes", "digest_at")

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if (found.get("quiet_from") is None) != (found.get("quiet_until") is None):
            raise ValidationError("Quiet hours need both a beginning and an end, or neither.")
        return found


class PlaceForm(forms.ModelForm):  # type: ignore[type-arg]  # as above
    kind = forms.ChoiceField(label="What", choices=[(k.value, k.label) for k in (Kind.EMAIL, Kind.SLACK, Kind.WEBHOOK)])
    address = forms.CharField(
        label="Address", max_length=guard.MOST, widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="An email address, or the https address of the webhook. It is stored encrypted.",
    )  # fmt: skip
    name = forms.CharField(label="Name", max_length=80, required=False, validators=[plain])
    minimum = forms.ChoiceField(label="How urgent", choices=AlertDestination.Minimum.choices)
    field_order = ("kind", "address", "name", "minimum", "topics")
    topics = forms.MultipleChoiceField(
        label="About", required=False, choices=[(t.value, t.words) for t in Topic],
        widget=forms.CheckboxSelectMultiple, help_text="None chosen is all of them.",
    )  # fmt: skip

    class Meta:
        model = AlertDestination
        fields = ("kind", "name", "minimum", "topics")

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        kind, address = found.get("kind"), str(found.get("address") or "").strip()
        if not kind or not address:
            return found
        try:
            self.instance.shown = _mail(address) if kind == Kind.EMAIL else _server(address)
        except (ValidationError, guard.Forbidden) as wrong:
            self.add_error("address", wrong if isinstance(wrong, ValidationError) else str(wrong))
        found["address"] = address
        return found


def _mail(address: str) -> str:
    validate_email(address)
    return address


def _server(address: str) -> str:
    """What may be shown of an address that is itself a key."""
    guard.check(address, anywhere=settings.ALERTS_ANYWHERE)
    return urlsplit(address).hostname or ""


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def alerts(request: HttpRequest, business_id: int) -> HttpResponse:
    """POST: the times."""
    business = access.demand(request, business_id, Action.SETTINGS)
    form = TimesForm(request.POST or None, instance=noting.settings_of(business))
    if form.is_valid():
        with transaction.atomic():
            row: AlertSettings = form.save()
            said = {name: str(form.cleaned_data[name]) for name in form.changed_data}
            words = "Changed when alerts are sent"
            audit.record(business.pk, cast(User, request.user), "alerts.times", row, words, **said)
        messages.success(request, "Saved.")
        return redirect("alerts", business.pk)
    return _page(request, business, times=form)


def _page(
    request: HttpRequest, business: Business, times: TimesForm | None = None, place: PlaceForm | None = None
) -> HttpResponse:
    places = list(AlertDestination.objects.all())
    topics = {t.value: t.words for t in Topic}
    context = {
        "times": times or TimesForm(instance=noting.settings_of(business)), "place": place or PlaceForm(),
        "places": [(p, [topics.get(t, t) for t in p.topics]) for p in places],
        "no_people": not any(p.kind == Kind.PEOPLE for p in places),
        "sent": Delivery.objects.select_related("alert", "destination")[:SHOWN],
    }  # fmt: skip
    return render(request, "portal/alerts.html", context)


@never_cache
@login_required
@require_POST
def alert_add(request: HttpRequest, business_id: int) -> HttpResponse:
    business = access.demand(request, business_id, Action.SETTINGS)
    if request.POST.get("kind") == Kind.PEOPLE:
        noting.to_people(business)
        return redirect("alerts", business.pk)
    form = PlaceForm(request.POST)
    if AlertDestination.objects.count() >= MOST:
        messages.error(request, f"There are {MOST} places already, which is as many as a business can have.")
        return redirect("alerts", business.pk)
    if not form.is_valid():
        return _page(request, business, place=form)
    secret = signing.new_secret() if form.cleaned_data["kind"] == Kind.WEBHOOK else ""
    with transaction.atomic():
        row: AlertDestination = form.save(commit=False)
        row.business, row.created_by = business, cast(User, request.user)
        row.address, row.secret = form.cleaned_data["address"], secret
        row.save()
        _record(request, row, "added", f"Alerts go to {row} too")
    if secret:
        return _show(request, row, secret)
    messages.success(request, f"{row} is told from now on. Send a test to see that it arrives.")
    return redirect("alerts", business.pk)


def _record(request: HttpRequest, row: AlertDestination, what: str, words: str) -> None:
    by = cast(User, request.user)
    audit.record(row.business_id, by, f"alerts.destination_{what}", row, words, kind=row.kind, where=row.shown)


def _show(request: HttpRequest, row: AlertDestination, secret: str) -> HttpResponse:
    """This once."""
    return render(request, "portal/alert_secret.html", {"place": row, "secret": secret})


def find(destination_id: int) -> AlertDestination:
    """Http404 for a place of another business."""
    found: AlertDestination = get_object_or_404(AlertDestination.objects.select_related("business"), pk=destination_id)
    return found


@never_cache
@login_required
@require_POST
def alert_change(request: HttpRequest, business_id: int, destination_id: int) -> HttpResponse:
    """`act`: on, off, remove, or secret for a new one."""
    business = access.demand(request, business_id, Action.SETTINGS)
    row, asked = find(destination_id), request.POST.get("act", "")
    with transaction.atomic():
        if asked in {"on", "off"}:
            row.active = asked == "on"
            row.save(update_fields=["active"])
            _record(request, row, asked, f"Switched alerts to {row} {asked}")
        elif asked == "remove" and row.kind != Kind.PEOPLE:
            _record(request, row, "removed", f"Took {row} off the places that alerts go to")
            row.delete()
        elif asked == "secret" and row.kind == Kind.WEBHOOK:
            secret = signing.new_secret()
            row.secret = secret
            row.save(update_fields=["secret"])
            _record(request, row, "secret", f"Made a new signing secret for {row}")
            return _show(request, row, secret)
        else:
            raise Http404("No such thing to do.")
    messages.success(request, "Saved.")
    return redirect("alerts", business.pk)


@never_cache
@login_required
@require_POST
def alert_test(request: HttpRequest, business_id: int, destination_id: int) -> HttpResponse:
    """A test goes out at once, and what the other side answered is shown."""
    business = access.demand(request, business_id, Action.SETTINGS)
    row, now = find(destination_id), timezone.now()
    if not row.active:
        messages.warning(request, f"{row} is switched off.")
        return redirect("alerts", business.pk)
    tests = Alert.objects.filter(kind=Alert.Kind.TEST, at__gt=now - timedelta(minutes=1))
    if tests.filter(key__startswith=f"test:{row.pk}:").count() >= MOST_TESTS:
        messages.warning(request, "Wait a minute before the next test.")
        return redirect("alerts", business.pk)
    key = f"test:{row.pk}:{now.timestamp()}"
    with transaction.atomic():
        alert = Alert.objects.create(business=business, key=key, kind=Alert.Kind.TEST, title="Test of alerts", at=now)
        made = noting.address(alert, [row])
    for delivery in made:
        done = sending.send(delivery.pk)
        if done:
            Delivery.objects.filter(pk=done.pk, state=Delivery.State.WAITING).update(state=Delivery.State.FAILED)
            tell = messages.success if done.state == Delivery.State.SENT else messages.error
            tell(request, f"{delivery.recipient or row}: {done.answer}")
    return redirect("alerts", business.pk)


urlpatterns = [
    path("b/<int:business_id>/settings/alerts/", alerts, name="alerts"),
    path("b/<int:business_id>/settings/alerts/add/", alert_add, name="alert_add"),
    path("b/<int:business_id>/settings/alerts/<int:destination_id>/", alert_change, name="alert_change"),
    path("b/<int:business_id>/settings/alerts/<int:destination_id>/test/", alert_test, name="alert_test"),
]
