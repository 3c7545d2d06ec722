"""Jobber's webhooks: is this one Jobber's own, and what does it say to look at."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from connectors.base import Notice, NoticeKind
from connectors.errors import ContractError, SignatureError

_KINDS = {
    "CLIENT_CREATE": NoticeKind.CHANGED,
    "CLIENT_UPDATE": NoticeKind.CHANGED,
    "CLIENT_DESTROY": NoticeKind.DELETED,
    "INVOICE_CREATE": NoticeKind.CHANGED,
    "INVOICE_UPDATE": NoticeKind.CHANGED,
    "INVOICE_DESTROY": NoticeKind.DELETED,
    "APP_DISCONNECT": NoticeKind.DISCONNECTED,
}


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> None:
    """The header is base64(HMAC-SHA256(client secret, raw body)). SignatureError unless one secret made it."""
    given = next((v for k, v in headers.items() if k.lower() == "x-jobber-hmac-sha256"), "")
    for secret in secrets:
        wanted = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
        if hmac.compare_digest(wanted, given.strip().encode("utf-8", "replace")):
            return
    raise SignatureError("The delivery is not signed by Jobber.")


def parse(body: bytes) -> Notice:
    """Only ids are in it: the record is read back. ContractError where the body cannot be read."""
    try:
        event = json.loads(body)["data"]["webHookEvent"]
        topic = str(event["topic"])
        kind = _KINDS.get(topic, NoticeKind.IGNORED)
        resource = f"{topic.partition('_')[0].lower()}s" if kind in {NoticeKind.CHANGED, NoticeKind.DELETED} else ""
        # Apps made before December 2023 get the key with one r.
        when = event.get("occurredAt") or event.get("occuredAt")
        return Notice(
            topic=topic,
            account_id=str(event["accountId"]),
            kind=kind,
            resource=resource,
            record_id=str(event["itemId"]) if resource else "",
            occurred_at=datetime.fromisoformat(when).astimezone(UTC) if when else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ContractError("The delivery cannot be read.") from None
