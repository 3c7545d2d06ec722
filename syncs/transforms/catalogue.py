"""The catalogue of transforms: theme, arguments, help and examples of each, told where it is written. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from inspect import getdoc
from typing import Any

from connectors.base import FieldType
from syncs.transforms import arguments
from syncs.transforms.arguments import Argument

type Transform = Callable[..., Any]
type Decorator = Callable[[Transform], Transform]
#: By a step's arguments.
type Given = Mapping[str, Any]

TRANSFORMS: dict[str, Transform] = {}
#: Those that make one value of several; a row with several sources begins with one of them.
GATHERING: set[str] = set()


@dataclass(frozen=True, slots=True)
class Example:
    """With these arguments, `value` becomes `result`. `paths`: the fields that a list of values was read from."""

    value: Any
    result: Any
    arguments: Mapping[str, Any]
    paths: tuple[str, ...] = ()


def eg(value: Any, result: Any, paths: tuple[str, ...] = (), **arguments: Any) -> Example:
    return Example(value, result, arguments, paths)


@dataclass(frozen=True, slots=True)
class Entry:
    """One transform. `says`: what it does as a clause, with its arguments in braces. `fields`: how many it reads, None
    where that is up to the row. `may_hold`: it can keep the record back. `gives`: what it makes, None for whatever
    came in. `longest`: the most characters it makes, by its arguments and the most that come in (None: no limit)."""

    name: str
    theme: str
    function: Transform
    arguments: tuple[Argument, ...]
    help: str
    examples: tuple[Example, ...]
    says: str = ""
    gathers: bool = False
    fields: int | None = None
    may_hold: bool = False
    reads_paths: bool = False
    gives: FieldType | Callable[[Given], FieldType] | None = FieldType.TEXT
    longest: Callable[[Given, int | None], int | None] | None = field(default=None, repr=False)
    check: Callable[[Mapping[str, Any], Sequence[str]], object] | None = field(default=None, repr=False)

    def bound(self, given: Mapping[str, Any], paths: Sequence[str]) -> Callable[..., Any]:
        """The function with its arguments. `paths`: the fields it reads, none for a later step of a row. ValueError
        says in words what is wrong."""
        wrong = arguments.problem(self.arguments, given)
        if wrong:
            raise ValueError(wrong)
        if self.fields and len(paths) != self.fields:
            raise ValueError(f"reads {self.fields} fields as the first step of a row, and has {len(paths)}")
        if self.check:
            self.check(given, paths)
        more = {"paths": tuple(paths)} if self.reads_paths else {}
        return partial(self.function, **given, **more)

    def run(self, example: Example) -> Any:
        return self.bound(example.arguments, example.paths)(example.value, [])

    def said(self, given: Mapping[str, Any]) -> str:
        return self.says.format(**self._whole(given))

    def made(self, given: Given, came: FieldType) -> FieldType:
        """What it makes of a value of this type."""
        found = self.gives(self._whole(given)) if callable(self.gives) else self.gives
        return found or came

    def most(self, given: Given, came: int | None) -> int | None:
        """The most characters it makes of at most so many; None where there is no limit."""
        if self.longest:
            return self.longest(self._whole(given), came)
        return came if self.gives is None else None

    def _whole(self, given: Given) -> dict[str, Any]:
        return {a.name: a.default for a in self.arguments} | dict(given)


CATALOGUE: dict[str, Entry] = {}


def theme(name: str) -> Callable[..., Decorator]:
    """The decorator of a module: it registers a function under its own name.

    Signature: (value, notes, *, arguments) -> value. Any JSON value may come in, and none makes it raise.
    """

    def entered(*examples: Example, **more: Any) -> Decorator:
        def register(function: Transform) -> Transform:
            words = (getdoc(function) or "").replace("\n\n", "\0").replace("\n", " ").replace("\0", " ")
            made = Entry(
                function.__name__.rstrip("_"), name, function, arguments.of(function), words, examples, **more
            )  # fmt: skip
            CATALOGUE[made.name] = made
            TRANSFORMS[made.name] = function
            if made.gathers:
                GATHERING.add(made.name)
            return function

        return register

    return entered


def by_theme() -> dict[str, list[Entry]]:
    """{theme: its transforms by name}, in the order in which the themes are told of."""
    found: dict[str, list[Entry]] = {}
    for entry in CATALOGUE.values():
        found.setdefault(entry.theme, []).append(entry)
    return {name: sorted(entries, key=lambda e: e.name) for name, entries in found.items()}
