"""OAuth 2 authorization code: the parts that every service shares."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from connectors.errors import AuthError, ContractError
from connectors.http import Http


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


def token(http: Http, url: str, form: Mapping[str, str]) -> dict[str, Any]:
    """The token endpoint's answer. AuthError when it refuses; UnknownOutcome when the answer was lost."""
    response = http.post(url, headers={"Accept": "application/json"}, writes=True, data=dict(form))
    answer = http.read_json(response, writes=True) if response.body else {}
    if response.status != 200:
        raise AuthError(f"{http.name} did not accept the sign-in: {_said(answer)}", status=response.status)
    if not isinstance(answer, dict):
        raise ContractError(f"{http.name}'s answer to the sign-in is not as we know it.")
    return answer


def _said(answer: Any) -> str:
    words = answer if isinstance(answer, dict) else {}
    return str(words.get("error_description") or words.get("message") or words.get("error") or "no reason given")[:200]


def claims(jwt: str) -> dict[str, Any]:
    """What a JWT says, unverified: it came to us over TLS from who made it. {} when it is no JWT."""
    from authlib.common.encoding import json_loads, urlsafe_b64decode

    parts = jwt.split(".")
    if len(parts) != 3:
        return {}
    try:
        found = json_loads(urlsafe_b64decode(parts[1].encode()))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def expiry(answer: Mapping[str, Any], said: Mapping[str, Any], default: timedelta) -> datetime:
    """From the token's own claim, else expires_in or expires_at, else the default from now."""
    if isinstance(said.get("exp"), int | float):
        return datetime.fromtimestamp(said["exp"], UTC)
    if isinstance(answer.get("expires_in"), int):
        return datetime.now(UTC) + timedelta(seconds=answer["expires_in"])
    try:
        text = str(answer.get("expires_at", "")).replace(" UTC", "+00:00")
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return datetime.now(UTC) + default
