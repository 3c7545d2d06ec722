"""How many requests per second: each endpoint and each account as a whole, in real time."""

from collections.abc import Mapping
from time import monotonic

from connectors.stripe.sandbox.problems import too_fast

PER_ENDPOINT, SEARCH, GLOBAL = 25.0, 20.0, 100.0


class Limits:
    """Token buckets that hold one second's worth. SANDBOX_LIMITS=off lets everything through."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._on = environ.get("SANDBOX_LIMITS", "").lower() != "off"
        self._whole = float(environ.get("SANDBOX_STRIPE_GLOBAL_PER_SECOND") or GLOBAL)
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def check(self, account: str, operation: str) -> None:
        """A 429 Problem when the account is too fast; a refused request uses nothing up."""
        if not self._on:
            return
        now = monotonic()
        rate = SEARCH if operation.endswith("/search") else PER_ENDPOINT
        whole = self._left(account, "", self._whole, now)
        endpoint = self._left(account, operation, rate, now)
        if whole < 1:
            raise too_fast("global-rate")
        if endpoint < 1:
            raise too_fast("endpoint-rate")
        self._buckets[account, ""] = (whole - 1, now)
        self._buckets[account, operation] = (endpoint - 1, now)

    def _left(self, account: str, name: str, rate: float, now: float) -> float:
        tokens, since = self._buckets.get((account, name), (rate, now))
        return min(rate, tokens + (now - since) * rate)
