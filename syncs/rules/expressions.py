"""Conditions that are written in CEL, the common expression language: compiled, and answered. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from syncs.rules import RuleError
from syncs.rules.checking import LONGEST, Reader
from syncs.rules.conditions import Kinds
from syncs.rules.operators import days_ago, fold
from syncs.rules.values import Facts, Kind, date, start_of


@dataclass(frozen=True, slots=True)
class Expression:
    """`paths`: the fields it names."""

    text: str
    program: Any
    paths: Mapping[str, Kind]

    def answer(self, facts: Facts) -> Any:
        """What it comes to. RuleError where it comes to nothing, such as a comparison with what is not there."""
        from cel import Context  # takes a while, and few need it

        try:
            return self.program.execute(Context(variables=self._variables(facts), functions=self._functions(facts)))
        except Exception as error:
            raise RuleError(_reason(error)) from None
        except BaseException as error:
            if type(error).__name__ != "PanicException":
                raise
            raise RuleError("it cannot be worked out") from None

    def _variables(self, facts: Facts) -> dict[str, Any]:
        found: dict[str, Any] = {"now": facts.now.astimezone(UTC)}
        for path, kind in self.paths.items():
            *heads, last = path.split(".")
            place = found
            for head in heads:
                inner = place.setdefault(head, {})
                place = inner if isinstance(inner, dict) else {}
            place.setdefault(last, _plain(facts.value(path, kind)))
        return found

    def _functions(self, facts: Facts) -> dict[str, Any]:
        known = {path: _plain(facts.value(path, kind)) for path, kind in self.paths.items()}
        named: dict[str, Callable[[Any], Any]] = {
            "lower": fold, "field": known.get, "days_ago": lambda days: days_ago(facts.now, days),
            "day": lambda said: _begin(said, facts),
        }  # fmt: skip
        return {name: _alone(function) for name, function in named.items()}


def _alone(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Of one argument, and nothing for any other number of them: a function that fails would fill the log."""
    return lambda *given: function(given[0]) if len(given) == 1 else None


def _begin(said: Any, facts: Facts) -> Any:
    found = date(said, facts.now)
    return start_of(found.astimezone(facts.now.tzinfo)).astimezone(UTC) if found else None


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return float(value) if hasattr(value, "as_tuple") else value


def _reason(error: Exception) -> str:
    if isinstance(error, ZeroDivisionError | OverflowError):
        return "a number comes out that is none"
    return "what it compares is not there, or not of one kind"


def compile_expression(text: str, kinds: Kinds, *, longest: int = LONGEST) -> Expression:
    """RuleError says what is wrong with it. `longest` is for expressions that were made here."""
    plain = text.strip()
    if not plain or len(plain) > longest:
        raise RuleError(f"An expression has 1 to {longest:,} characters.")
    paths = Reader(plain, kinds).read()
    from cel import compile as compile_cel  # takes a while, and few need it

    try:
        return Expression(plain, compile_cel(plain), paths)
    except Exception as error:
        found = re.search(r"<input>:(\d+):(\d+)", str(error))
        where = f" at character {found[2]} of line {found[1]}" if found else ""
        raise RuleError(f"The expression cannot be read{where}.") from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise RuleError("The expression cannot be read.") from None


_SAMPLES: dict[Kind, Any] = {
    Kind.TEXT: "sample", Kind.NUMBER: "1", Kind.MONEY: "1.00", Kind.YES_NO: True, Kind.DATE: "2026-01-31",
    Kind.LIST: ["sample"],
}  # fmt: skip


def try_out(expression: Expression, now: Any) -> None:
    """RuleError where it does not come to yes or no for a record that has all that it asks about."""
    data = {path: _SAMPLES[kind] for path, kind in expression.paths.items()}
    link = {path: True for path in data if path.startswith("link.")}
    try:
        answer = expression.answer(Facts(data, link, now))
    except RuleError as error:
        raise RuleError(f"The expression does not work on a record: {error}.") from None
    if not isinstance(answer, bool):
        raise RuleError("The expression has to come to yes or no, such as total > 5000.")
