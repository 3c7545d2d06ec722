"""Jobber invoices to Stripe invoices that can be paid by card.

The rows carry what may be worded as one likes; customer, lines, tax, dates, totals and payments follow from the
document (syncs.invoices). Jobber's numbers repeat, so the number is shown on the invoice and Stripe gives its own.
"""

from syncs.invoices import statuses, steps
from syncs.planning import Names
from syncs.recipes.base import LIST, TEXT, Recipe, Table, cut, row

MAPPINGS = (
    row("id", "metadata.jobber_invoice_id", cut(500)),
    row("number", "metadata.jobber_invoice_number", TEXT, cut(500)),
    row("subject", "description", TEXT, cut(1500)),
    row("message", "footer", TEXT, cut(5000)),
    row("job_numbers", "metadata.jobber_job_numbers", LIST),
    row("salesperson_email", "metadata.jobber_salesperson_email", {"name": "email"}, cut(500)),
    row("url", "metadata.jobber_url", cut(500), mode="with_changes"),
    row("updated_at", "metadata.jobber_updated_at", {"name": "utc_time"}, mode="with_changes"),
)

RECIPE = Recipe(
    slug="invoices-to-stripe",
    name="Invoices to Stripe",
    summary="Every invoice that is sent in Jobber can be paid by card minutes later: a Stripe invoice with the same "
    "lines, GST and total, to the cent. Where the two totals differ, it waits for you instead.",
    source="jobber",
    source_resource="invoices",
    target="stripe",
    target_resource="invoices",
    names=Names("Jobber", "invoice", "Stripe", "invoice", "jobber_invoice_id"),
    mappings=MAPPINGS,
    planner=steps.plan,
    facts="invoices",
    steps=True,
    after="clients-to-customers",
    also_references=("jobber_payment_id",),
    options={
        "finalize": True,
        "include_paid": True,
        "void_without_asking": False,
        "rounding_line": False,
        "use_jobber_number": False,
        "draft_as": "none",
        "statuses": {name: meant for name, (_, meant) in statuses.STATUSES.items()},
    },
    option_labels={
        "finalize": "Open invoices for payment once both totals agree (otherwise they stay drafts in Stripe)",
        "include_paid": "Also invoices that are already paid in Jobber",
        "void_without_asking": "Void in Stripe what is voided or deleted in Jobber, without asking",
        "rounding_line": "Where only the rounding of GST differs, add a line for the cents",
        "use_jobber_number": "Number them in Stripe as in Jobber, where no other invoice has that number (otherwise "
        "Stripe gives its own, and Jobber's is shown beside it)",
        "draft_as": "A draft in Jobber is",
    },
    option_choices={"draft_as": (("none", "nothing in Stripe yet"), ("draft", "a draft in Stripe"))},
    tables={
        "statuses": Table(
            "Status in Jobber", tuple((name, label) for name, (label, _) in statuses.STATUSES.items()), statuses.GOALS
        )
    },
)
