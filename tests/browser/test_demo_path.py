"""The demo as its owner walks it, in a real browser: from signing in to a client's edit seen at Stripe."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from socket import socket
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from portal.demo.environment import ROOT

CHROMIUM = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), "")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: the path through the demo is not walked"),
]
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip
PHONE = {"width": 390, "height": 800}
SECONDS = 30


def until[T](found: Callable[[], T], seconds: float = SECONDS) -> T:
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return value


@dataclass
class Demo:
    portal: str
    sandbox: str
    password: str

    def customers(self) -> list[dict[str, Any]]:
        """The newest hundred at Stripe."""
        address = f"{self.sandbox}/stripe/v1/customers?limit=100"
        found: list[dict[str, Any]] = httpx.get(address, auth=("sk_test_operator", "")).json()["data"]
        return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The whole of `make demo`, on ports of its own."""
    folder = tmp_path_factory.mktemp("demo")
    port, sandbox_port = _free_ports()
    environ = {**os.environ, "PORT": str(port), "SANDBOX_PORT": str(sandbox_port), "SANDBOX_LIMITS": "off"}
    said = (folder / "said").open("w+")
    command = [sys.executable, "-m", "portal.demo", "--folder", str(folder / "kept")]
    running = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=said, stderr=said, start_new_session=True)
    try:
        until(lambda: running.poll() is not None or "Ctrl-C" in (folder / "said").read_text(), 90)
        assert running.poll() is None, (folder / "said").read_text()
        password = json.loads((folder / "kept" / "keys.json").read_text())["FIELDBRIDGE_DEMO_PASSWORD"]
        yield Demo(f"http://localhost:{port}", f"http://127.0.0.1:{sandbox_port}", password)
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(60)
        said.close()


def _free_ports() -> list[int]:
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket()) for _ in range(2)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright: Playwright
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@dataclass
class Visit:
    """One person's tab. `troubles`: what the browser complained of, such as a breach of the content policy."""

    page: Page
    troubles: list[str] = field(default_factory=list)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).first.click()

    def fits(self) -> None:
        """No page is wider than a phone; then back to the size of a desk."""
        self.page.wait_for_load_state()
        desk = self.page.viewport_size
        self.page.set_viewport_size(PHONE)
        width = self.page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"], f"{self.page.url} is {width} pixels wide"
        if desk:
            self.page.set_viewport_size(desk)


@pytest.fixture
def owner(demo: Demo, browser: Browser) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(SECONDS * 1000)
    visit = Visit(context.new_page())
    visit.page.on("console", lambda m: visit.troubles.append(m.text) if m.type in {"error", "warning"} else None)
    visit.page.on("pageerror", lambda error: visit.troubles.append(str(error)))
    visit.page.goto(f"{demo.portal}/")
    visit.fits()
    visit.page.get_by_label("Email").fill("owner@demo.test")
    visit.page.get_by_label("Password").fill(demo.password)
    visit.press("Sign in")
    visit.page.wait_for_url("**/b/*/")
    yield visit
    context.close()
    assert visit.troubles == []


def connect(owner: Visit, service: str, answer: str, account: str = "") -> None:
    owner.page.get_by_role("link", name="Connections").first.click()
    owner.press(f"Connect with {service}")
    if account:
        owner.page.get_by_label(account).check()
    owner.page.get_by_role("button", name=re.compile(f"^{answer}")).click()
    owner.page.wait_for_url("**/connect*/**")
    owner.fits()


def test_from_signing_in_to_everything_in_step_and_an_edit_at_stripe(demo: Demo, owner: Visit) -> None:
    page = owner.page
    expect(page.get_by_text("Set up Harbour Plumbing")).to_be_visible()
    owner.fits()

    connect(owner, "Jobber", "Deny")
    expect(page.get_by_role("heading", name="You chose not to allow")).to_be_visible()
    connect(owner, "Jobber", "Allow", "Harbour Plumbing")
    expect(page.get_by_role("heading", name="Jobber: Harbour Plumbing")).to_be_visible()
    connect(owner, "Stripe", "Allow", "Harbour Plumbing")
    expect(page.get_by_text("May change customers")).to_be_visible()

    page.get_by_role("link", name="Choose what to keep in step").first.click()
    owner.fits()
    owner.press("Choose this and see the plan")
    expect(page.get_by_text("161 customers will be created in Stripe.")).to_be_visible()
    expect(page.get_by_text("32 clients will be linked to customers you already have.")).to_be_visible()
    owner.fits()
    owner.press("Go live")
    expect(page.get_by_text("Of 200 clients seen: 193 written")).to_be_visible(timeout=SECONDS * 1000)
    owner.fits()
    assert len({c["id"] for c in demo.customers()}) == 100

    rename_first_client(demo, page)
    seconds = time.monotonic()
    until(lambda: any(c["metadata"].get("jobber_first_name") == "Wilhelmina" for c in demo.customers()), 10)
    print(f"seen at Stripe after {time.monotonic() - seconds:.2f} s")

    page.goto(f"{demo.portal}/")
    page.get_by_role("link", name="Records").first.click()
    owner.fits()
    page.get_by_role("searchbox").first.fill("Wilhelmina")
    page.keyboard.press("Enter")  # the only one of that name: its page opens
    expect(page.get_by_text("All fields agree")).to_be_visible()
    expect(page.get_by_text(re.compile("Jobber told us of (a|[0-9]+) change")).first).to_be_visible()
    owner.fits()
    for name in ("Overview", "Needs attention", "Connections", "People"):
        page.get_by_role("link", name=re.compile(f"^{name}")).first.click()
        owner.fits()


def rename_first_client(demo: Demo, page: Page) -> None:
    """On the control page, as the tradesperson would: the first client that is in step."""
    page.goto(f"{demo.sandbox}/jobber/accounts/1/clients")
    page.locator("main a[href*='/clients/']").filter(has_not_text="Add").first.click()
    page.get_by_label("First name").fill("Wilhelmina")
    page.get_by_role("button", name=re.compile("^Save")).first.click()
