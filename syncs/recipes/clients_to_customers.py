"""Jobber clients to Stripe customers, one way: what Jobber says is written, whatever was changed at Stripe.

Stripe knows no archive, tags, second address or fields of one's own for a customer, so these go to its metadata:
`jobber_*` and `other_emails` for what Jobber has built in, `cf_*` for the business's custom fields.

* The cross reference is metadata `jobber_client_id`. No `portal_ref` is written: it would tie the customer to one
  installation of the portal, while the client's id finds the link from either side in any of them. One that is there
  is left alone.
* A Jobber client has no owner or assignee (Jobber knows a salesperson on quotes, jobs and invoices only), so there is
  no owner to write here.
* Phone: our own reading of what was typed comes first and Jobber's normalised number, which may be missing, second.
  What neither can read is kept as typed where it fits. An extension is lost at Stripe, and said so.
* The address is one field: where Jobber has any of it, the parts that Jobber leaves empty are emptied at Stripe too.
* Tags that somebody adds to `jobber_tags` at Stripe stay there; those that Jobber takes away go.
* The times are written together with another change only: alone they would make every look a write.
* The balance is left out: Stripe's customer balance is a credit, with the opposite meaning.
"""

from syncs import bothways
from syncs.planning import Names
from syncs.recipes.base import LIST, TEXT, Recipe, cut, row

ADDRESS = "billing_address"
MAPPINGS = (
    row(
        ["name", "is_company", "company_name", "first_name", "last_name", "email", "id"], "name",
        {"name": "choose_name"}, cut(256),
    ),
    row("company_name", "business_name", TEXT, cut(150), back="company_name"),
    row(["first_name", "last_name"], "individual_name", {"name": "join", "separator": " "}, TEXT, cut(150)),
    row("email", "email", {"name": "email"}, cut(512), owner="newest", back="email"),
    row(
        ["phone", "phone_normalized"], "phone", {"name": "phone", "region": "AU", "style": "e164", "longest": 20},
        owner="newest", back="phone",
    ),
    row(f"{ADDRESS}.street1", "address.line1", TEXT, cut(5000), back=f"{ADDRESS}.street1"),
    row(f"{ADDRESS}.street2", "address.line2", TEXT, cut(5000), back=f"{ADDRESS}.street2"),
    row(f"{ADDRESS}.city", "address.city", TEXT, cut(5000), back=f"{ADDRESS}.city"),
    row(f"{ADDRESS}.province", "address.state", TEXT, {"name": "state_au"}, cut(5000), back=f"{ADDRESS}.province"),
    row(f"{ADDRESS}.postal_code", "address.postal_code", TEXT, cut(5000), back=f"{ADDRESS}.postal_code"),
    row(
        [f"{ADDRESS}.{part}" for part in ("country", "street1", "street2", "city", "province", "postal_code")],
        "address.country", {"name": "country", "default": "AU"}, back=f"{ADDRESS}.country",
    ),
    row("id", "metadata.jobber_client_id", cut(500)),
    row("url", "metadata.jobber_url", cut(500), mode="with_changes"),
    row("first_name", "metadata.jobber_first_name", TEXT, cut(500)),
    row("last_name", "metadata.jobber_last_name", TEXT, cut(500)),
    row("other_emails", "metadata.other_emails", LIST),
    row("tags", "metadata.jobber_tags", LIST, mode="merge"),
    row("is_archived", "metadata.jobber_archived", {"name": "flag", "on": "true"}),
    row("created_at", "metadata.jobber_created_at", {"name": "utc_time"}, mode="with_changes"),
    row("updated_at", "metadata.jobber_updated_at", {"name": "utc_time"}, mode="with_changes"),
    row("custom.*", "metadata.cf_*", TEXT, cut(500)),
)  # fmt: skip

RECIPE = Recipe(
    slug="clients-to-customers",
    name="Clients to customers",
    summary="Every Jobber client becomes a Stripe customer and stays up to date: name, email, phone, address, tags "
    "and custom fields. Customers you already have are recognised, never doubled.",
    source="jobber",
    source_resource="clients",
    target="stripe",
    target_resource="customers",
    names=Names("Jobber", "client", "Stripe", "customer", "jobber_client_id"),
    mappings=MAPPINGS,
    does=(
        "Recognises customers you already have by their email.",
        "Writes a change in Jobber to Stripe within seconds; the other way too, if you want it.",
        "Asks you where it is not sure who is who.",
    ),
    never=(
        "Delete a client or a customer, or touch payments, cards or invoices.",
        "Make the same customer twice.",
        "Give two clients one customer without your say.",
    ),
    planner=bothways.plan,
    facts="both_ways",
    options={"include_leads": False, "include_archived": True, "two_way": False, "create_back": False},
    option_labels={
        "two_way": "Both ways: what is edited in Stripe goes back to Jobber (email and phone: the later edit wins; "
        "everything else: Jobber wins)",
        "create_back": "Both ways: a customer that is made in Stripe becomes a client in Jobber",
        "include_leads": "Also leads (people who have asked, but are no clients yet)",
        "include_archived": "Also archived clients",
    },
)
