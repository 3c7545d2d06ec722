"""The GraphQL documents, read once, and what Jobber's published rule says they cost."""

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "queries"
#: Connections without first or last are counted with this many nodes.
DEFAULT_NODES = 100
_FREE = {"edges", "nodes", "node"}


@cache
def text(name: str) -> str:
    """A document by file name, with the client fragment where it uses it."""
    body = (FOLDER / f"{name}.graphql").read_text()
    return f"{body}{_fragment()}" if "...ClientFields" in body else body


@cache
def _fragment() -> str:
    return (FOLDER / "client_fields.graphql").read_text()


@cache
def by_ids(count: int) -> str:
    """One document that reads `count` clients by id: $id0, $id1, ..., aliased c0, c1, ..."""
    variables = ", ".join(f"$id{n}: EncodedId!" for n in range(count))
    fields = "\n".join(f"  c{n}: client(id: $id{n}) {{ ...ClientFields }}" for n in range(count))
    return f"query ClientsById({variables}) {{\n{fields}\n}}\n{_fragment()}"


@cache
def client_cost() -> int:
    """Points one client costs by the published rule (mid-2025): one a field, a connection times its size."""
    from graphql import FieldNode, FragmentDefinitionNode, InlineFragmentNode, SelectionSetNode, parse

    def cost(selection: SelectionSetNode | None) -> int:
        total = 0
        for node in selection.selections if selection else ():
            if isinstance(node, InlineFragmentNode):
                total += cost(node.selection_set)
            elif isinstance(node, FieldNode):
                inner = cost(node.selection_set) * _nodes(node)
                total += inner + (0 if node.name.value in _FREE else 1)
        return total

    def _nodes(node: FieldNode) -> int:
        children = {
            c.name.value
            for c in (node.selection_set.selections if node.selection_set else ())
            if isinstance(c, FieldNode)
        }
        if not children & {"nodes", "edges"}:
            return 1
        sizes = [
            int(a.value.value)
            for a in node.arguments
            if a.name.value in {"first", "last"} and hasattr(a.value, "value")
        ]
        return sizes[0] if sizes else DEFAULT_NODES

    fragment = next(d for d in parse(_fragment()).definitions if isinstance(d, FragmentDefinitionNode))
    return cost(fragment.selection_set)
