"""The resources of Stripe that are each one kind of object, with one address."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.base import Record
from connectors.stripe import customers, invoices, paid_elsewhere, rates, records
from connectors.stripe.asking import Asking, quoted
from connectors.stripe.paging import Within, made_within
from connectors.stripe.records import Json


def _as_it_is(asking: Asking, found: Json) -> Json:
    return found


def _reported_within(since: int | None, until: int | None) -> Json:
    """Payment records are filtered by what lies after and before a second."""
    after = {} if since is None else {"created_after": since - 1}
    return after | ({} if until is None else {"created_before": until + 1})


def _with_all_lines(asking: Asking, found: Json) -> Json:
    """An invoice shows its first ten lines and payments inside itself: this one has them all."""
    place = f"invoices/{quoted(str(found['id']))}/lines"
    lines = asking.everything(place, {}, "invoice/{id}/lines", found["lines"])
    payments = asking.everything("invoice_payments", {"invoice": found["id"]}, first=found.get("payments"))
    whole = {"has_more": False}
    return found | {"lines": {"data": lines, **whole}, "payments": {"data": payments, **whole}}


@dataclass(frozen=True, slots=True)
class Kind:
    """`completed`: the object with what takes further calls. `names`: what Stripe calls a path of the catalogue."""

    plural: str
    singular: str
    record: Callable[[Mapping[str, Any]], Record]
    params: Callable[[Mapping[str, Any]], Json] = records.params
    names: Mapping[str, str] = field(default_factory=dict)
    expand: tuple[str, ...] = ()
    completed: Callable[[Asking, Json], Json] = _as_it_is
    within: Within = made_within
    made_at: str = ""
    changes: bool = True

    @property
    def label(self) -> str:
        return self.singular.replace("_", " ")

    def whole(self, asking: Asking, found: Json) -> Record:
        """As a record, after what further calls it takes. ContractError where it is not one of these."""
        return records.read(self.label, lambda: self.record(self.completed(asking, found)))

    def path(self, sent: str) -> str:
        """The path in the catalogue of what Stripe calls a parameter."""
        return next((path for path, name in self.names.items() if name == sent), sent)


KINDS = {
    kind.plural: kind
    for kind in (
        Kind("customers", "customer", customers.record),
        Kind(
            "invoices", "invoice", invoices.record, invoices.params, expand=("payments",), completed=_with_all_lines
        ),
        Kind("tax_rates", "tax_rate", rates.record, rates.params, rates.NAMES),
        Kind(
            "payment_records", "payment_record", paid_elsewhere.record, paid_elsewhere.params, paid_elsewhere.NAMES,
            within=_reported_within, made_at="payment_records/report_payment", changes=False,
        ),
    )
}  # fmt: skip
