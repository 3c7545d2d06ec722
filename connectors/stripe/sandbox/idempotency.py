"""Idempotency keys: what was answered once is answered again, for a day."""

import hashlib
from collections.abc import Iterable
from typing import Any

from connectors.stripe.sandbox.problems import Problem

KEPT_SECONDS = 24 * 3600
LONGEST = 255


def digest(pairs: Iterable[tuple[str, str]]) -> str:
    """Of the parameters, in whatever order they came."""
    return hashlib.blake2b(repr(sorted(pairs)).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class Keys:
    """One account's keys. `saved` is kept between runs: key -> {"to", "digest", "status", "body", "request", "at"}."""

    def __init__(self, saved: dict[str, dict[str, Any]]) -> None:
        self.saved = saved
        self.busy: set[str] = set()

    def find(self, key: str, to: str, asked: str, now: float) -> dict[str, Any] | None:
        """What was answered under the key before. Problem for a conflict of any kind."""
        if len(key) > LONGEST:
            raise Problem(400, f"Idempotency keys can have up to {LONGEST} characters.", kind="idempotency_error")
        if key in self.busy:
            words = (
                f"There is currently another in-progress request using this Idempotent Key ({key}). "
                "Please try again later."
            )
            raise Problem(409, words, code="idempotency_key_in_use", kind="idempotency_error")
        self._forget(now)
        found = self.saved.get(key)
        if found is None:
            return None
        if found["to"] != to:
            raise _conflict(key, f"for the same endpoint they were first used for ('{found['to']}')")
        if found["digest"] != asked:
            raise _conflict(key, "with the same parameters they were first used with")
        return found

    def save(self, key: str, to: str, asked: str, answer: tuple[int, Any], request: str, now: float) -> None:
        status, body = answer
        self.saved[key] = {"to": to, "digest": asked, "status": status, "body": body, "request": request, "at": now}

    def spoil(self, key: str, status: int, body: Any) -> None:
        """Keep another answer than the one worked out: a failure after the effect."""
        if key in self.saved:
            self.saved[key] = self.saved[key] | {"status": status, "body": body}

    def _forget(self, now: float) -> None:
        while self.saved:
            oldest = next(iter(self.saved))
            if now - self.saved[oldest]["at"] < KEPT_SECONDS:
                return
            del self.saved[oldest]


def _conflict(key: str, rule: str) -> Problem:
    words = (
        f"Keys for idempotent requests can only be used {rule}. "
        f"Try using a key other than '{key}' if you meant to execute a different request."
    )
    return Problem(400, words, kind="idempotency_error")
