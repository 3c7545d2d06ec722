"""The pages on which people connect, check and disconnect outside accounts."""

from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.csp import CSP
from django.views.decorators.cache import never_cache
from django.views.decorators.csp import csp_override
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connectors import registry
from connectors.base import AuthMethod, Check, Connector
from connectors.errors import AuthError, ConnectorError
from portal import access, accountwatch, connect, numbers, places, wording
from portal.access import Action
from portal.connect import Problem
from portal.models import Business, Connection, User
from syncs.models import Incident

REPORT_SECONDS = 60
PURPOSE = {
    "jobber": "Your clients and jobs live here. Fieldbridge reads them and never changes them unless you ask it to.",
    "stripe": "Your customers and payments live here. Fieldbridge keeps the customers in step with your clients.",
}


def _person(request: HttpRequest) -> User:
    return cast(User, request.user)


def _connector(slug: str) -> Connector:
    if slug not in registry.CONNECTORS:
        raise Http404("No such service.")
    return registry.get(slug)


def _going_to_services(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Browsers hold a form's redirects to form-action too, so a page with Connect buttons names the consent pages."""
    origins = [origin for slug in registry.CONNECTORS if (origin := connect.consent_origin(slug))]
    policy = {**cast("dict[str, list[str]]", settings.SECURE_CSP), "form-action": [CSP.SELF, *origins]}
    answer: Callable[[HttpRequest], HttpResponse] = csp_override(policy)(lambda _: response)
    return answer(request)


def _problem(request: HttpRequest, problem: Problem) -> HttpResponse:
    page = render(request, "portal/connect_problem.html", {"problem": problem}, status=problem.status)
    page["Referrer-Policy"] = "no-referrer"  # the address still holds the code
    return page


# The list of services


@login_required
@require_GET
def connections(request: HttpRequest, business_id: int) -> HttpResponse:
    business = access.demand(request, business_id, Action.VIEW)
    rows = {row.connector: row for row in Connection.objects.exclude(status=Connection.Status.OFF)}
    past = {row.connector: row for row in Connection.objects.filter(status=Connection.Status.OFF).order_by("pk")}
    refusing = Incident.objects.filter(subject__startswith="connection:").exclude(state=Incident.State.RESOLVED)
    refused = {incident.connection_id: incident.title for incident in refusing}
    cards = [_card(registry.get(slug), rows.get(slug), past.get(slug), refused) for slug in registry.CONNECTORS]
    both = len([row for row in rows.values() if row.status == Connection.Status.ACTIVE]) > 1
    context = {"business": business, "cards": cards, "both_connected": both}
    return _going_to_services(request, render(request, "portal/connections.html", context))


def _card(
    connector: Connector, row: Connection | None, past: Connection | None, refused: Mapping[int | None, str]
) -> dict[str, Any]:  # fmt: skip
    """`refused`: {connection: how its service lets nobody in, though it seems to work}."""
    first, *others = connector.auth_methods
    return {
        "connector": connector,
        "purpose": PURPOSE.get(connector.slug, ""),
        "scopes": [wording.permission(scope) for scope in sorted(_needed(connector))],
        "stand_in": _stand_in(connector),
        "connection": row,
        "past": past if row is None else None,
        "refused": refused.get(row.pk, "") if row else "",
        "method": first,
        "others": others,
    }


def _stand_in(service: Connector) -> bool:
    """Whether something else answers in place of the service itself, such as the sandbox of the demo."""
    urls = [s for s in service.settings if s.kind == "url" and s.default]
    return any(urlsplit(service.config[s.name]).hostname != urlsplit(s.default).hostname for s in urls)


def _needed(connector: Connector) -> set[str]:
    writable = [r.name for r in connector.resources.values() if r.writable]
    return connector.needed_scopes(list(connector.resources), writable)


# Connecting


@login_required
@require_POST
def connect_start(request: HttpRequest, business_id: int, connector: str) -> HttpResponse:
    business = access.demand(request, business_id, Action.CONNECT)
    method = connect.auth_method(_connector(connector), request.POST.get("method", ""), "oauth")
    if method is None:
        raise Http404("No such way to connect.")
    return redirect(connect.begin(business, _person(request), _session_key(request), connector, method))


def _session_key(request: HttpRequest) -> str:
    return request.session.session_key or ""


@login_required
@never_cache
@require_GET
@sensitive_variables("code", "state")
def connect_callback(request: HttpRequest, connector: str) -> HttpResponse:
    """Where the service sends the browser back to."""
    service = _connector(connector)
    code, state = request.GET.get("code", ""), request.GET.get("state", "")
    try:
        if code and not state:
            return _begun_there(request, service)
        if not code:
            return _not_allowed(request, service, state)
        start = connect.claim(_person(request), _session_key(request), connector, state)
        access.demand(request, start.business_id, Action.CONNECT)
        connection = connect.finish(start, code)
    except Problem as problem:
        return _problem(request, problem)
    messages.success(request, f"{connection} is connected. Here is what we checked.")
    return redirect("connection", business_id=connection.business_id, connection_id=connection.pk)


def _begun_there(request: HttpRequest, service: Connector) -> HttpResponse:
    """A start from the service's own marketplace brings a code without a state: whose browser fetched it nobody can
    tell, so it is left to expire and the person begins anew from here."""
    mine = [b for b in access.businesses(_person(request)) if _may_connect(request, b)]
    context = {"service": service, "businesses": mine, "begun_there": True}
    return _going_to_services(request, render(request, "portal/connect_problem.html", context))


def _may_connect(request: HttpRequest, business: Business) -> bool:
    return access.may(access.membership(_person(request), business.pk).role, Action.CONNECT)


def _not_allowed(request: HttpRequest, service: Connector, state: str) -> HttpResponse:
    """No code, so the person said no. Jobber then sends nothing at all, Stripe an error with the state."""
    person, session, refusal = _person(request), _session_key(request), request.GET.get("error", "")
    start = None
    if state:
        start = connect.claim(person, session, service.slug, state)
    elif not refusal:
        start = connect.open_start(person, session, service.slug)
    if start is None:
        raise Problem(
            "Nothing to finish here",
            f"{service.name} sent you back without an answer we can use. Nothing was connected. "
            "Go to Connections and press Connect.",
        )
    if refusal not in ("", "access_denied"):
        words = f"{service.name} could not go on with the connection. Nothing was connected. Please try again."
        raise Problem(f"{service.name} sent an error", words, business_id=start.business_id)
    words = f"{service.name} was told no: nothing was connected or read. You can connect whenever you like."
    raise Problem("You chose not to allow", words, status=200, business_id=start.business_id)


@login_required
@never_cache
@sensitive_post_parameters("key")
@sensitive_variables("key")
@require_http_methods(["GET", "HEAD", "POST"])
def connect_key(request: HttpRequest, business_id: int, connector: str) -> HttpResponse:
    """The form for a pasted key. The key is never shown again, not even after a mistake."""
    business = access.demand(request, business_id, Action.CONNECT)
    service = _connector(connector)
    method = connect.auth_method(service, "", "key")
    if method is None:
        raise Http404("This service takes no key.")
    if request.method == "POST":
        return _key_sent(request, business, service, method)
    return render(request, "portal/connect_key.html", {"business": business, "service": service, "method": method})


@sensitive_variables("key")
def _key_sent(request: HttpRequest, business: Business, service: Connector, method: AuthMethod) -> HttpResponse:
    try:
        key = request.POST.get("key", "")
        connection = connect.keep_key(business, _person(request), service.slug, method, key)
    except Problem as problem:
        context = {"business": business, "service": service, "method": method, "problem": problem}
        return render(request, "portal/connect_key.html", context, status=problem.status)
    messages.success(request, f"{connection} is connected. Here is what we checked.")
    return redirect("connection", business_id=business.pk, connection_id=connection.pk)


# One connection


@login_required
@require_GET
def connection(request: HttpRequest, business_id: int, connection_id: int) -> HttpResponse:
    """The doctor's report."""
    business = access.demand(request, business_id, Action.VIEW)
    row = get_object_or_404(Connection, pk=connection_id)
    checks = report(row)
    needed = sorted(_needed(row.service))
    active = Connection.objects.filter(status=Connection.Status.ACTIVE).values("connector").distinct().count()
    context = {
        "business": business,
        "connection": row,
        "checks": checks,
        "problems": [check for check in checks if check.ok is False],
        "scopes": [(wording.permission(name), name in row.scopes) for name in needed] if row.scopes else [],
        "country": places.COUNTRIES.get(row.country, (row.country,))[0],
        "stand_in": _stand_in(row.service),
        "both_connected": active > 1,
        "method": row.service.auth_methods[0],
        "told": accountwatch.told(row),
        "used": numbers.used([row]),
    }
    return _going_to_services(request, render(request, "portal/connection.html", context))


def report(row: Connection) -> list[Check]:
    """What the service says about the account, at most a minute old. A service that is down is one line of it."""
    if row.status == Connection.Status.OFF:
        return []
    place = f"doctor:{row.pk}:{row.credentials_digest}:{row.status}"
    if (known := cache.get(place)) is not None:
        return cast("list[Check]", known)
    try:
        found = _asked(row)
    except AuthError as error:
        return [Check("Access", False, f"{error}", "Connect this account again.")]
    except ConnectorError as error:
        return [Check("Service", False, f"{row.service.name} does not answer: {error}", "Try again in a few minutes.")]
    cache.set(place, found, REPORT_SECONDS)
    return found


def _asked(row: Connection) -> list[Check]:
    """AuthError once a fresh token is refused as well."""
    session = row.open()
    try:
        return session.doctor()
    except AuthError as error:
        if error.code == "scope":
            raise
        return row.reopen(session.credentials).doctor()


@login_required
@require_POST
def disconnect(request: HttpRequest, business_id: int, connection_id: int) -> HttpResponse:
    access.demand(request, business_id, Action.CONNECT)
    row: Connection = get_object_or_404(Connection.objects.exclude(status=Connection.Status.OFF), pk=connection_id)
    untold = connect.disconnect(row, _person(request))
    if untold:
        messages.warning(
            request,
            f"{row} is disconnected here and its access was deleted, but {row.service.name} could not be told "
            f"({untold}) Remove Fieldbridge in the app list of {row.service.name} as well.",
        )
    else:
        messages.success(request, f"{row} is disconnected. Everything synced so far stays where it is.")
    return redirect("connections", business_id=business_id)


urlpatterns = [
    path("b/<int:business_id>/connections/", connections, name="connections"),
    path("b/<int:business_id>/connections/<int:connection_id>/", connection, name="connection"),
    path("b/<int:business_id>/connections/<int:connection_id>/disconnect/", disconnect, name="disconnect"),
    path("b/<int:business_id>/connections/<slug:connector>/start/", connect_start, name="connect_start"),
    path("b/<int:business_id>/connections/<slug:connector>/key/", connect_key, name="connect_key"),
    path("connect/<slug:connector>/callback/", connect_callback, name="connect_callback"),
]
