"""Is the portal up, and how does the installation do: for monitors. It tells nothing about any business."""

import hmac

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal import beats, metrics, status

LOOPBACK = {"127.0.0.1", "::1"}


@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """200 with {"status": "ok", "database": "ok", "worker": {"heartbeat_age": seconds or null}}, or 503."""
    try:
        worker = status.worker()
    except (DatabaseError, InterfaceError):  # away, or not yet migrated
        return JsonResponse({"status": "unavailable", "database": "away"}, status=503)
    return JsonResponse({"status": "ok", "database": "ok", "worker": worker})


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 "ok" while the database answers and a worker beats, else 503 with what is not so."""
    try:
        words = "no worker" if beats.silent() else "ok"
    except (DatabaseError, InterfaceError):
        words = "no database"
    return HttpResponse(f"{words}\n", status=200 if words == "ok" else 503, content_type="text/plain")


@never_cache
@require_safe
def numbers(request: HttpRequest) -> HttpResponse:
    """With the token in METRICS_TOKEN; without one set, from this machine itself and not through a proxy."""
    if not _may(request):
        raise Http404("No such page.")
    return HttpResponse(metrics.page(), content_type="text/plain; version=0.0.4; charset=utf-8")


def _may(request: HttpRequest) -> bool:
    token = str(settings.METRICS_TOKEN)
    if token:
        sent = request.headers.get("Authorization", "").encode()
        return hmac.compare_digest(sent, f"Bearer {token}".encode())
    passed_on = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return request.META.get("REMOTE_ADDR") in LOOPBACK and not passed_on


urlpatterns = [
    path("health/", health, name="health"),
    path("healthz", healthz, name="healthz"),
    path("metrics", numbers, name="metrics"),
]
