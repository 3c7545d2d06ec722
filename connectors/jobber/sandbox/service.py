"""The Jobber stand-in, put together."""

from typing import Any

from starlette.routing import BaseRoute

from connectors.jobber.sandbox import permissions, seeding
from connectors.jobber.sandbox.accounts import Account, Accounts
from connectors.jobber.sandbox.api import Api
from connectors.jobber.sandbox.control import Control
from connectors.jobber.sandbox.grants import Grants
from connectors.jobber.sandbox.hooks import Hooks
from connectors.jobber.sandbox.invoice_pages import InvoicePages
from connectors.jobber.sandbox.invoicing import Invoicing
from connectors.jobber.sandbox.oauth import OAuth
from connectors.jobber.sandbox.throttle import Throttle
from connectors.sandbox.service import Frame, Service

CLIENT_ID, SECRET = "sandbox-jobber-client", "sandbox-jobber-secret"


class JobberSandbox(Service):
    """JOBBER_CLIENT_ID, JOBBER_CLIENT_SECRET, SANDBOX_PORTAL_URL and SANDBOX_LIMITS configure it."""

    slug = "jobber"
    name = "Jobber"
    about = "Clients, invoices and payments, connecting and disconnecting the app, as in Jobber's own pages."

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame)
        environ = frame.environ
        self._secret = environ.get("JOBBER_CLIENT_SECRET") or SECRET
        self._client_id = environ.get("JOBBER_CLIENT_ID") or CLIENT_ID
        portal = (environ.get("SANDBOX_PORTAL_URL") or "").rstrip("/")
        self._callback = f"{portal}/connect/jobber/callback/" if portal else ""
        self._hooks = Hooks(frame, f"{portal}/webhooks/jobber/" if portal else "", self._secret)
        self.throttle = Throttle(frame.clock.time, environ.get("SANDBOX_LIMITS", "").lower() != "off")

    def seed(self, size: str) -> None:
        self.state = seeding.empty_state(self.frame.clock.iso())
        self.loaded()
        seeding.fill(self.accounts, self.invoicing, size, self.frame.clock.now())

    def loaded(self) -> None:
        clock = self.frame.clock
        seeding.upgrade(self.state)
        self.accounts = Accounts(self.state, clock.iso, self._tell, self.frame.changed)
        self.invoicing = Invoicing(self.accounts, self.state)
        self.grants = Grants(self.state, clock.time, self._client_id, self._secret)

    def routes(self) -> list[BaseRoute]:
        oauth = OAuth(self.frame, self.accounts, self.grants, self._secret, self._callback)
        api = Api(self.frame, self.state, self.accounts, self.invoicing, self.grants, self.throttle)
        control = Control(self.accounts, self.grants, self._hooks, self.state, self._callback)
        books = InvoicePages(self.accounts, self.invoicing)
        return [*api.routes(), *oauth.routes(), *control.routes(), *books.routes()]

    def _tell(self, account: Account, topic: str, item_id: str) -> None:
        """Jobber tells an app about the accounts that have it connected, and about what it may read."""
        scope = permissions.TOPICS[topic.partition("_")[0]]
        if self.grants.reaches(str(account["number"]), scope):
            self._hooks.send(self._app()["uuid"], account, topic, item_id)

    def _app(self) -> dict[str, Any]:
        app: dict[str, Any] = self.state["app"]
        return app
