"""Who may see which business, and do what there. Every page, admin view and task asks here."""

from enum import StrEnum
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.db.models import BigIntegerField, Exists, OuterRef
from django.db.models.expressions import Combinable
from django.http import Http404, HttpRequest
from django_scopes import scope

from portal import figures
from portal.models import Business, Membership, Role, User


class Action(StrEnum):
    VIEW = "view"
    RUN = "run"  # sync now, sync this record
    DECIDE = "decide"  # settle what needs a look
    CONFIGURE = "configure"  # choose a recipe, go live, edit mappings
    CONNECT = "connect"  # connect and disconnect accounts
    PEOPLE = "people"  # invite, change roles, remove
    SETTINGS = "settings"  # the business's own name and time zone


_VIEW = {Action.VIEW}
_WORK = _VIEW | {Action.RUN, Action.DECIDE}
ALLOWED: dict[str, set[Action]] = {
    Role.OWNER: set(Action),
    Role.OFFICE: _WORK,
    Role.STAFF: _WORK | {Action.CONFIGURE},
    Role.SUPPORT: _VIEW | {Action.RUN},
    Role.READ_ONLY: _VIEW,
}
#: What an action is, in the words of somebody who may not.
WORDS = {
    Action.VIEW: "see this",
    Action.RUN: "start a sync",
    Action.DECIDE: "decide about a record",
    Action.CONFIGURE: "choose what is kept in step",
    Action.CONNECT: "connect or disconnect accounts",
    Action.PEOPLE: "invite people, change roles or remove people",
    Action.SETTINGS: "change the name and time zone of the business",
}


def may(role: str, action: Action) -> bool:
    return action in ALLOWED.get(role, set())


def membership(user: User, business_id: int, **columns: Combinable) -> Membership:
    """The person's membership, or Http404: a business one does not belong to does not exist."""
    if business_id > BigIntegerField.MAX_BIGINT:
        raise Http404("No such business.")  # the database would not take the number
    mine = Membership.objects.select_related("business").filter(user=user, business_id=business_id)
    found = mine.annotate(**columns).first()
    if found is None:
        raise Http404("No such business.")
    return found


def framed(user: User, business_id: int) -> Any:
    """As `membership`, with what the frame around every page says: in the same query."""
    others = Membership.objects.filter(user=OuterRef("user")).exclude(pk=OuterRef("pk"))
    with scope(business=business_id):  # its numbers come with a membership or not at all
        return membership(user, business_id, several=Exists(others), **figures.menu(_DECIDERS))


def demand(request: HttpRequest, business_id: int, action: Action) -> Business:
    """The business, where this person may do this: else Http404 (not theirs) or PermissionDenied (not their role)."""
    found: Membership | None = getattr(request, "membership", None)
    if found is None or found.business_id != business_id:
        found = membership(cast(User, request.user), business_id)
    if not may(found.role, action):
        raise PermissionDenied(refusal(found.role, action))
    return found.business


#: Whose word a rule can ask for, and whose counts for it: {role asked for: (roles, in words)}.
_DECIDERS: dict[str, tuple[set[str], str]] = {
    Role.OWNER: ({Role.OWNER}, "An owner"),
    Role.OFFICE: ({Role.OWNER, Role.OFFICE}, "Somebody of the office or an owner"),
    Role.STAFF: ({Role.OWNER, Role.OFFICE, Role.STAFF}, "Anybody who may decide about records"),
}


def decides(request: HttpRequest, asked: str) -> bool:
    """Whether this person may decide what a rule holds for somebody of this role; `asked` '' is for nobody special."""
    found: Membership | None = getattr(request, "membership", None)
    return not asked or (found is not None and found.role in _DECIDERS[asked][0])


def decider(asked: str) -> str:
    """'An owner', 'Somebody of the office or an owner'."""
    return _DECIDERS[asked][1] if asked else ""


#: Who may step a mode up, by what the sync says: {choice: (roles, in words)}.
_RAISERS: dict[str, tuple[set[str], str]] = {
    Role.OWNER: ({Role.OWNER}, "An owner"),
    Role.OFFICE: ({Role.OWNER, Role.OFFICE}, "Somebody of the office or an owner"),
    Role.STAFF: ({Role.OWNER, Role.STAFF}, "Integration staff or an owner"),
}


def raises(role: str, raised_by: str) -> bool:
    """Whether somebody of this role may step up the mode of a sync that says who may."""
    return role in _RAISERS[raised_by][0]


def steps(role: str) -> bool:
    """Whether somebody of this role may step the mode of any sync, up or down."""
    return may(role, Action.CONFIGURE) or any(role in roles for roles, _ in _RAISERS.values())


def raise_refusal(raised_by: str) -> str:
    return f"{_RAISERS[raised_by][1]} may step its mode up. Anybody who may configure it can step it down."


def role_in(request: HttpRequest) -> str:
    """The person's role in the business that the page is about; '' in none."""
    found: Membership | None = getattr(request, "membership", None)
    return found.role if found else ""


def asked_for(role: str) -> list[str]:
    """For whose word a person of this role can give it: the kinds of approvals that they may decide about."""
    return [asked for asked, (roles, _) in _DECIDERS.items() if role in roles]


def refusal(role: str, action: Action) -> str:
    """Why a role may not, and who may."""
    able = [Role(other).label for other in Role if may(other, action)]
    ones = " or ".join(filter(None, [", ".join(able[:-1]), able[-1]]))
    return f"Only somebody with the role {ones} can {WORDS[action]}. Yours is {Role(role).label}."


def looked_after(user: User) -> dict[int, str] | None:
    """{business id: role} of the businesses a person sees in the admin; None means all of them, with every right."""
    if user.is_superuser:
        return None
    roles = [Role.OWNER, Role.STAFF, Role.SUPPORT]
    return dict(Membership.objects.filter(user=user, role__in=roles).values_list("business_id", "role"))


def businesses(user: User) -> "list[Business]":
    """Businesses the person belongs to, by name."""
    return list(Business.objects.filter(memberships__user=user).order_by("name"))
