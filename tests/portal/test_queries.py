"""However much trouble there is, a page asks the database no more often."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_scopes import scope

from portal.models import Business, Membership, User
from syncs.models import Invoice, Link
from tests.conftest import person, signed_in
from tests.portal import trouble

pytestmark = pytest.mark.django_db
#: In all, with the three for the frame: the session, the person, and the business with the numbers of the menu.
MOST = 9
PAGES = (
    "", "numbers/", "approvals/", "connections/", "records/", "records/?state=look", "invoices/",
    "invoices/?show=unpaid", "payments/", "payments/?show=disputed", "how-items-sync/", "people/", "audit/",
    "settings/", "settings/alerts/",
)  # fmt: skip
#: Pages that bring together what is kept in many places. Attention with every kind of trouble at once; the others with
#: both sides, the money, and the stories of all that belongs to them.
WHOLE = {
    "attention/": 11, "records/{held}/": 16, "records/{conflict}/": 13, "records/{held}/story/": 13,
    "invoices/{invoice}/": 16,
}  # fmt: skip
ADMIN = (
    "", "syncs/incident/", "syncs/sync/", "syncs/approval/", "syncs/link/", "syncs/write/", "syncs/lane/",
    "portal/connection/", "portal/business/",
)  # fmt: skip


def asked(browser: Client, address: str) -> int:
    browser.get(address)
    with CaptureQueriesContext(connection) as found:
        assert browser.get(address, follow=True).status_code == 200, address
    return len(found)


def addresses(business: Business) -> dict[str, str]:
    with scope(business=business):
        held, conflict = (Link.objects.filter(state=s).earliest("pk").pk for s in ("held", "conflict"))
        invoice = Invoice.objects.get(external_id="ji-0").pk
    own = {"held": held, "conflict": conflict, "invoice": invoice}
    return {p: f"/b/{business.pk}/{p.format(**own)}" for p in (*PAGES, *WHOLE)}


def test_pages_of_a_business_in_much_trouble(acme: Business, rival: Business, alice: User, mallory: User) -> None:
    trouble.much(acme, 1)
    trouble.much(rival, 7)
    little, much = signed_in(alice), signed_in(mallory)
    few, many = addresses(acme), addresses(rival)
    found = {page: (asked(little, few[page]), asked(much, many[page])) for page in many}
    assert {page: pair for page, pair in found.items() if pair[1] > pair[0]} == {}
    assert {page: pair for page, pair in found.items() if pair[1] > WHOLE.get(page, MOST)} == {}
    overview = much.get(many[""]).content.decode()
    assert overview.count("The payment of $110.00 by Mrs Nguyen is disputed.") == 5


def test_pages_of_the_admin_over_businesses_in_much_trouble(acme: Business, alice: User) -> None:
    boss = signed_in(User.objects.create_superuser("boss@example.com", "a long enough word"))
    stella = person(acme, "Stella", "support", is_staff=True)
    both = (boss, signed_in(stella))
    trouble.much(acme, 1)
    before = {page: [asked(who, f"/admin/{page}") for who in both] for page in ADMIN}
    for number in range(4):
        other = Business.objects.create(name=f"Business {number}")
        Membership.objects.create(business=other, user=stella, role="support")
        trouble.much(other, 3)
    after = {page: [asked(who, f"/admin/{page}") for who in both] for page in ADMIN}
    assert {page: (before[page], after[page]) for page in ADMIN if after[page] > before[page]} == {}
    assert {page: counts for page, counts in after.items() if max(counts) > MOST} == {}
