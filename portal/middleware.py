"""What holds for every request: a tenant scope, and a plain word when the database is away."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django_scopes import scope, scopes_disabled

from portal import access
from portal.models import Membership

log = logging.getLogger(__name__)
type GetResponse = Callable[[HttpRequest], HttpResponse]


class DatabaseDown:
    """503 with a plain word, and a webhook sender that tries again, while the database does not answer."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return unavailable(request, exception) if isinstance(exception, OperationalError | InterfaceError) else None


def unavailable(request: HttpRequest, exception: Exception) -> HttpResponse:
    log.error("The database does not answer: %s", type(exception).__name__)
    response = render(None, "unavailable.html", status=503)  # type: ignore[arg-type]  # no context processors: they query
    response["Retry-After"] = "30"
    return response


class BusinessScope:
    """Opens the tenant scope a request may see: one business on its pages, those looked after in the admin.

    Anywhere else no scope is open, and a query for tenant-owned rows raises.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with self._scope(request):
            return self.get_response(request)

    def _scope(self, request: HttpRequest) -> AbstractContextManager[object]:
        if not request.user.is_authenticated:
            return nullcontext()
        if request.path_info.startswith("/admin/"):
            return admin_scope(request)
        return self._page_scope(request)

    def _page_scope(self, request: HttpRequest) -> AbstractContextManager[object]:
        try:
            business_id = resolve(request.path_info).kwargs.get("business_id")
        except Resolver404:
            return nullcontext()
        if business_id is None:
            return nullcontext()
        found = Membership.objects.select_related("business").filter(
            user_id=request.user.pk, business_id=business_id
        ).first()  # fmt: skip
        if found is None:
            return nullcontext()
        request.membership = found  # type: ignore[attr-defined]
        request.business = found.business  # type: ignore[attr-defined]
        return scope(business=found.business)


def admin_scope(request: HttpRequest) -> AbstractContextManager[object]:
    seen = access.looked_after(request.user)  # type: ignore[arg-type]  # authenticated: a User
    return scopes_disabled() if seen is None else scope(business=seen)
