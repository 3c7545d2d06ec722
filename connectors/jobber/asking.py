"""Asking Jobber's GraphQL: one question, one whole answer, its errors by what happens next."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NoReturn

from connectors.base import Credentials, Hidden
from connectors.errors import (
    AuthError,
    ContractError,
    RateLimited,
    RejectedError,
    ScopeError,
    TransientError,
    UnknownOutcome,
)
from connectors.http import Http, refusal
from connectors.jobber.bucket import bucket

_GONE = ("disconnected this app", "not active", "token not recognized")


class Asking:
    """Speaks for one account. `warning`: what Jobber said last about the version that is asked for."""

    def __init__(self, credentials: Credentials, http: Http, *, url: str, version: str) -> None:
        self._http, self._url = http, url
        self.bucket = bucket(url, credentials.account_id)
        self.warning = ""
        self._headers = Hidden(
            {
                "Authorization": f"Bearer {credentials.access_token.reveal()}",
                "X-JOBBER-GRAPHQL-VERSION": version,
                "Content-Type": "application/json",
                "Accept": "application/json",
            }
        )

    def ask(
        self, document: str, variables: Mapping[str, Any], *, cost: float, reserve: float = 0.0, kind: str = "",
        records: int = 0, writes: bool = False,
    ) -> Any:  # fmt: skip
        """`data` of a whole answer; anything less is an error. The question is for so many `records` of a `kind`."""
        self.bucket.require(cost, reserve)
        body = json.dumps({"query": document, "variables": variables})
        response = self._http.post(self._url, headers=self._headers, writes=writes, content=body.encode())
        if 400 <= response.status < 500:
            raise refusal("Jobber", response.status, _message(response.body))
        answer = self._http.read_json(response, writes=writes)
        if not isinstance(answer, dict):
            raise _odd("Jobber's answer is not as we know it.", writes)
        with suppress(AttributeError, KeyError, TypeError, ValueError):  # figures of the budget only
            self._learn(answer.get("extensions") or {}, kind, records)
        if answer.get("error"):
            raise AuthError(f"Jobber says: {words(answer['error'])}")
        if answer.get("errors"):
            _fail(answer, writes)
        if not isinstance(answer.get("data"), dict):
            raise _odd("Jobber's answer holds no data.", writes)
        return answer["data"]

    def _learn(self, extensions: Mapping[str, Any], kind: str, records: int) -> None:
        cost = extensions.get("cost") or {}
        if records and cost.get("requestedQueryCost"):
            self.bucket.costs[kind] = max(1.0, float(cost["requestedQueryCost"]) / records)
        status = cost.get("throttleStatus")
        if status:
            self.bucket.learn(
                float(status["maximumAvailable"]), float(status["currentlyAvailable"]), float(status["restoreRate"])
            )
        self.warning = str((extensions.get("versioning") or {}).get("warning") or "")


def _fail(answer: Mapping[str, Any], writes: bool) -> NoReturn:
    """Partial data is never taken for the whole; what Jobber had begun to write may be written."""
    errors, data = answer["errors"], answer.get("data")
    first = errors[0] if isinstance(errors, list) else errors
    extensions = first.get("extensions") if isinstance(first, Mapping) else None
    code = str(extensions.get("code") or "") if isinstance(extensions, Mapping) else ""
    said = words(first)
    if writes and isinstance(data, dict) and any(data.values()):
        raise UnknownOutcome(f"Jobber did a part of it, and says: {said}")
    if code == "THROTTLED":
        raise RateLimited("Jobber's query budget is used up.", after=_wait(answer), reason="cost")
    if code == "UNAUTHENTICATED" or any(g in said.lower() for g in _GONE):
        raise AuthError(f"Jobber no longer accepts our access: {said}")
    if "hidden due to permissions" in said:
        raise ScopeError(f"Jobber keeps this from us: {said}", code="scope")
    if "temporarily unavailable" in said.lower():
        raise (UnknownOutcome if writes else TransientError)("Jobber is temporarily unavailable.")
    if "invalid value" in said:
        raise RejectedError(f"Jobber does not know this id: {said}")
    raise _odd(f"Jobber refused the question: {said}", writes and "data" in answer)


def _odd(message: str, writes: bool) -> ContractError | UnknownOutcome:
    return UnknownOutcome(message) if writes else ContractError(message)


def _wait(answer: Mapping[str, Any]) -> float:
    """Seconds until the question fits: Jobber sends no Retry-After."""
    try:
        cost = answer["extensions"]["cost"]
        status = cost["throttleStatus"]
        short = float(cost["requestedQueryCost"]) - float(status["currentlyAvailable"])
        return max(0.1, short / float(status["restoreRate"]))
    except (KeyError, ValueError, ZeroDivisionError, TypeError):
        return 2.0


def words(error: object) -> str:
    message = error.get("message") if isinstance(error, Mapping) else error
    return str(message or "no reason given")[:300]


def _message(body: bytes) -> str:
    try:
        answer = json.loads(body)
    except ValueError:
        return "no reason given"
    if not isinstance(answer, dict):
        return "no reason given"
    inner = answer.get("error")
    return words(inner if isinstance(inner, Mapping) else answer)
