"""Stripe customers as records."""

from collections.abc import Mapping
from typing import Any

from connectors.base import Data, Field, FieldType, Record, storable
from connectors.emails import match_email
from connectors.likeness import namesake_key, phone_key
from connectors.stripe.records import METADATA, dashboard, metadata, moment, references

#: Lengths as Stripe's published types say (API 2026-10-28.endive).
FIELDS = (
    Field("id", "Customer id"),
    Field("name", "Name", writable=True, max_length=256),
    Field("business_name", "Business name", writable=True, max_length=150),
    Field("individual_name", "Individual's name", writable=True, max_length=150),
    Field("email", "Email", FieldType.EMAIL, writable=True, max_length=512),
    Field("phone", "Phone", FieldType.PHONE, writable=True, max_length=20),
    Field("description", "Description", writable=True),
    Field("address.line1", "Address, first line", writable=True, max_length=5000),
    Field("address.line2", "Address, second line", writable=True, max_length=5000),
    Field("address.city", "City or suburb", writable=True, max_length=5000),
    Field("address.state", "State", writable=True, max_length=5000),
    Field("address.postal_code", "Postcode", writable=True, max_length=5000),
    Field("address.country", "Country", FieldType.COUNTRY, writable=True, max_length=2),
    METADATA,
    Field("created", "Created", FieldType.DATETIME),
    Field("currency", "Currency"),
    Field("livemode", "Live mode", FieldType.BOOLEAN),
)
_PLAIN = ("name", "business_name", "individual_name", "email", "phone", "description")
_ADDRESS = ("line1", "line2", "city", "state", "postal_code", "country")


def record(found: Mapping[str, Any]) -> Record:
    """From a customer object as a dict. KeyError or TypeError when it is not one."""
    found = storable(found)
    data = _data(found)
    email = data.get("email") or ""
    return Record(
        id=str(found["id"]),
        data=data,
        label=data.get("name") or data.get("business_name") or email or str(found["id"]),
        created_at=moment(found["created"]),
        email=match_email(email) if email else "",
        phone=phone_key(data.get("phone")),
        namesake=namesake_key(data.get("name") or data.get("business_name"), data.get("address.postal_code")),
        references=references(found),
        url=dashboard(found, "customers"),
    )


def _data(found: Mapping[str, Any]) -> Data:
    """Empty values are left out, so that a state looks the same however Stripe spells emptiness."""
    data: Data = {"id": found["id"], "created": found["created"], "livemode": bool(found.get("livemode"))}
    data |= {path: found[path] for path in _PLAIN if found.get(path)}
    address = found.get("address") or {}
    data |= {f"address.{part}": address[part] for part in _ADDRESS if address.get(part)}
    return data | metadata(found)
