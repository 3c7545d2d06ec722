"""The audit trail: who did what in a business, in words, chained so that a changed or missing entry shows.

What is written outward is not said again here: the ledger of writes (syncs.ledger) has a chain of its own, and
syncs.proof reads both.
"""

import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.utils import timezone

from syncs.models import AuditEntry, ChainHead

if TYPE_CHECKING:
    from portal.models import User

#: The name of who acts where no person does.
PORTAL = "Fieldbridge"


def record(
    business_id: int, by: "User | None", action: str, on: models.Model, words: str, **details: Any
) -> AuditEntry:  # fmt: skip
    """Add an entry, in the transaction of what it speaks of: neither is there without the other.

    `action`: dotted words, such as "sync.mode". `details`: plain JSON values; never a secret.
    """
    with transaction.atomic():
        ChainHead.objects.get_or_create(business_id=business_id)
        head = ChainHead.objects.select_for_update().get(business_id=business_id)
        entry = AuditEntry(
            business_id=business_id, at=timezone.now(), actor=by, who=by.get_short_name() if by else PORTAL,
            action=action, subject=subject_of(on), words=words[:500], details=details, previous_hash=head.audit_hash,
            nonce=secrets.token_hex(16),
        )  # fmt: skip
        entry.seal = sealed(entry.nonce, entry.words, entry.details)
        head.audit_hash = entry.hash = entry_hash(entry)
        entry.save(force_insert=True)
        head.save(update_fields=["audit_hash"])
    return entry


def subject_of(on: models.Model) -> str:
    """'sync:3'."""
    return f"{on._meta.model_name}:{on.pk}"


def entry_hash(entry: AuditEntry) -> str:
    """SHA-256 over the previous entry and this one. A person who is deleted does not break the chain, and neither does
    what is erased: of what can hold somebody's data, only the seal is reckoned with."""
    said = [entry.seal] if entry.seal else [entry.words, entry.details]
    return digest(
        [entry.previous_hash, entry.business_id, entry.at.isoformat(), entry.who, entry.action, entry.subject, *said]
    )


def sealed(nonce: str, *content: Any) -> str:
    """SHA-256 that says what stood there to whoever has all of it, and nothing to anybody who lacks the nonce."""
    return digest([nonce, *content])


def digest(content: list[Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
