"""What holds for every request: a tenant scope, an end to long sessions, a plain word when the database is away. And
what webhooks do without."""

import logging
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from urllib.parse import urlsplit

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import Resolver404, ResolverMatch, resolve
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect
from django_scopes import scope, scopes_disabled

from portal import access, accounts

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
    response = render(None, "unavailable.html", status=503)  # no context processors: they query
    response["Retry-After"] = "30"
    return response


def broken(request: HttpRequest) -> HttpResponse:
    """The page for an error nobody foresaw; it asks the database nothing."""
    exception = sys.exception()
    if isinstance(exception, OperationalError | InterfaceError):
        return unavailable(request, exception)
    return render(None, "500.html", status=500)


class OneName:
    """Sends a browser that calls this machine by its other name to the one in BASE_URL: a session, and the way back
    from a service's consent page, belong to one name. Only for the names of one's own machine."""

    LOOPBACK = {"localhost", "127.0.0.1"}

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        names = {request.get_host().split(":")[0], settings.HOST}
        navigates = request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate"
        if navigates and names == self.LOOPBACK:
            return redirect(f"{settings.BASE_URL}{request.get_full_path()}")
        return self.get_response(request)


class Deliveries:
    """Answers webhooks before all that is for people: a delivery has no session, no user and no page.

    Measured: a quarter of the time that a webhook takes.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        found = self._delivery(request.path_info)
        if found is None:
            return self.get_response(request)
        response: HttpResponse = found.func(request, **found.kwargs)
        return response

    def _delivery(self, path: str) -> ResolverMatch | None:
        if not path.startswith("/webhooks/"):
            return None
        try:
            found = resolve(path)
        except Resolver404:
            return None
        return found if found.url_name == "webhook" else None


class SessionLimits:
    """Signs out who signed in a day ago, or has done nothing for some hours (SESSION_COOKIE_AGE, SESSION_IDLE_AGE)."""

    NOTE_EVERY = 300  # seconds between two notes of a person's activity

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            if request.user.is_authenticated:
                self._look(request)
        except (OperationalError, InterfaceError) as error:
            return unavailable(request, error)
        response = self.get_response(request)
        if request.user.is_authenticated:  # perhaps only since this request, which signed them in
            request.session.setdefault(accounts.BEGAN, int(time.time()))
        return response

    def _look(self, request: HttpRequest) -> None:
        session, now = request.session, int(time.time())
        began, seen = session.setdefault(accounts.BEGAN, now), session.get("seen", 0)
        if now - began >= settings.SESSION_COOKIE_AGE or (seen and now - seen >= settings.SESSION_IDLE_AGE):
            logout(request)
            messages.info(request, "You were signed out because it has been a while. Sign in again to go on.")
        elif now - seen >= self.NOTE_EVERY and "HX-Request" not in request.headers:  # a page left open is no activity
            session["seen"] = now
            UserSession.objects.filter(session_key=session.session_key).update(last_seen_at=timezone.now())


class BusinessScope:
    """Opens the tenant scope a request may see: one business on its pages, those looked after in the admin.

    Anywhere else no scope is open, and a query for tenant-owned rows raises. The pages of a business are there only
    for somebody signed in who belongs to it; for everybody else they do not exist, whatever the method.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            business_id = _business_id(request)
            if business_id is not None and not request.user.is_authenticated:
                return to_sign_in(request)
            opened = self._scope(request, business_id)
        except (OperationalError, InterfaceError) as error:
            return unavailable(request, error)
        with opened:
            return self.get_response(request)

    def _scope(self, request: HttpRequest, business_id: int | None) -> AbstractContextManager[object]:
        if business_id is not None:
            return _page_scope(request, business_id)
        if request.path_info.startswith("/admin/") and request.user.is_authenticated:
            return admin_scope(request)
        return nullcontext()


def _business_id(request: HttpRequest) -> int | None:
    try:
        return resolve(request.path_info).kwargs.get("business_id")
    except Resolver404:
        return None


def _page_scope(request: HttpRequest, business_id: int) -> AbstractContextManager[object]:
    whole = request.method in {"GET", "HEAD"} and "HX-Request" not in request.headers
    ask = access.framed if whole else access.membership  # what else shows the frame asks after its own changes
    found = ask(request.user, business_id)  # type: ignore[arg-type]  # authenticated: a User
    request.membership = found  # type: ignore[attr-defined]
    request.business = found.business  # type: ignore[attr-defined]
    if request.session.get("business") != business_id:
        request.session["business"] = business_id
    opened: AbstractContextManager[object] = scope(business=found.business)
    return opened


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """To sign-in and back. A fragment that htmx asked for moves the whole page there."""
    if not getattr(request, "htmx", False):
        return redirect_to_login(request.get_full_path() if request.method == "GET" else "/")
    page = urlsplit(request.headers.get("HX-Current-URL", "")).path
    return HttpResponseClientRedirect(redirect_to_login(page or "/").url)


def admin_scope(request: HttpRequest) -> AbstractContextManager[object]:
    seen = access.looked_after(request.user)  # type: ignore[arg-type]  # authenticated: a User
    request.looked_after = seen  # type: ignore[attr-defined]  # portal.admin.base asks it for every permission
    # A superuser looks after every business there is.
    opened: AbstractContextManager[object] = scopes_disabled() if seen is None else scope(business=list(seen))
    return opened
