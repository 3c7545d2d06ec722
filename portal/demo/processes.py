"""What the demo's processes are started with, and whether they answer yet."""

import http.client
import json
import sys
from typing import Any

from portal.demo.environment import Place

PYTHON = sys.executable
#: The worker's last sign of life is no older than this, in seconds.
FRESH = 15


def sandbox(place: Place) -> list[str]:
    return [PYTHON, "-m", "connectors.sandbox", "--port", str(place.sandbox_port)]


def web(place: Place) -> list[str]:
    served = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(place.port), "--workers", "2"]
    served += ["--blocking-threads", "2", "--workers-kill-timeout", "5", "--log-level", "warning", "--no-ws"]
    return [PYTHON, "-m", "granian", *served, "portal.wsgi:application"]


def worker() -> list[str]:
    return [PYTHON, "manage.py", "worker"]


def sandbox_is_up(place: Place) -> bool:
    return answer(place.sandbox_port, "/_control/stats") is not None


def portal_is_up(place: Place) -> bool:
    """The web answers, and its worker has given a sign of life."""
    found = answer(place.port, "/health/")
    age = found["worker"]["heartbeat_age"] if found else None
    return age is not None and age < FRESH


def answer(port: int, path: str) -> Any:
    """The JSON that is answered there; None while there is none."""
    service = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        service.request("GET", path)
        found = service.getresponse()
        return json.load(found) if found.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        service.close()
