"""Stripe tax rates as records. Percentage, country and whether prices include it never change."""

from collections.abc import Mapping
from typing import Any

from connectors.amounts import plain
from connectors.base import Field, FieldType, Record, storable
from connectors.stripe import records
from connectors.stripe.records import METADATA, Json, moment

_ONCE = "Only when it is made."
FIELDS = (
    Field("id", "Tax rate id"),
    Field("name", "Name", writable=True, required=True, max_length=50),
    Field("percent", "Percent", FieldType.NUMBER, writable=True, required=True, help=_ONCE),
    Field("inclusive", "Prices include it", FieldType.BOOLEAN, writable=True, required=True, help=_ONCE),
    Field("country", "Country", FieldType.COUNTRY, writable=True, max_length=2, help=_ONCE),
    Field("active", "In use", FieldType.BOOLEAN, writable=True),
    METADATA,
    Field("created", "Created", FieldType.DATETIME),
    Field("livemode", "Live mode", FieldType.BOOLEAN),
)
NAMES = {"name": "display_name", "percent": "percentage"}


def record(found: Mapping[str, Any]) -> Record:
    """From a tax rate as a dict. KeyError or TypeError when it is not one."""
    found = storable(found)
    percent = plain(found["percentage"])
    data = {
        "id": found["id"],
        "name": found["display_name"],
        "percent": percent,
        "inclusive": bool(found["inclusive"]),
        "country": found.get("country"),
        "active": bool(found["active"]),
        "created": found["created"],
        "livemode": bool(found.get("livemode")),
        **records.metadata(found),
    }
    return Record(
        id=str(found["id"]),
        data=records.filled(data),
        label=f"{found['display_name']} {percent}%",
        created_at=moment(found["created"]),
        references=records.references(found),
        url=records.dashboard(found, "tax-rates"),
    )


def params(data: Mapping[str, Any]) -> Json:
    return records.params(data, NAMES)
