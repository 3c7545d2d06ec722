"""A value that is in no table keeps its record back, whatever the recipe, and lets go once it is known."""

from dataclasses import replace
from typing import Any

import pytest

from connectors.base import Record
from syncs import choosing, examples, incidents, recipes
from syncs.bothways import Facts
from syncs.comparing import Known
from syncs.invoices.back import NoteFacts, PageFacts
from syncs.mapping import Compiled, MappingError, compile_version
from syncs.matching import Clues
from syncs.models import FieldMapping, Link
from syncs.planning import Plan, Verdict
from syncs.recipes.base import row
from tests.syncs.papers import Paper
from tests.syncs.till import Desk
from tests.syncs.world import World

CLIENTS = recipes.get("clients-to-customers")
ZONES = {"name": "lookup", "table": {"north": "N", "south": "S"}}
WORDS = "Zone “West” is not in the table of this row, and is not guessed."


def version(recipe: recipes.Recipe, *rows: dict[str, Any], **options: Any) -> Compiled:
    mappings = [*recipe.mappings, *(rows or [row("custom.zone", "metadata.zone", ZONES)])]
    return compile_version({"mappings": mappings, "options": {**recipe.options, **options}})


def client(zone: str = "West", **more: Any) -> Record:
    data = {"id": "c1", "name": "Ann Smith", "first_name": "Ann", "last_name": "Smith", "email": "ann@example.com"}
    return Record("c1", {**data, "custom.zone": zone, **more}, "Ann Smith", email="ann@example.com")


def look(
    source: Record, target: Record | None = None, known: Known | None = None, *, facts: Facts | None = None,
    compiled: Compiled | None = None, there: tuple[Record, ...] = (),
) -> Plan:  # fmt: skip
    return CLIENTS.decide(compiled or version(CLIENTS), source, target, known or Known(), Clues(there), facts)


def customer(**more: Any) -> Record:
    data = {"id": "cus_1", "name": "Ann Smith", "email": "ann@example.com", **more}
    return Record("cus_1", data, "Ann", email="ann@example.com")


def test_nothing_is_made_linked_or_written() -> None:
    for made in (
        look(client()),
        look(client(), there=(customer(),)),
        look(client(), customer(name="Old name"), Known("cus_1")),
        look(client(name="Anna"), customer(), Known("cus_1")),
    ):
        assert (made.verdict, made.code, made.reason) == (Verdict.HOLD, "not_in_table", WORDS)
        assert not made.writes
        assert made.data == {}


def test_a_record_that_would_be_in_step_waits_too() -> None:
    known = look(client("North"))
    shown = customer(**dict(known.data))
    agreed = Known("cus_1", dict(known.values))
    assert look(client("North"), shown, agreed).code == "in_step"
    assert look(client("West"), shown, agreed).reason == WORDS


def test_a_known_or_an_empty_value_goes_on() -> None:
    assert look(client("NORTH")).data["metadata.zone"] == "N"
    assert "metadata.zone" not in look(client("")).data


def test_what_is_left_out_or_gone_does_not_wait() -> None:
    assert look(client(is_lead=True)).code == "lead"
    assert look(replace(client(), deleted=True)).verdict == Verdict.END


def test_every_custom_field_of_a_group_is_looked_up() -> None:
    every = version(CLIENTS, row("custom.*", "metadata.zone_*", ZONES))
    held = look(client("South", **{"custom.side": "East"}), compiled=every)
    assert held.reason == "Side “East” is not in the table of this row, and is not guessed."


def test_part_of_an_address_waits_although_the_rest_is_there() -> None:
    rows = [r for r in CLIENTS.mappings if r["target"] != "address.state"]
    state = row("custom.zone", "address.state", ZONES)
    compiled = compile_version({"mappings": [*rows, state], "options": CLIENTS.options})
    assert look(client(**{"billing_address.city": "Perth"}), compiled=compiled).code == "not_in_table"


def two_way(*rows: dict[str, Any]) -> Compiled:
    return version(CLIENTS, *rows, two_way=True)


def test_both_ways_it_waits_and_what_the_target_changed_may_go_back() -> None:
    compiled = two_way()
    first = look(client("North"), compiled=compiled, facts=Facts())
    known = Known("cus_1", dict(first.values))
    shown = customer(**{**dict(first.data), "email": "new@example.com"})
    back = look(client("North"), shown, known, compiled=compiled, facts=Facts())
    assert (back.back, back.data) == (True, {"email": "new@example.com"})
    same = customer(**dict(first.data))
    assert look(client("West"), same, known, compiled=compiled, facts=Facts()).code == "not_in_table"


def test_a_table_on_the_way_back_holds_too() -> None:
    names = {"name": "lookup", "table": {"n": "North"}}
    back = row("custom.zone", "metadata.zone", ZONES, owner="newest", back="custom.zone", back_steps=[names])
    compiled = two_way(back)
    first = look(client("North"), compiled=compiled, facts=Facts())
    known, edited = Known("cus_1", dict(first.values)), customer(**{**dict(first.data), "metadata.zone": "Z"})
    made = look(client("North"), edited, known, compiled=compiled, facts=Facts())
    assert (made.verdict, made.code) == (Verdict.HOLD, "not_in_table")
    assert made.reason == "In Stripe, “Z” is not in the table of this row, and is not guessed."
    unmade = CLIENTS.decide(compiled, None, edited, Known("cus_1"), Clues(), Facts(unmade=True))
    assert unmade.code == "not_in_table"


INVOICES = recipes.get("invoices-to-stripe")
BY_SUBJECT = row("subject", "metadata.kind", {"name": "lookup", "table": {"roof": "R"}})


def desk(subject: str) -> Desk:
    found = Desk(Paper(subject=subject).record(), version=version(INVOICES, BY_SUBJECT))
    found.run()
    return found


def test_an_invoice_is_not_made_before_its_values_are_known() -> None:
    held = desk("Gutter")
    assert held.plans[-1].code == "not_in_table"
    assert not held.till.invoices
    opened = desk("Roof")
    assert opened.there["status"] == "open"


def test_an_open_invoice_is_still_voided_and_paid_while_a_value_is_unknown() -> None:
    opened = desk("Roof")
    opened.source = Paper(subject="Gutter").record()
    assert opened.run().code == "not_in_table"
    opened.source = Paper(subject="Gutter", status="voided").record()
    opened.run()
    opened.decide("void")
    assert opened.there["status"] == "void"


@pytest.mark.parametrize(
    ("slug", "facts", "data"),
    [
        ("payments-to-jobber", NoteFacts("inv1", "Australia/Sydney", "AUD"), {"status": "paid", "created": 1}),
        (
            "pay-links-to-jobber",
            PageFacts(Record("inv1", {"status": "past_due"}, "1"), "custom.pay_online"),
            {"status": "open", "hosted_url": "https://invoice.example/1"},
        ),
    ],
)
def test_every_other_recipe_waits_as_well(slug: str, facts: Any, data: dict[str, Any]) -> None:
    recipe = recipes.get(slug)
    compiled = version(recipe, row("kind", "other", {"name": "lookup", "table": {"a": "b"}}))
    codes = {
        kind: recipe.decide(compiled, Record("s1", {**data, "kind": kind}, "s1"), None, Known(), Clues(), facts).code
        for kind in ("a", "z")
    }
    assert codes["a"] in {"missing", "pay_link"}
    assert codes["z"] == "not_in_table"


# Examples of a row


def test_examples_say_what_came_out_instead() -> None:
    good = row("name", "name", ZONES) | {"examples": [["north", "N"], ["", ""], [None, ""], ["west", {"held": True}]]}
    bad = row(["a", "b"], "t", {"name": "join"}) | {"examples": [[["x", "y"], "x y"], [["x", ""], "x "]]}
    examples.check({"mappings": [good, row("name", "other")]})
    with pytest.raises(MappingError) as found:
        examples.check({"mappings": [good, bad, {**good, "examples": [["south", "N"], ["west", "W"]]}]})
    assert str(found.value) == (
        't: ["x", ""] should give "x ", and gives "x". name: "south" should give "N", and gives "S". '
        'name: "west" should give "W", and gives {"held": true}.'
    )


# Through the whole engine


@pytest.mark.django_db
@pytest.mark.sandbox
def test_a_client_waits_until_the_table_knows_its_value(world: World) -> None:
    steps = [{"name": "lookup", "table": {"Smith": "S"}}]
    made = FieldMapping.objects.create(
        business=world.business, sync=world.sync, position=999, sources=["last_name"],
        target_path="metadata.letter", transforms=steps, examples=[["smith", "S"]],
    )  # fmt: skip
    choosing.publish(world.sync, None, "By letter")
    smith, jones = world.jobber.add("Ann", "Smith"), world.jobber.add("Bo", "Jones")
    world.go_live()
    held = world.link(jones)
    assert (held.state, held.cause_code) == (Link.State.HELD, "not_in_table")
    assert held.cause == "Last name “Jones” is not in the table of this row, and is not guessed."
    assert world.stripe.of(jones) == []
    assert world.stripe.of(smith)[0]["metadata"]["letter"] == "S"
    assert incidents.words("not_in_table", 1, world.sync)[0] == "1 client has a value that is in no table"

    made.transforms = [{"name": "lookup", "table": {"Smith": "S", "Jones": "J"}}]
    made.save()
    choosing.publish(world.sync, None, "Jones too")
    world.sync.refresh_from_db()
    world.work()
    assert world.stripe.of(jones)[0]["metadata"]["letter"] == "J"
    assert world.link(jones).state == Link.State.IN_STEP
