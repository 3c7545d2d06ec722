"""What a fresh stand-in holds: three accounts, whose customers and invoices Jobber knows in part."""

import hashlib
import re
from collections.abc import Iterator

from connectors.sandbox.people import Person, people
from connectors.stripe.sandbox import accounts, customers, paper_seeding
from connectors.stripe.sandbox.accounts import Account
from connectors.stripe.sandbox.customers import Customer

#: Number, id and name of the accounts a person may connect.
ACCOUNTS = (
    (1, "acct_1SandboxHarbour1", "Harbour Plumbing"),
    (2, "acct_1SandboxCoastln2", "Coastline Electrical"),
    (3, "acct_1SandboxEmptyCo3", "Empty Co"),
)
YEAR = 365 * 86400
#: Of people(200), for the first account. Person 11 shares an email with 12; 20 has none.
SAME_EMAIL = (
    1,
    2,
    4,
    6,
    7,
    9,
    13,
    15,
    17,
    18,
    22,
    26,
    27,
    30,
    31,
    32,
    36,
    40,
    44,
    51,
    60,
    66,
    75,
    82,
    97,
    110,
    140,
    171,
)
OTHER_CASE = (3, 8, 16, 29)
SHARED, AMBIGUOUS, STRANGERS = 11, 23, 5
#: The second account's, of people(12, seed=2).
COASTLINE = (1, 2, 3)


def fill(account: Account, size: str, now: float, page: str) -> None:
    """`size` as `python -m connectors.sandbox --seed` takes it: only 'demo' brings customers, and what they have paid.

    `page`: the address that pages for payers begin with.
    """
    if size != "demo":
        return
    made = list(_harbour() if account.number == 1 else _coastline() if account.number == 2 else ())
    for number, (person, email) in enumerate(made):
        created = int(now - 2 * YEAR + number * (1.9 * YEAR / len(made)))
        account.put(_customer(account.id, number, person, email, created), now=0.0)
    if account.number == 1:
        paper_seeding.fill(account, page, now)


def _harbour() -> Iterator[tuple[Person, str]]:
    known = {p.number: p for p in people(200)}
    taken = {p.email for p in known.values()}
    strangers = [p for p in people(3 * STRANGERS, seed=90) if p.email not in taken][:STRANGERS]
    yield from ((known[n], known[n].email) for n in SAME_EMAIL[:20])
    yield from ((p, p.email) for p in strangers)
    yield from ((known[n], _other_case(known[n].email)) for n in OTHER_CASE)
    yield known[SHARED], known[SHARED].email
    yield from ((known[AMBIGUOUS], known[AMBIGUOUS].email) for _ in range(2))
    yield from ((known[n], known[n].email) for n in SAME_EMAIL[20:])


def _coastline() -> Iterator[tuple[Person, str]]:
    known = {p.number: p for p in people(12, seed=2)}
    yield from ((known[n], known[n].email) for n in COASTLINE)


def _other_case(email: str) -> str:
    """'Jane.Citizen@Example.com', as people type it."""
    local, _, domain = email.partition("@")
    return f"{re.sub('[a-z]+', lambda word: word[0].capitalize(), local)}@{domain.capitalize()}"


def _customer(account: str, number: int, person: Person, email: str, created: int) -> Customer:
    stable = hashlib.sha256(f"{account}/{number}".encode()).hexdigest()
    fresh = customers.new(f"cus_{stable[:14]}", created, stable[14:22].upper())
    return fresh | {
        "name": person.company or f"{person.first} {person.last}",
        "email": email,
        "phone": next((p for p in person.phones if len(p) <= 20), None),
        "address": {
            "city": person.city, "country": "AU", "line1": person.street1, "line2": person.street2 or None,
            "postal_code": person.postcode, "state": person.state,
        },
    }  # fmt: skip


def fresh_accounts(now: float) -> dict[str, dict[str, object]]:
    created = int(now - 3 * YEAR)
    return {identity: accounts.state(number, identity, name, created) for number, identity, name in ACCOUNTS}
