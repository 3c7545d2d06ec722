"""What was sent and what came back, on the pages of a record: over HTTP, against both stand-ins."""

import io
import json
import re
import zipfile
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from portal import copies, retention
from portal.models import User
from syncs import applying, erasing
from syncs.models import Link, Write
from tests.conftest import signed_in
from tests.syncs.conftest import world  # noqa: F401  # a fixture
from tests.syncs.world import ENVIRON, JOBBER_TOKEN, STRIPE_KEY, World

NAME = "Linh Nguyễn"
pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]


@pytest.fixture
def here(world: World) -> World:  # noqa: F811  # the fixture
    world.go_live()
    return world


@pytest.fixture
def owner(here: World, alice: User) -> Client:
    return signed_in(alice)


def spoil(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    """Sends these in place of what was planned."""
    real = applying.intend

    def spoilt(lane: Any, sync: Any, looks: Any) -> Any:
        found = real(lane, sync, looks)
        for order in found:
            order.write.params = {**order.write.params, **values}
        return found

    monkeypatch.setattr(applying, "intend", spoilt)


def came(html: str) -> str:
    """What stands in the newest fold-out of what came back."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html.split("What came back")[1].split("</details>")[0])).split())


def page_of(here: World, browser: Client, link: Link) -> str:
    return browser.get(f"/b/{here.business.pk}/records/{link.pk}/").content.decode()


def test_the_page_of_a_record_shows_what_came_back(here: World, owner: Client) -> None:
    link = here.link(written(here))
    html = page_of(here, owner, link)
    said = came(html)
    assert "What was sent" in html
    assert "HTTP 200" in said
    assert f'"id": "{link.target_id}"' in said
    assert f'"name": "{NAME}"' in said


def written(here: World) -> str:
    key = here.jobber.add("Linh", "Nguyễn", "linh@example.com")
    here.read_again()
    return key


def test_after_a_refusal_it_shows_the_words_of_the_service(
    here: World, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, email="no address")
    said = came(page_of(here, owner, here.link(written(here))))
    assert "Refused" in said
    assert "HTTP 400" in said
    assert '"code": "email_invalid"' in said
    assert '"message": "Invalid email address: no address"' in said


@pytest.mark.parametrize(
    ("kind", "words"), [("500", "HTTP 500"), ("html", "HTTP 200 Word for word"), ("reset", "no answer came")]
)
def test_it_shows_what_an_answer_that_is_none_was(here: World, owner: Client, kind: str, words: str) -> None:
    here.sandbox.sandbox.frame.faults.add(kind, service="stripe", operation="POST customers", times=1000)
    assert words in came(page_of(here, owner, here.link(written(here))))


def test_what_jobber_says_is_kept_too(here: World, owner: Client, alice: User) -> None:
    bill = here.jobber.bill(here.jobber.add("Ann", "Smith", "ann@example.com"), [("Tap", "1", "45.00")])
    invoices = here.also("invoices-to-stripe", alice)
    notes = here.also("payments-to-jobber", alice)
    here.stripe.pay(here.stripe.invoices(bill)[0]["id"])
    here.read_again(invoices, notes)
    write = Write.objects.filter(link__sync=notes, resource="notes").latest("pk")
    assert write.answer.startswith("HTTP 200\n")
    assert "invoiceCreateNote" in came(page_of(here, owner, write.link))


def test_the_admin_shows_it_on_the_record_and_on_the_call(here: World) -> None:
    link = here.link(written(here))
    boss = signed_in(User.objects.create_superuser("boss@example.com", "a long enough word"))
    write = Write.objects.get(link=link)
    for address in (f"/admin/syncs/link/{link.pk}/change/", f"/admin/syncs/write/{write.pk}/change/"):
        html = unescape(boss.get(address).content.decode())
        assert "HTTP 200" in html
        assert f'"id": "{link.target_id}"' in html


def test_no_token_is_ever_shown(here: World, owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch, email=STRIPE_KEY)
    link = here.link(written(here))
    write, html = Write.objects.get(link=link), page_of(here, owner, link)
    assert "Invalid email address: sk_test_…" in write.answer
    for secret in (JOBBER_TOKEN, STRIPE_KEY, *ENVIRON.values()):
        assert secret not in write.answer
        assert secret not in html


def test_it_is_in_the_copy_of_a_client_and_goes_when_they_are_erased(here: World, owner: Client, alice: User) -> None:
    link = here.link(written(here))
    other = here.jobber.add("Ann", "Smith", "ann@example.com")
    here.read_again()
    Write.objects.filter(link=here.link(other)).update(answer=f"HTTP 400\n{json.dumps('So is ' + NAME)}")
    copied = zipfile.ZipFile(io.BytesIO(b"".join(copies.zipped(copies.of_client(erasing.of(link))))))
    assert "linh@example.com" in json.loads(copied.read("writes.jsonl").splitlines()[0])["answer"]
    erasing.erase(link, alice)
    assert [w.answer for w in Write.objects.order_by("pk")] == ["", 'HTTP 400\n"So is (erased)"']
    assert "What it said word for word is not kept." in page_of(here, owner, link)


def test_it_goes_together_with_what_was_sent(here: World, settings: Any) -> None:
    written(here)
    settings.KEEP_DAYS = {**dict.fromkeys(settings.KEEP_DAYS, 0), "sent": 30}
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        retention.prune()
    assert [(w.params, w.answer) for w in Write.objects.all()] == [({}, "")]
