"""The three ways to a business's Stripe account: Connect OAuth, Stripe Apps OAuth, a pasted restricted key."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from connectors.base import AuthMethod, Credentials, Hidden, Secret
from connectors.errors import AuthError, ContractError, RejectedError
from connectors.http import Http, Response

METHODS = (
    AuthMethod("connect", "Connect with Stripe", "oauth", "You sign in at Stripe and allow access there."),
    AuthMethod("apps", "Install the Stripe app", "oauth", "For those who install Fieldbridge from Stripe's app list."),
    AuthMethod("key", "Paste a restricted key", "key", "Made in Stripe under Developers, API keys; starts with rk_."),
)
#: Stripe Apps tokens last an hour; the answer does not say so.
APP_TOKEN = timedelta(hours=1)


class Connecting:
    """`api`, `connect` and `apps` are where these three of Stripe's services answer."""

    def __init__(self, http: Http, *, client_id: str, secret_key: str, api: str, connect: str, apps: str) -> None:
        self._http, self._client_id, self._key = http, client_id, secret_key
        self._api, self._connect, self._apps = api.rstrip("/"), connect.rstrip("/"), apps.rstrip("/")

    def authorize_url(self, method: str, redirect_uri: str, state: str) -> str:
        asked = {"response_type": "code", "client_id": self._client_id, "redirect_uri": redirect_uri, "state": state}
        if method == "apps":
            return f"{self._apps}/oauth/v2/authorize?{urlencode(asked)}"
        return f"{self._connect}/oauth/authorize?{urlencode({**asked, 'scope': 'read_write'})}"

    def exchange(self, method: str, code: str) -> Credentials:
        """A code is sent once and never again: using one twice ends the connection at Stripe."""
        return self._token(method, Hidden(grant_type="authorization_code", code=code))

    def refresh(self, credentials: Credentials, deadline: float) -> Credentials:
        if credentials.method != "apps":
            raise AuthError("This kind of access cannot be renewed: connect Stripe again.")
        asked = Hidden(grant_type="refresh_token", refresh_token=credentials.refresh_token.reveal())
        return self._token("apps", asked, deadline)

    def _token(self, method: str, form: Hidden, deadline: float = math.inf) -> Credentials:
        url = f"{self._api}/v1/oauth/token" if method == "apps" else f"{self._connect}/oauth/token"
        response = self._post(url, form, deadline)
        answer = self._http.read_json(response, writes=True)
        if response.status != 200:
            words = f"Stripe did not accept the sign-in: {_said(answer)}"
            # Anything else than the grant is ours to mend, and no reason to ask the business again.
            raise AuthError(words) if _error(answer) == "invalid_grant" else RejectedError(words)
        return _credentials(method, answer)

    def disconnect(self, credentials: Credentials) -> None:
        """What Stripe no longer knows counts as done. A pasted key can only be deleted by its owner."""
        if credentials.method == "key":
            return
        form = {"client_id": self._client_id, "stripe_user_id": credentials.account_id}
        response = self._post(f"{self._connect}/oauth/deauthorize", form)
        said = self._http.read_json(response, writes=True)
        unknown_there = _error(said) == "invalid_client" and "API key" not in _said(said)
        if response.status != 200 and not unknown_there:
            raise RejectedError(f"Stripe did not let go: {_said(said)}")

    def _post(self, url: str, form: dict[str, str], deadline: float = math.inf) -> Response:
        headers = Hidden(Authorization=f"Bearer {self._key}")
        return self._http.post(url, headers=headers, writes=True, deadline=deadline, data=form)


def _credentials(method: str, answer: Any) -> Credentials:
    try:
        apps = method == "apps"
        return Credentials(
            method=method,
            access_token=Secret(answer["access_token"]),
            refresh_token=Secret(answer["refresh_token"] if apps else ""),
            expires_at=datetime.now(UTC) + APP_TOKEN if apps else None,
            scopes=tuple(str(answer.get("scope", "")).split()),
            account_id=str(answer["stripe_user_id"]),
            livemode=bool(answer.get("livemode")),
        )
    except (KeyError, TypeError):
        raise ContractError("Stripe's answer to the sign-in is not as we know it.") from None


def from_key(key: str) -> Credentials:
    """RejectedError that says what to paste instead."""
    clean = key.strip()
    kinds = ("rk_live_", "rk_test_", "sk_live_", "sk_test_")
    if not clean.startswith(kinds) or len(clean) < 12 or not clean.replace("_", "").isalnum():
        raise RejectedError("That is not a Stripe key: paste one that starts with rk_live_ or rk_test_.", field="key")
    return Credentials("key", Secret(clean), livemode="_live_" in clean[:8])


def _error(answer: Any) -> str:
    found = answer.get("error") if isinstance(answer, dict) else ""
    return found if isinstance(found, str) else ""


def _said(answer: Any) -> str:
    words = answer.get("error_description") or answer.get("error") if isinstance(answer, dict) else ""
    return str(words.get("message", "") if isinstance(words, dict) else words or "no reason given")[:200]
