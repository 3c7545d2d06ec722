"""Notes on Jobber invoices as records.

Jobber reads no note by its own id, so a record's id is '<invoice id>:<note id>'. A note of the client's that is shown
on an invoice is none of these.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.base import Field, FieldType, Record, storable
from connectors.jobber.records import moment

FIELDS = (
    Field("id", "Note id"),
    Field("invoice_id", "Invoice id", writable=True, required=True, help="Only when it is made."),
    Field("message", "Message", writable=True, required=True),
    Field("created_at", "Created", FieldType.DATETIME),
)
_JOIN = ":"
_PAYMENT = re.compile(r"\b(?:pi|ch|py)_[A-Za-z0-9]+\b")
_LABEL = 80


def of_invoice(node: Mapping[str, Any]) -> Sequence[Record]:
    """From a node of the NoteFields fragment with all its notes."""
    return [record(str(node["id"]), note) for note in node["notes"]["nodes"] if note.get("id")]


def record(invoice_id: str, note: Mapping[str, Any]) -> Record:
    note = storable(note)
    message, named = str(note["message"]), _PAYMENT.findall(note["message"])
    identity = f"{invoice_id}{_JOIN}{note['id']}"
    return Record(
        id=identity,
        data={"id": identity, "invoice_id": invoice_id, "message": message, "created_at": note["createdAt"]},
        label=message.partition("\n")[0][:_LABEL] or "Note",
        updated_at=moment(note["lastEditedAt"] or note["createdAt"]),
        created_at=moment(note["createdAt"]),
        references={"stripe_payment_id": named[-1]} if named else {},
    )


def invoice_of(record_id: str) -> str:
    return record_id.partition(_JOIN)[0]


def own_id(record_id: str) -> str:
    return record_id.partition(_JOIN)[2]
