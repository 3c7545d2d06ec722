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
    written={
        "message": (
            "Status, amount, method and date; what was given back; why it failed",
            "put into a sentence or two, such as “Paid $110.00 by card visa 4242 on 5 Jan 2026, through Stripe.”; the "
            "last line names the payment",
        )
    },
    does=(
        "Writes a note on the Jobber invoice for each payment in Stripe, with amount, method and date.",
        "Changes the note when the payment is refunded or disputed.",
    ),
    never=(
        "Write two notes for one payment.",
        "Change notes that others have written.",
        "Take, refund or change a payment.",
    ),
    cases=(
        ("A payment is made", "The Jobber invoice that it pays gets a note with amount, method and date."),
        ("It is refunded, in part or whole, or disputed", "The note says so instead."),
        ("It fails", "A note says why, unless failed payments are not to be noted."),
        ("It pays no invoice that came from Jobber", "It is left out."),
        ("Somebody edits the note in Jobber", "It is set back to how the payment stands."),
        ("Somebody deletes the note in Jobber", "It stays away until the payment moves on."),
    ),
    planner=back.plan_note,
    facts="notes",
    after="invoices-to-stripe",
    own=None,
    paired=False,
    options={"note_failures": True},
    option_labels={"note_failures": "Also note payments that failed"},
)
