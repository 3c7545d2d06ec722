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
CASES = (
    (
        "It is sent in Jobber",
        "A draft with its lines is made in Stripe. Once both totals agree to the cent, it is opened for payment.",
    ),
    ("The totals differ", "It stays a draft that nobody can pay, and the record says by how much and why."),
    ("Its client is no customer in Stripe yet", "It waits, and goes on by itself when the client is."),
    (
        "Something was paid in Jobber already",
        "That is recorded in Stripe as paid elsewhere, and only the rest is asked for. Where it may be money that came "
        "through Stripe, it waits for a person.",
    ),
    (
        "A payment of it is on its way through Stripe, such as a bank debit",
        "Nothing is voided and nothing counts as paid elsewhere before that has arrived or failed.",
    ),
    (
        "A payment is changed, taken out or given back in Jobber, or what was closed there is opened again",
        "Stripe cannot take back what it was told, so a person sees what differs, and says when it is settled. It is "
        "asked about again as soon as an amount changes.",
    ),
    ("It is changed while it is a draft in Stripe", "The lines and fields that differ are changed, and no others."),
    (
        "Its lines, total, client or due date change when it can be paid",
        "It waits until a person says whether to void it and make a new one. Fields that Stripe lets change follow.",
    ),
    ("It is voided or deleted in Jobber", "A draft goes. One that can be paid waits until a person says to void it."),
    ("It is paid in Jobber, and nothing there says how", "What is left is marked in Stripe as paid elsewhere."),
    (
        "It is bad debt in Jobber",
        "It is marked uncollectible in Stripe, where it can still be paid. Once some of it is paid in Jobber, a person "
        "is asked whether to void it.",
    ),
    (
        "It is changed in Jobber after it was paid in Stripe",
        "Nothing is changed there; a person sees what differs.",
    ),
    ("It is voided in Stripe, and still open in Jobber", "It waits until a person says whether to make a new one."),
    (
        "It is deleted in Stripe",
        "Nothing changes in Jobber. Once it changes there, it waits until a person says whether to make a new one.",
    ),
    ("Several invoices in Stripe carry its id", "It waits until all but one of them are void."),
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
    does=(
        "Makes a Stripe invoice of every invoice that is sent in Jobber, line by line, with its GST.",
        "Compares both totals to the cent before anybody can pay it.",
        "Takes over what was paid in Jobber before, so that nobody pays twice.",
        "Asks you before it voids anything, unless you say that it need not.",
    ),
    never=(
        "Let anybody pay an invoice whose totals differ.",
        "Change an invoice that can be paid already, without your say.",
        "Email your clients: that stays with Jobber.",
        "Delete or change anything in Jobber.",
    ),
    cases=CASES,
    planner=steps.plan,
    facts="invoices",
    steps=True,
    after="clients-to-customers",
    own=frozenset(
        {
            "number",
            "customer",
            "currency",
            "collection_method",
            "auto_advance",
            "due_date",
            "effective_at",
            "custom_fields",
            "metadata.jobber_due_date",
        }
    ),
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
