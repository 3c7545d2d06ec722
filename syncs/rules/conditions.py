"""Conditions as trees: all, any or none of some questions about fields. Answered here, or written as CEL. Pure.

{"all": [{"field": "total", "operator": "gt", "value": "5000"}, {"any": [...]}, {"not": [...]}]}
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from syncs.rules import RuleError
from syncs.rules.operators import BY_KIND, Operator, words
from syncs.rules.values import LINK_FIELDS, Facts, Kind

GROUPS = {"all": " && ", "any": " || ", "not": " || "}
MOST_TESTS, DEEPEST = 50, 5
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Words that CEL keeps for itself.
RESERVED = frozenset(
    ["as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop",
     "namespace", "null", "package", "return", "true", "var", "void", "while"]
)  # fmt: skip
type Kinds = Mapping[str, Kind]


def kind_at(path: str, kinds: Kinds) -> Kind | None:
    """The kind of a field; None where there is no such field. Custom fields need not be known one by one."""
    if path in LINK_FIELDS:
        return Kind.YES_NO
    head = path.partition(".")[0]
    return kinds.get(path) or (kinds.get(f"{head}.*") if len(path) > len(head) + 1 else None)


def name_in_cel(path: str) -> str:
    """'billing_address.city'; what cannot stand in an expression as it is: 'field("custom.2nd_phone")'."""
    parts = path.split(".")
    if all(_NAME.fullmatch(part) and part not in RESERVED for part in parts) and path != "now":
        return path
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'field("{escaped}")'


def words_of(path: str) -> str:
    """'billing address city'."""
    if path in LINK_FIELDS:
        return LINK_FIELDS[path][0].lower() + LINK_FIELDS[path][1:]
    return path.removeprefix("custom.").removeprefix("metadata.").replace(".", " ").replace("_", " ")


@dataclass(frozen=True, slots=True)
class Test:
    """One question about one field."""

    path: str
    kind: Kind
    operator: Operator
    argument: Any

    def holds(self, facts: Facts) -> bool:
        return self.operator.holds(facts.value(self.path, self.kind), self.argument, facts.now)

    def cel(self) -> str:
        return self.operator.cel(name_in_cel(self.path), self.argument)

    def tests(self) -> Iterator["Test"]:
        yield self

    def words(self) -> str:
        return f"{words_of(self.path)}{words(self.operator, self.argument)}"


@dataclass(frozen=True, slots=True)
class Group:
    """`how`: all of its parts, any of them, or not a single one."""

    how: str
    parts: tuple["Test | Group", ...]

    def holds(self, facts: Facts) -> bool:
        found = (part.holds(facts) for part in self.parts)
        return all(found) if self.how == "all" else any(found) if self.how == "any" else not any(found)

    def cel(self) -> str:
        parts = [p.cel() if isinstance(p, Test) or p.how == "not" or len(p.parts) == 1 else f"({p.cel()})"
                 for p in self.parts]  # fmt: skip
        joined = GROUPS[self.how].join(parts)
        return f"!({joined})" if self.how == "not" else joined

    def tests(self) -> Iterator[Test]:
        for part in self.parts:
            yield from part.tests()

    def words(self) -> str:
        joined = (" and " if self.how == "all" else " or ").join(
            p.words() if isinstance(p, Test) else f"({p.words()})" for p in self.parts
        )
        return f"not ({joined})" if self.how == "not" else joined


def compile_tree(tree: Any, kinds: Kinds) -> Group:
    """RuleError says what cannot be asked."""
    found = _group(tree, kinds, 1)
    if sum(1 for _ in found.tests()) > MOST_TESTS:
        raise RuleError(f"A rule can have {MOST_TESTS} conditions at most.")
    return found


def _group(tree: Any, kinds: Kinds, depth: int) -> Group:
    if not isinstance(tree, Mapping) or len(tree) != 1 or next(iter(tree)) not in GROUPS:
        raise RuleError("Conditions stand in a group: all, any or none of them.")
    ((how, parts),) = tree.items()
    if not isinstance(parts, list) or not parts:
        raise RuleError("A rule needs at least one condition.")
    if depth > DEEPEST:
        raise RuleError(f"Groups can stand in each other {DEEPEST} deep at most.")
    if len(parts) > MOST_TESTS:
        raise RuleError(f"A rule can have {MOST_TESTS} conditions at most.")
    return Group(how, tuple(_test(p, kinds) if _is_test(p) else _group(p, kinds, depth + 1) for p in parts))


def _is_test(part: Any) -> bool:
    return isinstance(part, Mapping) and "field" in part


def _test(said: Mapping[str, Any], kinds: Kinds) -> Test:
    path = str(said.get("field") or "")
    kind = kind_at(path, kinds)
    if kind is None:
        raise RuleError(f"There is no field “{path[:80]}” to ask about.")
    operators = BY_KIND[kind]
    operator = operators.get(str(said.get("operator")))
    if operator is None:
        able = ", ".join(f"“{one.label}”" for one in operators.values())
        raise RuleError(f"{path}: this field is of the kind “{kind}”, so one can ask {able}.")
    try:
        return Test(path, kind, operator, operator.read(said.get("value")))
    except RuleError as error:
        raise RuleError(f"{path}: {error}") from None
