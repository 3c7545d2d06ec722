"""What the demo's portal holds at the start: one business and three people. Whatever is there already stays."""

import http.client
import os
from urllib.parse import parse_qs, urlsplit

from allauth.account.models import EmailAddress
from django.conf import settings
from django_scopes import scope

from connectors import registry
from portal import connect
from portal.models import Business, Connection, Membership, Role, User
from syncs import choosing, recipes
from syncs.models import Sync

BUSINESS = "Harbour Plumbing"
PEOPLE = {
    "owner@demo.test": ("Olivia Owner", Role.OWNER),
    "staff@demo.test": ("Sam Staff", Role.STAFF),
    "support@demo.test": ("Sunita Support", Role.SUPPORT),
}
#: The account of each sandbox that is Harbour Plumbing's.
ACCOUNT = "1"


class NotADemo(Exception):
    """These people and their printed password belong on nobody's real portal."""


def check_is_demo() -> None:
    if os.environ.get("FIELDBRIDGE_DEMO") != "1" or urlsplit(settings.BASE_URL).hostname != "localhost":
        raise NotADemo("This is not a demo: `make demo` makes one.")


def make() -> Business:
    """The business of the demo's owner, whatever it is called by now, and whoever of the three is not there yet."""
    check_is_demo()
    owned = Business.objects.filter(memberships__user__email="owner@demo.test", memberships__role=Role.OWNER)
    business = owned.order_by("pk").first() or Business.objects.create(name=BUSINESS)
    for email, (name, role) in PEOPLE.items():
        if not User.objects.filter(email=email).exists():
            Membership.objects.create(business=business, user=_person(email, name, role), role=role)
    return business


def _person(email: str, name: str, role: Role) -> User:
    password = os.environ["FIELDBRIDGE_DEMO_PASSWORD"]
    user = User.objects.create_user(email, password, name=name, is_staff=role in {Role.STAFF, Role.SUPPORT})
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def go_live() -> None:
    """What the owner would do in the browser, to the end: both accounts connected, every recipe switched on."""
    for slug in recipes.RECIPES:
        sync = choose(slug)
        with scope(business=sync.business_id):
            if not sync.writes:
                choosing.go_live(sync, User.objects.get(email="owner@demo.test"))


def choose(slug: str = "clients-to-customers") -> Sync:
    """Connect both accounts as the owner would in the browser, and choose a recipe: its review has begun."""
    business = make()
    owner = User.objects.get(email="owner@demo.test")
    rows = {slug: connected(business, owner, slug) for slug in registry.CONNECTORS}
    recipe = recipes.get(slug)
    with scope(business=business):
        return choosing.choose(business, recipe, rows[recipe.source], rows[recipe.target], owner)


def connected(business: Business, owner: User, slug: str, account: str = ACCOUNT) -> Connection:
    """As the owner would in the browser; the connection there is, where it works."""
    with scope(business=business):
        standing = Connection.objects.filter(connector=slug, status=Connection.Status.ACTIVE).first()
    if standing:
        return standing
    method = connect.auth_method(registry.get(slug), "", "oauth")
    assert method is not None  # noqa: S101  # both sandboxes are connected in the browser
    address = connect.begin(business, owner, "demo", slug, method)
    answer = _allow(address, account)
    return connect.finish(connect.claim(owner, "demo", slug, answer["state"]), answer["code"])


def _allow(address: str, account: str) -> dict[str, str]:
    """Press Allow on the consent page, and return what it sends the browser back with."""
    parts = urlsplit(address)
    service = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    service.request("POST", f"{parts.path}?{parts.query}", f"account={account}&decision=allow", form)
    back = service.getresponse().headers.get("Location", "")
    return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
