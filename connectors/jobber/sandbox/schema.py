"""The part of Jobber's schema that the stand-in offers, with its scalars."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from graphql import GraphQLError, GraphQLScalarType, GraphQLSchema, build_schema

from connectors.jobber.sandbox.ids import is_encoded

FILE = Path(__file__).parent / "schema.graphql"


@cache
def schema() -> GraphQLSchema:
    built = build_schema(FILE.read_text())
    for name, read in {"EncodedId": _encoded_id, "ISO8601DateTime": _moment}.items():
        scalar = built.type_map[name]
        assert isinstance(scalar, GraphQLScalarType)  # noqa: S101  # it stands so in our own file
        scalar.parse_value = scalar.coerce_input_value = read  # type: ignore[method-assign]
    return built


def _encoded_id(value: Any) -> str:
    if not is_encoded(value):
        raise GraphQLError(f"'{value}' is not a valid EncodedId")
    return str(value)


def _moment(value: Any) -> datetime:
    """A point in time in UTC; without a zone it is taken as UTC."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise GraphQLError(f'Could not coerce value "{value}" to ISO8601DateTime') from None
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
