"""Reading payments: payment intents, then the charges made without one, each with its invoice and its dispute.

Neither intent nor charge names its invoice: invoice payments do (since Stripe's API 2025-03-31.basil).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.base import Page, Record
from connectors.stripe import paging, payments
from connectors.stripe.asking import Asking
from connectors.stripe.records import Json, identity, read

INTENTS, CHARGES = "payment_intents", "charges"
#: What is asked to be shown whole inside of an intent and of a charge.
_INTENT, _CHARGE = ("latest_charge", "customer"), ("customer",)
#: An invoice payment is made with its intent or after it; so many seconds before it are looked at for safety.
_SLACK = 60


def page(asking: Asking, cursor: str | None, since: datetime | None) -> Page:
    """All intents come first; a cursor says which of the two lists it is in."""
    place = paging.place_at(cursor, since)
    if place.get("of") == CHARGES:
        return _charges(asking, place)
    found, after = paging.rows(asking, INTENTS, _listing(_INTENT), place)
    invoices, rest = _invoices(asking, found, place)
    then = {**after, **rest} if after else {**_start(place), "of": CHARGES}
    return paging.page_of(found, lambda row: _intent(asking, row, invoices.get(row["id"], "")), then)


def _charges(asking: Asking, place: Mapping[str, Any]) -> Page:
    found, after = paging.rows(asking, CHARGES, _listing(_CHARGE), place)
    bare = [row for row in found if not row.get("payment_intent")]
    return paging.page_of(bare, lambda row: _charge(asking, row), {**after, "of": CHARGES} if after else None)


def _start(place: Mapping[str, Any]) -> Json:
    return {"since": place["since"]} if "since" in place else {}


def _listing(whole: tuple[str, ...]) -> Json:
    return {"expand": [f"data.{part}" for part in whole]}


def _invoices(asking: Asking, found: Sequence[Json], place: Mapping[str, Any]) -> tuple[dict[str, str], Json]:
    """{payment intent: invoice} for a page, and what the next page needs to know.

    Each page reads the invoice payments made from its oldest intent up to where the page before had begun to read.
    One whose intent comes on a later page, because it was attached late, is handed on as 'late'.
    """
    if not found:
        return {}, {}
    begin = read("payment", lambda: min(int(row["created"]) for row in found)) - _SLACK
    until = {"lt": place["until"]} if "until" in place else {}
    made = asking.everything("invoice_payments", {"created": {"gte": begin, **until}})
    known = {**place.get("late", {}), **_by_intent(made)}
    here = {row["id"] for row in found}
    return known, {"until": begin, "late": {pi: invoice for pi, invoice in known.items() if pi not in here}}


def _by_intent(invoice_payments: Sequence[Json]) -> dict[str, str]:
    return read(
        "invoice payment",
        lambda: {
            identity(row["payment"]["payment_intent"]): identity(row["invoice"])
            for row in invoice_payments
            if row["payment"]["type"] == "payment_intent"
        },
    )


def one(asking: Asking, record_id: str) -> Record | None:
    """None also for a charge that belongs to an intent: that is the record then."""
    if record_id.startswith(("ch_", "py_")):
        charge = asking.one("charge", CHARGES, record_id, _CHARGE)
        return None if charge is None or charge.get("payment_intent") else _charge(asking, charge)
    found = asking.one("payment_intent", INTENTS, record_id, _INTENT)
    if found is None:
        return None
    about = {"payment": {"type": "payment_intent", "payment_intent": record_id}}
    made, _ = asking.page("invoice_payments", about)
    return _intent(asking, found, _by_intent(made).get(record_id, ""))


def _intent(asking: Asking, found: Json, invoice: str) -> Record:
    return read("payment", lambda: payments.intent(found, invoice, _dispute(asking, found.get("latest_charge"))))


def _charge(asking: Asking, found: Json) -> Record:
    return read("charge", lambda: payments.bare_charge(found, _dispute(asking, found)))


def _dispute(asking: Asking, charge: Any) -> Json | None:
    """The latest about a charge; asked for only where the charge says that there is one."""
    if not isinstance(charge, Mapping) or not charge.get("disputed"):
        return None
    found, _ = asking.page("disputes", {"charge": charge["id"]})
    return found[0] if found else None
