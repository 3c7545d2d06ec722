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
    planner=back.plan_page,
    facts="pages",
    after="invoices-to-stripe",
    options={"write_link": True, "close_when_paid": False},
    option_labels={
        "write_link": "Put the page to pay by into the field “Pay online” of the Jobber invoice",
        "close_when_paid": "Close the Jobber invoice as received when it is paid in full. Jobber then shows it paid, "
        "but without a payment: no date, no method, nothing on the client's account",
    },
)
