"""What can be asked about a field, by its kind: each question is answered here, and written as a CEL expression that
answers the same. Pure. Texts are compared without regard to capitals."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from syncs.rules import RuleError
from syncs.rules.values import Kind, clean, date, number, shown, start_of

MOST_ENTRIES, LONGEST_ENTRY, MOST_DAYS = 50, 200, 3650


def fold(value: Any) -> Any:
    """Text without its capitals; each entry of a list so."""
    if isinstance(value, list | tuple):
        return [fold(entry) for entry in value]
    return value.casefold() if isinstance(value, str) else value


def days_ago(now: datetime, days: Any) -> datetime | None:
    """When the day began, so many days back."""
    try:
        return start_of(now - timedelta(days=int(days))).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def quoted(plain: str) -> str:
    return json.dumps(plain, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Operator:
    """`read` makes of what a person wrote what is compared; `holds(value, argument, now)` answers; `cel(name,
    argument)` writes the same as an expression. `takes`: what the person writes beside it, '' for nothing."""

    label: str
    takes: str
    read: Callable[[Any], Any]
    holds: Callable[[Any, Any, datetime], bool]
    cel: Callable[[str, Any], str]


def _nothing(said: Any) -> None:
    return None


def _text(said: Any) -> str:
    if isinstance(said, list | tuple | dict) or not clean(str(said if said is not None else ""))[:LONGEST_ENTRY]:
        raise RuleError("Say what to compare it with.")
    return clean(str(said))[:LONGEST_ENTRY]


def _entries(said: Any) -> list[str]:
    """Of a list, or of words with commas between them."""
    rows = said if isinstance(said, list) else str(said if said is not None else "").split(",")
    found = [_text(row) for row in rows if clean(str(row))]
    if not found or len(found) > MOST_ENTRIES:
        raise RuleError(f"Say what it can be, with commas between: 1 to {MOST_ENTRIES} entries.")
    return found


def _number(said: Any) -> str:
    plain = str(said if said is not None else "").replace(",", "").replace(" ", "").lstrip("$£€")
    found = number(plain)
    if found is None:
        raise RuleError(f"“{clean(str(said))[:40]}” is not a number. Write it as 5,000 or 49.90.")
    return f"{found:f}"


def _day(said: Any) -> str:
    found = date(clean(str(said)), datetime(2000, 1, 1, tzinfo=UTC))
    if found is None or len(clean(str(said))) != len("2026-01-31"):
        raise RuleError(f"“{clean(str(said))[:40]}” is not a date. Write it as 2026-01-31.")
    return found.date().isoformat()


def _days(said: Any) -> str:
    plain = clean(str(said))
    if not (plain.isascii() and plain.isdigit() and len(plain) <= 4 and 0 < int(plain) <= MOST_DAYS):
        raise RuleError(f"Say a number of days from 1 to {MOST_DAYS:,}.")
    return str(int(plain))


def _begin(day: str, now: datetime) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=now.tzinfo).astimezone(UTC)


def _folded(argument: list[str]) -> str:
    return "[" + ", ".join(quoted(fold(a)) for a in argument) + "]"


def _compared(sign: str, holds: Callable[[Decimal, Decimal], bool]) -> Operator:
    labels = {"==": "=", "<=": "≤", ">=": "≥"}
    return Operator(
        labels.get(sign, sign), "a number", _number,
        lambda value, argument, now: value is not None and holds(value, Decimal(argument)),
        lambda name, argument: f"({name} != null && {name} {sign} {float(argument)!r})",
    )  # fmt: skip


def _dated(label: str, takes: str, read: Any, holds: Any, cel: Callable[[str, Any], str]) -> Operator:
    return Operator(
        label, takes, read, lambda value, argument, now: value is not None and holds(value, argument, now),
        lambda name, argument: f"({name} != null && {cel(name, argument)})",
    )  # fmt: skip


def _any_in(name: str, argument: list[str]) -> str:
    return "(" + " || ".join(f"{quoted(fold(a))} in lower({name})" for a in argument) + ")"


_NUMBERS = {
    "eq": _compared("==", lambda v, a: v == a), "lt": _compared("<", lambda v, a: v < a),
    "le": _compared("<=", lambda v, a: v <= a), "gt": _compared(">", lambda v, a: v > a),
    "ge": _compared(">=", lambda v, a: v >= a),
    "empty": Operator("is empty", "", _nothing, lambda v, a, now: v is None, lambda n, a: f"{n} == null"),
}  # fmt: skip
BY_KIND: dict[Kind, dict[str, Operator]] = {
    Kind.TEXT: {
        "is": Operator(
            "is", "text", _text, lambda v, a, now: fold(v) == fold(a), lambda n, a: f"lower({n}) == {quoted(fold(a))}"
        ),
        "is_not": Operator(
            "is not", "text", _text, lambda v, a, now: fold(v) != fold(a),
            lambda n, a: f"lower({n}) != {quoted(fold(a))}",
        ),
        "contains": Operator(
            "contains", "text", _text, lambda v, a, now: fold(a) in fold(v),
            lambda n, a: f"lower({n}).contains({quoted(fold(a))})",
        ),
        "begins": Operator(
            "begins with", "text", _text, lambda v, a, now: fold(v).startswith(fold(a)),
            lambda n, a: f"lower({n}).startsWith({quoted(fold(a))})",
        ),
        "one_of": Operator(
            "is one of", "words, with commas between", _entries, lambda v, a, now: fold(v) in fold(a),
            lambda n, a: f"lower({n}) in {_folded(a)}",
        ),
        "empty": Operator("is empty", "", _nothing, lambda v, a, now: v == "", lambda n, a: f'{n} == ""'),
    },
    Kind.NUMBER: _NUMBERS,
    Kind.MONEY: _NUMBERS,
    Kind.YES_NO: {
        "yes": Operator("is yes", "", _nothing, lambda v, a, now: v is True, lambda n, a: f"{n} == true"),
        "no": Operator("is no", "", _nothing, lambda v, a, now: v is False, lambda n, a: f"{n} == false"),
    },
    Kind.DATE: {
        "before": _dated(
            "is before", "a date", _day, lambda v, a, now: v < _begin(a, now), lambda n, a: f"{n} < day({quoted(a)})"
        ),
        "from": _dated(
            "is on or after", "a date", _day, lambda v, a, now: v >= _begin(a, now),
            lambda n, a: f"{n} >= day({quoted(a)})",
        ),
        "last_days": _dated(
            "is in the last … days", "a number of days", _days,
            lambda v, a, now: (days_ago(now, a) or now) <= v <= now,
            lambda n, a: f"{n} >= days_ago({a}) && {n} <= now",
        ),
        "empty": Operator("is empty", "", _nothing, lambda v, a, now: v is None, lambda n, a: f"{n} == null"),
    },
    Kind.LIST: {
        "contains": Operator(
            "contains", "text", _text, lambda v, a, now: fold(a) in fold(v),
            lambda n, a: f"{quoted(fold(a))} in lower({n})",
        ),
        "any_of": Operator(
            "contains any of", "words, with commas between", _entries,
            lambda v, a, now: bool(set(fold(v)) & set(fold(a))), _any_in,
        ),
        "empty": Operator("is empty", "", _nothing, lambda v, a, now: not v, lambda n, a: f"size({n}) == 0"),
    },
}  # fmt: skip

#: What each is called, whatever it is asked about.
LABELS = {name: operator.label for known in BY_KIND.values() for name, operator in known.items()}


def words(operator: Operator, argument: Any) -> str:
    """' > 5,000', ' is in the last 30 days', ': yes': what stands behind the name of the field."""
    if operator in BY_KIND[Kind.YES_NO].values():
        return operator.label.replace("is ", ": ")
    if not operator.takes:
        return f" {operator.label}"
    said = shown(Decimal(argument)) if operator.read is _number else shown(argument)
    return f" {operator.label.replace('…', said)}" if "…" in operator.label else f" {operator.label} {said}"
