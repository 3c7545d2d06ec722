"""What a person types for a field of the target, as the target takes it. Pure."""

from decimal import Decimal
from typing import Any

from connectors.base import Field, FieldType
from syncs.rules import RuleError
from syncs.rules.values import number, yes_no


def taken(field: Field, said: str) -> Any:
    """By the field's type, length and choices; RuleError says what it takes."""
    if field.max_length and len(said) > field.max_length:
        raise RuleError(f"“{field.label}” takes {field.max_length} characters at most.")
    if field.choices and said not in dict(field.choices):
        raise RuleError(f"“{field.label}” can be {', '.join(name for name, _ in field.choices)}.")
    if field.type == FieldType.BOOLEAN:
        return _yes_no(said, field)
    return _number(said, field) if field.type == FieldType.NUMBER else said


def _yes_no(said: str, field: Field) -> bool:
    found = yes_no(said) if said else None
    if found is None:
        raise RuleError(f"“{field.label}” is yes or no.")
    return found


def _number(said: str, field: Field) -> int | float:
    found = number(said.replace(",", ""))
    if found is None:
        raise RuleError(f"“{field.label}” is a number, such as 5 or 2.5.")
    return int(found) if found == found.to_integral() else float(Decimal(found))
