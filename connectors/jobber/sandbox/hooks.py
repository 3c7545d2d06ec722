"""Webhooks of the stand-in: Jobber's body and signature, sent while an account is connected to the app."""

import base64
import hashlib
import hmac
import json
from typing import Any

from connectors.sandbox.service import Frame

#: Jobber wants an answer this soon.
ANSWER_SECONDS = 1.0


class Hooks:
    """`url` is the one address configured for the app; accounts may have endpoints of their own besides."""

    def __init__(self, frame: Frame, url: str, secret: str) -> None:
        self._frame, self._url, self._secret = frame, url, secret

    def send(self, app_id: str, account: dict[str, Any], topic: str, item_id: str) -> None:
        """Only ids are told. Times are whole seconds, so that two changes in one second can look the same."""
        event = {
            "topic": topic, "appId": app_id, "accountId": account["id"], "itemId": item_id,
            "occurredAt": self._frame.clock.iso(),
        }  # fmt: skip
        body = json.dumps({"data": {"webHookEvent": event}}, separators=(",", ":")).encode()
        extra = [e["url"] for e in account["endpoints"].values() if e["topic"] == topic]
        for url in dict.fromkeys([self._url, *extra]):
            self._frame.delivery.send("jobber", url, topic, body, self.signed, ANSWER_SECONDS)

    def signed(self, body: bytes, at: float) -> dict[str, str]:
        digest = hmac.new(self._secret.encode(), body, hashlib.sha256).digest()
        return {"X-Jobber-Hmac-SHA256": base64.b64encode(digest).decode()}
