"""One Stripe account of the stand-in: its profile, customers, invoices, payments, events and keys."""

from collections import deque
from collections.abc import Iterable
from typing import Any

from connectors.stripe.sandbox import customers
from connectors.stripe.sandbox.customers import Customer
from connectors.stripe.sandbox.idempotency import Keys
from connectors.stripe.sandbox.listing import Shelf, Thing

#: From asking to the deadline, in days.
GIVEN_WITHIN = 14
#: What Stripe may ask an owner for, as the control page offers it.
REQUIREMENTS = (
    "external_account", "individual.verification.document", "company.tax_id", "business_profile.url",
    "individual.dob.day", "tos_acceptance.date",
)  # fmt: skip


def state(number: int, identity: str, name: str, created: int) -> dict[str, Any]:
    """A fresh account, as it is kept."""
    return {
        "number": number, "profile": profile(identity, name, created), "customers": {}, "tax_ids": {}, "events": {},
        "keys": {},
    }  # fmt: skip


def profile(identity: str, name: str, created: int) -> Thing:
    """The account object of the API."""
    email = f"office@{name.lower().replace(' ', '')}.example.com"
    return {
        "id": identity, "object": "account", "type": "standard", "business_type": "company", "country": "AU",
        "business_profile": {
            "annual_revenue": None, "mcc": "1711", "minority_owned_business_designation": None, "name": name,
            "product_description": None, "specified_commercial_transactions_act_url": None, "support_address": None,
            "support_email": email, "support_phone": None, "support_url": None, "url": None,
        },
        "capabilities": {"card_payments": "active", "transfers": "active", "au_becs_debit_payments": "active"},
        "charges_enabled": True, "payouts_enabled": True, "details_submitted": True, "created": created,
        "default_currency": "aud", "email": email, "controller": {"type": "account"},
        "requirements": requirements([]), "future_requirements": requirements([]), "metadata": {},
        "settings": {
            "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
            "card_payments": {
                "statement_descriptor_prefix": None, "statement_descriptor_prefix_kana": None,
                "statement_descriptor_prefix_kanji": None,
            },
            "dashboard": {"display_name": name, "timezone": "Australia/Sydney"},
            "payments": {
                "statement_descriptor": name.upper()[:22], "statement_descriptor_kana": None,
                "statement_descriptor_kanji": None, "statement_descriptor_prefix_kana": None,
                "statement_descriptor_prefix_kanji": None,
            },
        },
    }  # fmt: skip


def requirements(due: list[str], deadline: int | None = None, *, late: bool = False) -> Thing:
    """`late`: the deadline has passed without an answer."""
    return {
        "alternatives": [], "current_deadline": deadline if due else None, "currently_due": due, "errors": [],
        "eventually_due": due, "past_due": due if late else [], "pending_verification": [],
        "disabled_reason": "requirements.past_due" if due and late else None,
    }  # fmt: skip


class Account:
    """The kept state with what makes it quick to ask. Customers are replaced, never changed in place."""

    def __init__(self, kept: dict[str, Any], search_lag: float) -> None:
        self.kept = kept
        self.id: str = kept["profile"]["id"]
        self.number: int = kept["number"]
        self.customers = Shelf(kept["customers"])
        self.tax_rates, self.items, self.invoices, self.credit_notes = (
            Shelf(kept.setdefault(name, {})) for name in ("tax_rates", "invoiceitems", "invoices", "credit_notes")
        )
        self.intents, self.charges, self.methods, self.records, self.refunds, self.disputes, self.transactions = (
            Shelf(kept.setdefault(name, {}))
            for name in (
                "payment_intents", "charges", "payment_methods", "payment_records", "refunds", "disputes",
                "balance_transactions",
            )
        )  # fmt: skip
        self.invoice_payments = Shelf(kept.setdefault("invoice_payments", {}))
        #: invoice, payment intent or payment record -> the ids of its invoice payments, oldest first.
        self.payments_of: dict[str, list[str]] = {}
        for found in self.invoice_payments.things.values():
            self._index_payment(found)
        #: invoice -> when its page was given an address anew.
        self.pages: dict[str, int] = kept.setdefault("pages", {})
        #: invoice -> its lines, in order. A list is replaced at each change.
        self.lines: dict[str, list[Thing]] = kept.setdefault("lines", {})
        #: Invoices that were told of as overdue, with the time they were due.
        self.overdue: dict[str, int] = kept.setdefault("overdue", {})
        self.settings: dict[str, Any] = kept.setdefault("settings", {"round_tax_per_invoice": False})
        self.events = Shelf(kept["events"])
        self.keys = Keys(kept["keys"])
        self._lag = search_lag
        self._by_email: dict[str, dict[str, None]] = {}
        self._searchable: dict[str, Customer] = dict(kept["customers"])
        self._unseen: deque[tuple[float, Customer]] = deque()
        for found in kept["customers"].values():
            self._index({}, found)

    @property
    def profile(self) -> Thing:
        found: Thing = self.kept["profile"]
        return found

    @property
    def name(self) -> str:
        return str(self.profile["settings"]["dashboard"]["display_name"])

    def customer(self, identity: str) -> Customer | None:
        """As it is now, also when it is deleted; None when there never was one."""
        return self.customers.things.get(identity)

    def living(self) -> list[Customer]:
        """Newest first."""
        return [c for c in reversed(self.customers.things.values()) if "deleted" not in c]

    def put(self, customer: Customer, now: float) -> None:
        """A new customer, a changed one, or what is left of a deleted one."""
        identity = customer["id"]
        self._index(self.customers.things.get(identity, {}), customer)
        self.customers.put(identity, customer)
        self._unseen.append((now + self._lag, customer))

    def _index(self, before: Customer, after: Customer) -> None:
        was, now = before.get("email"), after.get("email")
        if was and was != now:
            self._by_email[was].pop(before["id"], None)
        if now and now != was:
            self._by_email.setdefault(now, {})[after["id"]] = None

    def with_email(self, email: str) -> Iterable[str]:
        """Ids of the customers with exactly this email, as Stripe's filter has it."""
        return self._by_email.get(email, {})

    def put_invoice_payment(self, found: Thing) -> None:
        if self.invoice_payments.get(found["id"]) is None:
            self._index_payment(found)
        self.invoice_payments.put(found["id"], found)

    def _index_payment(self, found: Thing) -> None:
        for about in (found["invoice"], found["payment"][found["payment"]["type"]]):
            self.payments_of.setdefault(about, []).append(found["id"])

    def invoice_payments_of(self, about: str) -> list[Thing]:
        """Of an invoice, a payment intent or a payment record, oldest first."""
        return [self.invoice_payments[each] for each in self.payments_of.get(about, ())]

    def tax_ids(self, identity: str) -> list[Thing]:
        return list(self.kept["tax_ids"].get(identity, ()))

    def searchable(self, now: float) -> list[Customer]:
        """What the search index has seen so far, newest first."""
        while self._unseen and self._unseen[0][0] <= now:
            seen = self._unseen.popleft()[1]
            self._searchable[seen["id"]] = seen
        return [c for c in reversed(self._searchable.values()) if "deleted" not in c]


def removed(account: Account, identity: str, now: float) -> Customer:
    gone = customers.deleted(identity)
    account.put(gone, now)
    return gone
