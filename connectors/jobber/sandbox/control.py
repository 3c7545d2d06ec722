"""Pages on which a person acts as the tradesperson in Jobber, and switches for what the app may meet."""

from math import ceil
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from connectors.jobber.sandbox import customfields, forms, listing
from connectors.jobber.sandbox.accounts import Account, Accounts
from connectors.jobber.sandbox.clients import TITLES, Client, Wrong
from connectors.jobber.sandbox.grants import Grants
from connectors.jobber.sandbox.hooks import Hooks
from connectors.jobber.sandbox.ids import encoded
from connectors.jobber.sandbox.invoicing import RECEIVED_WAYS
from connectors.jobber.sandbox.permissions import SCOPES
from connectors.sandbox import pages

PER_PAGE = 25
SWITCHES = {
    "rotation": "Each refresh token is good for one use (as for every app in the Marketplace)",
    "refuse_refresh": "Refuse every refresh token",
    "refresh_ends_access": "A refresh ends the access token before it, too",
    "version_ends": "Warn that the API version is no longer supported",
    "tax_per_line": "Round tax on each line, not on the whole (invoices made from now on)",
}


class Control:
    def __init__(self, accounts: Accounts, grants: Grants, hooks: Hooks, state: dict[str, Any], callback: str) -> None:
        self._accounts, self._grants, self._hooks = accounts, grants, hooks
        self._state, self._callback = state, callback

    def routes(self) -> list[Route]:
        client = "/accounts/{account}/clients/{client:int}"
        return [
            Route("/", self._home),
            Route("/settings", self._settings, methods=["POST"]),
            Route("/accounts/{account}/clients", self._clients),
            Route("/accounts/{account}/clients/new", self._new, methods=["GET", "POST"]),
            Route(client, self._client, methods=["GET", "POST"]),
            Route(client + "/archive", self._archive, methods=["POST"]),
            Route(client + "/destroy", self._destroy, methods=["POST"]),
            Route("/accounts/{account}/marketplace", self._marketplace),
            Route("/accounts/{account}/disconnect", self._disconnect, methods=["POST"]),
            Route("/accounts/{account}/active", self._active, methods=["POST"]),
        ]

    async def _home(self, request: Request) -> Response:
        accounts = [(a, self._grants.connected(str(a["number"]))) for a in self._accounts.all()]
        return pages.render(
            "jobber/home.html", accounts=accounts, settings=self._state["settings"], switches=SWITCHES, scopes=SCOPES,
            ways=RECEIVED_WAYS, granted=self._accounts.scopes(), callback=self._callback,
            saved=request.query_params.get("saved", ""),
        )  # fmt: skip

    async def _settings(self, request: Request) -> Response:
        form = await request.form()
        if form.get("do") == "expire":
            self._grants.expire_all()
        else:
            self._state["settings"] |= {name: form.get(name) == "on" for name in SWITCHES}
            self._state["settings"]["scopes"] = " ".join(s for s in SCOPES if form.get(s) == "on")
            if form.get("received") in RECEIVED_WAYS:
                self._state["settings"]["received"] = form["received"]
        self._accounts.touch()
        return RedirectResponse(f"/jobber/?saved={form.get('do') or 'switches'}", 303)

    async def _clients(self, request: Request) -> Response:
        account = self._account(request)
        if account is None:
            return _missing("account")
        term = request.query_params.get("q", "").strip()
        held = list(account["clients"].values())
        found = [c for c in reversed(held) if not term or term.casefold() in listing.text_of(c)]
        most = max(1, ceil(len(found) / PER_PAGE))
        number = min(max(1, _whole(request.query_params.get("page"))), most)
        shown = found[(number - 1) * PER_PAGE : number * PER_PAGE]
        return pages.render(
            "jobber/clients.html", account=account, clients=shown, term=term, count=len(found), number=number,
            most=most, link=lambda page: "?" + urlencode({"q": term, "page": page}),
            done=request.query_params.get("done", ""),
        )  # fmt: skip

    async def _new(self, request: Request) -> Response:
        account = self._account(request)
        if account is None:
            return _missing("account")
        form = {k: str(v) for k, v in (await request.form()).items()}
        if request.method == "GET":
            return _form(account, None)
        try:
            made = self._accounts.add(account, forms.created(form, account))
        except Wrong as wrong:
            return _form(account, None, wrong.message)
        return RedirectResponse(_place(account, made) + "?done=added", 303)

    async def _client(self, request: Request) -> Response:
        account, client = self._found(request)
        if account is None or client is None:
            return _missing("client")
        if request.method == "GET":
            return _form(account, client, done=request.query_params.get("done", ""))
        form = {k: str(v) for k, v in (await request.form()).items()}
        try:
            self._accounts.edit(account, client, forms.edited(form, account, client))
        except Wrong as wrong:
            return _form(account, client, wrong.message)
        return RedirectResponse(_place(account, client) + "?done=saved", 303)

    async def _archive(self, request: Request) -> Response:
        """Archives, or brings back what is archived."""
        account, client = self._found(request)
        if account is None or client is None:
            return _missing("client")
        archived = not client["isArchived"]
        self._accounts.archive(account, client, archived)
        return RedirectResponse(f"{_place(account, client)}?done={'archived' if archived else 'restored'}", 303)

    async def _destroy(self, request: Request) -> Response:
        account, client = self._found(request)
        if account is None or client is None:
            return _missing("client")
        self._accounts.destroy(account, client)
        return RedirectResponse(f"/jobber/accounts/{account['number']}/clients?done=destroyed", 303)

    async def _marketplace(self, request: Request) -> Response:
        """Connect as from Jobber's App Marketplace: to the callback with a code and no state."""
        account = self._account(request)
        if account is None or not self._callback:
            return _missing("account" if account is None else "callback address: set SANDBOX_PORTAL_URL")
        code = self._grants.allow(str(account["number"]), self._callback)
        self._accounts.touch()
        return RedirectResponse(f"{self._callback}?{urlencode({'code': code})}", 303)

    async def _disconnect(self, request: Request) -> Response:
        """As a person does in Jobber: every token is over, and the app is told."""
        account = self._account(request)
        if account is None:
            return _missing("account")
        app_id = str(self._state["app"]["uuid"])
        if self._grants.connected(str(account["number"])):
            self._grants.disconnect(str(account["number"]))
            self._hooks.send(app_id, account, "APP_DISCONNECT", str(self._state["app"]["id"]))
            self._accounts.touch()
        return RedirectResponse("/jobber/?saved=disconnected", 303)

    async def _active(self, request: Request) -> Response:
        account = self._account(request)
        if account is None:
            return _missing("account")
        account["active"] = not account["active"]
        self._accounts.touch()
        return RedirectResponse(f"/jobber/?saved={'opened' if account['active'] else 'closed'}", 303)

    def _account(self, request: Request) -> Account | None:
        return self._accounts.get(request.path_params["account"])

    def _found(self, request: Request) -> tuple[Account | None, Client | None]:
        account = self._account(request)
        client_id = encoded("Client", request.path_params["client"])
        return account, account["clients"].get(client_id) if account else None


def _form(account: Account, client: Client | None, error: str = "", done: str = "") -> Response:
    configs = customfields.of(account["configs"], "ALL_CLIENTS")
    custom = customfields.shown(configs, client["custom"] if client else {})
    return pages.render(
        "jobber/client.html", 400 if error else 200, account=account, client=client or {}, error=error, done=done,
        titles=TITLES.values(), custom=custom, emails=forms.rows(client["emails"] if client else [], "address"),
        phones=forms.rows(client["phones"] if client else [], "number"),
        tags=", ".join(t["label"] for t in client["tags"]) if client else "",
        number=client["jobberWebUri"].rpartition("/")[2] if client else "",
    )  # fmt: skip


def _place(account: Account, client: Client) -> str:
    return f"/jobber/accounts/{account['number']}/clients/{client['jobberWebUri'].rpartition('/')[2]}"


def _missing(what: str) -> Response:
    return pages.render("missing.html", 404, what=what)


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 1
