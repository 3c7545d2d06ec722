"""The GraphQL documents, read once, and what Jobber's published rule says they cost."""

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "queries"
#: Points that Jobber asks for one client of the ClientFields fragment, by its published rule: a point for a field,
#: `nodes` free, a connection times its size. 14 plain fields, emails 3, phones 4, billing address 7, custom fields 19,
#: and tags 20, of which only those that are there are taken in the end: about 48 for a client with one tag, so the
#: 500 points that come back each second are some ten clients. What Jobber says it asked for corrects this (Bucket).
CLIENT_COST = 67
#: A page's own fields: pageInfo and what is in it.
PAGE_COST = 3


@cache
def text(name: str) -> str:
    """A document by file name, with the client fragment where it uses it."""
    body = (FOLDER / f"{name}.graphql").read_text()
    return f"{body}{fragment()}" if "...ClientFields" in body else body


@cache
def fragment() -> str:
    return (FOLDER / "client_fields.graphql").read_text()


@cache
def by_ids(count: int) -> str:
    """One document that reads `count` clients by id: $id0, $id1, ..., aliased c0, c1, ..."""
    variables = ", ".join(f"$id{n}: EncodedId!" for n in range(count))
    fields = "\n".join(f"  c{n}: client(id: $id{n}) {{ ...ClientFields }}" for n in range(count))
    return f"query ClientsById({variables}) {{\n{fields}\n}}\n{fragment()}"
