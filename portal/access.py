"""Who may see which business, and do what there. Every page, admin view and task asks here."""

from enum import StrEnum

from django.http import Http404

from portal.models import Business, Membership, Role, User


class Action(StrEnum):
    VIEW = "view"
    RUN = "run"  # sync now, sync this record
    DECIDE = "decide"  # settle what needs a look
    CONFIGURE = "configure"  # choose a recipe, go live, edit mappings
    CONNECT = "connect"  # connect and disconnect accounts
    PEOPLE = "people"  # invite, change roles, remove


_VIEW = {Action.VIEW}
_WORK = _VIEW | {Action.RUN, Action.DECIDE}
ALLOWED: dict[str, set[Action]] = {
    Role.OWNER: set(Action),
    Role.OFFICE: _WORK,
    Role.STAFF: _WORK | {Action.CONFIGURE},
    Role.SUPPORT: _VIEW | {Action.RUN},
    Role.READ_ONLY: _VIEW,
}


def may(role: str, action: Action) -> bool:
    return action in ALLOWED.get(role, set())


def membership(user: User, business_id: int) -> Membership:
    """The person's membership, or Http404: a business one does not belong to does not exist."""
    found = Membership.objects.select_related("business").filter(user=user, business_id=business_id).first()
    if found is None:
        raise Http404("No such business.")
    return found


def looked_after(user: User) -> list[int] | None:
    """Ids of the businesses a person sees in the admin; None means all of them."""
    if user.is_superuser:
        return None
    roles = [Role.OWNER, Role.STAFF, Role.SUPPORT]
    return list(Membership.objects.filter(user=user, role__in=roles).values_list("business_id", flat=True))


def businesses(user: User) -> "list[Business]":
    """Businesses the person belongs to, by name."""
    return list(Business.objects.filter(memberships__user=user).order_by("name"))


def belongs_to_several(user: User) -> bool:
    return Membership.objects.filter(user=user).count() > 1
