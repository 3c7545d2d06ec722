"""What a rule holds, on the pages: who decides about it, what was shown, what came of it."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django_scopes import scope

from portal.models import Business, User
from syncs.models import Approval, Link
from tests import factories
from tests.conftest import person, signed_in
from tests.portal import rows
from tests.portal.rows import World, everything

HOLD = {"rule": "Big ones", "role": "owner", "parts": {"": "abc"}, "shown": "0123456789abcdef"}
PLAN = {
    "verdict": "hold", "code": "rule_hold:owner",
    "reason": "The rule “Big ones” holds it for an owner: total 6,200.00.",
    "changes": [["name", "", "Ann"]], "warnings": [], "hold": HOLD,
    "rules": [["Big ones", True, "held for an owner"], ["Leads", False, "total cannot be compared"]],
}  # fmt: skip


@pytest.fixture
def here(acme: Business, alice: User) -> World:
    made = rows.world(acme)
    with scope(business=acme):
        held = made.links[1]
        Link.objects.filter(pk=held.pk).update(cause_code="rule_hold:owner", cause=PLAN["reason"])
        factories.attempt(held, "hold", "done", plan=PLAN)
        Approval.objects.create(
            business=acme, sync=made.sync, link=held, rule="Big ones", role="owner", plan=PLAN, shown=HOLD["shown"]
        )  # fmt: skip
    return made


def decide(client: Client, here: World, **given: Any) -> Any:
    address = reverse("record_decide", args=[here.business.pk, here.links[1].pk])
    return client.post(address, {"choice": "through", "shown": HOLD["shown"], **given}, follow=True)


def decision(here: World) -> dict[str, Any]:
    return dict(next(x.decision for x in everything(Link) if x.pk == here.links[1].pk))


def test_an_owner_sees_what_would_be_written_and_lets_it_through(here: World, alice: User) -> None:
    owner = signed_in(alice)
    page = owner.get(reverse("record", args=[here.business.pk, here.links[1].pk])).content.decode()
    assert "A rule holds it" in page
    assert "Say below whether to approve it." in page
    assert "Total cannot be compared" in page
    assert f'value="{HOLD["shown"]}"' in page
    attention = owner.get(reverse("attention", args=[here.business.pk])).content.decode()
    assert f'href="/b/{here.business.pk}/approvals/?sync={here.sync.pk}"' in attention
    assert HOLD["shown"] not in attention
    decide(owner, here)
    kept = decision(here)
    assert (kept["choice"], kept["through"]["parts"], kept["through"]["who"]) == ("through", HOLD["parts"], "Alice")
    assert "Alice has already approved it." in decide(owner, here).content.decode()


@pytest.mark.parametrize("role", ["office", "staff"])
def test_others_are_told_who_decides(role: str, here: World, acme: Business) -> None:
    other = signed_in(person(acme, "Otto", role))
    page = other.get(reverse("record", args=[acme.pk, here.links[1].pk])).content.decode()
    assert "An owner decides this." in page
    assert HOLD["shown"] not in page
    for choice in ("through", "decline"):
        answer = decide(other, here, choice=choice)
        assert answer.status_code == 403
        assert "An owner decides about this." in answer.content.decode()
    assert decision(here) == {}


@pytest.mark.parametrize("shown", ["", "another"])
def test_what_was_not_shown_is_not_decided(shown: str, here: World, alice: User) -> None:
    answer = decide(signed_in(alice), here, shown=shown)
    assert "It has changed since this was shown." in answer.content.decode()
    assert decision(here) == {}


def test_a_rule_for_the_office_takes_an_owner_too(here: World, acme: Business, alice: User) -> None:
    with scope(business=acme):
        Link.objects.filter(pk=here.links[1].pk).update(cause_code="rule_hold:office")
        Approval.objects.filter(state="waiting").update(role="office")
    decide(signed_in(alice), here)
    assert decision(here)["choice"] == "through"
