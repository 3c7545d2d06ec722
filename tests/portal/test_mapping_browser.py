"""A row of the mapping made in a real browser by somebody who writes no JSON."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from portal.models import Business, User
from syncs.models import FieldMapping
from tests.conftest import PASSWORD, person
from tests.portal import chromium, rows
from tests.portal.rows import World, everything
from tests.portal.test_admin_pages import page_address

pytestmark = chromium.MARKS


@pytest.fixture
def here(live_server: LiveServer) -> World:
    business = Business.objects.create(name="Acme Plumbing")
    person(business, "Alice", "owner")
    return rows.world(business)


@pytest.fixture
def page(live_server: LiveServer, here: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    session = chromium.cookie(User.objects.create_superuser("boss@example.com", PASSWORD), live_server.url)
    address = f"{live_server.url}{page_address(here.sync)}"
    with chromium.opened(session, monkeypatch) as found:
        found.goto(address)
        found.wait_for_load_state("networkidle")
        yield found


def new_row(page: Any, target: str) -> Any:
    """That writes the gate code."""
    page.get_by_text("Add another Row").click()
    row = page.locator("tbody.form-group:not(.empty-form)").last
    choose(page, row.locator(".field-sources"), "gate")
    choose(page, row.locator(".field-target_path"), target)
    return row


def choose(page: Any, place: Any, words: str) -> None:
    place.locator(".select2-selection").last.click()
    page.keyboard.type(words)
    page.keyboard.press("Enter")


def text(row: Any, name: str) -> Any:
    return json.loads(row.locator(f"textarea[name$='-{name}']").input_value() or "[]")


def test_a_row_is_made_without_writing_any_json(page: Any, here: World) -> None:
    row = new_row(page, "metadata.gate_code")
    steps = row.locator(".field-transforms")
    choose(page, steps, "cut ")
    steps.get_by_label("length").fill("20")
    choose(page, steps, "lookup")
    steps.get_by_text("Add a line").click()
    steps.get_by_label("what it is").fill("12")
    steps.get_by_label("what it becomes").fill("Front gate")
    steps.get_by_label("otherwise").select_option("keep")
    choose(page, steps, "text ")
    steps.get_by_label("Move this step up").last.click()
    steps.get_by_label("Take this step out").nth(1).click()
    assert text(row, "transforms") == [
        {"name": "cut", "length": 20},
        {"name": "lookup", "table": {"12": "Front gate"}, "otherwise": "keep"},
    ]
    row.locator(".fb-fold").click()
    pairs = row.locator(".field-examples")
    pairs.get_by_text("Add a line").click()
    pairs.get_by_label("what goes in").fill("12")
    pairs.get_by_text("Fill in what comes out now").click()
    page.wait_for_function(
        "[...document.querySelectorAll('textarea[name$=\"-examples\"]')].some((a) => a.value.includes('Front gate'))"
    )
    page.locator("[name=_continue]").click()
    page.wait_for_load_state("networkidle")
    [made] = [m for m in everything(FieldMapping) if m.target_path == "metadata.gate_code"]
    assert made.sources == ["custom.gate_code"]
    assert made.transforms[1] == {"name": "lookup", "table": {"12": "Front gate"}, "otherwise": "keep"}
    assert made.examples == [["12", "Front gate"]]


def test_what_is_wrong_stands_at_its_argument(page: Any, here: World) -> None:
    row = new_row(page, "metadata.gate_code")
    choose(page, row.locator(".field-transforms"), "text ")
    choose(page, row.locator(".field-transforms"), "cut ")
    page.locator("[name=_continue]").click()
    page.wait_for_load_state("networkidle")
    fault = page.locator(".fb-argument .fb-fault")
    assert fault.inner_text() == "Step 2: “cut” needs “length”: a whole number from 4 to 100,000."
    argument = fault.locator("xpath=ancestor::*[contains(@class, 'fb-argument')]")
    argument.get_by_label("length").fill("30")
    page.locator("[name=_continue]").click()
    page.wait_for_load_state("networkidle")
    assert [m.transforms[1] for m in everything(FieldMapping) if m.target_path == "metadata.gate_code"] == [
        {"name": "cut", "length": 30}
    ]


def test_the_text_and_the_lines_say_the_same(page: Any, here: World) -> None:
    row = new_row(page, "metadata.gate_code")
    steps = row.locator(".field-transforms")
    steps.get_by_text("As text", exact=True).click()
    area = steps.locator("textarea")
    area.fill('[{"name": "cut", "length": 9}]')
    area.blur()
    assert steps.get_by_label("length").input_value() == "9"
    steps.get_by_label("length").fill("10")
    assert text(row, "transforms") == [{"name": "cut", "length": 10}]


def test_without_a_script_there_is_the_text(page: Any, here: World, live_server: LiveServer) -> None:
    context = page.context.browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    plain = context.new_page()
    plain.goto(page.url)
    assert '{"name": "cut", "length": 150}' in plain.locator("textarea[name=mappings-1-transforms]").input_value()
    assert plain.locator(".fb-chain").count() == 0
