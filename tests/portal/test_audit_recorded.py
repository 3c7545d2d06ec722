"""What people do leaves an entry in the audit trail of the business, in words, with who and about what."""

from unittest.mock import MagicMock

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client
from django_scopes import scope, scopes_disabled

from portal import connect, tokens
from portal.models import Business, Connection, Invitation, Membership, User
from portal.people import join
from syncs.models import AuditEntry, Link
from tests.conftest import PASSWORD, person, signed_in
from tests.portal.conftest import connected
from tests.portal.fake_service import FakeService
from tests.portal.rows import World
from tests.portal.test_accounts import code_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


def trail(business: Business, begins: str = "") -> list[tuple[str, str]]:
    """(action, words), the oldest first."""
    with scope(business=business):
        rows = AuditEntry.objects.filter(action__startswith=begins).order_by("pk")
        return list(rows.values_list("action", "words"))


def proven(user: User) -> User:
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def sign_in(client: Client, user: User, password: str = PASSWORD) -> None:
    client.post("/accounts/login/", {"login": user.email, "password": password})


# Who comes in


def test_signing_in_and_out_and_failing_to_stand_in_each_of_ones_businesses(
    client: Client, acme: Business, rival: Business, alice: User
) -> None:
    proven(alice)
    sign_in(client, alice, "not it at all")
    sign_in(client, alice)
    client.post("/accounts/logout/")
    assert trail(acme) == [
        ("person.refused", "Alice was not let in: the password was wrong"),
        ("person.signed_in", "Alice signed in"),
        ("person.signed_out", "Alice signed out"),
    ]
    assert trail(rival) == []
    with scope(business=acme):
        refused, came, _ = AuditEntry.objects.order_by("pk")
        assert (refused.actor, came.actor, came.subject) == (None, alice, f"user:{alice.pk}")
        assert came.details == {"address": "127.0.0.1"}


def test_an_address_that_nobody_has_leaves_no_entry(client: Client, acme: Business, alice: User) -> None:
    client.post("/accounts/login/", {"login": "nobody@example.com", "password": "not it at all"})
    assert trail(acme) == []


def test_a_superuser_who_sees_all_businesses_is_in_the_trail_of_all(
    client: Client, acme: Business, rival: Business
) -> None:
    boss = User.objects.create_superuser("boss@example.com", PASSWORD, name="Boss")
    sign_in(client, boss)
    for business in (acme, rival):
        assert trail(business) == [("person.signed_in", "Boss signed in")]


@pytest.mark.django_db(transaction=True)  # the second factor counts once it is committed
def test_a_second_factor_and_a_wrong_code_are_written_down(client: Client, acme: Business, alice: User) -> None:
    proven(alice)
    sign_in(client, alice)
    secret = client.get("/accounts/2fa/totp/activate/").context["form"].secret
    client.post("/accounts/2fa/totp/activate/", {"code": code_of(alice, secret)})
    other = Client()
    sign_in(other, alice)
    other.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert ("person.second_factor", "Alice set up a second factor (totp authenticator)") in trail(acme)
    assert trail(acme)[-1] == ("person.refused", "Alice was not let in: the second factor was wrong")


def test_a_changed_password_is_written_down(client: Client, acme: Business, alice: User) -> None:
    proven(alice)
    sign_in(client, alice)
    new = "an even longer passphrase"
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert trail(acme, "person.password") == [("person.password", "Alice changed the password")]


# Who belongs


def test_inviting_joining_roles_and_leaving_are_written_down(acme: Business, alice: User, bob: User) -> None:
    owner, cousin = signed_in(alice), proven(User.objects.create_user("cousin@example.com", PASSWORD, name="Cousin"))
    for email in (cousin.email, "other@example.com"):
        owner.post(f"/b/{acme.pk}/people/invite/", {"email": email, "role": "office"})
    with scope(business=acme):
        mine, other = Invitation.objects.order_by("pk")
    owner.post(f"/b/{acme.pk}/people/invitations/{other.pk}/resend/")
    owner.post(f"/b/{acme.pk}/people/invitations/{other.pk}/withdraw/")
    join(mine, cousin)
    theirs = Membership.objects.get(user=cousin)
    owner.post(f"/b/{acme.pk}/people/{theirs.pk}/", {"role": "staff"})
    owner.post(f"/b/{acme.pk}/people/{theirs.pk}/remove/")
    signed_in(bob).post(f"/b/{acme.pk}/people/leave/")
    assert trail(acme, "person.") == [
        ("person.invited", "Invited cousin@example.com as Office"),
        ("person.invited", "Invited other@example.com as Office"),
        ("person.invited_again", "Sent other@example.com a new invitation"),
        ("person.invitation_withdrawn", "Withdrew the invitation of other@example.com"),
        ("person.joined", "Cousin joined as Office"),
        ("person.role", "Made Cousin Integration staff instead of Office"),
        ("person.removed", "Removed Cousin, who was Integration staff"),
        ("person.removed", "Bob left, who was Office"),
    ]


def test_a_business_is_made_and_its_settings_changed(alice: User) -> None:
    owner, values = signed_in(alice), {"country": "AU", "currency": "AUD", "time_zone": "Australia/Sydney"}
    owner.post("/businesses/new/", {"name": "Second", **values})
    made = Business.objects.get(name="Second")
    owner.post(f"/b/{made.pk}/settings/", {"name": "Third", "time_zone": "Australia/Perth"})
    assert trail(made, "business.") == [
        ("business.made", "Set up Second"),
        ("business.settings", "Changed the name and the time zone of the business"),
    ]


# What is connected


@pytest.fixture
def garden_row(garden: Business, service: FakeService, parking: MagicMock) -> Connection:
    return connected(service, garden)


def test_connecting_again_losing_access_and_letting_go_are_written_down(
    garden: Business, owner: User, service: FakeService, garden_row: Connection
) -> None:
    connect.keep(garden, owner, "jobber", service.pair())
    garden_row.refresh_from_db()
    tokens._needs_person(garden_row, garden_row.credentials_digest, "auth", "The access was withdrawn.")
    signed_in(owner).post(f"/b/{garden.pk}/connections/{garden_row.pk}/disconnect/")
    connect.keep(garden, owner, "jobber", service.pair())
    connect.disconnected_by_service(Connection._base_manager.get(), "Disconnected in Jobber.")
    name = "Jobber · Green Gardens"
    assert trail(garden, "connection.") == [
        ("connection.reconnected", f"Connected {name} again"),
        ("connection.refused", f"{name} does not let Fieldbridge in any more: The access was withdrawn."),
        ("connection.disconnected", f"Disconnected {name}"),
        ("connection.reconnected", f"Connected {name} again"),
        ("connection.disconnected", f"{name}: Disconnected in Jobber."),
    ]


# What is decided and configured, and what leaves

NO_ROWS_INSIDE = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}


def test_a_decision_about_a_record_is_written_down(acme: Business, here: World, alice: User) -> None:
    with scope(business=acme):
        held = Link.objects.get(state="held")
    signed_in(alice).post(f"/b/{acme.pk}/records/{held.pk}/decide/", {"choice": "leave"})
    assert trail(acme, "record.") == [("record.decided", f"Decided about {held}: leave it out")]


def test_what_staff_change_in_the_admin_is_written_down_with_what_it_was(acme: Business) -> None:
    boss = signed_in(User.objects.create_superuser("boss@example.com", PASSWORD, name="Boss"))
    page = f"/admin/portal/business/{acme.pk}/change/"
    boss.post(page, {"name": "Acme & Sons", "time_zone": "Australia/Perth", **NO_ROWS_INSIDE})
    with scope(business=acme):
        entry = AuditEntry.objects.get(action="admin.changed")
    assert entry.words == "Changed business “Acme & Sons”: name, time zone"
    assert entry.details["time_zone"] == ["Australia/Sydney", "Australia/Perth"]


def test_a_person_made_inactive_is_in_the_trail_of_their_businesses(acme: Business, rival: Business, bob: User) -> None:
    boss = signed_in(User.objects.create_superuser("boss@example.com", PASSWORD, name="Boss"))
    boss.post(f"/admin/portal/user/{bob.pk}/change/", {"name": "Bob", **NO_ROWS_INSIDE})
    assert trail(acme, "admin.") == [("admin.changed", "Changed person “Bob”: Is active")]
    assert trail(rival, "admin.") == []


def test_what_is_downloaded_is_written_down_and_a_look_downloads_nothing(here: World, alice: User) -> None:
    owner, place = signed_in(alice), f"/b/{here.business.pk}"
    with scopes_disabled():
        report = here.sync.reports.get()
    file = f"{place}/reconciliation/reports/{report.pk}/report."
    for address in (f"{file}csv", f"{file}xlsx", f"{place}/attention/export/"):
        assert owner.get(address).status_code == 405
        assert owner.post(address).status_code == 200
    assert owner.post(f"{place}/attention/export/", {"incident": here.incident.pk}).status_code == 200
    exports = [words for action, words in trail(here.business) if action.endswith(".exported")]
    assert [words[:31] for words in exports] == [
        "Downloaded the report on “Clien", "Downloaded the report on “Clien", "Downloaded the records that wai",
        "Downloaded the records of “1 Ac",
    ]  # fmt: skip


def test_support_who_downloads_in_the_admin_is_written_down(here: World) -> None:
    support = signed_in(person(here.business, "Sue", "support", is_staff=True))
    chosen = {"action": "download", "_selected_action": [here.incident.pk]}
    assert support.post("/admin/syncs/incident/", chosen).status_code == 200
    assert trail(here.business, "incident.exported") == [
        ("incident.exported", f"Downloaded the records of “{here.incident}”")
    ]  # fmt: skip


def test_choosing_a_sync_is_written_down(here: World, alice: User) -> None:
    signed_in(alice).post(f"/b/{here.business.pk}/syncs/new/", {"recipe": "invoices-to-stripe"})
    assert trail(here.business, "sync.chosen") == [("sync.chosen", "Chose “Invoices to Stripe”")]
