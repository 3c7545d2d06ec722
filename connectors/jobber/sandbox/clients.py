"""A client as the stand-in keeps it: a plain dict in the shape of the API, replaced and never changed in place."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import phonenumbers

type Client = dict[str, Any]
type Items = list[dict[str, Any]]
#: Makes a new id for a kind of thing ("Email").
type NewId = Callable[[str], str]

TITLES = {"DR": "Dr.", "MISS": "Miss", "MR": "Mr.", "MRS": "Mrs.", "MS": "Ms."}
ADDRESS = ("street1", "street2", "city", "province", "postalCode", "country")
TEXTS = ("firstName", "lastName", "companyName")
RECEIVES = (
    "receivesFollowUps", "receivesInvoiceFollowUps", "receivesQuoteFollowUps", "receivesReminders",
    "receivesReviewRequests",
)  # fmt: skip


class Wrong(Exception):
    """What a mutation was asked is not possible: goes into userErrors."""

    def __init__(self, message: str, *path: str) -> None:
        super().__init__(message)
        self.message, self.path = message, list(path)


def blank(client_id: str, number: int, now: str) -> Client:
    return {
        "id": client_id, "firstName": "", "lastName": "", "companyName": None, "secondaryName": None, "title": "",
        "isCompany": False, "isLead": False, "isArchived": False, "isArchivable": True, "sampleData": False,
        "balance": 0.0, "createdAt": now, "updatedAt": now, "emails": [], "phones": [], "tags": [],
        "billingAddress": None, "custom": {}, "jobberWebUri": f"https://secure.getjobber.com/clients/{number}",
        **dict.fromkeys(RECEIVES, True),
    }  # fmt: skip


def completed(client: Client) -> Client:
    """With the fields that follow from the others. Raises Wrong for a client without any name."""
    person = f"{client['firstName']} {client['lastName']}".strip()
    company = client["companyName"] or ""
    if not (person or company.strip()):
        raise Wrong("A client needs a first name, a last name or a company name", "input")
    first, second = (company, person) if client["isCompany"] else (person, company)
    return client | {
        "name": first or second,
        "secondaryName": second if first and second else None,
        "email": next((e["address"] for e in client["emails"] if e["primary"]), None),
        "phone": next((p["number"] for p in client["phones"] if p["primary"]), None),
        "billingAddressPresent": client["billingAddress"] is not None,
    }


def address(given: Mapping[str, Any] | None, before: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Jobber's address: what is not given stays; None when nothing is left in it."""
    if given is None:
        return None
    parts = {name: given.get(name, (before or {}).get(name)) or "" for name in ADDRESS}
    if not any(parts.values()):
        return None
    street = ", ".join(p for p in (parts["street1"], parts["street2"]) if p)
    return parts | {"street": street, "latitude": "", "longitude": "", "name": None}


def emails(
    held: Items, new_id: NewId, *, add: Sequence[Mapping[str, Any]] = (), edit: Sequence[Mapping[str, Any]] = (),
    delete: Sequence[str] = (),
) -> Items:  # fmt: skip
    """The addresses after a change in Jobber's way: by id, and with one primary among them."""
    kept = _without(held, delete, "emailsToDelete")
    kept = _edited(kept, edit, ("address", "description"), "emailsToEdit")
    made = [
        {
            "id": new_id("Email"),
            "address": e.get("address") or "",
            "description": e.get("description") or "MAIN",
            "primary": bool(e.get("primary")),
        }
        for e in add
    ]
    return _one_primary(kept, made, edit)


def phones(
    held: Items, new_id: NewId, *, add: Sequence[Mapping[str, Any]] = (), edit: Sequence[Mapping[str, Any]] = (),
    delete: Sequence[str] = (),
) -> Items:  # fmt: skip
    kept = _without(held, delete, "phonesToDelete")
    kept = _edited(kept, edit, ("number", "description", "smsAllowed"), "phonesToEdit")
    made = [
        {
            "id": new_id("ClientPhoneNumber"),
            "number": p.get("number") or "",
            "description": p.get("description") or "MAIN",
            "smsAllowed": bool(p.get("smsAllowed")),
            "primary": bool(p.get("primary")),
        }
        for p in add
    ]
    return [p | _read(p["number"]) for p in _one_primary(kept, made, edit)]


def _without(held: Items, delete: Sequence[str], argument: str) -> Items:
    for place, item_id in enumerate(delete):
        if all(item["id"] != item_id for item in held):
            raise Wrong("There is none with this id", "input", argument, f"{place}")
    return [item for item in held if item["id"] not in delete]


def _edited(held: Items, edits: Sequence[Mapping[str, Any]], names: Sequence[str], argument: str) -> Items:
    by_id = {item["id"]: item for item in held}
    for place, edit in enumerate(edits):
        if edit["id"] not in by_id:
            raise Wrong("There is none with this id", "input", argument, f"{place}", "id")
        by_id[edit["id"]] = by_id[edit["id"]] | {n: edit[n] for n in names if edit.get(n) is not None}
    return [by_id[item["id"]] for item in held]


def _one_primary(kept: Items, made: Items, edits: Sequence[Mapping[str, Any]]) -> Items:
    """The one said to be primary last, else the one that was, else the first."""
    items = [*kept, *made]
    wanted = [e["id"] for e in edits if e.get("primary")] + [m["id"] for m in made if m["primary"]]
    chosen = wanted[-1] if wanted else next((i["id"] for i in kept if i["primary"]), None)
    chosen = chosen or (items[0]["id"] if items else None)
    return [item | {"primary": item["id"] == chosen} for item in items]


@lru_cache(maxsize=65536)
def _read(number: str) -> dict[str, Any]:
    """Jobber's own reading of a number; null where it cannot read it."""
    try:
        found = phonenumbers.parse(number, "AU")
    except phonenumbers.NumberParseException:
        return {"normalizedPhoneNumber": None, "friendly": number}
    if not phonenumbers.is_valid_number(found):
        return {"normalizedPhoneNumber": None, "friendly": number}
    return {
        "normalizedPhoneNumber": phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164),
        "friendly": phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.NATIONAL),
    }
