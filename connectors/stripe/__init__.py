"""Stripe: customers, invoices and payments, in a business's own account."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import ClassVar

from connectors.base import AuthMethod, Connector, Credentials, Field, Notice, Resource, Session, Setting
from connectors.stripe.connecting import METHODS, Connecting, from_key
from connectors.stripe.resources import FIELDS, RESOURCES


class Stripe(Connector):
    slug = "stripe"
    name = "Stripe"
    settings = (
        Setting("STRIPE_API_URL", "Where Stripe's API answers.", "https://api.stripe.com", "url"),
        Setting("STRIPE_CONNECT_URL", "Where Stripe's Connect sign-in lives.", "https://connect.stripe.com", "url"),
        Setting("STRIPE_APPS_URL", "Where Stripe Apps are allowed.", "https://marketplace.stripe.com", "url"),
        Setting(
            "STRIPE_SECRET_KEY", "the platform's secret key, from Stripe's dashboard.", kind="secret", required=True
        ),
        Setting("STRIPE_CLIENT_ID", "the platform's client id (ca_...), from Connect settings.", required=True),
        Setting(
            "STRIPE_WEBHOOK_SECRET",
            "the signing secret of the Connect webhook endpoint (whsec_...); several with commas.",
            kind="secret",
            required=True,
        ),
        Setting("STRIPE_API_VERSION", "A version of Stripe's API; empty for the one the package is made for."),
    )  # fmt: skip
    resources: ClassVar[Mapping[str, Resource]] = RESOURCES
    auth_methods: ClassVar[tuple[AuthMethod, ...]] = METHODS
    idempotent_writes = True
    fetch_batch = 1
    watched = True

    @cached_property
    def _connecting(self) -> Connecting:
        from connectors.http import Http

        config = self.config
        return Connecting(
            Http("Stripe"),
            client_id=config["STRIPE_CLIENT_ID"],
            secret_key=config["STRIPE_SECRET_KEY"],
            api=config["STRIPE_API_URL"],
            connect=config["STRIPE_CONNECT_URL"],
            apps=config["STRIPE_APPS_URL"],
        )

    def catalogue(self, resource: str) -> Sequence[Field]:
        return FIELDS[resource]

    def authorize_url(self, method: str, *, redirect_uri: str, state: str, challenge: str = "") -> str:
        return self._connecting.authorize_url(method, redirect_uri, state)

    def exchange(self, method: str, *, code: str, redirect_uri: str, verifier: str = "") -> Credentials:
        return self._connecting.exchange(method, code)

    def from_key(self, method: str, key: str) -> Credentials:
        return from_key(key)

    def refresh(self, credentials: Credentials, *, deadline: float) -> Credentials:
        return self._connecting.refresh(credentials, deadline)

    def disconnect(self, credentials: Credentials) -> None:
        self._connecting.disconnect(credentials)

    def open(self, credentials: Credentials) -> Session:
        from connectors.stripe.client import StripeSession  # the package is slow to import

        return StripeSession(
            credentials,
            platform_key=self.config["STRIPE_SECRET_KEY"],
            api_url=self.config["STRIPE_API_URL"].rstrip("/"),
            version=self.config["STRIPE_API_VERSION"],
        )

    def verify(self, body: bytes, headers: Mapping[str, str]) -> None:
        from connectors.stripe import webhooks

        secrets = [s.strip() for s in self.config["STRIPE_WEBHOOK_SECRET"].split(",") if s.strip()]
        webhooks.verify(body, headers, secrets)

    def parse(self, body: bytes) -> Notice:
        from connectors.stripe import webhooks

        return webhooks.parse(body)

    def needed_scopes(self, reads: object, writes: object) -> set[str]:
        """Each way to connect names its grants in its own words; the doctor tries them instead."""
        return set()
