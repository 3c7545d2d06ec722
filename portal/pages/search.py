"""Search: from anything that is read out on the phone to its story."""

from collections.abc import Sequence
from typing import cast

from django.contrib.auth.decorators import login_required
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_safe
from django_scopes import scope, scopes_disabled

from portal import access, searching
from portal.access import Action
from portal.models import Business, User
from portal.searching import Found
from syncs import finding
from syncs.models import Sync

#: No name, number or address is longer.
LONGEST = 200


@login_required
@require_safe
def search(request: HttpRequest, business_id: int) -> HttpResponse:
    """In one business."""
    business = access.demand(request, business_id, Action.VIEW)
    asked = _asked(request)
    found = searching.search(asked, [business], [business.pk])
    read_at = Sync.objects.aggregate(at=Max("polled_until"))["at"] if asked and not found.count else None
    return _shown(request, asked, found, read_at=read_at)


@login_required
@require_safe
def search_all(request: HttpRequest) -> HttpResponse:
    """In all businesses that a person belongs to; for a superuser, in all there are."""
    person, asked = cast(User, request.user), _asked(request)
    mine = access.businesses(person)
    if person.is_superuser:
        with scopes_disabled():  # a superuser looks after every business there is
            found = searching.search(asked, list(Business.objects.all()), _ids(mine), everywhere=True)
    else:
        with scope(business=_ids(mine)):
            found = searching.search(asked, mine, _ids(mine))
    return _shown(request, asked, found, everywhere=True)


def _ids(businesses: Sequence[Business]) -> list[int]:
    return [business.pk for business in businesses]


def _asked(request: HttpRequest) -> str:
    return request.GET.get("q", "").strip()[:LONGEST]


def _shown(request: HttpRequest, asked: str, found: Found, **more: object) -> HttpResponse:
    """The hits, or at once the only one there is."""
    if found.only and not found.more:
        return redirect(found.only.page)
    short = bool(asked) and not finding.asked_for(asked)
    return render(request, "portal/search.html", {"q": asked, "found": found, "short": short, **more})


urlpatterns = [
    path("b/<int:business_id>/search/", search, name="search"),
    path("search/", search_all, name="search_all"),
]
