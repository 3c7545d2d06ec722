"""OAuth 2 authorization code: the parts that every service shares."""

import math
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from connectors.base import Hidden
from connectors.errors import AuthError, ConnectorError, ContractError, RejectedError, TransientError
from connectors.http import Http, Response, redacted


def new_state() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def new_verifier() -> str:
    return secrets.token_urlsafe(64)


def challenge(verifier: str) -> str:
    """The S256 code challenge (RFC 7636)."""
    return str(create_s256_code_challenge(verifier))


def authorize_url(url: str, **asked: str) -> str:
    return f"{url}?{urlencode({'response_type': 'code', **asked})}"


def token(http: Http, url: str, form: Hidden, *, deadline: float = math.inf) -> dict[str, Any]:
    """The token endpoint's answer. `deadline` is a time.monotonic() moment after which nothing is sent.

    AuthError when it refuses the grant for good; RejectedError when it does not know our app; UnknownOutcome when the
    answer was lost; TransientError when something in front of it turned the request away, or nothing was sent.
    """
    response = http.post(url, headers={"Accept": "application/json"}, writes=True, deadline=deadline, data=form)
    if response.status != 200:
        raise _refusal(http.name, response)
    answer = http.read_json(response, writes=True)
    if not isinstance(answer, dict):
        raise ContractError(f"{http.name}'s answer to the sign-in is not as we know it.")
    return answer


#: Ours to mend: no business has to sign in again because of them.
_OURS = {"invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope"}


def _refusal(name: str, response: Response) -> ConnectorError:
    """400 and 401 are the service's word, in JSON or plain text, and so is any answer that names an error. A page in
    HTML comes from something in front of it."""
    code, said = _said(response)
    page, status = response.body.lstrip()[:1] == b"<", response.status
    if page or (status not in {400, 401} and not said):
        return TransientError(f"{name} did not take the sign-in (status {status}).", status=status)
    words = f"{name} did not accept the sign-in: {said or 'no reason given'}"
    return RejectedError(words, status=status) if code in _OURS else AuthError(words, status=status)


def _said(response: Response) -> tuple[str, str]:
    """(error code, words) of an error answer."""
    try:
        answer = response.json()
    except (ValueError, RecursionError):
        known = response.status in {400, 401}
        return "", redacted(response.body.decode(errors="replace")) if known else ""
    found = answer if isinstance(answer, dict) else {}
    words = found.get("error_description") or found.get("message") or found.get("error") or ""
    return str(found.get("error")), redacted(str(words))


def claims(jwt: str) -> dict[str, Any]:
    """What a JWT says, unverified: it came to us over TLS from who made it. {} when it is no JWT."""
    from authlib.common.encoding import json_loads, urlsafe_b64decode

    parts = jwt.split(".")
    if len(parts) != 3:
        return {}
    try:
        found = json_loads(urlsafe_b64decode(parts[1].encode()))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def expiry(answer: Mapping[str, Any], said: Mapping[str, Any], default: timedelta) -> datetime:
    """From the token's own claim, else expires_in or expires_at, else the default from now. Aware, UTC."""
    now = datetime.now(UTC)
    seconds = _number(answer.get("expires_in"))
    for moment in (_number(said.get("exp")), None if seconds is None else now.timestamp() + seconds):
        if moment is not None and 0 < moment < _LATEST:
            return datetime.fromtimestamp(moment, UTC)
    return _moment(answer.get("expires_at")) or now + default


#: The year 3000 as seconds since the epoch: whatever is later is no time of expiry.
_LATEST = 32_503_680_000


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _moment(value: Any) -> datetime | None:
    """'2024-04-09 21:04:31 UTC', ISO 8601 (UTC where no zone is said), or seconds since the epoch."""
    seconds = _number(value)
    try:
        if seconds is not None:
            return datetime.fromtimestamp(seconds, UTC)
        found = datetime.fromisoformat(str(value).replace(" UTC", "+00:00"))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
