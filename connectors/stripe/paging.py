"""Walking through a list of Stripe's, newest first, a hundred at a time, from one process to the next."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.base import Page, Record
from connectors.errors import ContractError, MissingError
from connectors.stripe.asking import Asking
from connectors.stripe.records import Json, read

type Within = Callable[[int | None, int | None], Json]


def place_at(cursor: str | None, since: datetime | None) -> Json:
    """What a cursor says; the start of the list without one. `since` counts there only."""
    if cursor:
        found: Json = json.loads(cursor)
        return found
    return {"since": int(since.timestamp())} if since else {}


def made_within(since: int | None, until: int | None) -> Json:
    """The filter by the second an object was made, both included."""
    made = {"gte": since, "lte": until}
    return {"created": {k: v for k, v in made.items() if v is not None}} if made != {"gte": None, "lte": None} else {}


def rows(
    asking: Asking, path: str, params: Mapping[str, Any], place: Mapping[str, Any], within: Within = made_within
) -> tuple[list[Json], Json | None]:
    """The rows at a place of the list, and the place after them, None at the end."""
    since = place.get("since")
    found, more = _page(asking, path, params, place, within)
    if not more:
        return found, None
    seconds = read("list", lambda: int(found[-1]["created"]))
    after = {"starting_after": found[-1]["id"], "seconds": seconds}
    return found, after if since is None else {"since": since, **after}


def _page(
    asking: Asking, path: str, params: Mapping[str, Any], place: Mapping[str, Any], within: Within
) -> tuple[list[Json], bool]:
    since, last = place.get("since"), place.get("starting_after")
    if not last:
        return asking.page(path, {**params, **within(since, None)})
    try:
        return asking.page(path, {**params, **within(since, None), "starting_after": last})
    except MissingError:
        # What the last page ended with is gone for good: go on from its second, seeing a few twice.
        return asking.page(path, {**params, **within(since, place["seconds"])})


def page_of(found: Sequence[Json], read: Callable[[Json], Record], after: Mapping[str, Any] | None) -> Page:
    """One that cannot be read is named and keeps no other from being read."""
    read_, unreadable = [], []
    for row in found:
        try:
            read_.append(read(row))
        except ContractError:
            unreadable.append(str(row["id"]))
    return Page(read_, None if after is None else json.dumps(after), unreadable=unreadable)
