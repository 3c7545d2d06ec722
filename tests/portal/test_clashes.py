"""Fields that both sides have changed: what is shown, and who may settle it."""

import pytest
from django.test import Client
from django_scopes import scope

from portal.models import Business, User
from syncs.models import FieldMapping, Link, Sync
from tests import factories
from tests.conftest import person, signed_in

pytestmark = pytest.mark.django_db
EMAIL = ["email", "old@example.com", "jobber@example.com", "stripe@example.com"]
CITY = ["address.city", "Perth", "Sydney", "Hobart"]


@pytest.fixture
def clashing(acme: Business) -> Link:
    """Her email and her city were changed on both sides."""
    with scope(business=acme):
        sync = factories.sync(acme, options={"two_way": True})
        her = factories.client(acme, sync.source, name="Ann Smith", email="jobber@example.com")
        link = factories.link(
            sync, her, factories.customer(acme, sync.target), "conflict", cause_code="both_changed", verdict="conflict"
        )
        factories.attempt(link, "conflict", "done", plan={"conflicts": [EMAIL, CITY]})
        return link


def send(client: Client, link: Link, **said: str) -> str:
    path = f"/b/{link.business_id}/records/{link.pk}/sides/"
    response = client.post(path, {key.replace("__", ":"): value for key, value in said.items()}, follow=True)
    assert response.status_code == 200
    return str(response.content.decode())


def fresh(link: Link) -> Link:
    with scope(business=link.business_id):
        return Link.objects.get(pk=link.pk)


def test_both_values_are_shown_with_what_was_before(acme: Business, alice: User, clashing: Link) -> None:
    html = signed_in(alice).get(f"/b/{acme.pk}/records/{clashing.pk}/").content.decode()
    for value in (*EMAIL[1:], *CITY[1:]):
        assert value in html
    assert "Which side is right?" in html
    assert "Who wins" in html


def test_each_field_is_settled_by_itself_and_an_address_as_a_whole(acme: Business, alice: User, clashing: Link) -> None:
    send(signed_in(alice), clashing, side__email="target", **{"side:address.": "source"})
    decision = fresh(clashing).decision
    assert decision["sides"]["email"] == "target"
    parts = {path: side for path, side in decision["sides"].items() if path != "email"}
    assert set(parts.values()) == {"source"}
    assert {"address.line1", "address.city", "address.country"} <= set(parts)


@pytest.mark.parametrize("said", [{}, {"side:email": "target"}, {"side:email": "neither", "side:address.": "source"}])
def test_a_field_that_nobody_decided_is_asked_about_again(
    acme: Business, alice: User, clashing: Link, said: dict[str, str]
) -> None:
    assert "Say which side is right for every field." in send(signed_in(alice), clashing, **said)
    assert fresh(clashing).decision == {}


def test_always_makes_it_the_rule(acme: Business, alice: User, clashing: Link) -> None:
    send(signed_in(alice), clashing, side__email="target", always="1", **{"side:address.": "source"})
    with scope(business=acme):
        owners = dict(FieldMapping.objects.filter(sync=clashing.sync_id).values_list("target_path", "owner"))
        assert (owners["email"], owners["address.city"]) == ("target", "source")
        live = Sync.objects.get(pk=clashing.sync_id).version
    assert live.number > 1
    assert next(row for row in live.content["mappings"] if row["target"] == "email")["owner"] == "target"


def test_the_office_settles_one_record_but_makes_no_rules(acme: Business, bob: User, clashing: Link) -> None:
    both = {"side:email": "target", "side:address.": "target"}
    path = f"/b/{acme.pk}/records/{clashing.pk}/sides/"
    assert signed_in(bob).post(path, {**both, "always": "1"}).status_code == 403
    assert fresh(clashing).decision == {}
    assert signed_in(bob).post(path, both).status_code == 302
    assert fresh(clashing).decision["who"] == "Bob"
    reader = person(acme, "Rita", "read_only")
    assert signed_in(reader).post(path, both).status_code == 403


def test_one_that_is_settled_already_is_not_settled_again(acme: Business, alice: User, clashing: Link) -> None:
    client = signed_in(alice)
    send(client, clashing, side__email="target", **{"side:address.": "target"})
    html = send(client, clashing, side__email="source", **{"side:address.": "source"})
    assert "Alice has already decided" in html
    assert fresh(clashing).decision["sides"]["email"] == "target"


# Several at once


@pytest.fixture
def three(acme: Business, clashing: Link) -> list[Link]:
    with scope(business=acme):
        found = [clashing]
        for n in (1, 2):
            his = factories.client(acme, clashing.sync.source, name=f"Bert {n}")
            there = factories.customer(acme, clashing.sync.target)
            link = factories.link(clashing.sync, his, there, "conflict", cause_code="both_changed", verdict="conflict")
            phone = ["phone", "1", f"jobber-{n}", f"stripe-{n}"]
            factories.attempt(link, "conflict", "done", plan={"conflicts": [phone]})
            found.append(link)
        return found


def attention(user: User, business: Business) -> str:
    return str(signed_in(user).get(f"/b/{business.pk}/attention/").content.decode())


def press(user: User, link: Link, links: list[Link], side: str = "source") -> str:
    path = f"/b/{link.business_id}/attention/{link.sync_id}/sides/"
    data = {"side": side, "links": ",".join(str(each.pk) for each in links)}
    response = signed_in(user).post(path, data, follow=True)
    assert response.status_code == 200
    return str(response.content.decode())


def test_the_list_shows_what_each_side_says_and_when_it_changed(acme: Business, alice: User, three: list[Link]) -> None:
    html = attention(alice, acme)
    for value in (*EMAIL[2:], *CITY[2:], "jobber-1", "stripe-2"):
        assert value in html
    assert html.count("Changed in Jobber <time") == 3
    assert "neither says by whom" in html
    assert "Jobber is right for all 3" in html


def test_one_press_settles_all_of_them_once(acme: Business, bob: User, three: list[Link]) -> None:
    with scope(business=acme):
        late = factories.client(acme, three[0].sync.source, name="Since then")
        later = factories.link(three[0].sync, late, state="conflict", cause_code="both_changed")
    press(bob, three[1], three[1:2], "target")
    html = press(bob, three[0], three)
    assert "Noted for 2 clients: Jobber is right." in html
    assert "1 more was settled already, and nothing was changed there." in html
    assert fresh(three[0]).decision["sides"] == {"email": "source", "address.city": "source"}
    assert fresh(three[1]).decision["sides"] == {"phone": "target"}
    assert fresh(three[2]).decision["who"] == "Bob"
    assert fresh(later).decision == {}
    assert "3 clients were settled already" in press(bob, three[0], three, "target")
    assert fresh(three[2]).decision["sides"] == {"phone": "source"}
    assert fresh(three[2]).noticed == 2


def test_nobody_else_settles_them(acme: Business, rival: Business, mallory: User, three: list[Link]) -> None:
    reader = person(acme, "Rita", "read_only")
    data = {"side": "source", "links": ",".join(str(each.pk) for each in three)}
    assert signed_in(reader).post(f"/b/{acme.pk}/attention/{three[0].sync_id}/sides/", data).status_code == 403
    assert "is right for all" not in attention(reader, acme)
    with scope(business=rival):
        other = factories.sync(rival)
    for business, sync in ((acme, three[0].sync_id), (rival, three[0].sync_id)):
        assert signed_in(mallory).post(f"/b/{business.pk}/attention/{sync}/sides/", data).status_code == 404
    html = signed_in(mallory).post(f"/b/{rival.pk}/attention/{other.pk}/sides/", data, follow=True).content.decode()
    assert "There was nothing to decide." in html
    assert all(fresh(link).decision == {} for link in three)


def test_nonsense_decides_nothing(acme: Business, alice: User, three: list[Link]) -> None:
    path = f"/b/{acme.pk}/attention/{three[0].sync_id}/sides/"
    assert signed_in(alice).post(path, {"side": "neither", "links": str(three[0].pk)}).status_code == 404
    assert signed_in(alice).post(path, {"side": "source", "links": "x,,-1,9e9"}).status_code == 302
    assert all(fresh(link).decision == {} for link in three)
