"""A small outside service for tests: it hands out recognisable tokens and does as a test tells it."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import MagicMock

from django.utils import timezone

from connectors.base import Account, AuthMethod, Budget, Check, Connector, Credentials, Field, Notice, Secret, Session
from connectors.errors import AuthError, RejectedError, TransientError

CANARY = "canary-token"


class FakeSession:
    def __init__(self, service: "FakeService", credentials: Credentials) -> None:
        self.service, self.credentials = service, credentials
        self.recalled: list[Budget] = []

    def account(self) -> Account:
        if self.service.account_error:
            raise self.service.account_error
        return self.service.account

    def doctor(self) -> list[Check]:
        if self.service.doctor_error:
            raise self.service.doctor_error
        return [Check("Account", True, self.service.account.name)]

    def recall(self, budgets: Sequence[Budget]) -> None:
        self.recalled = [*budgets]


class FakeService(Connector):
    slug, name, settings, resources = "jobber", "Jobber", (), {}
    auth_methods = (
        AuthMethod("connect", "Sign in", "oauth", pkce=True),
        AuthMethod("key", "Paste a restricted key", "key", help="It begins with rk_."),
    )

    def __init__(self) -> None:
        self.account = Account("acc-1", "Green Gardens", "AU", "AUD")
        self.account_error: Exception | None = None
        self.doctor_error: Exception | None = None
        self.exchange_error: Exception | None = None
        self.disconnect_error: Exception | None = None
        self.exchanged: list[dict[str, str]] = []
        self.disconnected: list[Credentials] = []
        self.refreshed: list[str] = []
        self.number = 0
        self.on_refresh: Callable[[Credentials], None] = lambda sent: None

    def catalogue(self, resource: str) -> list[Field]:
        return [Field("name", "Name", writable=True), Field("email", "Email", writable=True)]

    def pair(self, **changes: Any) -> Credentials:
        self.number += 1
        values: dict[str, Any] = {
            "method": "connect",
            "access_token": Secret(f"{CANARY}-access-{self.number}"),
            "refresh_token": Secret(f"{CANARY}-refresh-{self.number}"),
            "expires_at": timezone.now() + timedelta(hours=1),
            "scopes": ("read_clients",),
        }
        return Credentials(**(values | changes))

    def authorize_url(self, method: str, *, redirect_uri: str, state: str, challenge: str = "") -> str:
        return f"https://fake.example/authorize?redirect_uri={redirect_uri}&state={state}&challenge={challenge}"

    def exchange(self, method: str, *, code: str, redirect_uri: str, verifier: str = "") -> Credentials:
        self.exchanged.append({"code": code, "redirect_uri": redirect_uri, "verifier": verifier})
        if self.exchange_error:
            raise self.exchange_error
        return self.pair(method=method)

    def from_key(self, method: str, key: str) -> Credentials:
        if not key.startswith("rk_"):
            raise RejectedError("Paste a restricted key: it begins with rk_.")
        return self.pair(method=method, access_token=Secret(key), refresh_token=Secret(""), expires_at=None)

    def refresh(self, credentials: Credentials, *, deadline: float) -> Credentials:
        if time.monotonic() > deadline:
            raise TransientError("Nothing was sent.")
        self.refreshed.append(credentials.refresh_token.reveal())
        new = self.pair(account_id=credentials.account_id)
        self.on_refresh(credentials)
        return new

    def disconnect(self, credentials: Credentials) -> None:
        self.disconnected.append(credentials)
        if self.disconnect_error:
            raise self.disconnect_error

    def open(self, credentials: Credentials) -> Session:
        return FakeSession(self, credentials)  # type: ignore[return-value]

    def verify(self, body: bytes, headers: Mapping[str, str]) -> None: ...

    def parse(self, body: bytes) -> Notice:
        raise NotImplementedError

    def needed_scopes(self, reads: Sequence[str], writes: Sequence[str]) -> set[str]:
        return {"read_clients", "write_invoices"}


def refuse(sent: Credentials) -> None:
    raise AuthError("The provided refresh token is not valid.")


def lanes() -> MagicMock:
    return MagicMock(spec=["park", "unpark"])


def due(service: FakeService, when: datetime | None = None) -> Credentials:
    """A pair that expires in two minutes: still good, but due for a refresh."""
    return service.pair(account_id="acc-1", expires_at=when or timezone.now() + timedelta(minutes=2))
