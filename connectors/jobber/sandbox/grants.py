"""Who may speak for an account: codes, access tokens, refresh tokens, and how they end."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CODE_SECONDS = 300
ACCESS_SECONDS = 3600
OPERATOR = "operator-jobber-token"
ROTATION_OFF = (
    "Refresh token rotation is off. This setting is required for apps to be published in the Jobber App Marketplace. "
    "You can turn it on in the Developer Center. https://developer.getjobber.com/apps"
)


class NotValid(Exception):
    """Jobber's words for a code, token or app that it does not take."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who a bearer token speaks for. `operator`: a person at the controls, outside of any app and its limits."""

    account: str
    scopes: frozenset[str]
    operator: bool = False


class Grants:
    """Works on the service's state; `clock` gives seconds since the epoch."""

    def __init__(self, state: dict[str, Any], clock: Callable[[], float], client_id: str, secret: str) -> None:
        self._state, self._clock = state, clock
        self.client_id, self._secret = client_id, secret

    def allow(self, account: str, redirect_uri: str) -> str:
        """A person has said yes: a code, good once and for five minutes."""
        code = secrets.token_hex(16)
        self._state["codes"][code] = {
            "account": account, "redirect_uri": redirect_uri, "until": self._clock() + CODE_SECONDS,
        }  # fmt: skip
        return code

    def exchange(self, code: str, redirect_uri: str) -> dict[str, Any]:
        held = self._state["codes"].pop(code, None)
        if held is None or held["until"] < self._clock():
            raise NotValid("The provided authorization code is not valid.")
        # A connect that was started at Jobber knows of no address.
        if held["redirect_uri"] and held["redirect_uri"] != redirect_uri:
            raise NotValid("The provided redirect URI does not match.")
        grant_id = secrets.token_hex(8)
        self._state["grants"][grant_id] = {
            "account": held["account"], "scopes": self._state["settings"]["scopes"], "live": True,
            "refresh": secrets.token_hex(16), "made": self._clock(),
        }  # fmt: skip
        return self._pair(grant_id)

    def refresh(self, token: str) -> dict[str, Any]:
        """With rotation the token that was sent is dead at once, whatever becomes of the answer."""
        settings = self._state["settings"]
        found = next((g for g, grant in self._state["grants"].items() if grant["refresh"] == token), None)
        if found is None or not self._state["grants"][found]["live"] or settings["refuse_refresh"]:
            raise NotValid("The provided refresh token is not valid.")
        if settings["refresh_ends_access"]:
            self._forget(lambda held: held["grant"] == found)
        if not settings["rotation"]:
            return {"warning": ROTATION_OFF, **self._pair(found)}
        self._state["grants"][found]["refresh"] = secrets.token_hex(16)
        return self._pair(found)

    def holder(self, token: str) -> Holder | None:
        """None for a token that is unknown or expired. NotValid when the app was disconnected."""
        if token.startswith(OPERATOR):
            return self._operator(token.removeprefix(OPERATOR).removeprefix("-") or "1")
        held = self._state["access"].get(token)
        if held is None:
            return None
        grant = self._state["grants"][held["grant"]]
        if not grant["live"]:
            raise NotValid("User has disconnected this app from their account. Please delete this token")
        if held["until"] <= self._clock():
            return None
        return Holder(grant["account"], frozenset(grant["scopes"].split()))

    def _operator(self, number: str) -> Holder | None:
        return Holder(number, frozenset(), operator=True) if number in self._state["accounts"] else None

    def connected(self, account: str) -> bool:
        return bool(self._live(account))

    def reaches(self, account: str, scope: str) -> bool:
        """Whether the app is connected with this scope."""
        return any(scope in grant["scopes"].split() for grant in self._live(account))

    def _live(self, account: str) -> list[dict[str, Any]]:
        return [g for g in self._state["grants"].values() if g["live"] and g["account"] == account]

    def disconnect(self, account: str) -> None:
        for grant in self._state["grants"].values():
            if grant["account"] == account:
                grant["live"] = False

    def expire_all(self) -> None:
        """Every access token is over; refresh tokens stay good."""
        self._forget(lambda held: self._state["grants"][held["grant"]]["live"])

    def _forget(self, over: Callable[[dict[str, Any]], bool]) -> None:
        access = self._state["access"]
        for token in [token for token, held in access.items() if over(held)]:
            del access[token]

    def _pair(self, grant_id: str) -> dict[str, Any]:
        now = self._clock()
        self._forget(lambda held: held["until"] < now - ACCESS_SECONDS)
        grant, until = self._state["grants"][grant_id], int(now) + ACCESS_SECONDS
        token = self._jwt(grant, until)
        self._state["access"][token] = {"grant": grant_id, "until": until}
        return {"access_token": token, "refresh_token": grant["refresh"]}

    def _jwt(self, grant: dict[str, Any], until: int) -> str:
        """HS256 with a key of our own, as Jobber's tokens can be verified by Jobber alone."""
        account = self._state["accounts"][grant["account"]]
        said = {
            "sub": account["users"][0]["number"], "iss": "https://api.getjobber.com", "client_id": self.client_id,
            "scope": grant["scopes"], "app_id": self._state["app"]["id"], "user_id": account["users"][0]["number"],
            "account_id": account["number"], "exp": until, "jti": secrets.token_hex(8),
        }  # fmt: skip
        body = f"{_part({'typ': 'JWT', 'alg': 'HS256'})}.{_part(said)}"
        return f"{body}.{_text(hmac.new(self._key(), body.encode(), hashlib.sha256).digest())}"

    def _key(self) -> bytes:
        return f"tokens of {self._secret}".encode()


def _part(value: dict[str, Any]) -> str:
    return _text(json.dumps(value, separators=(",", ":")).encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
