"""A page in a headless Chromium, signed in."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client

from portal.models import User

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium on this machine."),
    pytest.mark.django_db(transaction=True),
]


def cookie(user: User, url: str) -> dict[str, str]:
    """Of a session of this person at this address."""
    client = Client()
    client.force_login(user)
    return {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": url}


@contextmanager
def opened(session: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """From here on the browser's own loop runs, in which Django would ask nothing: rows are made before."""
    from playwright.sync_api import sync_playwright

    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context()
        context.add_cookies([session])
        yield context.new_page()
        browser.close()
