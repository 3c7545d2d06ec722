"""A session with one Jobber account over GraphQL."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NoReturn

from connectors.base import (
    Account,
    Budget,
    Check,
    Credentials,
    Data,
    Field,
    FieldType,
    Hidden,
    Page,
    Record,
    Session,
    WriteResult,
)
from connectors.errors import (
    AuthError,
    ConnectorError,
    ContractError,
    RateLimited,
    RejectedError,
    ScopeError,
    TransientError,
)
from connectors.http import Http, refusal
from connectors.jobber import documents, records
from connectors.jobber.bucket import bucket

#: Most clients on a page: Jobber gives no more. Fewer when the bucket does not have the points for them now, but
#: so few only when it has to be waited for.
PAGE, SMALL_PAGE = 100, 25
#: Most clients in one question by id.
FETCH = 50
#: The part of the bucket that reading everything leaves to live work.
RESERVE = 0.15
_BAD_ID = re.compile(r"\$id(\d+)\b")
_GONE = ("disconnected this app", "not active", "token not recognized")


class JobberSession(Session):
    def __init__(self, credentials: Credentials, http: Http, *, url: str, version: str) -> None:
        self.credentials = credentials
        self._http, self._url, self._version = http, url, version
        self._bucket = bucket(url, credentials.account_id)
        self._warning = ""
        self._headers = Hidden(
            {
                "Authorization": f"Bearer {credentials.access_token.reveal()}",
                "X-JOBBER-GRAPHQL-VERSION": version,
                "Content-Type": "application/json",
                "Accept": "application/json",
            }
        )

    def account(self) -> Account:
        found = self.ask(documents.text("account"), {}, cost=4)["account"]
        if not found:
            raise AuthError("Jobber does not say which account this is: connect it again.")
        return Account(
            str(found["id"]), str(found["name"]), found.get("countryCode") or "", url="https://secure.getjobber.com/"
        )

    def doctor(self) -> list[Check]:
        total = self.ask(documents.text("clients_total"), {}, cost=2)["clients"]["totalCount"]
        checks = [Check("May read clients", True, f"{total:,} clients are there.")]
        if self._warning:
            checks.append(Check("API version", False, self._warning, "Update Fieldbridge, or set JOBBER_API_VERSION."))
        else:
            checks.append(Check("API version", True, f"Version {self._version} is served."))
        return checks

    def fields(self, resource: str) -> list[Field]:
        """Built-in fields and the custom fields seen on the first clients."""
        page = self._page(documents.text("clients_page"), {"first": 20})
        custom = sorted({p for r in page.records for p in r.data if p.startswith("custom.")})
        labels = (
            Field(p, p.removeprefix("custom.").replace("_", " ").capitalize(), FieldType.TEXT, custom=True)
            for p in custom
        )
        return [*records.FIELDS, *labels]

    def page(self, resource: str, cursor: str | None = None, *, updated_since: datetime | None = None) -> Page:
        """Up to 100 clients, as many as the bucket has points for; both ends of Jobber's time filter are inclusive."""
        carried: dict[str, Any] = json.loads(cursor) if cursor else {}
        if updated_since and not cursor:
            carried["since"] = updated_since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        variables = {**carried, "first": self._bucket.clients(SMALL_PAGE, PAGE, RESERVE)}
        name = "clients_changed" if "since" in carried else "clients_page"
        page = self._page(documents.text(name), variables, reserve=RESERVE)
        following = json.dumps({**carried, "after": page.next_cursor}) if page.next_cursor else None
        total = None if cursor or "since" in carried else self._total()
        return replace(page, next_cursor=following, total=total)

    def _total(self) -> int | None:
        """Nice to have for a progress bar, so a refusal is no failure."""
        try:
            return int(self.ask(documents.text("clients_total"), {}, cost=2)["clients"]["totalCount"])
        except ConnectorError:
            return None

    def _page(self, document: str, variables: Mapping[str, Any], reserve: float = 0.0) -> Page:
        size = int(variables["first"])
        cost = self._bucket.client_cost * size + documents.PAGE_COST
        found = self.ask(document, variables, cost=cost, reserve=reserve, clients=size)["clients"]
        info = found["pageInfo"]
        rows: list[Record] = []
        unreadable: list[str] = []
        for node in found["nodes"]:
            try:
                rows.append(_record(node))
            except ContractError:
                unreadable.append(str(node["id"]))
        return Page(rows, info["endCursor"] if info["hasNextPage"] else None, unreadable=unreadable)

    def fetch(self, resource: str, ids: Sequence[str]) -> dict[str, Record | None]:
        """Many in one call by aliases, as many as the bucket takes. One bad id does not spoil the others.

        The points for all of them must be there before the first call: what was read and paid for is lost when a
        later one is refused, and would be again and again.
        """
        most = self._bucket.clients(FETCH, FETCH, 0)
        self._bucket.require((self._bucket.client_cost + 1) * len(ids))
        found: dict[str, Record | None] = {}
        for start in range(0, len(ids), most):
            found |= self._fetch(ids[start : start + most])
        return found

    def _fetch(self, ids: Sequence[str]) -> dict[str, Record | None]:
        variables = {f"id{n}": i for n, i in enumerate(ids)}
        cost = (self._bucket.client_cost + 1) * len(ids)
        try:
            answer = self.ask(documents.by_ids(len(ids)), variables, cost=cost, clients=len(ids))
        except RejectedError as error:
            return self._without_bad(ids, error)
        nodes = [(i, answer[f"c{n}"]) for n, i in enumerate(ids)]
        return {i: _record(node) if node else None for i, node in nodes}

    def _without_bad(self, ids: Sequence[str], error: RejectedError) -> dict[str, Record | None]:
        """An id that Jobber cannot read is one that it does not have. It names the first one it stumbled over."""
        named = _BAD_ID.search(str(error))
        if len(ids) == 1 or (named and int(named[1]) < len(ids)):
            bad = ids[int(named[1])] if named else ids[0]
            rest = [i for i in ids if i != bad]
            return {bad: None} | (self._fetch(rest) if rest else {})
        return {k: v for i in ids for k, v in self._fetch([i]).items()}

    def ask(
        self, document: str, variables: Mapping[str, Any], *, cost: float, reserve: float = 0.0, clients: int = 0,
        writes: bool = False,
    ) -> Any:  # fmt: skip
        """`data` of a whole answer; anything less is an error. `clients`: how many the question is for."""
        self._bucket.require(cost, reserve)
        body = json.dumps({"query": document, "variables": variables})
        response = self._http.post(self._url, headers=self._headers, writes=writes, content=body.encode())
        if 400 <= response.status < 500:
            raise refusal("Jobber", response.status, _message(response.body))
        answer = self._http.read_json(response, writes=writes)
        if not isinstance(answer, dict):
            raise ContractError("Jobber's answer is not as we know it.")
        self._learn(answer.get("extensions") or {}, clients)
        if answer.get("error"):
            raise AuthError(f"Jobber says: {_words(answer['error'])}")
        if answer.get("errors"):
            self._fail(answer["errors"], answer.get("extensions") or {})
        if not isinstance(answer.get("data"), dict):
            raise ContractError("Jobber's answer holds no data.")
        return answer["data"]

    def _learn(self, extensions: Mapping[str, Any], clients: int) -> None:
        cost = extensions.get("cost") or {}
        if clients and cost.get("requestedQueryCost"):
            self._bucket.client_cost = max(1.0, float(cost["requestedQueryCost"]) / clients)
        status = cost.get("throttleStatus")
        if status:
            self._bucket.learn(
                float(status["maximumAvailable"]), float(status["currentlyAvailable"]), float(status["restoreRate"])
            )
        self._warning = str((extensions.get("versioning") or {}).get("warning") or "")

    def _fail(self, errors: Sequence[Mapping[str, Any]], extensions: Mapping[str, Any]) -> NoReturn:
        """Partial data is never taken for the whole."""
        words = _words(errors[0])
        code = str((errors[0].get("extensions") or {}).get("code") or "")
        if code == "THROTTLED":
            raise RateLimited("Jobber's query budget is used up.", after=_wait(extensions), reason="cost")
        if code == "UNAUTHENTICATED" or any(g in words.lower() for g in _GONE):
            raise AuthError(f"Jobber no longer accepts our access: {words}")
        if "hidden due to permissions" in words:
            raise ScopeError(f"Jobber keeps this from us: {words}", code="scope")
        if "temporarily unavailable" in words.lower():
            raise TransientError("Jobber is temporarily unavailable.")
        if "invalid value" in words:
            raise RejectedError(f"Jobber does not know this id: {words}")
        raise ContractError(f"Jobber refused the question: {words}")

    def create(self, resource: str, data: Data, *, key: str, deadline: float) -> WriteResult:
        raise RejectedError("Jobber clients are only read.")

    def update(self, resource: str, record_id: str, data: Data, *, key: str, deadline: float) -> WriteResult:
        raise RejectedError("Jobber clients are only read.")

    def find_by_email(self, resource: str, email: str) -> list[Record]:
        raise RejectedError("Jobber clients are only read.")

    def budgets(self) -> list[Budget]:
        found = self._bucket.budget()
        return [found] if found.maximum else []

    def disconnect(self) -> None:
        """The mutation that ends the app's access to this account."""
        done = self.ask(documents.text("app_disconnect"), {}, cost=6, writes=True)["appDisconnect"]
        if done["userErrors"]:
            raise RejectedError(f"Jobber did not let go: {_words(done['userErrors'][0])}")


def _record(node: Mapping[str, Any]) -> Record:
    try:
        return records.client(node)
    except (KeyError, TypeError, ValueError) as error:
        raise ContractError(f"A Jobber client is not as we know it: {error}.", code="contract") from None


def _wait(extensions: Mapping[str, Any]) -> float:
    """Seconds until the question fits: Jobber sends no Retry-After."""
    cost = extensions.get("cost") or {}
    status = cost.get("throttleStatus") or {}
    try:
        short = float(cost["requestedQueryCost"]) - float(status["currentlyAvailable"])
        return max(0.1, short / float(status["restoreRate"]))
    except (KeyError, ZeroDivisionError, TypeError):
        return 2.0


def _words(error: object) -> str:
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
    return _words(inner if isinstance(inner, Mapping) else answer)
