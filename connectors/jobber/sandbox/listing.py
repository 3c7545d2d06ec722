"""Connections: filter, search, order and cut a list the way Jobber does.

A cursor names the place by the sort value and the id, so that what is added or removed meanwhile moves nothing.
"""

import base64
import binascii
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.jobber.sandbox.ids import number
from connectors.jobber.sandbox.refusals import Refused

MOST = 100
_ORDERS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "FIRST_NAME": lambda c: str(c["firstName"]).casefold(),
    "LAST_NAME": lambda c: str(c["lastName"]).casefold(),
    "PRIMARY_NAME": lambda c: str(c["name"]).casefold(),
    "UPDATED_AT": lambda c: str(c["updatedAt"]),
}
type Nodes = Sequence[Mapping[str, Any]]
type Ordering = tuple[Callable[[Mapping[str, Any]], str], bool]


def clients(held: Mapping[str, Mapping[str, Any]], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A ClientConnection of all that is asked for, oldest first unless sorted."""
    found: Nodes = list(held.values())
    if arguments.get("filter"):
        wanted = _wanted(arguments["filter"])
        found = [c for c in found if wanted(c)]
    if arguments.get("searchTerm"):
        term = str(arguments["searchTerm"]).casefold()
        found = [c for c in found if term in text_of(c)]
    return connection(found, arguments, _ordering(arguments.get("sort")))


def text_of(client: Mapping[str, Any]) -> str:
    """What a search looks at."""
    parts = [client["name"], client["firstName"], client["lastName"], client["companyName"] or ""]
    parts += [e["address"] for e in client["emails"]] + [p["number"] for p in client["phones"]]
    return "\n".join(parts).casefold()


def _ordering(sort: Mapping[str, Any] | None) -> Ordering | None:
    return (_ORDERS[sort["key"]], sort["direction"] == "DESCENDING") if sort else None


def _wanted(filter_: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], bool]:
    flags = {n: filter_[n] for n in ("isArchived", "isCompany", "isLead") if filter_.get(n) is not None}
    ranges = [(n, *bounds(filter_[n])) for n in ("createdAt", "updatedAt") if filter_.get(n)]
    tags = set(filter_.get("tags") or ())

    def wanted(client: Mapping[str, Any]) -> bool:
        if any(client[name] != flag for name, flag in flags.items()):
            return False
        if any(not low <= client[name] <= high for name, low, high in ranges):
            return False
        return not tags or any(t["label"] in tags for t in client["tags"])

    return wanted


def bounds(asked: Mapping[str, Any]) -> tuple[str, str]:
    """Both ends count. Times are kept in whole seconds, so a lower end within a second begins at the next."""
    low, high = asked.get("after"), asked.get("before")
    if asked.get("eq"):
        low = high = asked["eq"]
    whole = low.replace(microsecond=0) + timedelta(seconds=bool(low.microsecond)) if low else None
    return _text(whole) if whole else "", _text(high) if high else "~"


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def connection(nodes: Nodes, arguments: Mapping[str, Any], ordering: Ordering | None = None) -> dict[str, Any]:
    """{nodes, cursors, pageInfo, totalCount}. At most 100 nodes, however many are asked for."""
    if ordering:
        value, backwards = ordering
        nodes = sorted(nodes, key=lambda n: (value(n), number(n["id"])), reverse=backwards)
    start, stop = 0, len(nodes)
    if arguments.get("after"):
        start = _place(nodes, arguments["after"], ordering, bisect_right)
    if arguments.get("before"):
        stop = max(start, _place(nodes, arguments["before"], ordering, bisect_left))
    first, last = _size(arguments, "first"), _size(arguments, "last")
    if last is not None and first is None:
        cut = (max(start, stop - last), stop)
    else:
        cut = (start, min(stop, start + (MOST if first is None else first)))
        if last is not None:
            cut = (max(cut[0], cut[1] - last), cut[1])
    page = nodes[cut[0] : cut[1]]
    return {"nodes": page, "ordering": ordering, "totalCount": len(nodes), "cut": (*cut, len(nodes))}


def page_info(found: Mapping[str, Any]) -> dict[str, Any]:
    page, (start, stop, length) = found["nodes"], found["cut"]
    return {
        "startCursor": cursor(page[0], found["ordering"]) if page else None,
        "endCursor": cursor(page[-1], found["ordering"]) if page else None,
        "hasNextPage": stop < length,
        "hasPreviousPage": start > 0,
    }


def edges(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"cursor": cursor(n, found["ordering"]), "node": n} for n in found["nodes"]]


def cursor(node: Mapping[str, Any], ordering: Any) -> str:
    place = [ordering[0](node) if ordering else "", number(node["id"])]
    return base64.b64encode(json.dumps(place, separators=(",", ":")).encode()).decode()


def _place(nodes: Nodes, text: str, ordering: Any, find: Callable[..., int]) -> int:
    try:
        value, last = json.loads(base64.b64decode(text, validate=True))
        place = (str(value), int(last))
    except (ValueError, TypeError, binascii.Error):
        raise Refused([{"message": f"Invalid cursor: {text!r}"}]) from None
    if ordering is None:
        return find(nodes, place[1], key=lambda n: number(n["id"]))
    if not ordering[1]:
        return find(nodes, place, key=lambda n: (ordering[0](n), number(n["id"])))
    turned = list(reversed(nodes))
    other = bisect_left if find is bisect_right else bisect_right
    return len(nodes) - other(turned, place, key=lambda n: (ordering[0](n), number(n["id"])))


def _size(arguments: Mapping[str, Any], name: str) -> int | None:
    asked = arguments.get(name)
    return None if asked is None else max(0, min(int(asked), MOST))
