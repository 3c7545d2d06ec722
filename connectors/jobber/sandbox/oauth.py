"""Sign-in at the stand-in: the consent page and the token endpoint."""

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from connectors.jobber.sandbox.accounts import Accounts
from connectors.jobber.sandbox.grants import Grants, NotValid
from connectors.sandbox import pages
from connectors.sandbox.answering import answered
from connectors.sandbox.service import Frame


class OAuth:
    """`callback` is the one registered redirect address; any will do where it is ''."""

    def __init__(self, frame: Frame, accounts: Accounts, grants: Grants, secret: str, callback: str) -> None:
        self._frame, self._accounts, self._grants = frame, accounts, grants
        self._secret, self._callback = secret, callback

    def routes(self) -> list[Route]:
        return [
            Route("/api/oauth/authorize", self._authorize, methods=["GET", "POST"]),
            Route("/api/oauth/token", self._token, methods=["POST"]),
        ]

    async def _authorize(self, request: Request) -> Response:
        """GET shows the consent page; its form posts `account` and `decision` (allow or deny) back."""
        given = dict(request.query_params)
        if request.method == "POST":
            given |= {k: str(v) for k, v in (await request.form()).items()}
        wrong = self._wrong(given)
        if wrong:
            return pages.render("jobber/refused.html", 400, reason=wrong)
        if given.get("decision") == "deny":
            return RedirectResponse(given["redirect_uri"], 303)
        account = self._accounts.get(given.get("account", ""))
        if given.get("decision") == "allow" and account:
            return self._allowed(str(account["number"]), given["redirect_uri"], given.get("state"))
        return pages.render(
            "jobber/consent.html", accounts=self._accounts.all(), asked=given, scopes=self._accounts.scopes()
        )

    def _wrong(self, given: Mapping[str, str]) -> str:
        """Why nobody may be sent on from here. Never a redirect: the address cannot be trusted."""
        if given.get("client_id") != self._grants.client_id:
            return "There is no app with this client id."
        redirect = given.get("redirect_uri", "")
        if not redirect or (self._callback and redirect != self._callback):
            return "The redirect URI is not the one that is registered for this app."
        if given.get("response_type") != "code":
            return "The response type must be code."
        return ""

    def _allowed(self, account: str, redirect_uri: str, state: str | None) -> RedirectResponse:
        code = self._grants.allow(account, redirect_uri)
        self._frame.changed()
        sent = {"code": code} | ({"state": state} if state is not None else {})
        return RedirectResponse(f"{redirect_uri}?{urlencode(sent)}", 303)

    async def _token(self, request: Request) -> Response:
        async def call() -> Response:
            if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
                return _refused("The content type must be application/x-www-form-urlencoded.", 400)
            form = {k: str(v) for k, v in (await request.form()).items()}
            return self._pair(form)

        return await answered(self._frame, "jobber", "POST oauth/token", call, too_fast)

    def _pair(self, form: Mapping[str, str]) -> Response:
        if (form.get("client_id"), form.get("client_secret")) != (self._grants.client_id, self._secret):
            return _refused("The client id or secret is not valid.", 401)
        try:
            if form.get("grant_type") == "authorization_code":
                pair = self._grants.exchange(form.get("code", ""), form.get("redirect_uri", ""))
            elif form.get("grant_type") == "refresh_token":
                pair = self._grants.refresh(form.get("refresh_token", ""))
            else:
                return _refused("The grant type is not supported.", 400)
        except NotValid as wrong:
            return _refused(str(wrong), 401)
        finally:
            self._frame.changed()
        return JSONResponse(pair)


def too_fast() -> Response:
    """As Rack::Attack answers; there is no Retry-After."""
    return Response("Retry later\n", 429, media_type="text/plain")


def _refused(message: str, status: int) -> Response:
    return JSONResponse({"message": message}, status_code=status)
