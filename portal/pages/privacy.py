"""What is held of a business and of one client: a copy of it, and an end to it. For owners."""

from dataclasses import dataclass
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import access, copies, leaving, retention, wording
from portal.access import Action
from portal.models import Business, Connection, User
from portal.pages import records as record_pages
from portal.pages.people import confirmed_for
from syncs import audit, erasing
from syncs.looking import ERASED
from syncs.models import Erased, Link, Snapshot

confirmed = confirmed_for(Action.SETTINGS, "privacy")


def _person(request: HttpRequest) -> User:
    return cast(User, request.user)


@login_required
@require_safe
def privacy(request: HttpRequest, business_id: int) -> HttpResponse:
    access.demand(request, business_id, Action.SETTINGS)
    context = {"kept": retention.kept(), "erased": Erased.objects.filter(resource="clients").count()}
    return render(request, "portal/privacy.html", context)


# The business


@login_required
@require_POST
@confirmed
def privacy_copy(request: HttpRequest, business_id: int) -> HttpResponseBase:
    """Everything there is, but secrets. That it was taken stands in the audit trail."""
    business = access.demand(request, business_id, Action.SETTINGS)
    words = f"Downloaded all that is held of {business}"
    audit.record(business.pk, _person(request), "privacy.exported", business, words)
    return copies.response(_named(business, "everything"), copies.of_business(business))


def _named(business: Business, what: str) -> str:
    return f"{slugify(business.name)}-{what}-{timezone.localdate(timezone=wording.zone(business)):%Y-%m-%d}"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@confirmed
def privacy_delete(request: HttpRequest, business_id: int) -> HttpResponse:
    """GET: what would go and what stays elsewhere. POST with the name of the business typed: it is done."""
    business = access.demand(request, business_id, Action.SETTINGS)
    wrong = request.method == "POST" and request.POST.get("name", "").strip() != business.name
    if request.method == "POST" and not wrong:
        name, untold = business.name, leaving.delete(business, _person(request))
        for words in untold:
            messages.warning(request, f"{words} Remove Fieldbridge in the app list there as well.")
        messages.success(request, f"{name} is deleted, with everything that was held of it here.")
        return redirect("home")
    connections = Connection.objects.exclude(status=Connection.Status.OFF)
    context = {"counts": leaving.counts(business), "connections": connections, "wrong": wrong}
    return render(request, "portal/privacy_delete.html", context, status=422 if wrong else 200)


# One client


@dataclass(frozen=True, slots=True)
class Place:
    """Where the client goes on to be known."""

    service: str
    url: str


@login_required
@require_safe
def client_privacy(request: HttpRequest, business_id: int, link_id: int) -> HttpResponse:
    """What is held of one client, what erasing would remove, and what would remain elsewhere."""
    access.demand(request, business_id, Action.SETTINGS)
    link = _client(link_id)
    theirs = erasing.of(link)
    held = [(name, count) for name, rows in theirs.rows().items() if (count := rows.count())]
    context = {"link": link, "held": held, "places": _places(theirs), "over": link.cause_code == ERASED}
    return render(request, "portal/privacy_client.html", context)


def _client(link_id: int) -> Link:
    """Http404 for what is no client, or another business's."""
    link = record_pages.find(link_id)
    if link.sync.source_resource != "clients":
        raise Http404("No such client.")
    return link


def _places(theirs: erasing.Theirs) -> list[Place]:
    people = Snapshot.objects.filter(theirs.where("external_id"), resource__in=("clients", "customers"))
    rows = people.filter(deleted_at=None).select_related("connection").order_by("pk")
    return [Place(row.connection.get_connector_display(), row.url) for row in rows]


@login_required
@require_POST
@confirmed
def client_copy(request: HttpRequest, business_id: int, link_id: int) -> HttpResponseBase:
    business = access.demand(request, business_id, Action.SETTINGS)
    link = _client(link_id)
    parts = copies.of_client(erasing.of(link))
    audit.record(business.pk, _person(request), "privacy.exported", link, f"Downloaded all that is held of {link}")
    return copies.response(_named(business, f"client-{link.pk}"), parts)


@login_required
@require_POST
@confirmed
def client_erase(request: HttpRequest, business_id: int, link_id: int) -> HttpResponse:
    access.demand(request, business_id, Action.SETTINGS)
    link = _client(link_id)
    if link.cause_code == ERASED:
        messages.info(request, "This client was erased before.")
    elif not request.POST.get("sure"):
        messages.warning(request, "Nothing was erased. Tick the box to say that you are sure.")
        return redirect("client_privacy", business_id, link.pk)
    else:
        counts: dict[str, Any] = erasing.erase(link, _person(request))
        messages.success(request, f"Erased: {sum(counts.values()):,} rows no longer say anything of them.")
    return redirect("privacy", business_id)


urlpatterns = [
    path("b/<int:business_id>/privacy/", privacy, name="privacy"),
    path("b/<int:business_id>/privacy/copy/", privacy_copy, name="privacy_copy"),
    path("b/<int:business_id>/privacy/delete/", privacy_delete, name="privacy_delete"),
    path("b/<int:business_id>/records/<int:link_id>/privacy/", client_privacy, name="client_privacy"),
    path("b/<int:business_id>/records/<int:link_id>/privacy/copy/", client_copy, name="client_copy"),
    path("b/<int:business_id>/records/<int:link_id>/privacy/erase/", client_erase, name="client_erase"),
]
