"""The admin in a real browser: its policy breaks nothing, and no page is wider than a phone."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from portal.models import Business, User
from tests.conftest import PASSWORD, person
from tests.portal import rows
from tests.portal.test_admin_pages import list_address, page_address

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium on this machine."),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def cookie(live_server: LiveServer) -> dict[str, str]:
    boss = User.objects.create_superuser("boss@example.com", PASSWORD)
    client = Client()
    client.force_login(boss)
    return {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}


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
    """Last of the fixtures: from here on the browser's own loop runs, in which Django would ask nothing."""
    from playwright.sync_api import sync_playwright

    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context()
        context.add_cookies([cookie])
        yield context.new_page()
        browser.close()


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
    row.locator("textarea[name$=transforms]").fill('[{"name": "join"}]')
    page.locator("[name=_continue]").click()
    page.wait_for_load_state("networkidle")
    assert page.get_by_text("title, balance, company_name → join, always").count() == 1
