"""The stand-in's schema and our documents, held to the public schema that may stand beside the project."""

from collections.abc import Iterator

import pytest
from graphql import (
    DocumentNode,
    EnumTypeDefinitionNode,
    GraphQLSchema,
    InputObjectTypeDefinitionNode,
    InterfaceTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    ScalarTypeDefinitionNode,
    UnionTypeDefinitionNode,
    build_schema,
    parse,
    print_ast,
    validate,
)

from connectors.jobber import documents
from connectors.jobber.sandbox.schema import FILE, schema
from tests import shared

NAMES = sorted(f.stem for f in documents.FOLDER.glob("*.graphql") if not f.stem.endswith("_fields"))


@pytest.fixture(scope="module")
def real() -> str:
    return shared.file("jobber-schema.graphql").read_text()


@pytest.fixture(scope="module")
def real_schema(real: str) -> GraphQLSchema:
    return build_schema(real)


def by_name(text: str) -> dict[str, object]:
    tree: DocumentNode = parse(text)
    return {d.name.value: d for d in tree.definitions if hasattr(d, "name") and d.name}


def differences(ours: dict[str, object], theirs: dict[str, object]) -> Iterator[str]:
    for name, mine in ours.items():
        other = theirs.get(name)
        if type(other) is not type(mine):
            yield f"{name}: {other and other.kind} there"
        elif isinstance(mine, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode):
            yield from fields_differ(name, mine, other)
            theirs_too = {i.name.value for i in other.interfaces or ()}
            yield from (f"{name} is no {i.name.value}" for i in mine.interfaces or () if i.name.value not in theirs_too)
        elif isinstance(mine, InputObjectTypeDefinitionNode):
            yield from inputs_differ(name, mine.fields, other.fields)
        elif isinstance(mine, EnumTypeDefinitionNode):
            yield from not_among(name, mine.values, other.values)
        elif isinstance(mine, UnionTypeDefinitionNode):
            if {t.name.value for t in mine.types} != {t.name.value for t in other.types}:
                yield f"{name}: other members there"
        else:
            assert isinstance(mine, ScalarTypeDefinitionNode)


type Fielded = ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode


def fields_differ(name: str, mine: Fielded, other: Fielded) -> Iterator[str]:
    theirs = {f.name.value: f for f in other.fields}
    for field in mine.fields:
        there = theirs.get(field.name.value)
        place = f"{name}.{field.name.value}"
        if there is None or print_ast(there.type) != print_ast(field.type):
            yield f"{place}: {print_ast(field.type)} here, {there and print_ast(there.type)} there"
        else:
            yield from inputs_differ(place, field.arguments, there.arguments)


def inputs_differ(place: str, mine: object, other: object) -> Iterator[str]:
    """Each here is there with the same type; what is required there is here."""
    ours = {a.name.value: print_ast(a.type) for a in mine or ()}
    theirs = {a.name.value: print_ast(a.type) for a in other or ()}
    yield from (f"{place}({k}: {v}) here, {theirs.get(k)} there" for k, v in ours.items() if theirs.get(k) != v)
    yield from (f"{place}({k}: {v}) is missing" for k, v in theirs.items() if v.endswith("!") and k not in ours)


def not_among(name: str, mine: object, other: object) -> Iterator[str]:
    theirs = {v.name.value for v in other or ()}
    yield from (f"{name}.{v.name.value} is not there" for v in mine or () if v.name.value not in theirs)


def test_everything_the_stand_in_offers_is_as_in_the_public_schema(real: str) -> None:
    ours = by_name(FILE.read_text())
    assert len(ours) > 130
    assert list(differences(ours, by_name(real))) == []


def test_a_changed_type_would_be_noticed(real: str) -> None:
    wrong = FILE.read_text().replace("firstName: String!", "firstName: String").replace("MISS", "SIR")
    found = list(differences(by_name(wrong), by_name(real)))
    assert found == ["Client.firstName: String here, String! there", "ClientTitle.SIR is not there"]


@pytest.mark.parametrize("name", NAMES)
def test_every_document_fits_the_stand_in(name: str) -> None:
    assert validate(schema(), parse(documents.text(name))) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_document_fits_the_public_schema(name: str, real_schema: GraphQLSchema) -> None:
    assert validate(real_schema, parse(documents.text(name))) == []


@pytest.mark.parametrize("kind", documents.COSTS)
def test_reads_by_id_fit_both_schemas(kind: str, real_schema: GraphQLSchema) -> None:
    document = parse(documents.by_ids(kind, 3))
    assert validate(schema(), document) == []
    assert validate(real_schema, document) == []
