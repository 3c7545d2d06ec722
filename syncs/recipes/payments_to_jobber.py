"""Stripe payments to notes on the Jobber invoices that they pay: one note each, changed as the payment changes."""

from syncs.invoices import back
from syncs.planning import Names
from syncs.recipes.base import Recipe, row

RECIPE = Recipe(
    slug="payments-to-jobber",
    name="Payments to Jobber",
    summary="What happens to a payment in Stripe (paid, failed, refunded, disputed) stands as a note on the Jobber "
    "invoice within seconds.",
    source="stripe",
    source_resource="payments",
    target="jobber",
    target_resource="notes",
    names=Names("Stripe", "payment", "Jobber", "note", "stripe_payment_id"),
    mappings=(row("status", "message"),),
    planner=back.plan_note,
    facts="notes",
    after="invoices-to-stripe",
    options={"note_failures": True},
    option_labels={"note_failures": "Also note payments that failed"},
)
