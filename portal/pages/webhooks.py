"""Where services deliver their webhooks: verify, store, answer; the work comes after."""

import logging
import time

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from connectors import registry
from connectors.errors import SignatureError
from portal import receiving
from portal.models import RefusedDelivery

log = logging.getLogger(__name__)
MOST_BYTES = 1024 * 1024
Reason = RefusedDelivery.Reason


@csrf_exempt  # the signature over the body says who sends
@require_POST
def webhook(request: HttpRequest, connector: str) -> HttpResponse:
    """200 taken · 400 broke off · 401 not the service's own · 413 too large · 415 not JSON · 503 database away."""
    if connector not in registry.CONNECTORS:
        return HttpResponse(status=404)
    try:
        return _answer(request, connector, time.monotonic())
    except UnreadablePostError:
        return HttpResponse(status=400)
    except (OperationalError, InterfaceError) as error:  # never a 2xx for what is not stored
        log.error("A delivery of %s could not be stored: %s", connector, type(error).__name__)
        return HttpResponse(status=503, headers={"Retry-After": "30"})


def _answer(request: HttpRequest, connector: str, begun: float) -> HttpResponse:
    body = _body(request)
    if body is None:
        return _refused(connector, Reason.TOO_LARGE, 413)
    if request.content_type != "application/json":
        return _refused(connector, Reason.CONTENT_TYPE, 415)
    service = registry.get(connector)
    try:
        service.verify(body, request.headers)
    except SignatureError:
        return _refused(connector, Reason.SIGNATURE, 401)
    receiving.take(service, body, begun)
    return HttpResponse(status=200)


def _body(request: HttpRequest) -> bytes | None:
    """The raw body; None when it is larger than allowed, of which no more than that is read.

    Django takes a body without Content-Length for empty, so a chunked one is read from the server itself.
    """
    declared = request.headers.get("Content-Length", "")
    if declared.isdigit() and int(declared) > MOST_BYTES:
        return None
    chunked = not declared and "chunked" in request.headers.get("Transfer-Encoding", "").lower()
    stream = request.META["wsgi.input"] if chunked else request
    body: bytes = stream.read(MOST_BYTES + 1)
    return None if len(body) > MOST_BYTES else body


def _refused(connector: str, reason: RefusedDelivery.Reason, status: int) -> HttpResponse:
    RefusedDelivery.note(connector, reason)
    return HttpResponse(status=status)


urlpatterns = [path("webhooks/<slug:connector>/", webhook, name="webhook")]
