"""A local stand-in for Stripe: accounts, customers, events, the ways to connect, and pages to act as the owner."""

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Route

from connectors.sandbox import pages
from connectors.sandbox.service import Service


class StripeSandbox(Service):
    slug = "stripe"
    name = "Stripe"
    about = "Accounts, customers, keys and events, as in the Stripe dashboard."

    def routes(self) -> list[BaseRoute]:
        return [Route("/", self._home)]

    def seed(self, size: str) -> None:
        self.state = {"accounts": {}}

    async def _home(self, request: Request) -> HTMLResponse:
        return pages.render("index.html", services=[self])
