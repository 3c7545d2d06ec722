"""The admin in a real browser: its policy breaks nothing, and no page is wider than a phone."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from portal.models import Business, User
from tests.conftest import PASSWORD, person
from tests.portal import chromium, rows
from tests.portal.test_admin_pages import list_address, page_address

pytestmark = chromium.MARKS


@pytest.fixture
def cookie(live_server: LiveServer) -> dict[str, str]:
    return chromium.cookie(User.objects.create_superuser("boss@example.com", PASSWORD), live_server.url)


@pytest.fixture
def addresses(live_server: LiveServer) -> list[str]:
    business = Business.objects.create(name="Acme Plumbing")
    person(business, "Alice", "owner")
    made = rows.world(business)
    pages = [
        reverse("admin:index"),
        page_address(made.sync),
        page_address(made.links[0]),
        list_address(type(made.sync)),
    ]
    return [f"{live_server.url}{p}" for p in [*pages, list_address(type(made.links[0]))]]


@pytest.fixture
def page(cookie: dict[str, str], addresses: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Last of the fixtures."""
    with chromium.opened(cookie, monkeypatch) as found:
        yield found


def test_pages_break_no_policy_and_fit(page: Any, addresses: list[str]) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for address in addresses:
            page.goto(address)
            page.wait_for_load_state("networkidle")
            assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert said == []


def test_fields_are_sent_in_the_order_they_are_chosen(page: Any, addresses: list[str]) -> None:
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.goto(addresses[1])
    page.get_by_text("Add another Row").click()
    row = page.locator("tbody.form-group:not(.empty-form)").last
    for word in ("Title", "Balance", "Company"):
        row.locator(".field-sources .select2-selection").click()
        page.keyboard.type(word)
        page.keyboard.press("Enter")
    row.locator(".field-target_path .select2-selection").click()
    page.keyboard.type("metadata.about")
    page.keyboard.press("Enter")
    row.locator(".field-transforms .fb-picker .select2-selection").click()
    page.keyboard.type("join ")
    page.keyboard.press("Enter")
    page.locator("[name=_continue]").click()
    page.wait_for_load_state("networkidle")
    assert page.get_by_text("title, balance, company_name → join, always").count() == 1


def test_a_typed_row_is_seen_in_the_preview(page: Any, addresses: list[str]) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.goto(addresses[1])
    page.get_by_text("Add another Row").click()
    row = page.locator("tbody.form-group:not(.empty-form)").last
    row.locator(".field-sources .select2-selection").click()
    page.keyboard.type("Gate")
    page.keyboard.press("Enter")
    page.get_by_text("To: This field is required.").wait_for()
    row.locator(".field-target_path .select2-selection").click()
    page.keyboard.type("metadata.gate")
    page.keyboard.press("Enter")
    steps = '[{"name": "replace", "find": "1", "by": "Gate 1"}]'
    typed = "(area, steps) => { area.value = steps; area.dispatchEvent(new Event('input', {bubbles: true})); }"
    row.locator("textarea[name$='-transforms']").evaluate(typed, steps)
    page.locator("#fb-preview .fb-differs", has_text="Gate 12").first.wait_for()
    assert page.get_by_text("To: This field is required.").count() == 0
    page.locator("#fb-preview-q").fill("client 2")
    page.get_by_text("found by “client 2”").wait_for()
    assert page.locator("#fb-preview .fb-tried").count() == 1
    assert said == []
