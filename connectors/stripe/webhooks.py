"""Stripe's events: is this one Stripe's own, and what does it say to look at."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import stripe

from connectors.base import Notice, NoticeKind, Record
from connectors.errors import ContractError, SignatureError
from connectors.stripe import customers, invoices, payments, records

TOLERANCE_SECONDS = 300
_OTHERS = {
    "account.application.deauthorized": NoticeKind.DISCONNECTED,
    "account.updated": NoticeKind.ACCOUNT,
}


def _itself(about: dict[str, Any]) -> str:
    return str(about["id"])


#: (how the types of events begin, the resource, which of its records the object of the event is about)
_RECORDS: tuple[tuple[tuple[str, ...], str, Callable[[dict[str, Any]], str]], ...] = (
    (("customer.created", "customer.updated", "customer.deleted"), "customers", _itself),
    (("invoice_payment.",), "invoices", lambda about: records.identity(about["invoice"])),
    (("invoice.",), "invoices", _itself),
    (("payment_intent.",), "payments", _itself),
    (("charge.", "refund."), "payments", payments.payment_of),
)
#: After these the account may stand differently.
_ON_ACCOUNT = ("account.updated", "charge.dispute.")
_GONE = frozenset({"customer.deleted", "invoice.deleted"})
#: About an invoice that there is not yet, without an id.
_NOT_YET = frozenset({"invoice.upcoming"})


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
    about, request = event["data"]["object"], event.get("request") or {}
    kind, resource, record_id = _said(topic, about)
    return Notice(
        topic=topic,
        account_id=str(event.get("account") or ""),
        kind=kind,
        resource=resource,
        record_id=record_id,
        event_id=str(event["id"]),
        occurred_at=records.moment(event["created"]),
        write_key=str(request.get("idempotency_key") or ""),
        hint=_hint(resource, about) if kind == NoticeKind.CHANGED else None,
        livemode=bool(event["livemode"]) if "livemode" in event else None,
        on_account=topic.startswith(_ON_ACCOUNT),
    )


def _said(topic: str, about: dict[str, Any]) -> tuple[NoticeKind, str, str]:
    """What to do, and with which record of which resource."""
    if topic in _OTHERS:
        return _OTHERS[topic], "", ""
    resource, whose = next(((r, w) for names, r, w in _RECORDS if topic.startswith(names)), ("", _itself))
    if not resource or topic in _NOT_YET:
        return NoticeKind.IGNORED, "", ""
    return (NoticeKind.DELETED if topic in _GONE else NoticeKind.CHANGED), resource, whose(about)


def _hint(resource: str, about: dict[str, Any]) -> Record | None:
    """Only where the body shows all of the record."""
    try:
        if resource == "customers":
            return customers.record(about)
        return invoices.record(about) if resource == "invoices" and invoices.whole(about) else None
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
        return None
