"""Stripe customers as records, and flat data as Stripe's parameters."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from email_validator import EmailNotValidError, validate_email

from connectors.base import Data, Field, FieldType, Record, storable

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
    Field(
        "metadata.*", "Metadata", writable=True, max_length=500, custom=True,
        help="At most 50 keys of 40 characters without [ and ]; each value at most 500 characters.",
    ),
    Field("created", "Created", FieldType.DATETIME),
    Field("currency", "Currency"),
    Field("livemode", "Live mode", FieldType.BOOLEAN),
)  # fmt: skip
_PLAIN = ("name", "business_name", "individual_name", "email", "phone", "description")
_ADDRESS = ("line1", "line2", "city", "state", "postal_code", "country")


@lru_cache(maxsize=8192)
def match_email(raw: str) -> str:
    """The address records are matched by: lower case, '' when it is none."""
    try:
        return validate_email(raw.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        return ""


def customer(found: Mapping[str, Any]) -> Record:
    """From a customer object as a dict. KeyError or TypeError when it is not one."""
    found = storable(found)
    data = _data(found)
    metadata = found.get("metadata") or {}
    email = data.get("email") or ""
    identity = str(found["id"])
    return Record(
        id=identity,
        data=data,
        label=data.get("name") or data.get("business_name") or email or identity,
        created_at=datetime.fromtimestamp(int(found["created"]), UTC),
        email=match_email(email) if email else "",
        references={k: v for k, v in metadata.items() if k.endswith("_id") or k == "portal_ref"},
        url=f"https://dashboard.stripe.com/{'' if found.get('livemode') else 'test/'}customers/{identity}",
    )


def _data(found: Mapping[str, Any]) -> Data:
    """Empty values are left out, so that a state looks the same however Stripe spells emptiness."""
    data: Data = {"id": found["id"], "created": found["created"], "livemode": bool(found.get("livemode"))}
    data |= {path: found[path] for path in _PLAIN if found.get(path)}
    address = found.get("address") or {}
    data |= {f"address.{part}": address[part] for part in _ADDRESS if address.get(part)}
    data |= {f"metadata.{key}": value for key, value in (found.get("metadata") or {}).items()}
    return data


def params(data: Mapping[str, Any]) -> dict[str, Any]:
    """Flat paths as Stripe nests them; an empty value clears ('' is what Stripe takes for that)."""
    nested: dict[str, Any] = {}
    for path, value in data.items():
        head, _, tail = path.partition(".")
        plain = "" if value is None else value
        if tail:
            nested.setdefault(head, {})[tail] = plain
        else:
            nested[head] = plain
    return nested
