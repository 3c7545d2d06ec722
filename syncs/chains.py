"""The steps of a row one by one: what is wrong with which, and what they make of a value. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncs.examples import HELD
from syncs.mapping import MappingError, applied, compile_row
from syncs.transforms import CATALOGUE, Hold, Notes


@dataclass(frozen=True, slots=True)
class Fault:
    """`step`: which, from 0. `argument`: the one that is wrong, '' for the step as a whole."""

    step: int
    argument: str
    words: str


def fault(steps: Sequence[Mapping[str, Any]], reads: Sequence[str]) -> Fault | None:
    """The first step that is wrong by itself, whatever the row is for."""
    for number, step in enumerate(steps):
        name, given = str(step.get("name")), {k: v for k, v in step.items() if k != "name"}
        entry = CATALOGUE.get(name)
        if entry is None:
            return Fault(number, "", f"Step {number + 1}: there is no transform called “{name}”.")
        try:
            entry.bound(given, reads if not number else ())
        except ValueError as error:
            wrong = next((a.name for a in entry.arguments if _is_wrong(a, given)), "")
            return Fault(number, wrong, f"Step {number + 1}: “{name}” {str(error).rstrip('.')}.")
    return None


def _is_wrong(argument: Any, given: Mapping[str, Any]) -> bool:
    if argument.name not in given:
        return bool(argument.needed)
    return bool(argument.problem(given[argument.name]))


def made(row: Mapping[str, Any], values: Sequence[Any]) -> list[Any]:
    """What the row makes of each value, as an example says it. MappingError where the row cannot work."""
    compiled = compile_row(row)
    return [_made(compiled.steps, value) for value in values]


def _made(steps: Sequence[Any], value: Any) -> Any:
    notes: Notes = []
    try:
        found = applied(steps, value, notes)
    except Exception:  # whatever it is, the row cannot work on such a value
        raise MappingError("These steps do not work on such a value.") from None
    return HELD if notes and isinstance(notes[-1], Hold) else found
