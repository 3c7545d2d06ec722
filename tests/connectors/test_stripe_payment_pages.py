"""Reading payments page by page: every one once, each with its invoice, in few calls."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.base import Record
from connectors.errors import ContractError
from connectors.stripe import asking, paging, payment_pages
from connectors.stripe.asking import Asking
from tests.connectors import stripe_samples as samples
from tests.connectors.stripe_samples import NOW

type Json = dict[str, Any]


class Shelf(Asking):
    """Stripe's lists, by path; filtered by creation, charge and payment as Stripe does. `asked` are the calls."""

    def __init__(self, **lists: list[Json]) -> None:
        self.lists = {name: sorted(rows, key=lambda r: -int(r["created"])) for name, rows in lists.items()}
        self.asked: list[str] = []

    def page(self, path: str, params: Mapping[str, Any], name: str = "") -> tuple[list[Json], bool]:
        self.asked.append(path)
        rows = [row for row in self.lists.get(path, []) if _fits(row, params)]
        last = params.get("starting_after")
        start = [row["id"] for row in rows].index(last) + 1 if last else 0
        return rows[start : start + asking.PAGE], len(rows) > start + asking.PAGE

    def one(self, singular: str, plural: str, identity: str, expand: tuple[str, ...] = ()) -> Json | None:
        self.asked.append(singular)
        return next((row for row in self.lists.get(plural, []) if row["id"] == identity), None)


def _fits(row: Json, params: Mapping[str, Any]) -> bool:
    made, at = params.get("created", {}), row["created"]
    within = made.get("gte", 0) <= at <= made.get("lte", at) and at < made.get("lt", at + 1)
    payment = params.get("payment", {}).get("payment_intent", "")
    return within and (not payment or row["payment"].get("payment_intent") == payment) and (
        params.get("charge", row.get("charge")) == row.get("charge")
    )  # fmt: skip


def every(shelf: Shelf, since: datetime | None = None) -> list[Record]:
    found: list[Record] = []
    cursor: str | None = None
    while True:
        page = payment_pages.page(shelf, cursor, since if cursor is None else None)
        found += page.records
        cursor = page.next_cursor
        if cursor is None:
            return found


def intents(count: int, apart: int = 10) -> list[Json]:
    return [samples.intent(f"pi_{n}", created=NOW + n * apart, latest_charge=None) for n in range(count)]


def paying(intent: str, created: int, invoice: str = "") -> Json:
    about = {"type": "payment_intent", "payment_intent": intent}
    return samples.invoice_payment(f"inpay_{intent}", created=created, payment=about, invoice=invoice or f"in_{intent}")


def test_each_intent_finds_its_invoice_also_when_it_was_attached_much_later() -> None:
    made = [paying(f"pi_{n}", NOW + n * 10) for n in range(0, 250, 2)]
    late = [paying(f"pi_{n}", NOW + 2490 + n) for n in (1, 3, 151)]
    record = samples.invoice_payment("inpay_x", payment={"type": "payment_record", "payment_record": "pr_1"})
    shelf = Shelf(payment_intents=intents(250), invoice_payments=[*made, *late, record])
    found = {r.id: r.data.get("invoice") for r in every(shelf)}
    attached = {*range(0, 250, 2), 1, 3, 151}
    assert found == {f"pi_{n}": f"in_pi_{n}" if n in attached else None for n in range(250)}
    assert shelf.asked.count("payment_intents") == shelf.asked.count("invoice_payments") == 3


def test_invoice_payments_are_read_once_however_many_there_are() -> None:
    """350 of them within one page of intents, none for the intents themselves."""
    many = [paying(f"pi_other{n}", NOW + n) for n in range(350)]
    shelf = Shelf(payment_intents=intents(120), invoice_payments=many)
    assert len(every(shelf)) == 120
    assert shelf.asked.count("invoice_payments") <= 5


def test_charges_made_without_an_intent_come_after_the_intents() -> None:
    charges = [samples.charge(f"ch_{n}", payment_intent=None if n % 2 else "pi_0") for n in range(4)]
    found = every(Shelf(payment_intents=intents(1), charges=charges))
    assert [r.id for r in found] == ["pi_0", "ch_1", "ch_3"]


def test_only_those_made_since_then_are_read_in_both_lists() -> None:
    old, new = NOW - 1000, NOW + 1000
    shelf = Shelf(
        payment_intents=[samples.intent("pi_old", created=old), samples.intent("pi_new", created=new)],
        charges=[samples.charge(f"ch_{at}", created=at, payment_intent=None) for at in (old, new)],
        invoice_payments=[paying("pi_new", new + 5), paying("pi_old", new + 6)],
    )
    found = every(shelf, datetime.fromtimestamp(NOW, UTC))
    assert [(r.id, r.data.get("invoice")) for r in found] == [("pi_new", "in_pi_new"), (f"ch_{new}", None)]


def test_one_payment_by_its_id() -> None:
    disputed = samples.charge("ch_1", disputed=True)
    shelf = Shelf(
        payment_intents=[samples.intent("pi_1", latest_charge=disputed)],
        charges=[samples.charge("ch_1"), samples.charge("ch_2", payment_intent=None)],
        invoice_payments=[paying("pi_1", NOW)],
        disputes=[
            {"id": "dp_old", "charge": "ch_1", "status": "lost", "created": NOW},
            {"id": "dp_new", "charge": "ch_1", "status": "won", "created": NOW + 9},
            {"id": "dp_other", "charge": "ch_9", "status": "lost", "created": NOW + 99},
        ],
    )
    found = payment_pages.one(shelf, "pi_1")
    assert found is not None
    assert (found.data["invoice"], found.data["status"], found.data["dispute_id"]) == ("in_pi_1", "paid", "dp_new")
    bare = payment_pages.one(shelf, "ch_2")
    assert bare is not None
    assert bare.id == "ch_2"
    assert payment_pages.one(shelf, "ch_1") is None, "its intent is the record"
    assert payment_pages.one(shelf, "pi_gone") is None


def test_by_id_and_by_page_a_payment_is_the_same() -> None:
    shelf = Shelf(payment_intents=intents(3), invoice_payments=[paying("pi_1", NOW + 5000)])
    for record in every(shelf):
        assert payment_pages.one(shelf, record.id) == record


def test_one_that_cannot_be_read_is_named_and_stops_no_other() -> None:
    odd = samples.intent("pi_odd", created=NOW + 5, status=None, amount="ten")
    page = payment_pages.page(Shelf(payment_intents=[odd, *intents(1)]), None, None)
    assert ([r.id for r in page.records], list(page.unreadable)) == (["pi_0"], ["pi_odd"])
    strange = Shelf(payment_intents=intents(1), invoice_payments=[{"id": "inpay_1", "created": NOW}])
    with pytest.raises(ContractError):
        payment_pages.page(strange, None, None)


def test_a_cursor_is_text_that_a_database_keeps() -> None:
    page = payment_pages.page(Shelf(payment_intents=intents(101)), None, None)
    assert page.next_cursor
    place = paging.place_at(page.next_cursor, None)
    assert (place["starting_after"], place["late"]) == ("pi_1", {})
