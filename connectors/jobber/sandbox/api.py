"""The GraphQL endpoint of the stand-in: who asks, may it, what does it cost, and the answer."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import get_location
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.jobber.sandbox import refusals
from connectors.jobber.sandbox.accounts import Account, Accounts
from connectors.jobber.sandbox.answers import Asked, answer
from connectors.jobber.sandbox.grants import Grants, Holder, NotValid
from connectors.jobber.sandbox.invoicing import Invoicing
from connectors.jobber.sandbox.oauth import too_fast
from connectors.jobber.sandbox.prepared import Document, Prepared, document
from connectors.jobber.sandbox.refusals import Refused
from connectors.jobber.sandbox.resolvers import RESOLVERS
from connectors.jobber.sandbox.throttle import MAXIMUM, RESTORE_PER_SECOND, Throttle
from connectors.sandbox.answering import answered
from connectors.sandbox.service import Frame

#: The oldest version that is served: an older one is answered as this one.
OLDEST = "2025-04-16"
LIMITS_PAGE = "https://developer.getjobber.com/docs/using_jobbers_api/api_rate_limits"
ENDING = (
    "API Version {version} is no longer supported, and will be removed at any time without warning. Upgrade to the "
    "latest API version 2026-09-25 to ensure your app continues to function. For more information: "
    "https://developer.getjobber.com/docs/using_jobbers_api/api_versioning"
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(slots=True)
class Question:
    """A request's body, read. `wrong` is why its document cannot be run."""

    document: Document | None
    given: Mapping[str, Any]
    name: str
    wrong: Refused | None


class Api:
    def __init__(
        self, frame: Frame, state: dict[str, Any], accounts: Accounts, invoicing: Invoicing, grants: Grants,
        throttle: Throttle,
    ) -> None:  # fmt: skip
        self._frame, self._state, self.accounts, self._invoicing = frame, state, accounts, invoicing
        self._grants, self._throttle = grants, throttle

    def routes(self) -> list[Route]:
        return [Route("/api/graphql", self._graphql, methods=["POST"])]

    async def _graphql(self, request: Request) -> Response:
        body = await request.body()
        question = _read(body)

        async def call() -> Response:
            return self._answer(request.headers, question)

        return await answered(
            self._frame, "jobber", f"POST graphql {question.name}", call, too_fast, own=OWN, asked=body
        )  # fmt: skip

    def _answer(self, headers: Mapping[str, str], question: Question) -> Response:
        if not headers.get("content-type", "").startswith("application/json"):
            return _said("The content type must be application/json", 415)
        token = headers.get("authorization", "")
        if not token.startswith("Bearer "):
            code = {"extensions": {"code": "UNAUTHENTICATED"}}
            return _json({"errors": [{"message": "You must be signed in to do this"} | code]})
        try:
            holder = self._grants.holder(token.removeprefix("Bearer ").strip())
        except NotValid as gone:
            return _said(str(gone), 401)
        if holder is None:
            return _said("Token not recognized", 401)
        version = headers.get("x-jobber-graphql-version", "")
        if not _DATE.fullmatch(version):
            return _said("X-JOBBER-GRAPHQL-VERSION must be set to the date of an API version", 400)
        return self._held(holder, max(version, OLDEST), question)

    def _held(self, holder: Holder, version: str, question: Question) -> Response:
        account = self.accounts.get(holder.account)
        if account is None or not account["active"]:
            return JSONResponse({"error": {"message": "This account is not active"}}, status_code=401)
        if not holder.operator and self._throttle.too_many(holder.account):
            return too_fast()
        try:
            return self._run(holder, account, version, question)
        except Refused as refused:
            body: dict[str, Any] = {"data": None} if refused.data else {}
            body |= {"errors": refused.errors, "extensions": self._extensions(holder, version, 0, 0)}
            return _json(body)

    def _run(self, holder: Holder, account: Account, version: str, question: Question) -> Response:
        if question.wrong or question.document is None:
            raise question.wrong or Refused([{"message": "No query string was present"}])
        variables = question.document.variables(question.given)
        ready = question.document.prepared(variables)
        _permit(holder, ready)
        requested = ready.cost.requested(variables)
        if not holder.operator and self._throttle.refuses(holder.account, requested):
            return _throttled(self._extensions(holder, version, requested, 0))
        caller = _Caller(self.accounts, self._invoicing, self._grants, self._state, holder.operator)
        data = answer(ready.steps, {}, Asked(RESOLVERS, variables, account, caller))
        actual = min(requested, ready.cost.actual([data]))
        if not holder.operator:
            self._throttle.spend(holder.account, actual)
        return _json({"data": data, "extensions": self._extensions(holder, version, requested, actual)})

    def _extensions(self, holder: Holder, version: str, requested: int, actual: int) -> dict[str, Any]:
        available = MAXIMUM if holder.operator else int(self._throttle.available(holder.account))
        status = {
            "maximumAvailable": MAXIMUM, "currentlyAvailable": available, "restoreRate": RESTORE_PER_SECOND,
        }  # fmt: skip
        cost = {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": status}
        versioning = {"version": version}
        if self._state["settings"]["version_ends"]:
            versioning["warning"] = ENDING.format(version=version)
        return {"cost": cost, "versioning": versioning}


@dataclass(slots=True)
class _Caller:
    """What the resolvers may do for who asks."""

    accounts: Accounts
    invoicing: Invoicing
    grants: Grants
    state: dict[str, Any]
    operator: bool

    def app(self) -> dict[str, Any]:
        app: dict[str, Any] = self.state["app"]
        return app | {"applicationScopes": self.state["settings"]["scopes"]}

    def let_go(self, account: Account) -> None:
        self.grants.disconnect(str(account["number"]))
        self.accounts.touch()

    def now(self) -> str:
        return self.accounts.now()


def _read(body: bytes) -> Question:
    try:
        asked = json.loads(body)
        text, given, operation = asked["query"], asked.get("variables") or {}, asked.get("operationName")
    except (ValueError, KeyError, TypeError, AttributeError):
        return Question(None, {}, "nothing", None)
    try:
        found = document(str(text), operation)
    except Refused as wrong:
        return Question(None, {}, "nothing", wrong)
    return Question(found, given, found.name, None)


def _permit(holder: Holder, ready: Prepared) -> None:
    """What the app's scopes do not reach is hidden, and the whole answer with it."""
    if holder.operator:
        return
    for scope, step in ready.guarded:
        if scope not in holder.scopes:
            at = get_location(step.node.loc.source, step.node.loc.start) if step.node.loc else None
            place = {"line": at.line, "column": at.column} if at else {}
            raise refusals.hidden(step.name, step.type_name, place)


def _json(body: Mapping[str, Any]) -> Response:
    """Escaped, so that even half a surrogate pair in a name can be sent."""
    return Response(json.dumps(body, separators=(",", ":")).encode(), media_type="application/json")


def _said(message: str, status: int) -> Response:
    return JSONResponse({"message": message}, status_code=status)


def _throttled(extensions: Mapping[str, Any]) -> Response:
    error = {"message": "Throttled", "extensions": {"code": "THROTTLED", "documentation": LIMITS_PAGE}}
    return _json({"errors": [error], "extensions": extensions})


def _used_up() -> Response:
    """Half a second's points are missing."""
    status = {"maximumAvailable": MAXIMUM, "currentlyAvailable": 100, "restoreRate": RESTORE_PER_SECOND}
    return _throttled({"cost": {"requestedQueryCost": 350, "actualQueryCost": 0, "throttleStatus": status}})


def _hidden() -> Response:
    refused = refusals.hidden("clients", "Query", {})
    return _json({"data": None, "errors": refused.errors})


#: Jobber's own words for faults.
OWN = {
    "throttled": _used_up,
    "401": lambda: _said("Token not recognized", 401),
    "403": _hidden,
    "cursor": lambda: _json({"errors": [{"message": "Invalid cursor"}]}),
}
