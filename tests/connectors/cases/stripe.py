"""Stripe: customers and what they are billed, read and written; payments, read; three ways to connect."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from connectors import http
from connectors.base import Connector, Credentials
from connectors.sandbox.running import Running
from connectors.stripe import client, sending
from tests.connectors.cases.base import Case
from tests.connectors.stripe_calls import COASTLINE, HARBOUR, Calls, arguments

CUSTOMER = {
    "name": "Ann 👷 <b>O'Brien</b>", "business_name": "=SUM(A1)", "individual_name": "Ann O'Brien",
    "email": "Ann.Contract@Example.com", "phone": "+61412345678", "description": "مرحبا",
    "address.line1": "1 King St", "address.line2": "Unit 5", "address.city": "Darwin", "address.state": "NT",
    "address.postal_code": "0800", "address.country": "AU", "metadata.jobber_client_id": "Z2lkOi8v",
    "metadata.cf_gate": "#12 & more",
}  # fmt: skip
INVOICE = {
    "currency": "AUD", "description": "Hot water — „quoted“", "footer": "Danke & <b>merci</b>",
    "collection_method": "send_invoice", "auto_advance": False, "metadata.jobber_invoice_id": "Z2lkOi8vSW52",
    "metadata.jobber_job_numbers": "12, 13", "custom_fields": [{"name": "Jobber invoice", "value": "1042"}],
}  # fmt: skip
TAX_RATE = {
    "name": "GST", "percent": "10", "inclusive": True, "country": "AU", "active": True,
    "metadata.portal_ref": "gst-10-in",
}  # fmt: skip
PAYMENT_RECORD = {
    "amount": 5000, "currency": "AUD", "method": "Cash", "reference": "1042-1", "description": "Deposit",
    "metadata.jobber_payment_id": "Z2lkOi8vUGF5",
}  # fmt: skip
ACCOUNTS = {1: HARBOUR, 2: COASTLINE}


class StripeCase(Case):
    slug = "stripe"
    renewed_by = "apps"
    seeded = {"customers": 40, "invoices": 4, "payments": 4, "tax_rates": 1, "payment_records": 0}
    unknown_ids = {
        "customers": ("cus_NeverMade", "not an id", "cus_é"),
        "invoices": ("in_NeverMade", "not an id"),
        "payments": ("pi_NeverMade", "ch_NeverMade", "py_NeverMade", "not an id"),
        "tax_rates": ("txr_NeverMade", "not an id"),
        "payment_records": ("pr_NeverMade", "not an id"),
    }  # fmt: skip
    reading = {
        "customers": "GET customers", "invoices": "GET invoices", "payments": "GET payment_intents",
        "tax_rates": "GET tax_rates", "payment_records": "GET payment_records",
    }  # fmt: skip
    creating = {
        "customers": "POST customers", "invoices": "POST invoices", "tax_rates": "POST tax_rates",
        "payment_records": "POST payment_records/report_payment",
    }  # fmt: skip
    knows_edits = False
    untold: ClassVar[Mapping[str, frozenset[str]]] = {"payment_records": frozenset({"initiated_at"})}
    rewritten: ClassVar[Mapping[str, dict[str, Any]]] = {
        "customers": {
            "name": "Ann Smith", "phone": "", "address.line2": None, "address.city": "Palmerston",
            "metadata.cf_gate": "", "metadata.cf_new": "x",
        },
        "invoices": {
            "description": "Hot water", "footer": "", "metadata.jobber_job_numbers": None, "metadata.jobber_url": "x",
            "custom_fields": [{"name": "PO number", "value": "77"}],
        },
        "tax_rates": {"name": "GST (old)", "active": False, "metadata.portal_ref": ""},
        "payment_records": {"description": "None of it changes"},
    }  # fmt: skip
    refused = dict.fromkeys(("customers", "invoices", "tax_rates", "payment_records"), ("metadata.cf_long", "x" * 501))
    marks: ClassVar[Mapping[str, tuple[str, str]]] = {
        "customers": ("email", "ann.contract@example.com"),
        **dict.fromkeys(("invoices", "tax_rates", "payment_records"), ("metadata.mark", "ours")),
    }
    references: ClassVar[Mapping[str, tuple[str, str]]] = {
        "customers": ("jobber_client_id", "metadata.jobber_client_id"),
        "invoices": ("jobber_invoice_id", "metadata.jobber_invoice_id"),
        "payment_records": ("jobber_payment_id", "metadata.jobber_payment_id"),
    }
    without_email = frozenset({"invoices", "payments", "tax_rates", "payment_records"})
    lasting = frozenset({"payments", "tax_rates", "payment_records"})
    unchanging = frozenset({"payment_records"})

    def __init__(self, running: Running, portal: str = "http://portal.example.com") -> None:
        super().__init__(running, portal)
        self.there = Calls(running)
        #: Who is billed in this suite, and by invoice who is billed for it.
        self.whom = str(self.there.create(name="Whom the suite bills")["id"])
        self.left["customers"] += 1
        self.billed: dict[str, str] = {}

    @property
    def written(self) -> Mapping[str, dict[str, Any]]:
        now = self.running.sandbox.frame.clock.time()
        return {
            "customers": CUSTOMER,
            "invoices": INVOICE | {"customer": self.whom, "due_date": (int(now) // 86400 + 7) * 86400},
            "tax_rates": TAX_RATE,
            "payment_records": PAYMENT_RECORD | {"initiated_at": int(now) - 86400},
        }

    def connector(self) -> Connector:
        return self.there.connector()

    def connect(self, account: int = 1, method: str = "") -> Credentials:
        way = method or "connect"
        return self.connector().exchange(way, code=self._code(account, way), redirect_uri=self.address)

    def wrong(self) -> Credentials:
        return self.connector().from_key("key", "rk_test_canaryNeverGivenOut")

    def code(self, account: int = 1) -> tuple[str, str]:
        return "connect", self._code(account, "connect")

    def _code(self, account: int, way: str) -> str:
        place = "app" if way == "apps" else "connect"
        return arguments(self.there.consent(place, account=ACCOUNTS[account], redirect_uri=self.address))["code"]

    def add(self, resource: str, name: str, email: str) -> str:
        """An invoice is a draft for a new customer; a payment intent is not paid yet."""
        if resource == "customers":
            return str(self.there.create(name=name, email=email)["id"])
        if resource == "invoices":
            customer = str(self.there.create(name=name, email=email)["id"])
            made = self.there.made("invoices", customer=customer)
            self.billed[made] = customer
            return made
        if resource == "payments":
            return self.there.made("payment_intents", amount="1100", currency="aud", description=name)
        if resource == "tax_rates":
            return self.there.made("tax_rates", display_name=name, percentage="10", inclusive="true")
        return self.there.made("payment_records/report_payment", **reported(self.running, name))

    def edit(self, resource: str, record_id: str, name: str) -> None:
        """A payment is paid as well: of a change in its words nobody is told."""
        if resource == "payments":
            self.there.made(f"payment_intents/{record_id}", description=name)
            self.there.made(f"payment_intents/{record_id}/confirm", payment_method="pm_card_visa")
            return
        param = {"customers": "name", "invoices": "number", "tax_rates": "display_name"}[resource]
        self.there.made(f"{resource}/{record_id}", **{param: name})

    def remove(self, resource: str, record_id: str) -> None:
        if resource in self.lasting:
            self.left[resource] += 1
            return
        assert self.there.send("DELETE", f"{resource}/{record_id}").status_code == 200
        if record_id in self.billed:
            self.remove("customers", self.billed.pop(record_id))

    def let_go(self) -> None:
        self.there.http.post(f"{self.there.url}/accounts/1", data={"do": "disconnect"})

    def in_a_hurry(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(http, "DEADLINE_SECONDS", 0.5)
        patch.setattr(sending, "READ_PATIENCE", 0.5)
        hurried = client.Transport()
        patch.setattr(client, "transport", lambda: hurried)


def reported(running: Running, name: str) -> dict[str, str]:
    """A payment in cash, as Stripe is told of it."""
    at = str(int(running.sandbox.frame.clock.time()))
    return {
        "amount_requested[value]": "1100", "amount_requested[currency]": "aud", "initiated_at": at,
        "outcome": "guaranteed", "guaranteed[guaranteed_at]": at, "payment_method_details[type]": "custom",
        "payment_method_details[custom][display_name]": "Cash", "description": name,
    }  # fmt: skip
