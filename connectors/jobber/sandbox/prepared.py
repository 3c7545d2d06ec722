"""A GraphQL document made ready to run: parsed, checked and laid out as steps, once for each distinct text.

graphql-core parses and validates; its executor is not used, since it takes most of a second for a page of 100 clients.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    Undefined,
    VariableNode,
    get_named_type,
    is_abstract_type,
    parse,
    type_from_ast,
    validate,
)
from graphql.execution.values import VariableValues
from graphql.utilities import coerce_input_literal, coerce_input_value, validate_input_value

from connectors.jobber.sandbox import permissions, refusals
from connectors.jobber.sandbox.costs import Cost, cost
from connectors.jobber.sandbox.refusals import Refused
from connectors.jobber.sandbox.schema import schema

#: Distinct documents kept ready.
KEPT = 512
type Variables = Mapping[str, Any]


@dataclass(slots=True, eq=False)
class Step:
    """One field of the answer. `below` is None for a leaf."""

    key: str
    name: str
    type_name: str
    node: FieldNode
    definition: GraphQLField | None
    below: "Steps | None" = None
    constant: dict[str, Any] | None = None

    def arguments(self, variables: Variables) -> dict[str, Any]:
        if self.constant is not None:
            return self.constant
        found = {}
        for given in self.node.arguments or ():
            assert self.definition is not None  # noqa: S101  # __typename takes no arguments
            type_ = self.definition.args[given.name.value].type
            value = coerce_input_literal(given.value, type_, VariableValues({}, dict(variables)))
            if value is not Undefined:
                found[given.name.value] = value
        return found


@dataclass(slots=True, eq=False)
class Steps:
    """By the name of the object's type; `only` where it can be but one."""

    by_type: dict[str, list[Step]]
    only: list[Step] | None


@dataclass(slots=True, eq=False)
class Prepared:
    """`guarded`: (scope, step) of every field that takes a scope, the root's first."""

    steps: list[Step]
    cost: Cost
    guarded: list[tuple[str, Step]]


@dataclass(slots=True, eq=False)
class Document:
    """One operation of a text. `name` is its own and those of its root fields: "ClientsPage clients"."""

    name: str
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    switches: tuple[str, ...]
    ready: dict[tuple[bool, ...], Prepared]

    def variables(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Coerced. Refused names the first one that does not fit."""
        found: dict[str, Any] = {}
        for wanted in self.operation.variable_definitions or ():
            name = wanted.variable.name.value
            type_: Any = type_from_ast(schema(), wanted.type)
            value = given.get(name, Undefined)
            if value is Undefined and wanted.default_value:
                value = coerce_input_literal(wanted.default_value, type_)
            elif value is not Undefined or f"{type_}".endswith("!"):
                value = _coerced(name, type_, None if value is Undefined else value)
            if value is not Undefined:
                found[name] = value
        return found

    def prepared(self, variables: Variables) -> Prepared:
        key = tuple(bool(variables.get(name)) for name in self.switches)
        if key not in self.ready:
            self.ready[key] = _prepare(self, variables)
        return self.ready[key]


def _coerced(name: str, type_: Any, value: Any) -> Any:
    found = coerce_input_value(value, type_)
    if found is not Undefined:
        return found
    problems: list[tuple[list[Any], str]] = []
    validate_input_value(value, type_, lambda error, path: problems.append(_explained(error, list(path))))
    raise refusals.bad_variable(name, f"{type_}", value, problems)


def _explained(error: GraphQLError, path: list[Any]) -> tuple[list[Any], str]:
    """Where and why. A scalar of ours says it in Jobber's words, graphql-core in its own."""
    if error.original_error is not None:
        return path, str(error.original_error)
    if "non-null type" in error.message:
        return path, "Expected value to not be null"
    unknown = re.search(r"type '(\w+)' not to include unknown field '(\w+)'", error.message)
    if unknown:
        return [*path, unknown[2]], f"Field is not defined on {unknown[1]}"
    return path, error.message


@lru_cache(maxsize=KEPT)
def document(text: str, operation_name: str | None = None) -> Document:
    """Refused when the text is no GraphQL or does not fit the schema."""
    try:
        tree = parse(text)
    except GraphQLError as error:
        raise refusals.invalid([error]) from None
    errors = validate(schema(), tree)
    if errors:
        raise refusals.invalid(errors)
    fragments = {d.name.value: d for d in tree.definitions if isinstance(d, FragmentDefinitionNode)}
    operation = _operation(tree, operation_name)
    return Document(_named(operation), operation, fragments, tuple(_switches(tree)), {})


def _named(operation: OperationDefinitionNode) -> str:
    fields = [n.name.value for n in operation.selection_set.selections if isinstance(n, FieldNode)]
    return " ".join(dict.fromkeys([*([operation.name.value] if operation.name else []), *fields]))


def _operation(tree: DocumentNode, name: str | None) -> OperationDefinitionNode:
    found = [d for d in tree.definitions if isinstance(d, OperationDefinitionNode)]
    if name:
        found = [d for d in found if d.name and d.name.value == name]
    if len(found) != 1:
        words = f'No operation named "{name}"' if name else "An operation name is required"
        raise Refused([{"message": words}])
    return found[0]


def _switches(tree: DocumentNode) -> Iterable[str]:
    """Names of the variables that @skip and @include look at."""
    waiting: list[Any] = list(tree.definitions)
    names = set()
    while waiting:
        node = waiting.pop()
        for directive in node.directives or ():
            names |= {a.value.name.value for a in directive.arguments if isinstance(a.value, VariableNode)}
        selection = getattr(node, "selection_set", None)
        waiting += selection.selections if selection else ()
    return sorted(names)


def _prepare(found: Document, variables: Variables) -> Prepared:
    mutation = found.operation.operation is OperationType.MUTATION
    root = schema().mutation_type if mutation else schema().query_type
    assert root is not None  # noqa: S101  # our schema has both

    def left_out(node: Any) -> bool:
        return _left_out(node, variables)

    layout = _Layout(found.fragments, variables)
    steps = layout.steps([found.operation.selection_set], root)
    price = cost(found.operation.selection_set, root.name, schema(), found.fragments, left_out)
    return Prepared(steps, price, layout.guarded)


def _left_out(node: Any, variables: Variables) -> bool:
    for directive in node.directives or ():
        value = directive.arguments[0].value
        asked = bool(variables.get(value.name.value)) if isinstance(value, VariableNode) else bool(value.value)
        if asked == (directive.name.value == "skip"):
            return True
    return False


class _Layout:
    """Lays selections out as steps for each type that an object there can have."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode], variables: Variables) -> None:
        self._fragments, self._variables = fragments, variables
        self.guarded: list[tuple[str, Step]] = []

    def steps(self, selections: list[SelectionSetNode], on: GraphQLObjectType) -> list[Step]:
        merged: dict[str, list[FieldNode]] = {}
        for selection in selections:
            self._collect(selection, on, merged)
        return [self._step(key, nodes, on) for key, nodes in merged.items()]

    def _collect(self, selection: SelectionSetNode, on: GraphQLObjectType, into: dict[str, list[FieldNode]]) -> None:
        for node in selection.selections:
            if _left_out(node, self._variables):
                continue
            if isinstance(node, FieldNode):
                into.setdefault((node.alias or node.name).value, []).append(node)
                continue
            if isinstance(node, InlineFragmentNode):
                condition, below = node.type_condition, node.selection_set
            else:
                definition = self._fragments[node.name.value]  # type: ignore[attr-defined]
                condition, below = definition.type_condition, definition.selection_set
            if condition is None or self._fits(condition.name.value, on):
                self._collect(below, on, into)

    def _fits(self, condition: str, on: GraphQLObjectType) -> bool:
        wanted = schema().type_map[condition]
        return wanted is on or (is_abstract_type(wanted) and schema().is_sub_type(wanted, on))

    def _step(self, key: str, nodes: list[FieldNode], on: GraphQLObjectType) -> Step:
        node, name = nodes[0], nodes[0].name.value
        definition = on.fields.get(name)
        step = Step(key, name, on.name, node, definition)
        if not any(_has_variable(a.value) for a in node.arguments or ()):
            step.constant = step.arguments({})
        scope = permissions.FIELDS.get(f"{on.name}.{name}")
        if scope:
            self.guarded.append((scope, step))
        selections = [n.selection_set for n in nodes if n.selection_set]
        if definition is not None and selections:
            step.below = self._below(selections, get_named_type(definition.type))
        return step

    def _below(self, selections: list[SelectionSetNode], type_: Any) -> Steps:
        types = schema().get_possible_types(type_) if is_abstract_type(type_) else [type_]
        by_type = {t.name: self.steps(selections, t) for t in types}
        return Steps(by_type, by_type.get(type_.name))


def _has_variable(value: Any) -> bool:
    if isinstance(value, VariableNode):
        return True
    inner = [f.value for f in getattr(value, "fields", ())] or list(getattr(value, "values", ()))
    return any(_has_variable(v) for v in inner)
