"""What failures are called, for one record and for several."""

import pytest

from syncs import incidents
from syncs.models import Sync

INVOICES = Sync(source_resource="invoices", recipe="invoices-to-stripe")


@pytest.mark.parametrize(("code", "one", "several"), [
    ("total_differs", "1 invoice comes to another total in Stripe", "3 invoices come to another total in Stripe"),
    ("void_there", "1 invoice was voided in Stripe", "3 invoices were voided in Stripe"),
    ("paid_there", "1 invoice is paid in Stripe, but given up in Jobber",
     "3 invoices are paid in Stripe, but given up in Jobber"),
    ("unknown_status", "1 invoice has a status we do not know", "3 invoices have a status we do not know"),
    ("client_stopped", "1 invoice waits for a client that needs a look",
     "3 invoices wait for a client that needs a look"),
    ("said by nobody", "1 invoice refused by the service", "3 invoices refused by the service"),
])  # fmt: skip
def test_one_record_is_spoken_of_as_one(code: str, one: str, several: str) -> None:
    assert [incidents.words(code, n, INVOICES)[0] for n in (1, 3)] == [one, several]


@pytest.mark.parametrize("code", sorted(incidents._WORDS))
def test_every_cause_can_be_said(code: str) -> None:
    for count in (1, 3):
        title, step = incidents.words(code, count, INVOICES)
        assert title.startswith(f"{count} invoice")
        assert step
        assert "{" not in title + step


def test_what_to_do_speaks_of_one_or_of_several() -> None:
    steps = [incidents.words("total_differs", n, INVOICES)[1] for n in (1, 3)]
    assert ["it stays a draft there" in steps[0], "they stay drafts there" in steps[1]] == [True, True]
    assert "list of records" not in incidents.words("ambiguous", 3, INVOICES)[1]
