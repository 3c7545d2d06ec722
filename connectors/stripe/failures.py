"""Stripe's errors in our words."""

import re
from collections.abc import Mapping
from typing import TypedDict

import stripe

from connectors.errors import (
    AuthError,
    ConnectorError,
    ContractError,
    MissingError,
    RateLimited,
    RejectedError,
    ScopeError,
    TransientError,
    UnknownOutcome,
)
from connectors.http import LONGEST_PAUSE

_REVOKED = {"account_invalid", "api_key_expired", "platform_api_key_expired", "account_closed"}
_KEY = re.compile(r"\b((?:sk|rk|pk|whsec)_[A-Za-z]*_?)\S+")


class _About(TypedDict):
    code: str
    request_id: str
    status: int | None


def translated(error: stripe.StripeError, *, writes: bool) -> ConnectorError:
    """What an error of the package means for us. `writes`: the call may have changed something."""
    status = error.http_status or 0
    code = _code(error)
    words = _KEY.sub(r"\1…", str(error.user_message or error) or "no reason given")[:300]
    about: _About = {"code": code, "request_id": error.request_id or "", "status": status or None}
    if status == 429:
        after = max(1.0, retry_after(error))
        return RateLimited("Stripe asks us to slow down.", after=after, reason=limit_reason(error), **about)
    if status == 401 or code in _REVOKED:
        return AuthError(f"Stripe no longer accepts our access: {words}", **about)
    if status == 403:
        return ScopeError(f"Stripe does not allow this: {words}", **about)
    if code == "resource_missing":
        return MissingError(f"Stripe has no such record: {words}", **about)
    if status == 404:  # an address nobody serves is no proof that a record is gone
        return ContractError(f"Stripe does not know what we asked for: {words}", **about)
    if status == 409:
        return UnknownOutcome("Stripe is still working on the same request.", **about)
    if isinstance(error, stripe.IdempotencyError):
        return ContractError(f"Stripe met one key with two different requests: {words}", **about)
    if isinstance(error, stripe.InvalidRequestError | stripe.CardError) or 400 <= status < 500:
        return RejectedError(f"Stripe refused it: {words}", field=_path(getattr(error, "param", "") or ""), **about)
    return _lost(error, status, writes)


def _lost(error: stripe.StripeError, status: int, writes: bool) -> ConnectorError:
    """5xx and unreadable answers. Stripe's own word with 5xx is saved under the key and will be repeated. A page from
    whatever stands between is not: the call may still take effect. The package then has headers for a body."""
    own = isinstance(error.json_body, Mapping) and "error" in error.json_body
    about: _About = {"code": "", "request_id": error.request_id or "", "status": status or None}
    trouble = status >= 500
    words = f"Stripe has a problem of its own (status {status})." if trouble else "Stripe's answer cannot be read."
    if writes:
        return UnknownOutcome(words, spent=own and trouble, **about)
    return TransientError(words, **about)


def limit_reason(error: stripe.StripeError) -> str:
    """'endpoint-rate', 'global-concurrency', ...; 'lock_timeout' for one object that is busy."""
    return str(_header(error, "stripe-rate-limited-reason") or _code(error) or "rate")


def retry_after(error: stripe.StripeError) -> float:
    """The seconds that Stripe names, where it does; 0 where it does not."""
    value = _header(error, "retry-after").strip()
    return min(float(value), LONGEST_PAUSE) if value.isascii() and value.isdigit() else 0.0


def _header(error: stripe.StripeError, name: str) -> str:
    headers = {str(k).lower(): v for k, v in dict(error.headers or {}).items()}
    return str(headers.get(name) or "")


def _code(error: stripe.StripeError) -> str:
    inner = getattr(error, "error", None)
    return str(error.code or getattr(inner, "code", None) or "")


def _path(param: str) -> str:
    """'address[line1]' -> 'address.line1'."""
    return param.replace("][", ".").replace("[", ".").rstrip("]")
