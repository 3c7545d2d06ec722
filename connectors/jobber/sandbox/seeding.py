"""What the stand-in holds at first: three businesses, and the made-up people as clients of two of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.jobber.sandbox import customfields, invoice_seeding
from connectors.jobber.sandbox.accounts import Account, Accounts
from connectors.jobber.sandbox.customfields import config
from connectors.jobber.sandbox.ids import encoded
from connectors.jobber.sandbox.invoicing import Invoicing
from connectors.jobber.sandbox.permissions import SCOPES
from connectors.sandbox.paper import paper
from connectors.sandbox.people import Person, people

BUSINESSES = (
    ("Harbour Plumbing", "PLUMBING", "Robyn", "Harbour"),
    ("Coastline Electrical", "ELECTRICAL_CONTRACTOR", "Mario", "Conti"),
    ("Empty Co", "OTHER", "Nell", "Nguyen"),
)
DEMO, PAPERS = 200, 60
SECOND = 12
#: Between one client made and the next.
PACE = timedelta(hours=5)
_WORKERS = (("Sam", "Okoye"), ("Lena", "Brandt"), ("Kit", "Hall"))
_WARRANTY = ("None", "12 months", "5 years")
_CONTACT = ("Phone", "Text message", "Email")


def empty_state(started: str) -> dict[str, Any]:
    state: dict[str, Any] = {
        "accounts": {}, "codes": {}, "grants": {}, "access": {}, "numbers": {},
        "settings": {
            "scopes": " ".join(SCOPES), "rotation": True, "refuse_refresh": False, "refresh_ends_access": False,
            "version_ends": False, "tax_per_line": False, "received": "balance",
        },
        "app": {
            "id": encoded("Application", 1), "uuid": "5b1f0c9e-6a55-4a31-9c1d-0e7f4f0a2b11", "name": "Fieldbridge",
            "displayName": "Fieldbridge", "author": "Fieldbridge", "description": "Keeps other services in step.",
        },
    }  # fmt: skip
    for number, business in enumerate(BUSINESSES, 1):
        state["accounts"][f"{number}"] = _account(number, *business, started)
    return state


def upgrade(state: dict[str, Any]) -> None:
    """A state that was kept before there were invoices."""
    settings = state["settings"]
    if "received" not in settings:
        settings |= {"scopes": " ".join(SCOPES), "tax_per_line": False, "received": "balance"}
    for account in state["accounts"].values():
        for name, empty in _books().items():
            account.setdefault(name, empty)
        account["taxes"] = account["taxes"] or _taxes(account["number"])


def _account(number: int, name: str, industry: str, first: str, last: str, started: str) -> Account:
    owner = _user(100 + number, first, last, name, started, owner=True)
    worker = _user(200 + number, *_WORKERS[number - 1], name, started, owner=False)
    return {
        "id": encoded("Account", number), "number": number, "name": name, "countryCode": "AU", "industry": industry,
        "createdAt": started, "phone": None, "signupName": f"{first} {last}", "active": True, "users": [owner, worker],
        "clients": {}, "tags": {}, "endpoints": {}, "configs": {}, **_books(), "taxes": _taxes(number),
    }  # fmt: skip


def _user(number: int, first: str, last: str, business: str, started: str, *, owner: bool) -> dict[str, Any]:
    return {
        "id": encoded("User", number), "number": number, "createdAt": started, "isAccountOwner": owner,
        "isAccountAdmin": owner, "isCurrentUser": owner,
        "name": {"first": first, "last": last, "full": f"{first} {last}"},
        "email": {"isValid": True, "raw": f"{first}@{business.replace(' ', '').lower()}.example.com".lower()},
    }  # fmt: skip


def _books() -> dict[str, Any]:
    return {"invoices": {}, "payments": {}, "notes": {}, "jobs": {}, "taxes": {}, "lastInvoiceNumber": 1000}


def _taxes(account: int) -> dict[str, dict[str, Any]]:
    """GST as the default, GST-free, and a group of two."""
    gst = _tax_rate(account * 10 + 1, "GST", 10.0, default=True)
    levy = _tax_rate(account * 10 + 4, "Levy", 1.5)
    group = _tax_rate(account * 10 + 3, "GST and levy", 11.5) | {"components": [gst | {"components": None}, levy]}
    return {rate["id"]: rate for rate in (gst, _tax_rate(account * 10 + 2, "GST free", 0.0), group, levy)}


def _tax_rate(number: int, name: str, percent: float, *, default: bool = False) -> dict[str, Any]:
    return {
        "id": encoded("TaxRate", number), "name": name, "label": f"{name} ({percent:g}%)", "description": None,
        "tax": percent, "default": default, "components": None,
    }  # fmt: skip


def fill(accounts: Accounts, invoicing: Invoicing, size: str, now: datetime) -> None:
    """'demo', 'empty', or for the first business a number of clients, or of clients and invoices: '500+60'.

    ValueError for anything else.
    """
    first, second, _ = accounts.all()
    _configure(accounts, first)
    if size == "empty":
        return
    clients, _, papers = (f"{DEMO}+{PAPERS}" if size == "demo" else size).partition("+")
    _add(accounts, first, people(int(clients)), now)
    _add(accounts, second, people(SECOND, seed=2), now)
    for invoice in paper(int(papers or 0)):
        invoice_seeding.add_paper(invoicing, first, invoice, now)


def _configure(accounts: Accounts, account: Account) -> None:
    invoices = {"appliesTo": "ALL_INVOICES"}
    kinds: Sequence[tuple[str, str, dict[str, Any]]] = (
        ("TEXT", "Gate code", {}),
        ("DROPDOWN", "Preferred contact", {"dropdownOptions": list(_CONTACT), "defaultValue": _CONTACT[0]}),
        ("TRUE_FALSE", "Has dog", {}),
        ("NUMERIC", "Hot water unit age", {"unit": "years"}),
        ("LINK", "Site plan", {}),
        ("TEXT", "Purchase order", invoices),
        ("TEXT", "Site contact", invoices),
        ("DROPDOWN", "Warranty", invoices | {"dropdownOptions": list(_WARRANTY), "defaultValue": _WARRANTY[0]}),
        ("NUMERIC", "Meter reading", invoices | {"unit": "kL"}),
        ("TRUE_FALSE", "Strata approved", invoices),
        ("LINK", "Compliance certificate", invoices),
    )
    for order, (kind, name, more) in enumerate(kinds, 1):
        config_id = accounts.new_id("CustomFieldConfiguration")
        account["configs"][config_id] = config(config_id, kind, name, order, **more)


def _add(accounts: Accounts, account: Account, found: Sequence[Person], now: datetime) -> None:
    """Made one after another until now, so that what is listed first is the oldest."""
    for place, person in enumerate(found):
        client = accounts.add(account, _given(person, account))
        at = (now - PACE * (len(found) - place)).strftime("%Y-%m-%dT%H:%M:%SZ")
        account["clients"][client["id"]] = client | {"createdAt": at, "updatedAt": at}


def _given(person: Person, account: Account) -> dict[str, Any]:
    emails = [e for e in (person.email, *person.other_emails) if e]
    return {
        "firstName": person.first, "lastName": person.last, "companyName": person.company,
        "title": {"Dr.": "DR"}.get(person.title), "isCompany": bool(person.company), "isLead": person.is_lead,
        "isArchived": person.is_archived, "tags": person.tags, "customFields": _custom(person, account),
        "emails": [{"address": e, "description": "WORK" if n else "MAIN"} for n, e in enumerate(emails)],
        "phones": [{"number": p, "smsAllowed": p.startswith("04")} for p in person.phones],
        "billingAddress": {
            "street1": person.street1, "street2": person.street2, "city": person.city, "province": person.state,
            "postalCode": person.postcode, "country": person.country,
        },
    }  # fmt: skip


def _custom(person: Person, account: Account) -> list[dict[str, Any]]:
    """Not everybody has them filled in."""
    by_name = {kind["name"]: key for key, kind in customfields.of(account["configs"], "ALL_CLIENTS").items()}
    if not by_name:
        return []
    found: list[tuple[str, str, Any]] = []
    if person.gate_code:
        found.append(("Gate code", "valueText", person.gate_code))
    if person.number % 7 == 0:
        found.append(("Preferred contact", "valueDropdown", _CONTACT[person.number % 3]))
    if person.number % 9 == 0:
        found.append(("Has dog", "valueTrueFalse", True))
    if "Hot water" in person.tags:
        found.append(("Hot water unit age", "valueNumeric", float(person.number % 14 + 1)))
    if person.number % 40 == 0:
        plan = {"text": "Plan", "url": f"https://plans.example.com/{person.number}"}
        found.append(("Site plan", "valueLink", plan))
    return [{"customFieldConfigurationId": by_name[name], kind: value} for name, kind, value in found]
