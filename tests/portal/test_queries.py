"""However much trouble there is, a page asks the database no more often."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_scopes import scope

from portal.models import Business, User
from syncs.models import Invoice, Link
from tests.conftest import signed_in
from tests.portal import trouble

pytestmark = pytest.mark.django_db
#: Of each page of a business: the session, the person, the business, whether there are others, the numbers of the menu.
FRAME = 5
#: What each page may ask for beside that. The first two are looked at all day.
MOST = {
    "": 10, "numbers/": 10, "attention/": 12, "approvals/": 6, "connections/": 3, "records/": 5, "invoices/": 12,
    "payments/?show=disputed": 7, "records/{held}/": 20, "records/{conflict}/": 11, "records/{held}/story/": 11,
    "invoices/{invoice}/": 22,
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
    return {p: f"/b/{business.pk}/{p.format(held=held, conflict=conflict, invoice=invoice)}" for p in MOST}


def test_pages_of_a_business_in_much_trouble(acme: Business, rival: Business, alice: User, mallory: User) -> None:
    trouble.much(acme, 1)
    trouble.much(rival, 7)
    little, much = signed_in(alice), signed_in(mallory)
    few, many = addresses(acme), addresses(rival)
    found = {page: (asked(little, few[page]), asked(much, many[page])) for page in MOST}
    assert {page: pair for page, pair in found.items() if pair[1] > pair[0]} == {}
    assert {page: pair for page, pair in found.items() if pair[1] > FRAME + MOST[page]} == {}
    overview = much.get(many[""]).content.decode()
    assert overview.count("The payment of $110.00 by Mrs Nguyen is disputed.") == 5


def test_pages_of_the_admin_over_businesses_in_much_trouble(acme: Business, alice: User) -> None:
    boss = signed_in(User.objects.create_superuser("boss@example.com", "a long enough word"))
    trouble.much(acme, 1)
    before = {page: asked(boss, f"/admin/{page}") for page in ADMIN}
    for number in range(4):
        trouble.much(Business.objects.create(name=f"Business {number}"), 3)
    after = {page: asked(boss, f"/admin/{page}") for page in ADMIN}
    assert {page: (before[page], after[page]) for page in ADMIN if after[page] > before[page]} == {}
    assert after[""] <= 11
