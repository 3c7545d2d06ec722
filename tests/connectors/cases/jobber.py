"""Jobber: clients, invoices and notes, read and written; tokens that expire and rotate."""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors import http
from connectors.base import Connector, Credentials
from connectors.sandbox.running import Running
from tests.connectors.cases.base import Case
from tests.connectors.jobber_calls import Calls

CLIENT = {
    "first_name": "Ann 👷", "last_name": "<b>O'Brien</b>", "company_name": "=SUM(A1)", "is_company": True,
    "email": "Ann.Contract@Example.com", "phone": "0412 345 678", "tags": ["VIP", "Strata, „old“"],
    "billing_address.street1": "1 King St", "billing_address.street2": "Unit 5", "billing_address.city": "Darwin",
    "billing_address.province": "NT", "billing_address.postal_code": "0800", "billing_address.country": "Australia",
}  # fmt: skip


class JobberCase(Case):
    slug = "jobber"
    renewed_by = "oauth"
    names_requests = False
    seeded = {"clients": 200, "invoices": 60, "notes": 1}
    unknown_ids = {
        "clients": ("Z2lkOi8vSm9iYmVyL0NsaWVudC85OTk5OTk5", "not an id", ""),
        "invoices": ("Z2lkOi8vSm9iYmVyL0ludm9pY2UvOTk5OTk5", "not an id", ""),
        "notes": ("Z2lkOi8vSm9iYmVyL0ludm9pY2UvOTk5OTk5:Z2lkOi8vSm9iYmVyL0ludm9pY2VOb3RlLzk5OTk5OQ==", "no id", ""),
    }  # fmt: skip
    reading = {"clients": "ClientsPage", "invoices": "InvoicesPage", "notes": "NotesPage"}
    creating = {"clients": "ClientCreate", "notes": "NoteCreate"}
    knows_edits = True
    rewritten: ClassVar[Mapping[str, dict[str, Any]]] = {
        "clients": {
            "first_name": "", "last_name": "Smith", "is_company": False, "company_name": None, "phone": "",
            "email": "ann.smith@example.com", "tags": ["Strata, „old“", "Paid late"], "billing_address.street2": None,
            "billing_address.city": "Palmerston",
        },
        "invoices": {"custom.purchase_order": "PO-77 & more", "custom.compliance_certificate": "https://us.example/1"},
        "notes": {"message": "Refunded"},
    }  # fmt: skip
    following = frozenset({"name", "updated_at", "other_phones", "phone_normalized"})
    refused = {"notes": ("message", " ")}
    marks: ClassVar[Mapping[str, tuple[str, str]]] = {
        "clients": ("email", "ann.contract@example.com"), "notes": ("message", "Paid with pi_OfThisSuite"),
    }  # fmt: skip
    references: ClassVar[Mapping[str, tuple[str, str]]] = {"notes": ("stripe_payment_id", "message")}
    without_email = frozenset({"invoices", "notes"})
    unsearched = frozenset({"clients"})

    def __init__(self, running: Running, portal: str = "http://portal.example.com") -> None:
        super().__init__(running, portal)
        self.there = Calls(running)
        #: Who is billed in this suite, what for, and by invoice who else is billed for it.
        self.whom = self.there.create(lastName="Whom the suite bills")
        self.invoice = self.there.bill(self.whom)
        self.left.update({"clients": 1, "invoices": 1})
        self.billed: dict[str, str] = {}

    @property
    def written(self) -> Mapping[str, dict[str, Any]]:
        return {"clients": CLIENT, "notes": {"invoice_id": self.invoice, "message": "pi_3QOfThisSuite"}}

    def connector(self) -> Connector:
        return self.there.connector()

    def connect(self, account: int = 1, method: str = "") -> Credentials:
        method, code = self.code(account)
        return self.connector().exchange(method, code=code, redirect_uri=self.address)

    def code(self, account: int = 1) -> tuple[str, str]:
        place = self.there.consent(account=str(account), redirect_uri=self.address).headers["location"]
        return "oauth", parse_qs(urlsplit(place).query)["code"][0]

    def add(self, resource: str, name: str, email: str) -> str:
        """An invoice is for a new client; a note is on a new invoice."""
        if resource == "notes":
            invoice = self.there.bill(self.whom)
            return f"{invoice}:{self.there.note(invoice, name)}"
        client = self.there.create(lastName=name, emails=[{"address": email, "primary": True}])
        if resource == "clients":
            return client
        invoice = self.there.bill(client)
        self.billed[invoice] = client
        return invoice

    def edit(self, resource: str, record_id: str, name: str) -> None:
        match resource:
            case "clients":
                self.there.edit_client(record_id, lastName=name)
            case "invoices":
                self.there.edit_invoice(record_id, invoiceNumber=name)
            case "notes":
                self.there.edit_note(record_id.partition(":")[2], name)

    def remove(self, resource: str, record_id: str) -> None:
        """A note goes with its invoice; what stands on the one of the whole suite stays there."""
        invoice = record_id.partition(":")[0]
        if resource == "clients":
            self.there.destroy("client", record_id)
        elif invoice == self.invoice:
            self.left[resource] += 1
        else:
            self.there.destroy("invoice", invoice)
        if resource == "invoices":
            self.there.destroy("client", self.billed.pop(invoice))

    def let_go(self) -> None:
        self.there.http.post(f"{self.there.url}/accounts/1/disconnect")

    def in_a_hurry(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(http, "DEADLINE_SECONDS", 0.5)
