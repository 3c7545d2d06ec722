"""Stripe's events: is this one Stripe's own, and what does it say to look at."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import stripe

from connectors.base import Notice, NoticeKind, Record
from connectors.errors import ContractError, SignatureError
from connectors.stripe import records

TOLERANCE_SECONDS = 300
_KINDS = {
    "customer.created": NoticeKind.CHANGED,
    "customer.updated": NoticeKind.CHANGED,
    "customer.deleted": NoticeKind.DELETED,
    "account.application.deauthorized": NoticeKind.DISCONNECTED,
    "account.updated": NoticeKind.ACCOUNT,
}


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> None:
    """SignatureError unless one of the secrets signed these bytes within the last 300 seconds."""
    header = next((v for k, v in headers.items() if k.lower() == "stripe-signature"), "")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise SignatureError("The delivery is not text.") from None
    for secret in secrets:
        try:
            if header and stripe.WebhookSignature.verify_header(text, header, secret, TOLERANCE_SECONDS):
                return
        except (stripe.SignatureVerificationError, ValueError, TypeError):  # TypeError: letters that are not ASCII
            continue
    raise SignatureError("The delivery is not signed by Stripe.")


def parse(body: bytes) -> Notice:
    """ContractError where the body cannot be read."""
    try:
        event = json.loads(body)
        topic = str(event["type"])
        if event.get("object") != "event":
            return Notice(topic, "", NoticeKind.IGNORED, event_id=str(event["id"]))
        return _notice(event, topic)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ContractError("The event cannot be read.") from None


def _notice(event: dict[str, Any], topic: str) -> Notice:
    about, kind = event["data"]["object"], _KINDS.get(topic, NoticeKind.IGNORED)
    customer = kind in {NoticeKind.CHANGED, NoticeKind.DELETED}
    request = event.get("request") or {}
    return Notice(
        topic=topic,
        account_id=str(event.get("account") or ""),
        kind=kind,
        resource="customers" if customer else "",
        record_id=str(about["id"]) if customer else "",
        event_id=str(event["id"]),
        occurred_at=datetime.fromtimestamp(int(event["created"]), UTC),
        write_key=str(request.get("idempotency_key") or ""),
        hint=_hint(about) if kind == NoticeKind.CHANGED else None,
        livemode=bool(event["livemode"]) if "livemode" in event else None,
    )


def _hint(about: dict[str, Any]) -> Record | None:
    try:
        return records.customer(about)
    except (KeyError, TypeError, ValueError):
        return None
