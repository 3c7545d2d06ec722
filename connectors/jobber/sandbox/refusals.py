"""Why a question is refused, in the words that Jobber's server has for it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLError

type Words = dict[str, Any]

#: graphql-core's wording -> (Jobber's wording, code). Jobber's server is written with graphql-ruby.
_WORDINGS: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(theirs), ours, code)
    for theirs, ours, code in (
        (
            r"Cannot query field '(?P<field>\w+)' on type '(?P<type>\w+)'.*",
            r"Field '\g<field>' doesn't exist on type '\g<type>'",
            "undefinedField",
        ),
        (
            r"Unknown argument '(?P<arg>\w+)' on field '\w+\.(?P<field>\w+)'.*",
            r"Field '\g<field>' doesn't accept argument '\g<arg>'",
            "argumentNotAccepted",
        ),
        (
            r"Expected value of type '(?P<type>\w+)!?'(?: not)? to(?: not)? include unknown field '(?P<arg>\w+)'.*",
            r"InputObject '\g<type>' doesn't accept argument '\g<arg>'",
            "argumentNotAccepted",
        ),
        (
            r"Field '(?P<arg>\w+)' is not defined by type '(?P<type>\w+)'.*",
            r"InputObject '\g<type>' doesn't accept argument '\g<arg>'",
            "argumentNotAccepted",
        ),
    )
)


class Refused(Exception):
    """`errors` is the list that goes into the answer; nothing was done."""

    def __init__(self, errors: Sequence[Words], data: bool = False) -> None:
        super().__init__(errors[0]["message"])
        self.errors = list(errors)
        #: Whether the answer says "data": null beside the errors.
        self.data = data


def invalid(errors: Sequence[GraphQLError]) -> Refused:
    """A document that does not fit the schema."""
    return Refused([_said(e) for e in errors])


def _said(error: GraphQLError) -> Words:
    message, extensions = error.message, {}
    for pattern, words, code in _WORDINGS:
        if found := pattern.fullmatch(" ".join(error.message.split())):
            message, extensions = found.expand(words), {"code": code, **found.groupdict()}
            break
    said: Words = {"message": message, "locations": _places(error)}
    return said | ({"extensions": extensions} if extensions else {})


def _places(error: GraphQLError) -> list[Words]:
    return [{"line": at.line, "column": at.column} for at in error.locations or ()]


def bad_variable(name: str, type_name: str, value: Any, problems: Sequence[tuple[Sequence[Any], str]]) -> Refused:
    """A variable that does not fit its type; `problems` are (path, explanation)."""
    listed = [{"path": list(path), "explanation": words, "message": words} for path, words in problems]
    message = f"Variable ${name} of type {type_name} was provided invalid value"
    where = [".".join(str(p) for p in path) for path, _ in problems]
    if any(where):
        message += " for " + ", ".join(f"{at} ({words})" for at, (_, words) in zip(where, problems, strict=True))
    return Refused([{"message": message, "extensions": {"value": value, "problems": listed}}])


def hidden(field: str, parent: str, location: Mapping[str, int]) -> Refused:
    """A field that the app's scopes do not reach."""
    words = f"The field {field} on an object of type {parent} was hidden due to permissions"
    return Refused([{"message": words, "locations": [dict(location)], "path": [field]}], data=True)
