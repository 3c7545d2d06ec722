"""Every call the product makes meets every way a call can break, once: what both services hold in the end is right."""

import pytest

from connectors import http
from connectors.sandbox.faults import Fault
from connectors.stripe import client, sending
from portal.models import User
from tests.faults.matrix_life import Life
from tests.syncs.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]

JOBBER = (
    "ClientsPage", "ClientsById", "ClientsChanged", "InvoicesPage", "InvoicesById", "NotesPage",
    "Configurations", "InvoiceEdit", "LinkFieldCreate", "NoteCreate",
)  # fmt: skip
STRIPE = (
    "GET customers", "GET invoices", "GET invoice/{id}", "GET invoice_payments", "GET payment_intents", "GET charges",
    "GET tax_rates", "POST customers", "POST customer/{id}", "POST tax_rates", "POST invoices",
    "POST invoice/{id}/add_lines", "POST invoice/{id}/finalize",
)  # fmt: skip
#: Row of the matrix, kind of the sandbox's switches, the seconds it gets.
BREAKS = (
    ("F01", "429", 1.0), ("F02", "429", 0.0), ("F03", "throttled", 0.0), ("F04", "partial", 0.0), ("F05", "500", 0.0),
    ("F05", "503", 0.0), ("F06", "500_after", 0.0), ("F07", "timeout", 2.0), ("F08", "timeout_after", 2.0),
    ("F09", "late", 0.7), ("F10", "reset_after", 0.0), ("F11", "truncate", 0.0), ("F12", "html", 0.0),
    ("F21", "drip", 0.0), ("F21", "huge", 0.0), ("F22", "reset", 0.0),
)  # fmt: skip
#: Answers that are not as we know them: their records are held, each with its cause, and a person tries them again.
NOT_KNOWN = {"partial", "huge"}


@pytest.fixture
def hurried(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second is waited for where it would be half a minute, once both sides are connected."""
    monkeypatch.setattr(http, "DEADLINE_SECONDS", 0.5)
    monkeypatch.setattr(sending, "READ_PATIENCE", 0.5)
    transport = client.Transport()
    monkeypatch.setattr(client, "transport", lambda: transport)


def broken(world: World, kind: str, seconds: float) -> list[Fault]:
    """One such fault for each call that is made."""
    calls = [("jobber", f"{name} ") for name in JOBBER] + [("stripe", name) for name in STRIPE if kind != "partial"]
    faults = world.sandbox.sandbox.frame.faults
    return [faults.add(kind, service=s, operation=name, seconds=seconds) for s, name in calls]


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(("row", "kind", "seconds"), BREAKS, ids=[f"{row}-{kind}" for row, kind, _ in BREAKS])
def test_each_call_breaks_once_and_all_is_right(
    world: World, alice: User, row: str, kind: str, seconds: float
) -> None:  # fmt: skip
    life = Life(world, alice)
    switched = broken(world, kind, seconds)
    life.live()
    assert life.wrong() == []
    assert [f.operation for f in switched if f.hits != 1] == []
    assert bool(life.asked) == (kind in NOT_KNOWN), life.asked
