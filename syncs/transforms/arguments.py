"""The arguments of a transform: told by its signature, checked when a row is compiled, shown to people. Pure."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

#: Of a text or a table that says no limits of its own.
LONGEST_TEXT, MOST_ENTRIES = 500, 500
_NEEDED = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Arg:
    """Stands in an annotation. `least` and `most`: of a number its value, of a text its characters, of a table its
    entries. `check` raises ValueError, in words, for what is wrong otherwise."""

    help: str
    least: float | None = None
    most: float | None = None
    check: Callable[[Any], object] | None = None


@dataclass(frozen=True, slots=True)
class Argument:
    """`kind`: text, whole number, number, yes or no, choice, or table. `default` None: it must be given."""

    name: str
    kind: str
    help: str
    default: Any
    choices: tuple[str, ...]
    least: float | None
    most: float | None
    check: Callable[[Any], object] | None

    @property
    def needed(self) -> bool:
        return self.default is None

    @property
    def takes(self) -> str:
        """'a whole number from 4 to 100,000', 'one of “upper”, “lower”'."""
        if self.kind == "choice":
            return f"one of {', '.join(f'“{c}”' for c in self.choices)}"
        if self.kind == "yes or no":
            return "true or false"
        if self.kind in {"text", "table"}:
            thing = "a text" if self.kind == "text" else 'a table like {"from": "to"}'
            unit = "characters" if self.kind == "text" else "entries"
            return f"{thing} of {self.least or 0:,} to {self.most:,} {unit}"
        limits = f" from {self.least:,} to {self.most:,}" if self.least is not None else ""
        return f"a {self.kind}{limits}"

    def problem(self, value: Any) -> str:
        """What is wrong with a value, in words; '' where nothing is."""
        if not _fits(self, value):
            return f"needs “{self.name}” to be {self.takes}, and has {_shown(value)}"
        try:
            if self.check:
                self.check(value)
        except ValueError as error:
            return f"cannot use its “{self.name}”: {error}"
        return ""


def of(function: Callable[..., Any]) -> tuple[Argument, ...]:
    """By the function's keyword-only parameters. One that is not annotated with an Arg is not for people."""
    hints = get_type_hints(function, include_extras=True)
    parameters = inspect.signature(function).parameters.values()
    asked = [p for p in parameters if p.kind == p.KEYWORD_ONLY and get_origin(hints[p.name]) is Annotated]
    return tuple(_argument(p, *get_args(hints[p.name])) for p in asked)


def problem(arguments: Sequence[Argument], given: Mapping[str, Any]) -> str:
    """What is wrong with the arguments of a step, in words; '' where nothing is."""
    known = {a.name: a for a in arguments}
    for name in given:
        if name not in known:
            takes = f"It takes {', '.join(f'“{n}”' for n in known)}." if known else "It takes none."
            return f"has no argument “{str(name)[:40]}”. {takes}"
    for name, argument in known.items():
        if name not in given and argument.needed:
            return f"needs “{name}”: {argument.takes}"
    return next((words for name, value in given.items() if (words := known[name].problem(value))), "")


_KINDS: dict[Any, tuple[str, float | None, float | None]] = {
    str: ("text", 0, LONGEST_TEXT), int: ("whole number", None, None), float: ("number", None, None),
    bool: ("yes or no", None, None), dict: ("table", 1, MOST_ENTRIES),
}  # fmt: skip


def _argument(parameter: inspect.Parameter, annotation: Any, arg: Arg) -> Argument:
    default = None if parameter.default is _NEEDED else parameter.default
    if get_origin(annotation) is Literal:
        return Argument(parameter.name, "choice", arg.help, default, get_args(annotation), None, None, arg.check)
    kind, least, most = _KINDS[get_origin(annotation) or annotation]
    least, most = (own if own is not None else usual for own, usual in ((arg.least, least), (arg.most, most)))
    return Argument(parameter.name, kind, arg.help, default, (), least, most, arg.check)


def _fits(argument: Argument, value: Any) -> bool:
    kind = argument.kind
    if kind == "choice":
        return isinstance(value, str) and value in argument.choices
    if kind == "yes or no":
        return isinstance(value, bool)
    if kind == "text":
        return isinstance(value, str) and _within(argument, len(value))
    if kind == "table":
        return isinstance(value, dict) and _within(argument, len(value)) and all(map(_is_entry, value.items()))
    numbers = int if kind == "whole number" else int | float
    return isinstance(value, numbers) and not isinstance(value, bool) and _within(argument, value)


def _is_entry(entry: tuple[Any, Any]) -> bool:
    return all(isinstance(side, str) and len(side) <= LONGEST_TEXT for side in entry)


def _within(argument: Argument, size: float) -> bool:
    least, most = argument.least, argument.most
    return (least is None or size >= least) and (most is None or size <= most)


def _shown(value: Any) -> str:
    if isinstance(value, str) and len(value) > 40:
        return f"a text of {len(value):,} characters"
    words = value if isinstance(value, str) else repr(value)
    return f"“{words[:40]}”"
