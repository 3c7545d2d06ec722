"""Reading Jobber's clients, invoices and notes: by pages as large as the bucket allows, and many by id at once."""

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Field, Page, Record
from connectors.errors import ContractError, RateLimited, RejectedError, TransientError
from connectors.jobber import documents, invoices, notes, records
from connectors.jobber.asking import Asking

#: Most records in one question by id.
FETCH = 50
#: The part of the bucket that reading everything leaves to live work.
RESERVE = 0.15
#: Seconds that a question waits for its points where what was read before it would be lost, and read again for ever.
PATIENCE = 20.0
_BAD_ID = re.compile(r"\$id(\d+)\b")
#: Connections that may go on behind the page that comes with a record, and the documents that read on.
_MORE = {
    "tags": "tags_more", "lineItems": "lines_more", "paymentRecords": "payments_more", "jobs": "jobs_more",
    "archivedJobs": "archived_jobs_more", "notes": "notes_more",
}  # fmt: skip

type Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A resource. `root`: Jobber's list of it, and `one` of it by id. `page`: most records on a page, 100 nodes at most
    and no more than a full bucket pays for; `small`: so few only when the bucket has to be waited for."""

    root: str
    one: str
    page: int
    small: int
    fields: Sequence[Field]
    read: Callable[[Mapping[str, Any]], Sequence[Record]]


KINDS = {
    "clients": Kind("clients", "client", 100, 25, records.FIELDS, lambda node: [records.client(node)]),
    "invoices": Kind("invoices", "invoice", 25, 8, invoices.FIELDS, lambda node: [invoices.record(node)]),
    "notes": Kind("invoices", "invoice", 100, 20, notes.FIELDS, notes.of_invoice),
}


class Reading:
    """For one account. Notes come with the invoices that they stand on."""

    def __init__(self, asking: Asking) -> None:
        self._asking, self._bucket = asking, asking.bucket

    def size(self, resource: str) -> int:
        kind = KINDS[resource]
        return self._bucket.room(resource, kind.small, kind.page, RESERVE)

    def page(self, resource: str, name: str, variables: Mapping[str, Any], reserve: float = 0.0) -> Page:
        size = int(variables["first"])
        cost = self._bucket.costs[resource] * size + documents.PAGE_COST
        answer = self._asking.ask(
            documents.text(name), variables, cost=cost, reserve=reserve, kind=resource, records=size
        )
        found = answer[KINDS[resource].root]
        rows: list[Record] = []
        unreadable: list[str] = []
        for node in found["nodes"]:
            try:
                rows += self.read(resource, node)
            except ContractError:
                unreadable.append(str(node["id"]))
        info = found["pageInfo"]
        following = info["endCursor"] if info["hasNextPage"] else None
        return Page(rows, following, total=found.get("totalCount"), unreadable=unreadable)

    def read(self, resource: str, node: Node) -> Sequence[Record]:
        """The records of a node, with what its connections hold behind their first page."""
        try:
            return KINDS[resource].read(self.whole(resource, node))
        except (KeyError, TypeError, ValueError) as error:
            label = resource.removesuffix("s")
            raise ContractError(f"A Jobber {label} is not as we know it: {error}.", code="contract") from None

    def whole(self, resource: str, node: Node) -> Node:
        return node | {part: self._all(resource, node, part) for part in _MORE if part in node}

    def _all(self, resource: str, node: Node, part: str) -> Node:
        held: Node = node[part]
        while held["pageInfo"]["hasNextPage"]:
            asked = {"id": node["id"], "after": held["pageInfo"]["endCursor"]}
            found = self._patiently(documents.text(_MORE[part]), asked, cost=documents.MORE_COST)[KINDS[resource].one]
            if not found:
                raise TransientError("A record went away at Jobber while it was read.")
            held = {"nodes": [*held["nodes"], *found[part]["nodes"]], "pageInfo": found[part]["pageInfo"]}
        return held

    def by_ids(self, resource: str, ids: Sequence[str]) -> Iterator[tuple[str, Node | None]]:
        """Many in one question by aliases, as many as there are points for. One bad id does not spoil the others."""
        most = self._bucket.room(resource, KINDS[resource].small, FETCH, 0)
        for start in range(0, len(ids), most):
            ask = self._patiently if start else self._asking.ask
            yield from self._nodes(resource, ids[start : start + most], ask).items()

    def _nodes(self, resource: str, ids: Sequence[str], ask: Callable[..., Any]) -> dict[str, Node | None]:
        variables = {f"id{n}": i for n, i in enumerate(ids)}
        cost, document = (self._bucket.costs[resource] + 1) * len(ids), documents.by_ids(resource, len(ids))
        try:
            answer = ask(document, variables, cost=cost, kind=resource, records=len(ids))
        except RejectedError as error:
            return self._without_bad(resource, ids, error)
        return {i: answer[f"r{n}"] for n, i in enumerate(ids)}

    def _without_bad(self, resource: str, ids: Sequence[str], error: RejectedError) -> dict[str, Node | None]:
        """An id that Jobber cannot read is one that it does not have. It names the first one it stumbled over."""
        named = _BAD_ID.search(str(error))
        if len(ids) == 1 or (named and int(named[1]) < len(ids)):
            bad = ids[int(named[1])] if named else ids[0]
            rest = [i for i in ids if i != bad]
            return {bad: None} | (self._nodes(resource, rest, self._patiently) if rest else {})
        return {k: v for i in ids for k, v in self._nodes(resource, [i], self._patiently).items()}

    def _patiently(self, document: str, variables: Mapping[str, Any], **asked: Any) -> Any:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return self._asking.ask(document, variables, **asked)
            except RateLimited as limited:
                if time.monotonic() + limited.after > until:
                    raise
                pause(limited.after)


def pause(seconds: float) -> None:
    threading.Event().wait(seconds)
