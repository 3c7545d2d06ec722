"""The main path of reconciliation in a browser: a report is opened, a mismatch put right after a look at the write."""

from typing import Any

import pytest
from django_scopes import scope
from pytest_django.live_server_helper import LiveServer

from portal.models import Business
from syncs.models import Link, Mismatch, Sync
from tests import factories
from tests.conftest import person
from tests.portal import chromium
from tests.portal.test_reconciliation import differing, mismatch, report

pytestmark = chromium.MARKS


def sown(business: Business) -> Sync:
    here = {"count": 2, "net": 10000, "tax": 1000, "total": 11000, "paid": 0}
    totals = [{"month": "2026-11", "currency": "AUD", "here": here, "there": {**here, "total": 10999}}]
    with scope(business=business):
        sync = factories.sync(business)
        found = report(sync, totals=totals)
        for name in ("Wilhelmina Featherstonehaugh-Cholmondeley", "Bea"):
            mismatch(found, differing(sync, name))
    return sync


def width(page: Any) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth"))


@pytest.mark.parametrize("wide", [1280, 390])
def test_a_mismatch_is_put_right(live_server: LiveServer, monkeypatch: pytest.MonkeyPatch, wide: int) -> None:
    business = Business.objects.create(name="Acme Plumbing")
    sync, alice = sown(business), person(business, "Alice", "owner")
    with chromium.opened(chromium.cookie(alice, live_server.url), monkeypatch) as page:
        page.set_viewport_size({"width": wide, "height": 900})
        page.goto(f"{live_server.url}/b/{business.pk}/reconciliation/")
        assert width(page) <= wide
        page.click(f"#report-{sync.pk}")
        page.get_by_text("Wilhelmina Featherstonehaugh-Cholmondeley Smith").first.wait_for()
        assert width(page) <= wide
        page.locator("a[id^=fix-]").first.click()
        page.click("#way-push")
        page.get_by_text("This is what is written in Stripe").wait_for()
        assert width(page) <= wide
        page.click("#do")
        page.get_by_text("Noted.").wait_for()
        page.goto(f"{live_server.url}/b/{business.pk}/reconciliation/")
        page.click(f"#start-{sync.pk}")
        page.locator("progress").wait_for()
    with scope(business=business):
        row = Mismatch.objects.order_by("pk")[0]
        assert (row.chosen, row.who) == ("push", "Alice")
        assert Link.objects.get(pk=row.link_id).noticed == 2
