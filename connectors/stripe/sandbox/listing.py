"""Stripe's lists: newest first, between cursors, with created and other filters."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from connectors.stripe.sandbox.forms import Form, integer, text
from connectors.stripe.sandbox.problems import Problem, bad_integer, missing

PAGING = ("limit", "starting_after", "ending_before", "expand", "created")
_BOUNDS: dict[str, Callable[[int, int], bool]] = {
    "gt": int.__gt__,
    "gte": int.__ge__,
    "lt": int.__lt__,
    "lte": int.__le__,
}
type Thing = dict[str, Any]


class Shelf:
    """Things in the order of their making. A place is kept when its thing is gone, so that cursors stay good."""

    def __init__(self, things: dict[str, Thing]) -> None:
        self.things = things
        self._ids = list(things)
        self._at = {each: n for n, each in enumerate(self._ids)}

    def put(self, identity: str, thing: Thing) -> None:
        if identity not in self._at:
            self._at[identity] = len(self._ids)
            self._ids.append(identity)
        self.things[identity] = thing

    def __getitem__(self, identity: str) -> Thing:
        return self.things[identity]

    def get(self, identity: str) -> Thing | None:
        """As it is now; None when there never was one or it is gone."""
        return self.things.get(identity)

    def at(self, identity: str) -> int:
        return self._at[identity]

    def remove(self, identity: str) -> None:
        """Gone for good; its place in the order stays for cursors."""
        self.things.pop(identity, None)

    def page(
        self, form: Form, url: str, what: str, keep: Callable[[Thing], bool], among: Iterable[str] | None = None,
        *, created: str = "created",
    ) -> Thing:  # fmt: skip
        """A list object. `among`: the only ids worth looking at, in any order. `created`: what the filter looks at."""
        most = limit(form)
        older, newer = self._cursor(form, "starting_after", what), self._cursor(form, "ending_before", what)
        if older is not None and newer is not None:
            raise Problem(400, "You may only specify one of these parameters: starting_after, ending_before.")
        fits = created_filter(form, key=created)
        rows: list[Thing] = []
        for identity in self._walk(older, newer, among):
            thing = self.things.get(identity)
            if thing is not None and keep(thing) and fits(thing):
                rows.append(thing)
                if len(rows) > most:
                    break
        more, rows = len(rows) > most, rows[:most]
        return _list(rows[::-1] if newer is not None else rows, url, more=more)

    def _walk(self, older: int | None, newer: int | None, among: Iterable[str] | None) -> Iterator[str]:
        """Away from the cursor: towards older ones, or from `ending_before` towards newer ones."""
        if newer is not None:
            places: Iterable[int] = range(newer + 1, len(self._ids))
            if among is not None:
                places = sorted(p for p in map(self._at.__getitem__, among) if p > newer)
        else:
            start = len(self._ids) if older is None else older
            places = range(start - 1, -1, -1)
            if among is not None:
                places = sorted((p for p in map(self._at.__getitem__, among) if p < start), reverse=True)
        return (self._ids[p] for p in places)

    def _cursor(self, form: Form, param: str, what: str) -> int | None:
        if param not in form:
            return None
        identity = text(form[param], param)
        if identity not in self._at:
            raise missing(what, identity, param=param, status=400)
        return self._at[identity]


def paged(rows: list[Thing], form: Form, url: str, what: str) -> Thing:
    """A list object of things in an order of their own, as the lines of an invoice."""
    most, places = limit(form), {row["id"]: n for n, row in enumerate(rows)}
    marks = [text(form[p], p) for p in ("starting_after", "ending_before") if p in form]
    if len(marks) > 1:
        raise Problem(400, "You may only specify one of these parameters: starting_after, ending_before.")
    if marks and marks[0] not in places:
        raise missing(
            what, marks[0], param="starting_after" if "starting_after" in form else "ending_before", status=400
        )
    if "ending_before" in form:
        end = places[marks[0]]
        return _list(rows[max(0, end - most) : end], url, more=end > most)
    start = places[marks[0]] + 1 if marks else 0
    return _list(rows[start : start + most], url, more=len(rows) > start + most)


def _list(rows: list[Thing], url: str, *, more: bool) -> Thing:
    return {"object": "list", "data": rows, "has_more": more, "url": url}


def limit(form: Form) -> int:
    """1 to 100; 10 when not asked."""
    if "limit" not in form:
        return 10
    found = integer(form["limit"], "limit")
    if 1 <= found <= 100:
        return found
    bound, end = ("greater", 1) if found < 1 else ("less", 100)
    words = f"This value must be {bound} than or equal to {end} (it currently is '{found}')."
    raise Problem(400, words, code="parameter_invalid_integer", param="limit")


def created_filter(form: Form, param: str = "created", key: str = "") -> Callable[[Mapping[str, Any]], bool]:
    """`param`: what asks, exactly or with bounds; `key`: what of the thing is compared, where it differs."""
    asked, at = form.get(param), key or param
    if asked is None:
        return lambda thing: True
    if isinstance(asked, str):
        exact = integer(asked, param)
        return lambda thing: bool(thing[at] == exact)
    tests = []
    for name, value in asked.items():
        if name not in _BOUNDS:
            raise bad_integer(name, f"{param}[{name}]")
        tests.append((_BOUNDS[name], integer(value, f"{param}[{name}]")))
    return lambda thing: thing[at] is not None and all(test(thing[at], bound) for test, bound in tests)
