"""Examples that a row of a mapping carries: what goes in, and what must come out before it may be published. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from syncs.mapping import MappingError, applied, compile_row
from syncs.transforms import Hold, Notes, is_empty

MOST, LONGEST = 20, 2_000
#: Expected where the row must hold the record.
HELD = {"held": True}
WRITTEN = 'Write examples as [["what goes in", "what comes out"], …]'


def problem(given: Any, fields: int = 1) -> str:
    """What is wrong with how they are written, in words; '' where nothing is. `fields`: how many the row reads."""
    if not isinstance(given, list) or not all(isinstance(e, list) and len(e) == 2 for e in given):
        return f"{WRITTEN}."
    if len(given) > MOST:
        return f"A row takes at most {MOST} examples, and has {len(given)}."
    for value, expected in given:
        if len(shown([value, expected])) > LONGEST:
            return f"An example takes at most {LONGEST:,} characters."
        if fields > 1 and not (isinstance(value, list) and len(value) == fields):
            return f'{WRITTEN}; what goes in is a list of {fields} values, one for each field: [["a", "b"], "a b"].'
    return ""


def check(content: Mapping[str, Any]) -> None:
    """MappingError with a sentence for each example that comes out otherwise."""
    wrong = [sentence for row in content["mappings"] for sentence in failures(row)]
    if wrong:
        raise MappingError(" ".join(wrong))


def failures(row: Mapping[str, Any]) -> list[str]:
    """A sentence for each example of the row that comes out otherwise. MappingError for a row that cannot work."""
    given = row.get("examples") or []
    badly = problem(given, len(row["sources"]))
    if badly:
        return [f"{row['target']}: {badly}"]
    steps, found = compile_row(row).steps if given else (), []
    for value, expected in given:
        notes: Notes = []
        made = applied(steps, value, notes)
        out = HELD if notes and isinstance(notes[-1], Hold) else made
        if not _same(out, expected):
            found.append(f"{row['target']}: {shown(value)} should give {shown(expected)}, and gives {shown(out)}.")
    return found


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) or (is_empty(one) and is_empty(other))


def shown(value: Any) -> str:
    """As it is written in an example."""
    return json.dumps(value, ensure_ascii=False)
