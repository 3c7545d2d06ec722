"""Stripe's payment page onto the Jobber invoice, in a link field of its own, and the invoice closed once it is paid."""

from syncs.invoices import back
from syncs.planning import Names
from syncs.recipes.base import Recipe, row

RECIPE = Recipe(
    slug="pay-links-to-jobber",
    name="Pay links to Jobber",
    summary="The page where your client pays by card stands on the Jobber invoice, in a field of its own.",
    source="stripe",
    source_resource="invoices",
    target="jobber",
    target_resource="invoices",
    names=Names("Stripe", "invoice", "Jobber", "invoice", "stripe_invoice_id"),
    mappings=(row("hosted_url", "custom.pay_online"),),
    written={"custom.pay_online": ("Payment page", "as a link to the page to pay by")},
    does=(
        "Puts the address of the page to pay by into a field of the Jobber invoice.",
        "If you want it, closes the Jobber invoice as received when it is paid in full.",
    ),
    never=(
        "Change lines, amounts or dates of a Jobber invoice.",
        "Close an invoice that is not paid in full.",
    ),
    cases=(
        (
            "An invoice that came from Jobber can be paid in Stripe",
            "The address of its page is written into the field “Pay online” of the Jobber invoice, which is made the "
            "first time it is needed.",
        ),
        ("A new invoice takes the place of one that was voided", "The field shows the new one's page."),
        (
            "It is paid in full through Stripe",
            "The Jobber invoice is closed as received, where you have chosen that: once, and only where both totals "
            "agree and nothing of the money was given back. One that you open again stays open.",
        ),
        ("It was not made from a Jobber invoice", "It is left out."),
    ),
    planner=back.plan_page,
    facts="pages",
    after="invoices-to-stripe",
    own=None,
    paired=False,
    options={"write_link": True, "close_when_paid": False},
    option_labels={
        "write_link": "Put the page to pay by into the field “Pay online” of the Jobber invoice",
        "close_when_paid": "Close the Jobber invoice as received when it is paid in full. Jobber then shows it paid, "
        "but without a payment: no date, no method, nothing on the client's account",
    },
)
