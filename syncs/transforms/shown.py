"""A transform as people read it: its arguments in words, its examples as they would write them. Pure."""

import json
from typing import Any

from syncs.transforms.arguments import Argument
from syncs.transforms.catalogue import Entry, Example


def argument(one: Argument) -> str:
    """'the most characters; a whole number from 4 to 100,000; needed'."""
    usual = "needed" if one.needed else f"{_json(one.default)} unless you say otherwise"
    return f"{one.help}; {one.takes}; {usual}"


def step(entry: Entry, example: Example) -> str:
    """As it stands in a row: {"name": "cut", "length": 9}."""
    return _json({"name": entry.name, **example.arguments})


def goes_in(example: Example) -> str:
    """'first_name = "Ann", last_name = "Smith"', or the one value there is."""
    if not example.paths:
        return _json(example.value)
    return ", ".join(f"{path} = {_json(value)}" for path, value in zip(example.paths, example.value, strict=True))


def comes_out(example: Example) -> str:
    return _json(example.result)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
