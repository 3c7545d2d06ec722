"""Jobber clients as records, and their field catalogue."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors.base import Data, Field, FieldType, Record, storable
from connectors.emails import match_email
from connectors.jobber.writing import ADDRESS, WRITABLE
from connectors.likeness import namesake_key, phone_key

_TEXT = {
    "id": "Client id", "name": "Name", "first_name": "First name", "last_name": "Last name",
    "company_name": "Company", "title": "Title", "url": "Link to Jobber",
    "billing_address.street1": "Billing street, first line", "billing_address.street2": "Billing street, second line",
    "billing_address.city": "Billing city", "billing_address.province": "Billing state",
    "billing_address.postal_code": "Billing postcode",
}  # fmt: skip
_YES_NO = {
    "is_company": "Is a company",
    "is_lead": "Is a lead",
    "is_archived": "Archived",
    "sample_data": "Sample data",
}
FIELDS = (
    *(Field(path, label, writable=path in WRITABLE) for path, label in _TEXT.items()),
    *(Field(path, label, FieldType.BOOLEAN, writable=path in WRITABLE) for path, label in _YES_NO.items()),
    Field("email", "Email", FieldType.EMAIL, writable=True, help="The primary address."),
    Field("other_emails", "Other emails", FieldType.LIST),
    Field("phone", "Phone", FieldType.PHONE, writable=True, help="The primary number, as typed."),
    Field("phone_normalized", "Phone, as Jobber reads it", FieldType.PHONE),
    Field("other_phones", "Other phones", FieldType.LIST),
    Field("billing_address.country", "Billing country", FieldType.COUNTRY, writable=True),
    Field("tags", "Tags", FieldType.LIST, writable=True),
    Field("balance", "Balance", FieldType.MONEY),
    Field("created_at", "Created", FieldType.DATETIME),
    Field("updated_at", "Updated", FieldType.DATETIME),
)
_PLAIN = {
    "id": "id", "name": "name", "first_name": "firstName", "last_name": "lastName", "company_name": "companyName",
    "title": "title", "is_company": "isCompany", "is_lead": "isLead", "is_archived": "isArchived",
    "sample_data": "sampleData", "url": "jobberWebUri", "created_at": "createdAt", "updated_at": "updatedAt",
}  # fmt: skip
_NOT_SLUG = re.compile(r"[^a-z0-9]+")


def client(node: Mapping[str, Any]) -> Record:
    """From a node of the ClientFields fragment. KeyError, TypeError or ValueError names what is not as we know it."""
    node = storable(node)
    data: Data = {path: node[name] for path, name in _PLAIN.items() if node[name] not in (None, "")}
    data |= _contacts(node)
    address = node.get("billingAddress") or {}
    data |= {f"billing_address.{p}": address[n] for p, n in ADDRESS.items() if address.get(n)}
    data["tags"] = [str(t["label"]) for t in node["tags"]["nodes"]]
    data["balance"] = str(node["balance"])
    data |= custom_fields(node["customFields"])
    email, label = match_email(str(data["email"])) if data.get("email") else "", _label(data)
    return Record(
        id=str(node["id"]),
        data=data,
        label=label,
        updated_at=moment(node["updatedAt"]),
        created_at=moment(node["createdAt"]),
        email=email,
        phone=phone_key(data.get("phone")),
        namesake=namesake_key(label, data.get("billing_address.postal_code")),
        url=str(node["jobberWebUri"] or ""),
    )


def _contacts(node: Mapping[str, Any]) -> Data:
    data: Data = {}
    emails = sorted(node["emails"], key=lambda e: not e["primary"])
    phones = sorted(node["phones"], key=lambda p: not p["primary"])
    if emails:
        data["email"] = emails[0]["address"]
        data["other_emails"] = [e["address"] for e in emails[1:]]
    if phones:
        data["phone"] = phones[0]["number"]
        data["phone_normalized"] = phones[0]["normalizedPhoneNumber"] or ""
        data["other_phones"] = [p["number"] for p in phones[1:]]
    return data


def _label(data: Data) -> str:
    person = f"{data.get('first_name', '')} {data.get('last_name', '')}".strip()
    named = data.get("name") or data.get("company_name") or person or data.get("email")
    return str(named or f"Client {str(data['id']).rstrip('=')[-6:]}")


def slug_of(label: str) -> str:
    return _NOT_SLUG.sub("_", label.lower()).strip("_") or "field"


def label_of(path: str) -> str:
    """Words for a custom field of which only the slug is known."""
    return path.removeprefix("custom.").replace("_", " ").capitalize()


def custom_fields(nodes: Sequence[Mapping[str, Any]]) -> Data:
    """{'custom.<slug>': text}; labels that make the same slug get a number."""
    data: Data = {}
    for node in nodes:
        if "label" not in node:
            continue  # a kind of field that is newer than we are
        slug = stem = f"custom.{slug_of(node['label'])}"
        number = 2
        while slug in data:
            slug, number = f"{stem}_{number}", number + 1
        data[slug] = _shown(node)
    return data


def _shown(node: Mapping[str, Any]) -> str:
    """A custom field's value as a person would read it."""
    match node:
        case {"valueText": str(text)}:
            return text
        case {"valueDropdown": str(choice)}:
            return choice
        case {"valueNumeric": number, "unit": unit}:
            return f"{_number(number)} {unit}".strip()
        case {"valueTrueFalse": bool(flag)}:
            return "yes" if flag else "no"
        case {"valueArea": {"length": length, "width": width}, "unit": unit}:
            return f"{_number(length)} x {_number(width)} {unit}".strip()
        case {"valueLink": {"text": text, "url": url}}:
            return str(url or text)
    return ""


def _number(value: object) -> str:
    if isinstance(value, Decimal | float):
        plain = Decimal(str(value))
        return str(plain.quantize(Decimal(1))) if plain == plain.to_integral() else str(plain.normalize())
    return str(value)


def moment(value: str) -> datetime:
    return datetime.fromisoformat(value).astimezone(UTC)
