"""What the frame around every page needs."""

from functools import cache, partial
from typing import Any

from django.http import HttpRequest

from portal import access, figures
from portal.models import AlertDestination
from portal.models.alerts import FAILING


def frame(request: HttpRequest) -> dict[str, Any]:
    """The business the page is about, the person's role in it, what that role may do, and whether there are others."""
    membership = getattr(request, "membership", None)
    if membership is None:
        return {"business": None, "may": {}}
    waits = cache(partial(figures.asking, access.asked_for(membership.role)))
    return {
        "business": membership.business,
        "membership": membership,
        "may": {str(action): True for action in access.ALLOWED[membership.role]},
        "several": lambda: access.belongs_to_several(membership.user_id),
        "attention_count": lambda: waits().attention,
        "approvals_count": lambda: waits().approvals,
        "failing": lambda: list(AlertDestination.objects.filter(FAILING)) if waits().failing else [],
    }
