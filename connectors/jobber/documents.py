"""The GraphQL documents, read once, and what Jobber's published rule says they cost."""

import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "queries"
#: Points that Jobber asks for one record, by its published rule: a point for a field, `nodes` free, a connection times
#: its size. What it holds beyond what is there is not taken in the end: of the 70 for a client about 51, so the 500
#: points that come back each second are some ten clients. What Jobber says it asked for corrects this (Bucket).
COSTS = {"clients": 70, "invoices": 338, "notes": 84}
#: A page's own fields: pageInfo, what is in it, and how many there are on all pages.
PAGE_COST = 4
#: A hundred more of what a record holds, at most ten fields each.
MORE_COST = 1_004
#: A mutation beside the record that it answers with.
WRITE_COST = 10
_SPREAD = re.compile(r"\.\.\.(\w+)Fields\b")


@cache
def text(name: str) -> str:
    """A document by file name, with the fragments that it uses."""
    return _with_fragments((FOLDER / f"{name}.graphql").read_text())


@cache
def by_ids(kind: str, count: int) -> str:
    """One document that reads `count` records by id, notes by their invoices: $id0, $id1, ..., aliased r0, r1, ..."""
    one, fragment = {
        "clients": ("client", "Client"), "invoices": ("invoice", "Invoice"), "notes": ("invoice", "Note"),
    }[kind]  # fmt: skip
    variables = ", ".join(f"$id{n}: EncodedId!" for n in range(count))
    fields = "\n".join(f"  r{n}: {one}(id: $id{n}) {{ ...{fragment}Fields }}" for n in range(count))
    return _with_fragments(f"query {kind.capitalize()}ById({variables}) {{\n{fields}\n}}\n")


def _with_fragments(body: str) -> str:
    used: list[str] = []
    left = _SPREAD.findall(body)
    while left:
        name = left.pop(0)
        if name not in used:
            used.append(name)
            left += _SPREAD.findall(_fragment(name))
    return "".join([body, *map(_fragment, used)])


@cache
def _fragment(name: str) -> str:
    return (FOLDER / f"{name.lower()}_fields.graphql").read_text()
