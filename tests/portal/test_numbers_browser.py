"""The chart of a business's numbers, as a browser draws it under the policy of the pages."""

from collections.abc import Iterator
from typing import Any

import pytest
from django_scopes import scope
from pytest_django.live_server_helper import LiveServer

from portal.models import Business
from tests import factories
from tests.conftest import person
from tests.portal import chromium

pytestmark = chromium.MARKS


@pytest.fixture
def address(live_server: LiveServer) -> str:
    business = Business.objects.create(name="Acme Plumbing")
    with scope(business=business):
        sync = factories.sync(business)
        link = factories.link(sync, factories.client(business, sync.source, name="Ann Smith"))
        for state in ("confirmed", "confirmed", "rejected"):
            factories.write(link, state=state)
    return f"{live_server.url}/b/{business.pk}/numbers/"


@pytest.fixture
def page(live_server: LiveServer, address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    alice = person(Business.objects.get(), "Alice", "owner")
    with chromium.opened(chromium.cookie(alice, live_server.url), monkeypatch) as found:
        yield found


def test_the_chart_is_drawn_without_breaking_the_policy_and_a_bar_leads_to_its_records(page: Any, address: str) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(address)
    drawn = "Chart.getChart(document.querySelector('canvas[data-chart]')).data.datasets.map(s => s.data.at(-1))"
    assert page.evaluate(drawn) == [2, 1]
    assert said == []
    bar = "(() => { const c = Chart.getChart(document.querySelector('canvas[data-chart]'));"
    at = page.evaluate(f"{bar} const b = c.getDatasetMeta(0).data.at(-1); return [b.x, (b.y + b.base) / 2] }})()")
    page.locator("canvas[data-chart]").click(position={"x": at[0], "y": at[1]})
    page.wait_for_url("**/records/?written=*")
    assert page.get_by_role("link", name="Ann Smith").is_visible()


def test_the_table_beside_the_chart_says_the_same(page: Any, address: str) -> None:
    page.goto(address)
    page.get_by_text("The same as a table").click()
    today = page.locator("details tbody tr").first
    assert today.locator("td").all_inner_texts() == ["2", "1"]
    assert page.locator("details tbody tr").count() == 30
