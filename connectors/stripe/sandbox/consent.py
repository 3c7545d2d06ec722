"""How a business lets Fieldbridge in: Connect's consent page and Stripe Apps', and the tokens behind them."""

import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.sandbox import pages
from connectors.sandbox.answering import answered
from connectors.sandbox.service import Frame
from connectors.stripe.sandbox import problems
from connectors.stripe.sandbox.access import PLATFORM, Access, key_of
from connectors.stripe.sandbox.accounts import Account
from connectors.stripe.sandbox.events import Events, application

CODE_SECONDS = 300
SCOPES = {"connect": ("read_only", "read_write"), "app": ("stripe_apps",)}


class Refused(Exception):
    """An OAuth error: {"error", "error_description"}."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status

    def response(self, state: str = "") -> JSONResponse:
        body = {"error": self.error, "error_description": self.description}
        return JSONResponse(body | ({"state": state} if state else {}), self.status)


class Consent:
    """`codes` survives: code -> {"account", "way", "scope", "expires", "used"}."""

    def __init__(
        self, frame: Frame, kept: dict[str, Any], access: Access, accounts: dict[str, Account], events: Events
    ) -> None:  # fmt: skip
        self._frame, self._access, self._accounts, self._events = frame, access, accounts, events
        self._codes: dict[str, dict[str, Any]] = kept.setdefault("codes", {})
        self.client_id = frame.environ.get("STRIPE_CLIENT_ID") or "ca_sandbox"
        portal = frame.environ.get("SANDBOX_PORTAL_URL", "").rstrip("/")
        self._registered = f"{portal}/connect/stripe/callback/" if portal else ""

    def routes(self) -> list[BaseRoute]:
        both = ["GET", "POST"]
        return [
            Route("/connect/oauth/authorize", self._page("connect"), methods=both),
            Route("/marketplace/oauth/v2/authorize", self._page("app"), methods=both),
            Route("/connect/oauth/token", self._call("POST oauth/token", self._connect_token), methods=["POST"]),
            Route("/v1/oauth/token", self._call("POST apps/oauth/token", self._app_token), methods=["POST"]),
            Route("/connect/oauth/deauthorize", self._call("POST oauth/deauthorize", self._let_go), methods=["POST"]),
        ]

    def _page(self, way: str) -> Callable[[Request], Any]:
        async def page(request: Request) -> Response:
            asked = request.query_params
            try:
                scope, back = self._checked(way, request)
            except Refused as refused:
                return refused.response(asked.get("state", ""))
            if request.method == "POST":
                form = {k: str(v) for k, v in (await request.form()).items()}
                return self._decided(way, scope, back, asked.get("state", ""), form)
            return pages.render(
                "stripe/consent.html", accounts=self._choices(), connections=self._access.connections, way=way,
                scope=scope, back=back,
            )  # fmt: skip

        return page

    def _choices(self) -> list[Account]:
        return [a for a in self._accounts.values() if a.id != PLATFORM]

    def _checked(self, way: str, request: Request) -> tuple[str, str]:
        """(scope, where to go back to). These errors are shown here and never sent to the address."""
        asked = request.query_params
        if asked.get("client_id") != self.client_id:
            raise Refused("invalid_request", "No application matches the supplied client identifier")
        if asked.get("response_type", "code") != "code" or (way == "connect" and "response_type" not in asked):
            raise Refused("unsupported_response_type", "The response type must be code")
        scope = asked.get("scope") or SCOPES[way][0]
        if scope not in SCOPES[way]:
            raise Refused("invalid_scope", f"Invalid scope: {scope}")
        back = asked.get("redirect_uri") or self._registered
        if not back or (self._registered and back != self._registered):
            words = f"Invalid redirect URI '{back}'. Ensure this URI exactly matches one of the registered ones."
            raise Refused("invalid_redirect_uri", words)
        return scope, back

    def _decided(self, way: str, scope: str, back: str, state: str, form: dict[str, str]) -> Response:
        passed = {"state": state} if state else {}
        if form.get("decision") != "allow":
            words = "The user denied your request"
            return _back(back, {"error": "access_denied", "error_description": words} | passed)
        account = next((a for a in self._choices() if form.get("account") in {a.id, str(a.number)}), None)
        if account is None:
            return Refused("invalid_request", "There is no such account").response(state)
        code, expires = f"ac_{secrets.token_hex(16)}", self._frame.clock.time() + CODE_SECONDS
        self._codes[code] = {"account": account.id, "way": way, "scope": scope, "expires": expires, "used": False}
        self._frame.changed()
        return _back(back, {"code": code, "scope": scope} | passed)

    def _call(self, operation: str, answer: Callable[[dict[str, str], Request], Any]) -> Callable[[Request], Any]:
        async def view(request: Request) -> Response:
            form = {k: str(v) for k, v in (await request.form()).items()}

            async def call() -> Response:
                try:
                    response = JSONResponse(answer(form, request))
                    self._frame.changed()
                except Refused as refused:
                    response = refused.response()
                return response

            response = await answered(self._frame, "stripe", operation, call, _too_fast)
            response.headers["Request-Id"] = f"req_{secrets.token_hex(7)}"
            return response

        return view

    def _check_key(self, form: dict[str, str], request: Request) -> None:
        """The platform's own key, as bearer, basic or client_secret; a connected account's token is none."""
        key = key_of(dict(request.scope["headers"])) or form.get("client_secret", "")
        if key != self._access.secret_key:
            raise Refused("invalid_client", "No such API key, or not the platform's own", 401)

    def _connect_token(self, form: dict[str, str], request: Request) -> dict[str, Any]:
        self._check_key(form, request)
        if form.get("grant_type") == "authorization_code":
            grant = self._spend(form.get("code", ""), "connect")
            self._begin(grant)
            return self._tokens(grant["account"], "connect", grant["scope"])
        return self._renew(form, "connect")

    def _app_token(self, form: dict[str, str], request: Request) -> dict[str, Any]:
        self._check_key(form, request)
        if form.get("grant_type") == "authorization_code":
            grant = self._spend(form.get("code", ""), "app")
            self._begin(grant)
            return self._tokens(grant["account"], "app", "stripe_apps")
        return self._renew(form, "app")

    def _renew(self, form: dict[str, str], way: str) -> dict[str, Any]:
        if form.get("grant_type") != "refresh_token":
            raise Refused("unsupported_grant_type", f"{form.get('grant_type', 'none')} is not a supported grant type")
        token = form.get("refresh_token", "")
        grant = self._access.renewed(token, way)
        if grant is None:
            raise Refused("invalid_grant", f"Refresh token does not exist, or is no longer valid: {token[:6]}...")
        return self._tokens(grant["account"], way, grant["scope"])

    def _spend(self, code: str, way: str) -> dict[str, Any]:
        """A code works once, within five minutes. One of Connect's that is used again ends the connection."""
        grant = self._codes.get(code)
        if grant is None or grant["way"] != way:
            raise Refused("invalid_grant", f"Authorization code does not exist: {code}")
        if grant["used"]:
            if way == "connect":
                self.end(grant["account"])
            words = "This authorization code has already been used. All tokens issued with this code have been revoked."
            raise Refused("invalid_grant", words)
        if grant["expires"] <= self._frame.clock.time():
            raise Refused("invalid_grant", f"Authorization code expired: {code}")
        grant["used"] = True
        return grant

    def _begin(self, grant: dict[str, Any]) -> None:
        account = grant["account"]
        fresh = not self._access.connected(account)
        self._access.connect(account, grant["way"], grant["scope"])
        if fresh:
            about = application(self.client_id)
            self._events.record(self._accounts[account], "account.application.authorized", about, None)

    def end(self, account: str) -> bool:
        """Cut the connection, by whoever; the platform is told. False when there was none."""
        if not self._access.connected(account):
            return False
        self._access.disconnect(account)
        about = application(self.client_id)
        self._events.record(self._accounts[account], "account.application.deauthorized", about, None, told=True)
        self._frame.changed()
        return True

    def _tokens(self, account: str, way: str, scope: str) -> dict[str, Any]:
        access, refresh = self._access.new_pair(account, way, scope)
        return {
            "access_token": access, "livemode": False, "refresh_token": refresh, "scope": scope,
            "stripe_publishable_key": f"pk_test_{account[5:]}", "stripe_user_id": account, "token_type": "bearer",
        }  # fmt: skip

    def _let_go(self, form: dict[str, str], request: Request) -> dict[str, Any]:
        self._check_key(form, request)
        account = form.get("stripe_user_id", "")
        if not account or not form.get("client_id"):
            raise Refused("invalid_request", "Give client_id and stripe_user_id")
        if form["client_id"] != self.client_id:
            raise Refused("invalid_client", f"No such application: '{form['client_id']}'", 401)
        if not self.end(account):
            words = f"This application is not connected to stripe account {account}, or that account does not exist."
            raise Refused("invalid_client", words, 401)
        return {"stripe_user_id": account}


def _back(address: str, answer: dict[str, str]) -> RedirectResponse:
    joint = "&" if "?" in address else "?"
    return RedirectResponse(f"{address}{joint}{urlencode(answer)}", 303)


def _too_fast() -> Response:
    problem = problems.too_fast("endpoint-rate")
    return JSONResponse(problem.body("req_0"), 429, problem.headers)
