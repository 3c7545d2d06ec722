"""Stripe's search language, as far as customers have it: field:'value' clauses with all AND or all OR."""

import re
from collections.abc import Callable
from typing import Any

from connectors.stripe.sandbox.problems import Problem

type Test = Callable[[dict[str, Any]], bool]

_CLAUSE = re.compile(
    r"""\s*(?P<negated>-)?(?P<field>[a-z_]+)(?:\[(?P<q>["'])(?P<key>[^"']+)(?P=q)\])?\s*
        (?P<op><=|>=|[:~<>])\s*(?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s"']+)\s*""",
    re.VERBOSE,
)
_JOINT = re.compile(r"(AND|OR)\b|(?=-?[a-z_]+[\[:~<>])", re.IGNORECASE)
_TEXT, MOST_CLAUSES = {"email", "name", "phone"}, 10


def parsed(query: str) -> Test:
    """Problem where Stripe would not understand it."""
    tests: list[Test] = []
    joints: set[str] = set()
    place = 0
    while True:
        clause = _CLAUSE.match(query, place)
        if not clause:
            raise _unclear(query)
        tests.append(_test(clause, query))
        place = clause.end()
        if place >= len(query):
            break
        joint = _JOINT.match(query, place)
        if not joint:
            raise _unclear(query)
        joints.add((joint.group(1) or "AND").upper())
        place = joint.end()
    if len(joints) > 1 or len(tests) > MOST_CLAUSES:
        raise _unclear(query)
    return _joined(tests, every=joints != {"OR"})


def _joined(tests: list[Test], *, every: bool) -> Test:
    among = all if every else any
    return lambda thing: among(test(thing) for test in tests)


def _test(clause: re.Match[str], query: str) -> Test:
    field, op, value = clause["field"], clause["op"], _unquoted(clause["value"])
    if field == "created":
        test = _number(op, value, query)
    elif field == "metadata" and clause["key"] and op == ":":
        test = _metadata(clause["key"], value, quoted=clause["value"][0] in "\"'")
    elif field in _TEXT and op in {":", "~"}:
        test = _text(field, op, value.lower())
    else:
        raise _unclear(query)
    return (lambda thing: not test(thing)) if clause["negated"] else test


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value[0] in "\"'" else value


def _number(op: str, value: str, query: str) -> Test:
    if not value.isdecimal() or op == "~":
        raise _unclear(query)
    number = int(value)
    tests: dict[str, Test] = {
        ":": lambda thing: bool(thing["created"] == number),
        "<": lambda thing: bool(thing["created"] < number),
        ">": lambda thing: bool(thing["created"] > number),
        "<=": lambda thing: bool(thing["created"] <= number),
        ">=": lambda thing: bool(thing["created"] >= number),
    }
    return tests[op]


def _metadata(key: str, value: str, *, quoted: bool) -> Test:
    if value == "null" and not quoted:
        return lambda thing: key not in thing["metadata"]
    return lambda thing: bool(thing["metadata"].get(key) == value)


def _text(field: str, op: str, value: str) -> Test:
    """Both ways without regard to case; ~ finds a part of at least three characters."""
    if op == "~":
        return lambda thing: value in (thing.get(field) or "").lower()
    return lambda thing: (thing.get(field) or "").lower() == value


def _unclear(query: str) -> Problem:
    words = f"We were unable to parse your search query: `{query}`. See https://docs.stripe.com/search for its syntax."
    return Problem(400, words, param="query")
