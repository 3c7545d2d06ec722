"""A local stand-in for Stripe: accounts, customers, invoices, payments, events, the ways to connect, and pages."""

from typing import Any

from starlette.routing import BaseRoute, Mount

from connectors.sandbox.service import Frame, Service
from connectors.stripe.sandbox import accounts, seeding
from connectors.stripe.sandbox.access import PLATFORM, Access, restricted_keys
from connectors.stripe.sandbox.accounts import Account
from connectors.stripe.sandbox.api import Api
from connectors.stripe.sandbox.billing import Billing
from connectors.stripe.sandbox.calls import Calls
from connectors.stripe.sandbox.consent import Consent
from connectors.stripe.sandbox.control import Control
from connectors.stripe.sandbox.events import Events
from connectors.stripe.sandbox.hosted import Hosted
from connectors.stripe.sandbox.limits import Limits
from connectors.stripe.sandbox.payments import Payments

SEARCH_LAG_SECONDS = 20.0


class StripeSandbox(Service):
    """`state`: {"accounts": id -> account, "access": who may call, "consent": codes}."""

    slug = "stripe"
    name = "Stripe"
    about = "Accounts, customers, invoices, payments, keys and events, as in the Stripe dashboard."

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame)
        self.accounts: dict[str, Account] = {}

    def seed(self, size: str) -> None:
        now = self.frame.clock.time()
        self.state = {"accounts": seeding.fresh_accounts(now), "access": {}, "consent": {}}
        platform = accounts.state(0, PLATFORM, "Fieldbridge", int(now))
        self.state["accounts"][PLATFORM] = platform
        self.loaded()
        for account in self.accounts.values():
            seeding.fill(account, size, now, self.billing.address("").rstrip("/"))
            if account.id != PLATFORM:
                self.access.restricted.update(restricted_keys(account.id, account.number))

    def loaded(self) -> None:
        """The parts around a state, whether it is fresh or was read back."""
        environ, frame = self.frame.environ, self.frame
        lag = float(environ.get("SANDBOX_STRIPE_SEARCH_LAG") or SEARCH_LAG_SECONDS)
        secret_key = environ.get("STRIPE_SECRET_KEY") or "sk_test_sandbox_platform"
        kept: dict[str, Any] = self.state["accounts"]
        self.access = Access(self.state["access"], frame.clock, secret_key)
        self.accounts.clear()
        for identity, state in kept.items():
            self.accounts[identity] = Account(state, lag)
            if state["number"]:
                self.access.add_account(identity, state["number"])
        webhook_secrets = environ.get("STRIPE_WEBHOOK_SECRET") or "whsec_sandbox"
        self.events = Events(frame, webhook_secrets, self.access.connected)
        self.consent = Consent(frame, self.state["consent"], self.access, self.accounts, self.events)
        self.billing = Billing(frame, self.events, self.accounts)
        self.payments = Payments(self.billing)
        calls = Calls(frame, self.events, self.access, self.accounts, self.billing, self.payments)
        self.api = Api(frame, self.access, self.accounts, Limits(environ), calls, self.billing)

    def passing(self) -> None:
        self.billing.passing()

    def routes(self) -> list[BaseRoute]:
        control = Control(self.frame, self.accounts, self.access, self.consent, self.events, self.payments)
        hosted = Hosted(self.payments, self.accounts)
        return [*self.consent.routes(), Mount("/v1", app=self.api), *hosted.routes(), *control.routes()]
