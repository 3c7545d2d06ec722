"""Is the portal up: for monitors. It tells nothing about any business."""

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal import status


@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """200 with {"status": "ok", "database": "ok", "worker": {"heartbeat_age": seconds or null}}, or 503."""
    try:
        worker = status.worker()
    except (DatabaseError, InterfaceError):  # away, or not yet migrated
        return JsonResponse({"status": "unavailable", "database": "away"}, status=503)
    return JsonResponse({"status": "ok", "database": "ok", "worker": worker})


urlpatterns = [path("health/", health, name="health")]
