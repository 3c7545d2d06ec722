"""One call at a time to Stripe's API, when it is its turn, through Stripe's own package.

The answers stay plain JSON: the package's objects cost more time than the rest of a call and are no dicts.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import stripe

from connectors.errors import ContractError, RateLimited, UnknownOutcome
from connectors.stripe.failures import limit_reason, retry_after, translated
from connectors.stripe.pacing import Pacer

stripe.enable_telemetry = False
#: A read waits at most so long for its turn.
READ_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    body: dict[str, Any]
    headers: Mapping[str, str]

    def header(self, name: str) -> str:
        return str(self.headers.get(name) or "")


class Sender:
    """`endpoint`s are named as the rate limits count them: 'POST customers' is not 'POST customer'."""

    def __init__(self, client: stripe.StripeClient, pacer: Pacer) -> None:
        self._client, self.pacer = client, pacer

    def get(self, endpoint: str, url: str, params: Mapping[str, Any], *expected: str) -> dict[str, Any]:
        """ContractError unless the answer has the expected keys."""
        response = self._sent(endpoint, "get", url, params, self.pacer.clock() + READ_PATIENCE)
        return _checked(response.data, expected)

    def post(self, endpoint: str, url: str, params: Mapping[str, Any], *, key: str, deadline: float) -> Answer:
        """With an idempotency key. UnknownOutcome also where the answer is no record: it may well have happened."""
        return _written(self._sent(endpoint, "post", url, {**params, "idempotency_key": key}, deadline))

    def delete(self, endpoint: str, url: str, *, deadline: float) -> Answer:
        """What was deleted before is a MissingError."""
        return _written(self._sent(endpoint, "delete", url, {}, deadline))

    def _sent(self, endpoint: str, verb: str, url: str, params: Mapping[str, Any], deadline: float) -> Any:
        """A 429 had no effect, so the same call is made again while there is time."""
        while True:
            self._wait_turn(endpoint, deadline)
            sent = self.pacer.clock()
            try:
                response = self._in_crowd(verb, url, params, deadline)
            except stripe.StripeError as error:
                self._after_refusal(endpoint, error, sent, deadline, writes=verb != "get")
                continue
            self.pacer.passed(endpoint)
            return response

    def _wait_turn(self, endpoint: str, deadline: float) -> None:
        wait = self.pacer.permit(endpoint, deadline)
        if wait is None:
            raise RateLimited("Stripe's rate limit leaves no room just now.", after=0.5, reason="pacing")
        if wait:
            _pause(wait)

    def _in_crowd(self, verb: str, url: str, params: Mapping[str, Any], deadline: float) -> Any:
        now, crowd = self.pacer.clock(), self.pacer.crowd
        crowd.enter(now, max(0.0, deadline - now))
        try:
            return self._client.raw_request(verb, url, **params)
        finally:
            crowd.leave()

    def _after_refusal(
        self, endpoint: str, error: stripe.StripeError, sent: float, deadline: float, *, writes: bool
    ) -> None:
        """Returns when the call may be made again."""
        if error.http_status != 429:
            self.pacer.passed(endpoint)
            raise translated(error, writes=writes) from None
        after = max(self.pacer.refused(endpoint, limit_reason(error), sent), retry_after(error))
        if self.pacer.clock() + after >= deadline:
            raise translated(error, writes=writes) from None
        _pause(after)


def _written(response: Any) -> Answer:
    try:
        return Answer(_checked(response.data, ("id",)), response.headers)
    except ContractError as error:
        raise UnknownOutcome(f"{error}", request_id=str(response.headers.get("Request-Id") or "")) from None


def _checked(body: Any, expected: tuple[str, ...]) -> dict[str, Any]:
    missing = [key for key in expected if not isinstance(body, dict) or key not in body]
    if missing or not isinstance(body, dict):
        raise ContractError(f"Stripe's answer is not as we know it: no {', '.join(missing) or 'object'}.")
    return body


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)
