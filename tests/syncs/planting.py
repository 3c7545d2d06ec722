"""A business in step on both sides, and differences planted in it that no webhook tells of."""

from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from portal.models import User
from syncs import deciding
from syncs.deciding import Choice
from syncs.models import Link, Sync
from tests.syncs.world import World

NAMES = ("Ann", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hal", "Ida", "Jon")
LINES = [("Tap", "2", "45.50"), ("Labour", "1.5", "95"), ("Permit*", "1", "60")]


@dataclass
class Field:
    """`clients` and `bills` are by name; `planted`: {kind: (sync, label's beginning)} of what must be found."""

    world: World
    invoices: Sync
    payments: Sync
    clients: dict[str, str] = field(default_factory=dict)
    bills: dict[str, str] = field(default_factory=dict)

    @property
    def syncs(self) -> tuple[Sync, ...]:
        return self.world.sync, self.invoices, self.payments

    def there(self, name: str) -> str:
        """The Stripe invoice of a client."""
        return str(self.world.stripe.invoices(self.bills[name])[0]["id"])

    def customer(self, name: str) -> str:
        return str(self.world.stripe.of(self.clients[name])[0]["id"])


def sown(here: World, invoices: Sync, owner: User) -> Field:
    """Ten clients with an invoice each, in step."""
    made = Field(here, invoices, here.also("payments-to-jobber", owner))
    for name in NAMES:
        made.clients[name] = here.jobber.add(name, "Smith", f"{name.lower()}@example.com")
        made.bills[name] = here.jobber.bill(made.clients[name], LINES)
    here.read_again(*made.syncs[1:])
    here.forget_waits()
    here.work()
    return made


def post(here: World, path: str, **form: str) -> str:
    """The id of what was made or changed in Stripe."""
    return str(here.stripe._http.post(path, data=form).raise_for_status().json()["id"])


def plant(made: Field, owner: User) -> None:
    """One of each of the twelve kinds."""
    here = made.world
    moved(made, "Hal", owner)  # another client: first, since the engine is at work for it
    plant_clients(made)
    here.jobber.change_invoice(made.bills["Ann"], discount={"discountRate": 10.0, "discountType": "Unit"})  # amount
    here.jobber.change_invoice(made.bills["Ben"], taxRateId=None)  # GST
    here.jobber.close_invoice(made.bills["Cleo"], "BAD_DEBT")  # status
    second(here, made.bills["Dan"], made.customer("Dan"))  # twice
    post(here, "payment_intents", amount="4200", currency="aud", confirm="true", payment_method="pm_card_visa")  # alone


def plant_clients(made: Field) -> None:
    here = made.world
    here.jobber.add("Zoe", "New", "zoe@example.com")  # missing
    here.jobber.edit(made.clients["Eve"], firstName="Eva")  # a field
    here.stripe.edit(made.customer("Finn"), **{"metadata[jobber_client_id]": "somebody-else"})  # broken link
    here.stripe.add(name="Stranger", email="stranger@example.com")  # only there
    for _ in range(2):
        here.stripe.add(name="Twin Kim", email="kim@example.com")
    here.jobber.add("Kim", "Lee", "kim@example.com")  # held: which of the two?
    late = Link.objects.filter(sync=here.sync, source_id=made.clients["Gus"])
    ago, later = timezone.now() - timedelta(hours=3), timezone.now() + timedelta(hours=9)
    late.update(noticed=F("noticed") + 1, noticed_at=ago, next_try=later)


def moved(made: Field, name: str, owner: User) -> None:
    """Another client: its customer was deleted, and a new one was made."""
    here, link = made.world, made.world.link(made.clients[name])
    here.stripe.delete(made.customer(name))
    here.read_again()
    link.refresh_from_db()
    deciding.decide(link, Choice.NEW, "", owner)
    Sync.objects.filter(pk=made.invoices.pk).update(mode="off")  # its invoice hears nothing of it
    here.work()
    Sync.objects.filter(pk=made.invoices.pk).update(mode="live")
    Link.objects.filter(sync=made.invoices).update(handled=F("noticed"))


def second(here: World, bill: str, customer: str) -> str:
    """One more Stripe invoice for the same Jobber invoice, open."""
    return post(here, f"invoices/{draft(here, bill, customer)}/finalize")


def draft(here: World, bill: str, customer: str) -> str:
    sent = {"collection_method": "send_invoice", "days_until_due": "14", "metadata[jobber_invoice_id]": bill}
    made = post(here, "invoices", customer=customer, **sent)
    post(here, f"invoices/{made}/add_lines", **{"lines[0][amount]": "11000", "lines[0][description]": "Work"})
    return made
