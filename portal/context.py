"""What the frame around every page needs."""

from typing import Any

from django.http import HttpRequest


def frame(request: HttpRequest) -> dict[str, Any]:
    """The business the page is about, the person's role in it, and what that role may do."""
    from portal.access import ALLOWED

    membership = getattr(request, "membership", None)
    if membership is None:
        return {"business": None, "may": {}}
    return {
        "business": membership.business,
        "membership": membership,
        "may": {str(action): True for action in ALLOWED[membership.role]},
    }
