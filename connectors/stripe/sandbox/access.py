"""Who calls, for which account, and what they may do: keys, tokens and connections."""

import base64
import binascii
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.clock import Clock
from connectors.stripe.sandbox.problems import Problem, masked

APP_TOKEN_SECONDS = 3600
REFRESH_TOKEN_SECONDS = 365 * 86400
PLATFORM = "acct_1SandboxPlatform0"
#: Things whose changes come under another thing's permission.
_PERMISSIONS = {"invoiceitem": "invoice"}
_NO_KEY = (
    "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth "
    "(e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
)


@dataclass(frozen=True, slots=True)
class Caller:
    """`writes` is False for a key or a grant that only reads; `key` is what was sent, for messages."""

    account: str
    key: str
    writes: bool = True


class Access:
    """`kept` survives: {"connections": account -> way -> grant, "tokens", "refresh", "restricted"}."""

    def __init__(self, kept: dict[str, Any], clock: Clock, secret_key: str) -> None:
        self._clock, self.secret_key = clock, secret_key
        self.connections: dict[str, dict[str, Any]] = kept.setdefault("connections", {})
        self.tokens: dict[str, dict[str, Any]] = kept.setdefault("tokens", {})
        self.refresh: dict[str, dict[str, Any]] = kept.setdefault("refresh", {})
        self.restricted: dict[str, dict[str, Any]] = kept.setdefault("restricted", {})
        self._operators: dict[str, str] = {}

    def add_account(self, account: str, number: int) -> None:
        """Its operator key: sk_test_operator for the first, sk_test_operator_2 for the second."""
        self._operators[operator_key(number)] = account

    def connected(self, account: str) -> bool:
        return account in self.connections

    def caller(self, headers: Mapping[bytes, bytes]) -> Caller:
        """401 for a key nobody knows, 403 for an account the key does not reach."""
        key = key_of(headers)
        if not key:
            raise Problem(401, _NO_KEY)
        asked = headers.get(b"stripe-account", b"").decode("latin-1")
        if key == self.secret_key:
            return self._platform(key, asked)
        found = self._owned(key)
        if asked not in ("", found.account):
            raise no_access(key, asked)
        return found

    def _platform(self, key: str, asked: str) -> Caller:
        if not asked:
            return Caller(PLATFORM, key)
        ways = self.connections.get(asked)
        if not ways:
            raise no_access(key, asked)
        return Caller(asked, key, writes=any(w["scope"] != "read_only" for w in ways.values()))

    def _owned(self, key: str) -> Caller:
        if key in self._operators:
            return Caller(self._operators[key], key)
        grant = self.restricted.get(key)
        if grant and not grant["revoked"]:
            return Caller(grant["account"], key, writes=grant["customers"] == "write")
        token = self.tokens.get(key)
        if token is None:
            raise Problem(401, f"Invalid API Key provided: {masked(key)}")
        if token["expires"] and token["expires"] <= self._clock.time():
            raise Problem(401, f"Expired API Key provided: {masked(key)}", code="api_key_expired")
        return Caller(token["account"], key, writes=token["scope"] != "read_only")

    def connect(self, account: str, way: str, scope: str) -> None:
        """`way` is 'connect' or 'app'."""
        grant = {"scope": scope, "since": int(self._clock.time())}
        self.connections.setdefault(account, {})[way] = grant

    def disconnect(self, account: str) -> None:
        """The connection, and every token that came from it."""
        self.connections.pop(account, None)
        for kept in (self.tokens, self.refresh):
            for token in [t for t, grant in kept.items() if grant["account"] == account]:
                del kept[token]

    def new_pair(self, account: str, way: str, scope: str) -> tuple[str, str]:
        """(access token, refresh token). Those of an app run out; those of Connect do not."""
        access, renew = f"sk_test_{secrets.token_hex(16)}", f"rt_{secrets.token_hex(16)}"
        app, now = way == "app", self._clock.time()
        self.tokens[access] = {"account": account, "scope": scope, "expires": now + APP_TOKEN_SECONDS if app else 0}
        until = now + REFRESH_TOKEN_SECONDS if app else 0
        self.refresh[renew] = {"account": account, "scope": scope, "way": way, "expires": until}
        self._drop_expired(now)
        return access, renew

    def _drop_expired(self, now: float) -> None:
        """Those long past: a fresh one still gets its own words."""
        for token in [t for t, g in self.tokens.items() if g["expires"] and g["expires"] < now - 86400]:
            del self.tokens[token]

    def renewed(self, token: str, way: str) -> dict[str, Any] | None:
        """The grant of a refresh token that still holds. One of an app is used up by this."""
        grant = self.refresh.get(token)
        if grant is None or grant["way"] != way or (grant["expires"] and grant["expires"] <= self._clock.time()):
            return None
        if way == "app":
            del self.refresh[token]
        return grant


def key_of(headers: Mapping[bytes, bytes]) -> str:
    """From a bearer or a basic Authorization header; '' when there is none."""
    kind, _, value = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def operator_key(number: int) -> str:
    return "sk_test_operator" if number == 1 else f"sk_test_operator_{number}"


def restricted_keys(account: str, number: int) -> dict[str, dict[str, Any]]:
    """The two keys that an owner has made: one that may write customers, one that may only read them."""
    shared = {"account": account, "revoked": False}
    return {
        f"rk_test_sandbox_{number}_write": shared | {"customers": "write"},
        f"rk_test_sandbox_{number}_read": shared | {"customers": "read"},
    }


def no_access(key: str, account: str) -> Problem:
    words = (
        f"The provided key '{masked(key)}' does not have access to account '{account}' "
        "(or that account does not exist). Application access may have been revoked."
    )
    return Problem(403, words, code="account_invalid")


def permission(operation: str) -> str:
    """'rak_invoice_write' for 'POST invoice/{id}/finalize': what a key needs for a change of such a thing."""
    noun = operation.partition(" ")[2].partition("/")[0].removesuffix("s")
    return f"rak_{_PERMISSIONS.get(noun, noun)}_write"


def no_permission(caller: Caller, permission: str) -> Problem:
    words = (
        f"The provided key '{masked(caller.key)}' does not have the required permissions for this endpoint on account "
        f"'{caller.account}'. Having the '{permission}' permission would allow this request to continue."
    )
    return Problem(403, words)
