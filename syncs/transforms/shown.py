"""A transform as people read it: its arguments in words, its examples as they would write them. Pure."""

import json
from typing import Any

from syncs.transforms.arguments import Argument
from syncs.transforms.catalogue import Entry, Example


def argument(one: Argument) -> str:
    """'the most characters; a whole number from 4 to 100,000; needed'."""
    usual = "may be left out" if one.default == "" else f"usually {_json(one.default)}"
    return f"{one.help}; {one.takes}; {'needed' if one.needed else usual}"


def step(entry: Entry, example: Example) -> str:
    """As it stands in a row: {"name": "cut", "length": 9}."""
    return _json({"name": entry.name, **example.arguments})


def examples(entry: Entry) -> list[tuple[str, list[tuple[str, str]]]]:
    """[(the step as it is written, [(what goes in, what comes out)])]; examples of one step stand together."""
    found: dict[str, list[tuple[str, str]]] = {}
    for example in entry.examples:
        found.setdefault(step(entry, example), []).append((goes_in(example), _json(example.result)))
    return list(found.items())


def goes_in(example: Example) -> str:
    """'first_name = "Ann", last_name = "Smith"', or the one value there is."""
    if not example.paths:
        return _json(example.value)
    return ", ".join(f"{path} = {_json(value)}" for path, value in zip(example.paths, example.value, strict=True))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
