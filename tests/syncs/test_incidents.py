"""What failures are called, for one record and for several."""

import pytest

from syncs import incidents
from syncs.models import Sync

INVOICES = Sync(source_resource="invoices")


@pytest.mark.parametrize(("code", "one", "several"), [
    ("total_differs", "1 invoice comes to another total there", "3 invoices come to another total there"),
    ("void_there", "1 invoice was voided there", "3 invoices were voided there"),
    ("paid_there", "1 invoice is paid there, but given up here", "3 invoices are paid there, but given up here"),
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
