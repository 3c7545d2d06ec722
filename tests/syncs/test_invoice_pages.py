"""What is part paid, and the page to pay by of an invoice that was voided and made anew, through both stand-ins."""

from django.utils import timezone

from portal.models import User
from syncs import deciding, notice
from syncs.deciding import Choice
from syncs.models import Link
from tests.syncs import planting
from tests.syncs.test_invoices import LINES
from tests.syncs.world import World


def test_the_page_of_the_new_invoice_takes_the_place_of_the_old_ones(here: World, alice: User) -> None:
    invoices = here.also("invoices-to-stripe", alice)
    made = here.jobber.bill(here.jobber.add(email="ann@example.com"), LINES)
    here.read_again(invoices)
    pages = here.also("pay-links-to-jobber", alice)
    before = page_of(here, made)
    here.jobber.change_invoice(made, discount={"discountRate": 10.0, "discountType": "Unit"})
    here.read_again(invoices)
    deciding.decide(Link.objects.get(sync=invoices, source_id=made), Choice.REPLACE, "", alice)
    here.work()
    for each in here.stripe.invoices(made):  # as Stripe's webhooks say
        notice.mark(pages, each["id"], "webhook", timezone.now())
    here.work()
    here.read_again(pages)
    old, new = sorted(here.stripe.invoices(made), key=lambda i: i["status"] == "open")
    assert (old["status"], new["status"]) == ("void", "open")
    after = page_of(here, made)
    assert after != before
    states = {link.source_id: link.state for link in Link.objects.filter(sync=pages)}
    assert states == {old["id"]: "ended", new["id"]: "in_step"}


def test_an_invoice_that_only_names_it_leaves_the_page_of_the_jobber_invoice_alone(here: World, alice: User) -> None:
    """As a copy that somebody made in Stripe does, which shares the id."""
    invoices = here.also("invoices-to-stripe", alice)
    made = here.jobber.bill(here.jobber.add(email="ann@example.com"), LINES)
    here.read_again(invoices)
    pages = here.also("pay-links-to-jobber", alice)
    before, (own,) = page_of(here, made), here.stripe.invoices(made)
    copy = planting.second(here, made, own["customer"])
    here.read_again(invoices, pages)
    assert page_of(here, made) == before
    links = {link.source_id: (link.state, link.cause_code) for link in Link.objects.filter(sync=pages)}
    assert links == {own["id"]: ("in_step", ""), copy: ("skipped", "not_its_own")}
    here.stripe.void(copy)
    here.read_again(invoices, pages)
    assert page_of(here, made) == before


def test_what_is_part_paid_is_held_and_not_voided(here: World, alice: User) -> None:
    """Stripe refuses to void it, and a new invoice would ask the client for the whole sum again."""
    invoices = here.also("invoices-to-stripe", alice, void_without_asking=True)
    made = here.jobber.bill(here.jobber.add(email="ann@example.com"), LINES)
    here.jobber.take_payment(made, "50")
    here.read_again(invoices)
    assert here.stripe.invoices(made)[0]["amount_paid"] == 5000
    here.jobber.change_invoice(made, discount={"discountRate": 10.0, "discountType": "Unit"})
    here.read_again(invoices)
    held = Link.objects.get(sync=invoices, source_id=made)
    assert (held.state, held.cause_code) == ("held", "part_paid")
    assert "$50.00 of it counts as paid in Stripe" in held.cause
    assert Choice.REPLACE not in deciding.choices(held)
    assert [i["status"] for i in here.stripe.invoices(made)] == ["open"]


def page_of(here: World, invoice_id: str) -> str:
    (field,) = [f for f in here.jobber.invoice(invoice_id)["customFields"] if f.get("label") == "Pay online"]
    return str(field["valueLink"]["url"])
