"""What a question costs, by Jobber's published rule.

One point for a field; `edges`, `nodes` and `node` are free; what a connection holds is multiplied by first or last,
else by 100, and the connection field itself is free (in Jobber's example a page of 10 quotes with 5 fields each costs
50). Not said there, and settled here: pageInfo and totalCount count once a connection, the fields of every fragment on
a union are added up, and mutations cost by the same rule. The actual cost counts the nodes that came back.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
)

DEFAULT_NODES = 100
_HOLDERS = {"nodes", "edges"}
#: Whether a field or fragment is left out by @skip or @include.
type LeftOut = Callable[[Any], bool]


@dataclass(slots=True)
class Cost:
    """`fixed`: once for each object. `inside`: plain objects below that hold connections."""

    fixed: int = 0
    connections: list["Connected"] = field(default_factory=list)
    inside: list[tuple[str, "Cost"]] = field(default_factory=list)

    def requested(self, variables: Mapping[str, Any]) -> int:
        total = self.fixed + sum(c.requested(variables) for _, c in self.inside)
        return total + sum(c.once + c.size(variables) * c.each.requested(variables) for c in self.connections)

    def actual(self, answers: Sequence[Mapping[str, Any]]) -> int:
        """For the objects that were answered with."""
        total = self.fixed * len(answers)
        for connected in self.connections:
            found = [a[connected.key] for a in answers if a.get(connected.key)]
            total += connected.once * len(found) + connected.each.actual([n for f in found for n in connected.nodes(f)])
        for key, cost in self.inside:
            below = [item for a in answers for item in _items(a.get(key))]
            total += cost.fixed * len(answers) + cost.actual(below) - cost.fixed * len(below)
        return total


@dataclass(slots=True)
class Connected:
    key: str
    first: Any
    last: Any
    each: Cost
    once: int
    holders: list[tuple[str, str | None]]

    def size(self, variables: Mapping[str, Any]) -> int:
        for value in (self.first, self.last):
            size = variables.get(value.name.value) if hasattr(value, "name") else getattr(value, "value", None)
            if size is not None:
                return max(0, min(int(size), DEFAULT_NODES))
        return DEFAULT_NODES

    def nodes(self, connection: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The answered nodes; cost is counted once where both nodes and edges were asked for."""
        for key, node in self.holders:
            items = connection.get(key) or []
            return [i[node] for i in items] if node else list(items)
        return []


def cost(
    selection: SelectionSetNode, parent: str, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode],
    left_out: LeftOut,
) -> Cost:  # fmt: skip
    """Of a selection on the type named `parent`."""
    found = Cost()
    for node, owner in _fields(selection, parent, fragments, left_out):
        name, key = node.name.value, (node.alias or node.name).value
        if name == "__typename" or node.selection_set is None:
            found.fixed += 0 if name in {"node", "nodes", "edges"} else 1
            continue
        kind = _kind(owner, name, schema)
        inner = cost(node.selection_set, kind, schema, fragments, left_out)
        if kind.endswith("Connection"):
            found.connections.append(_connected(node, key, kind, inner, schema, fragments, left_out))
        elif name in {"node", "nodes", "edges"}:
            found.fixed += inner.fixed
            found.connections += inner.connections
            found.inside += inner.inside
        elif inner.connections or inner.inside:
            inner.fixed += 1
            found.inside.append((key, inner))
        else:
            found.fixed += 1 + inner.fixed
    return found


def _connected(
    node: FieldNode, key: str, kind: str, whole: Cost, schema: GraphQLSchema,
    fragments: Mapping[str, FragmentDefinitionNode], left_out: LeftOut,
) -> Connected:  # fmt: skip
    """The part below nodes and edges is for each node, the rest once."""
    assert node.selection_set is not None  # noqa: S101  # a connection without one does not validate
    arguments = {a.name.value: a.value for a in node.arguments or ()}
    holders: list[tuple[str, str | None]] = []
    each, once = Cost(), 0
    for child, owner in _fields(node.selection_set, kind, fragments, left_out):
        name = child.name.value
        if name in _HOLDERS and child.selection_set:
            type_ = _kind(owner, name, schema)
            below = cost(child.selection_set, type_, schema, fragments, left_out)
            each.fixed += below.fixed
            each.connections += below.connections
            each.inside += below.inside
            holders.append(((child.alias or child.name).value, _node_key(child) if name == "edges" else None))
        elif child.selection_set:
            once += 1 + len(list(_fields(child.selection_set, "PageInfo", fragments, left_out)))
        else:
            once += 1
    return Connected(key, arguments.get("first"), arguments.get("last"), each, once, holders)


def _node_key(edges: FieldNode) -> str | None:
    for child in edges.selection_set.selections if edges.selection_set else ():
        if isinstance(child, FieldNode) and child.name.value == "node":
            return (child.alias or child.name).value
    return None


def _fields(
    selection: SelectionSetNode, parent: str, fragments: Mapping[str, FragmentDefinitionNode], left_out: LeftOut
) -> Iterable[tuple[FieldNode, str]]:
    """Every field with the type it stands on, fragments opened."""
    for node in selection.selections:
        if left_out(node):
            continue
        if isinstance(node, FieldNode):
            yield node, parent
        elif isinstance(node, InlineFragmentNode):
            on = node.type_condition.name.value if node.type_condition else parent
            yield from _fields(node.selection_set, on, fragments, left_out)
        else:
            definition = fragments[node.name.value]  # type: ignore[attr-defined]
            yield from _fields(definition.selection_set, definition.type_condition.name.value, fragments, left_out)


def _kind(owner: str, name: str, schema: GraphQLSchema) -> str:
    """The name of what a field holds."""
    type_: Any = schema.type_map[owner]
    return str(get_named_type(type_.fields[name].type).name)


def _items(value: Any) -> list[Mapping[str, Any]]:
    return [] if value is None else value if isinstance(value, list) else [value]
