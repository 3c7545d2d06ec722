"""Jobber: clients, invoices and notes over its GraphQL API."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import Any, ClassVar

from connectors import oauth
from connectors.base import (
    AuthMethod,
    Connector,
    Credentials,
    Field,
    Hidden,
    Notice,
    Resource,
    Secret,
    Session,
    Setting,
)
from connectors.errors import AuthError, ContractError, RejectedError
from connectors.http import Http
from connectors.jobber import webhooks
from connectors.jobber.client import JobberSession
from connectors.jobber.reading import FETCH, KINDS

#: How long an access token lives unless Jobber says otherwise.
TOKEN = timedelta(minutes=60)


class Jobber(Connector):
    slug = "jobber"
    name = "Jobber"
    settings = (
        Setting("JOBBER_API_URL", "Where Jobber's GraphQL answers.", "https://api.getjobber.com/api/graphql", "url"),
        Setting("JOBBER_OAUTH_URL", "Where Jobber's sign-in lives.", "https://api.getjobber.com/api/oauth", "url"),
        Setting("JOBBER_CLIENT_ID", "the app's client id, from Jobber's Developer Center.", required=True),
        Setting(
            "JOBBER_CLIENT_SECRET", "the app's client secret; it also signs webhooks.", kind="secret", required=True
        ),
        Setting(
            "JOBBER_CLIENT_SECRET_PREVIOUS", "The secret before a change: its webhooks are still taken.", kind="secret"
        ),
        Setting("JOBBER_API_VERSION", "The version of Jobber's API that is asked for.", "2025-04-16", "date"),
    )
    resources: ClassVar[Mapping[str, Resource]] = {
        "clients": Resource(
            "clients", "client", "clients", writable=True, read_scopes=("read_clients",),
            write_scopes=("write_clients",), actions=("archive", "unarchive"),
        ),
        "invoices": Resource(
            "invoices", "invoice", "invoices", writable=True,
            read_scopes=("read_invoices", "read_clients", "read_jobs", "read_users"),
            write_scopes=("write_invoices", "read_custom_field_configurations", "write_custom_field_configurations"),
            actions=("close_received", "reopen", "add_link_field"),
        ),
        "notes": Resource(
            "notes", "note", "notes", writable=True, notified=False, read_scopes=("read_invoices",),
            write_scopes=("write_invoices",),
        ),
    }  # fmt: skip
    auth_methods = (
        AuthMethod("oauth", "Connect with Jobber", "oauth", "You sign in at Jobber and allow access there."),
    )
    fetch_batch = FETCH

    @cached_property
    def _http(self) -> Http:
        return Http("Jobber")

    @property
    def _oauth_url(self) -> str:
        return self.config["JOBBER_OAUTH_URL"].rstrip("/")

    def catalogue(self, resource: str) -> Sequence[Field]:
        return KINDS[resource].fields

    def authorize_url(self, method: str, *, redirect_uri: str, state: str, challenge: str = "") -> str:
        """Scopes are fixed at Jobber per app, and no PKCE is documented."""
        asked = {"client_id": self.config["JOBBER_CLIENT_ID"], "redirect_uri": redirect_uri, "state": state}
        return oauth.authorize_url(f"{self._oauth_url}/authorize", **asked)

    def exchange(self, method: str, *, code: str, redirect_uri: str, verifier: str = "") -> Credentials:
        found = self._token(Hidden(grant_type="authorization_code", code=code, redirect_uri=redirect_uri))
        account = self.open(found).account()
        if found.account_id and found.account_id != account.id:
            raise ContractError("Jobber's token and its account do not agree.")
        return replace(found, account_id=account.id)

    def refresh(self, credentials: Credentials, *, deadline: float) -> Credentials:
        """Every refresh token is good for one use: the new pair must be kept at once."""
        if not credentials.refresh_token:
            raise AuthError("There is no way to renew Jobber's access: connect it again.")
        asked = Hidden(grant_type="refresh_token", refresh_token=credentials.refresh_token.reveal())
        found = self._token(asked, deadline)
        return replace(found, account_id=credentials.account_id)

    def _token(self, asked: Hidden, deadline: float = math.inf) -> Credentials:
        asked["client_id"], asked["client_secret"] = (
            self.config[name] for name in ("JOBBER_CLIENT_ID", "JOBBER_CLIENT_SECRET")
        )
        return _credentials(oauth.token(self._http, f"{self._oauth_url}/token", asked, deadline=deadline))

    def from_key(self, method: str, key: str) -> Credentials:
        raise RejectedError("Jobber is connected in the browser; it has no keys to paste.")

    def disconnect(self, credentials: Credentials) -> None:
        try:
            self._session(credentials).disconnect()
        except AuthError:
            return  # Jobber no longer knows us: that is what was wanted

    def open(self, credentials: Credentials) -> Session:
        return self._session(credentials)

    def _session(self, credentials: Credentials) -> JobberSession:
        url, version = self.config["JOBBER_API_URL"], self.config["JOBBER_API_VERSION"]
        return JobberSession(credentials, self._http, url=url, version=version)

    def verify(self, body: bytes, headers: Mapping[str, str]) -> None:
        names = ("JOBBER_CLIENT_SECRET", "JOBBER_CLIENT_SECRET_PREVIOUS")
        webhooks.verify(body, headers, [self.config[n] for n in names if self.config.get(n)])

    def parse(self, body: bytes) -> Notice:
        return webhooks.parse(body)


def _credentials(answer: Mapping[str, Any]) -> Credentials:
    try:
        access, refresh = str(answer["access_token"]), str(answer["refresh_token"])
    except KeyError:
        raise ContractError("Jobber's answer to the sign-in is not as we know it.") from None
    said = oauth.claims(access)
    return Credentials(
        method="oauth",
        access_token=Secret(access),
        refresh_token=Secret(refresh),
        expires_at=oauth.expiry(answer, said, TOKEN),
        scopes=tuple(str(said.get("scope", "")).split()),
        account_id="",
    )
