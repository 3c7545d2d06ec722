"""What the frame around every page needs."""

from functools import cache
from typing import Any, cast

from django.http import HttpRequest

from portal import access
from portal.models import AlertDestination, User
from portal.models.alerts import FAILING


def frame(request: HttpRequest) -> dict[str, Any]:
    """The business the page is about, the person's role in it, what that role may do, and whether there are others."""
    membership = getattr(request, "membership", None)
    if membership is None:
        return {"business": None, "may": {}}
    business_id = membership.business_id

    @cache
    def now() -> Any:
        """As asked for at the beginning, where it was; else only a page that shows it asks."""
        return membership if hasattr(membership, "several") else access.framed(cast(User, request.user), business_id)

    asked_for = access.asked_for(membership.role)
    return {
        "business": membership.business,
        "membership": membership,
        "may": {str(action): True for action in access.ALLOWED[membership.role]},
        "several": lambda: now().several,
        "attention_count": lambda: now().attention,
        "approvals_count": lambda: sum(getattr(now(), f"waits_{role}") for role in asked_for),
        "failing": lambda: list(AlertDestination.objects.filter(FAILING)) if now().failing else [],
    }
