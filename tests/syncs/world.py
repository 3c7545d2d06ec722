"""A business with both accounts connected to sandboxes over real HTTP, and hands that act on either side."""

from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
from django.db.models import F
from django_scopes import scope

from connectors import registry
from connectors.base import Credentials, Secret
from connectors.sandbox.running import Running, running
from portal import connect
from portal.models import Business, Connection, User
from syncs import choosing, lanes, ledger, recipes, slices
from syncs.models import Link, Sync, Version, Write
from syncs.retries import READ_AGAIN

ENVIRON = {
    "JOBBER_CLIENT_ID": "sandbox-jobber-client",
    "JOBBER_CLIENT_SECRET": "sandbox-jobber-secret",
    "STRIPE_SECRET_KEY": "sk_test_sandbox_platform",
    "STRIPE_CLIENT_ID": "ca_sandbox",
    "STRIPE_WEBHOOK_SECRET": "whsec_sandbox",
}
JOBBER_TOKEN, STRIPE_KEY = "operator-jobber-token", "sk_test_operator"


def addresses(url: str) -> dict[str, str]:
    """The environment that points both connectors at a sandbox."""
    return {
        **ENVIRON,
        "JOBBER_API_URL": f"{url}/jobber/api/graphql",
        "JOBBER_OAUTH_URL": f"{url}/jobber/api/oauth",
        "STRIPE_API_URL": f"{url}/stripe",
        "STRIPE_CONNECT_URL": f"{url}/stripe/connect",
        "STRIPE_APPS_URL": f"{url}/stripe/marketplace",
    }


@contextmanager
def sandbox(seed: str = "empty", **environ: str) -> Iterator[Running]:
    with running({**ENVIRON, "SANDBOX_LIMITS": "off", **environ}, seed=seed) as found:
        yield found


class Tradesperson:
    """Acts in Jobber through Jobber's own API."""

    def __init__(self, url: str) -> None:
        headers = {"Authorization": f"Bearer {JOBBER_TOKEN}", "X-JOBBER-GRAPHQL-VERSION": "2025-04-16"}
        self._url, self._http = f"{url}/jobber/api/graphql", httpx.Client(headers=headers, timeout=10)

    def ask(self, query: str, **variables: Any) -> Any:
        answer = self._http.post(self._url, json={"query": query, "variables": variables}).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def add(self, first: str = "Ann", last: str = "Smith", email: str = "", **more: Any) -> str:
        """A new client's id."""
        asked = {"firstName": first, "lastName": last, **more}
        if email:
            asked["emails"] = [{"address": email, "primary": True}]
        query = (
            "mutation($input: ClientCreateInput!)"
            " { clientCreate(input: $input) { client { id } userErrors { message } } }"
        )
        return str(self.ask(query, input=asked)["clientCreate"]["client"]["id"])

    def edit(self, client_id: str, **changes: Any) -> None:
        query = (
            "mutation($id: EncodedId!, $input: ClientEditInput!)"
            " { clientEdit(clientId: $id, input: $input) { client { id } userErrors { message } } }"
        )
        assert not self.ask(query, id=client_id, input=changes)["clientEdit"]["userErrors"]

    def destroy(self, client_id: str) -> None:
        """On the control page: Jobber's API cannot."""
        base, number = self._url.removesuffix("/api/graphql"), b64decode(client_id).decode().rpartition("/")[2]
        gone = self._http.post(f"{base}/accounts/1/clients/{number}/destroy", follow_redirects=True)
        gone.raise_for_status()

    def bill(self, client_id: str, lines: list[tuple[str, str, str]], tax: str = "EXCLUSIVE", **more: Any) -> str:
        """A sent invoice's id. `lines`: (name, quantity, unit price); a name that ends in * is not taxed."""
        rows = [
            {"name": n.rstrip("*"), "quantity": float(q), "unitPrice": float(p), "taxable": not n.endswith("*")}
            for n, q, p in lines
        ]
        asked = {
            "clientId": client_id, "lineItems": rows, "dueDetails": {"invoiceNet": 14}, "markSent": True,
            "tax": {"taxCalculationMethod": tax}, "subject": "Work done", **more,
        }  # fmt: skip
        query = (
            "mutation($input: InvoiceCreateInput!)"
            " { invoiceCreate(input: $input) { invoice { id } userErrors { message } } }"
        )
        made = self.ask(query, input=asked)["invoiceCreate"]
        assert not made["userErrors"], made
        return str(made["invoice"]["id"])

    def total(self, invoice_id: str) -> str:
        query = "query($id: EncodedId!) { invoice(id: $id) { amounts { total } } }"
        return f"{self.ask(query, id=invoice_id)['invoice']['amounts']['total']:.2f}"

    def change_invoice(self, invoice_id: str, **changes: Any) -> None:
        query = (
            "mutation($id: EncodedId!, $input: InvoiceEditInput!)"
            " { invoiceEdit(invoiceId: $id, input: $input) { invoice { id } userErrors { message } } }"
        )
        assert not self.ask(query, id=invoice_id, input=changes)["invoiceEdit"]["userErrors"]

    def notes(self, invoice_id: str) -> list[str]:
        query = (
            "query($id: EncodedId!) { invoice(id: $id)"
            " { notes(first: 50) { nodes { ... on InvoiceNote { message } } } } }"
        )
        return [n["message"] for n in self.ask(query, id=invoice_id)["invoice"]["notes"]["nodes"]]

    def invoice(self, invoice_id: str) -> Any:
        query = (
            "query($id: EncodedId!) { invoice(id: $id) { invoiceStatus amounts { invoiceBalance paymentsTotal }"
            " customFields { ... on CustomFieldLink { label valueLink { url } } } } }"
        )
        return self.ask(query, id=invoice_id)["invoice"]

    def page_to_pay(self, invoice_id: str) -> str:
        """The address in the field that the recipe makes, '' where there is none."""
        fields = self.invoice(invoice_id)["customFields"]
        return next((str(f["valueLink"]["url"]) for f in fields if f.get("label") == "Pay online"), "")

    def send(self, invoice_id: str) -> None:
        query = "mutation($id: EncodedId!) { invoiceMarkAsSent(id: $id) { invoice { id } userErrors { message } } }"
        assert not self.ask(query, id=invoice_id)["invoiceMarkAsSent"]["userErrors"]

    def take_payment(self, invoice_id: str, amount: str) -> None:
        """Cash."""
        self.by_hand(invoice_id, "pay", amount=amount, kind="PAYMENT", method="CASH")

    def by_hand(self, invoice_id: str, act: str, **form: str) -> None:
        """What a person does to an invoice, on the control page: Jobber's API cannot."""
        base, number = self._url.removesuffix("/api/graphql"), b64decode(invoice_id).decode().rpartition("/")[2]
        done = self._http.post(f"{base}/accounts/1/invoices/{number}/{act}", data=form, follow_redirects=True)
        done.raise_for_status()

    def close_invoice(self, invoice_id: str, option: str) -> None:
        query = (
            "mutation($id: EncodedId!, $input: InvoiceCloseInput!)"
            " { invoiceClose(id: $id, input: $input) { invoice { id } userErrors { message } } }"
        )
        assert not self.ask(query, id=invoice_id, input={"closeOption": option})["invoiceClose"]["userErrors"]

    def archive(self, client_id: str) -> None:
        self.ask("mutation($id: EncodedId!) { clientArchive(clientId: $id) { client { id } } }", id=client_id)


class Bookkeeper:
    """Acts in Stripe through Stripe's own API."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/stripe/v1/", auth=(STRIPE_KEY, ""), timeout=10)

    def customers(self) -> list[dict[str, Any]]:
        """All of them, newest first."""
        return self._all("customers")

    def _all(self, kind: str, **more: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after: dict[str, str] = {}
        while True:
            page = self._http.get(kind, params={"limit": 100, **more, **after}).raise_for_status().json()
            found += page["data"]
            if not page["has_more"]:
                return found
            after = {"starting_after": found[-1]["id"]}

    def invoices(self, jobber_id: str = "") -> list[dict[str, Any]]:
        """Newest first; all, or those that say they are this Jobber invoice."""
        found = self._all("invoices")
        return [i for i in found if not jobber_id or i["metadata"].get("jobber_invoice_id") == jobber_id]

    def payments(self) -> list[dict[str, Any]]:
        """Payment intents, newest first, each with its charge."""
        return self._all("payment_intents", **{"expand[]": "data.latest_charge"})

    def tax_rates(self) -> list[dict[str, Any]]:
        return list(self._http.get("tax_rates", params={"limit": 100}).raise_for_status().json()["data"])

    def pay(self, invoice_id: str, card: str = "pm_card_visa") -> Any:
        """As the client does, with a test card; what Stripe answers."""
        found = self._http.get("invoice_payments", params={"invoice": invoice_id}).json()["data"]
        intent = next(p["payment"]["payment_intent"] for p in found if p["payment"]["type"] == "payment_intent")
        asked = {"payment_method": card, "return_url": "https://example.com/"}
        return self._http.post(f"payment_intents/{intent}/confirm", data=asked).json()

    def debit(self, invoice_id: str) -> str:
        """As the client does who has their bank pay: it takes days. The payment's id."""
        whose = self._http.get(f"invoices/{invoice_id}").json()["customer"]
        form = {"type": "au_becs_debit", "billing_details[name]": "Ann", "billing_details[email]": "ann@example.com"}
        form |= {"au_becs_debit[bsb_number]": "000-000", "au_becs_debit[account_number]": "000123456"}
        method = self._http.post("payment_methods", data=form).raise_for_status().json()["id"]
        self._http.post(f"payment_methods/{method}/attach", data={"customer": whose}).raise_for_status()
        self._http.post(f"invoices/{invoice_id}/pay", data={"payment_method": method}).raise_for_status()
        return str(next(p["id"] for p in self.payments() if p["status"] == "processing"))

    def bank_answers(self, payment_id: str, *, paid: bool) -> None:
        """Of a debit, on the control page."""
        base = str(self._http.base_url).partition("/v1")[0]
        form = {"do": "debit", "value": "paid" if paid else "failed"}
        done = self._http.post(f"{base}/accounts/1/payments/{payment_id}", data=form, follow_redirects=True)
        done.raise_for_status()

    def refund(self, payment_id: str, amount: int) -> None:
        self._http.post("refunds", data={"payment_intent": payment_id, "amount": amount}).raise_for_status()

    def void(self, invoice_id: str) -> None:
        self._http.post(f"invoices/{invoice_id}/void").raise_for_status()

    def of(self, client_id: str) -> list[dict[str, Any]]:
        """The customers that say they are this client."""
        return [c for c in self.customers() if c["metadata"].get("jobber_client_id") == client_id]

    def add(self, **fields: str) -> str:
        return str(self._http.post("customers", data=fields).raise_for_status().json()["id"])

    def edit(self, customer_id: str, **fields: str) -> None:
        self._http.post(f"customers/{customer_id}", data=fields).raise_for_status()

    def delete(self, customer_id: str) -> None:
        self._http.delete(f"customers/{customer_id}").raise_for_status()


@dataclass
class World:
    sandbox: Running
    business: Business
    sync: Sync
    jobber: Tradesperson
    stripe: Bookkeeper

    def work(self) -> None:
        """As the workers would, until nothing is due now in any lane."""
        for _ in range(200):
            lane = lanes.with_work().first()
            if lane is None:
                return
            slices.work(lane.pk, 30.0)
        raise AssertionError("The work does not come to an end.")

    def go_live(self, sync: Sync | None = None) -> None:
        self.work()
        live = sync or self.sync
        live.refresh_from_db()
        choosing.go_live(live, None)
        self.work()

    def also(self, slug: str, owner: User, **options: Any) -> Sync:
        """Another recipe between the same accounts, live."""
        recipe = recipes.get(slug)
        sides = {c.connector: c for c in (self.sync.source, self.sync.target)}
        source, target = sides[recipe.source], sides[recipe.target]
        sync = choosing.choose(self.business, recipe, source, target, owner, options)
        self.go_live(sync)
        return sync

    def read_again(self, *others: Sync) -> None:
        """The clients, and what these syncs are about, whole on both sides, as once a day."""
        for sync in (self.sync, *others):
            Sync.objects.filter(pk=sync.pk).update(target_read_at=None)
            sync.refresh_from_db()
            choosing.sync_now(sync)
        self.work()

    def link(self, client_id: str) -> Link:
        return Link.objects.get(sync=self.sync, source_id=client_id)

    def ledger(self) -> dict[str, int]:
        """The equation, checked."""
        found = ledger.equation(self.sync)
        assert found["seen"] == sum(n for place, n in found.items() if place != "seen")
        return found

    def writes(self) -> int:
        """Customers created and changed, as Stripe counts the calls."""
        counts = self.sandbox.sandbox.frame.counts
        return sum(n for name, n in counts.items() if name.startswith("stripe POST customer"))

    def calls(self) -> int:
        return sum(self.sandbox.sandbox.frame.counts.values())

    def forget_waits(self) -> None:
        """Let the pauses that the engine has ordered be over, and what has got no answer be too old to take effect."""
        begun = Write.objects.filter(verb="update", state__in=["intended", "unknown"])
        begun.update(intended_at=F("intended_at") - timedelta(minutes=2))
        Link.objects.update(next_try=None)
        type(self.sync.lane).objects.filter(pk=self.sync.lane_id).update(resume_at=None, lease_until=None)

    def work_on(self) -> None:
        """As the workers would in the next minutes: what is tried again by itself is."""
        self.work()
        for _ in range(READ_AGAIN):
            self.forget_waits()
            self.work()

    def open_writes(self) -> int:
        return Write.objects.filter(state__in=["intended", "unknown"]).count()

    def version(self) -> Version:
        self.sync.refresh_from_db()
        assert self.sync.version is not None
        return self.sync.version


def connected(business: Business, user: User) -> tuple[Connection, Connection]:
    """Both accounts, as the operator's own credentials see them."""
    jobber = connect.keep(business, user, "jobber", Credentials("oauth", Secret(JOBBER_TOKEN)))
    stripe = connect.keep(business, user, "stripe", Credentials("key", Secret(STRIPE_KEY)))
    return jobber, stripe


@contextmanager
def world(found: Running, business: Business, owner: User) -> Iterator[World]:
    """Recipe chosen, review started; the tenant scope is open."""
    with scope(business=business):
        jobber, stripe = connected(business, owner)
        sync = choosing.choose(business, recipes.get("clients-to-customers"), jobber, stripe, owner)
        yield World(found, business, sync, Tradesperson(found.url), Bookkeeper(found.url))


def configured(url: str) -> dict[str, Any]:
    """Connectors that speak to this sandbox, by slug."""
    return {slug: registry.configured(slug, addresses(url)) for slug in ("jobber", "stripe")}


def reviewed(world: World, clients: int = 5) -> list[str]:
    """So many new clients, reviewed and live, nothing written yet."""
    found = [world.jobber.add(f"Ann{n}", "Smith", f"ann{n}@example.com") for n in range(clients)]
    world.work()
    choosing.go_live(world.sync, None)
    return found


def all_once(world: World, clients: list[str]) -> None:
    for _ in range(6):
        world.forget_waits()
        world.work()
    assert [len(world.stripe.of(client)) for client in clients] == [1] * len(clients)
    assert set(Link.objects.values_list("state", flat=True)) == {"in_step"}
    assert world.open_writes() == 0
