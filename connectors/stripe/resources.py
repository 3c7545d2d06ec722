"""What there is at Stripe for us, and the fields of each."""

from collections.abc import Mapping, Sequence

from connectors.base import Field, Resource
from connectors.stripe import customers, invoices, paid_elsewhere, payments, rates

_ALL = ("read_write",)

RESOURCES: Mapping[str, Resource] = {
    each.name: each
    for each in (
        Resource("customers", "customer", "customers", True, True, _ALL, _ALL),
        Resource("invoices", "invoice", "invoices", True, True, _ALL, _ALL, (*invoices.ACTIONS, "delete")),
        Resource("payments", "payment", "payments", False, True, _ALL, _ALL),
        Resource("tax_rates", "tax rate", "tax rates", True, False, _ALL, _ALL),
        Resource("payment_records", "payment record", "payment records", True, False, _ALL, _ALL),
    )
}
FIELDS: Mapping[str, Sequence[Field]] = {
    "customers": customers.FIELDS, "invoices": invoices.FIELDS, "payments": payments.FIELDS,
    "tax_rates": rates.FIELDS, "payment_records": paid_elsewhere.FIELDS,
}  # fmt: skip
