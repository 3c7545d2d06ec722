"""Events: kept for thirty days, and told to the portal while the account is connected to it."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.service import Frame
from connectors.stripe.sandbox.accounts import Account
from connectors.stripe.sandbox.listing import Thing

API_VERSION = "2026-10-28.endive"
KEPT_SECONDS = 30 * 86400
#: What the platform's webhook endpoint listens to; the others are events without a delivery.
HEARD = {
    "customer.created", "customer.updated", "customer.deleted", "account.updated", "account.application.deauthorized",
    "invoice.created", "invoice.updated", "invoice.deleted", "invoice.finalized", "invoice.finalization_failed",
    "invoice.sent", "invoice.paid", "invoice.overpaid", "invoice.overdue", "invoice.voided",
    "invoice.marked_uncollectible", "credit_note.created", "credit_note.voided", "invoice.payment_failed",
    "invoice.payment_succeeded", "invoice_payment.paid",
    "payment_intent.created", "payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.processing",
    "payment_intent.requires_action", "payment_intent.amount_capturable_updated", "payment_intent.canceled",
    "charge.succeeded", "charge.pending", "charge.failed", "charge.captured", "charge.refunded", "charge.updated",
    "charge.refund.updated", "charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed",
    "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated",
    "refund.created", "refund.updated", "refund.failed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cause:
    """The request behind an event. A person in the dashboard has no key."""

    request: str
    key: str | None = None


class Events:
    """`connected` says whether the platform may hear of an account."""

    def __init__(self, frame: Frame, secret_list: str, connected: Callable[[str], bool]) -> None:
        self._frame = frame
        self._secrets = [s.strip() for s in secret_list.split(",") if s.strip()]
        self._connected = connected
        base = frame.environ.get("SANDBOX_PORTAL_URL", "").rstrip("/")
        self._url = f"{base}/webhooks/stripe/" if base else ""

    def record(
        self, account: Account, kind: str, about: Thing, cause: Cause | None, previous: Thing | None = None,
        *, told: bool | None = None,
    ) -> Thing:  # fmt: skip
        """`told` overrides whether a webhook goes out, for the moment in which a connection ends."""
        heard = bool(self._url) and kind in HEARD
        goes_out = heard and (self._connected(account.id) if told is None else told)
        data: Thing = {"object": about} if previous is None else {"object": about, "previous_attributes": previous}
        event: Thing = {
            "id": f"evt_1{secrets.token_hex(12)[:23]}", "object": "event", "account": account.id,
            "api_version": API_VERSION, "created": int(self._frame.clock.time()), "data": data, "livemode": False,
            "pending_webhooks": int(goes_out),
            "request": {"id": cause.request if cause else None, "idempotency_key": cause.key if cause else None},
            "type": kind,
        }  # fmt: skip
        account.events.put(event["id"], event)
        self._frame.changed()
        if goes_out:
            self._send(account, event)
        return event

    def _send(self, account: Account, event: Thing) -> None:
        def taken() -> None:
            account.events.put(event["id"], event | {"pending_webhooks": 0})
            self._frame.changed()

        body = json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass")
        self._frame.delivery.send("stripe", self._url, event["type"], body, self._sign, on_taken=taken)

    def _sign(self, body: bytes, now: float) -> dict[str, str]:
        return {"Stripe-Signature": signature(body, int(now), self._secrets)}

    def kept(self, event: Thing) -> bool:
        return bool(event["created"] > self._frame.clock.time() - KEPT_SECONDS)


def signature(body: bytes, at: int, signing_secrets: Sequence[str]) -> str:
    """'t=1760000000,v1=...': one v1 for each secret, as while one is being rolled."""
    signed = f"{at}.".encode() + body
    digests = [hmac.new(s.encode(), signed, hashlib.sha256).hexdigest() for s in signing_secrets]
    return ",".join([f"t={at}", *(f"v1={d}" for d in digests)])


def application(client_id: str) -> dict[str, Any]:
    return {"id": client_id, "object": "application", "name": "Fieldbridge"}
