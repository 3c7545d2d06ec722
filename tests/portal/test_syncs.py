"""Choosing what to keep in step, reviewing the plan, going live, pausing, changing what it covers."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone
from django_scopes import scope

from portal import figures
from portal.figures import Group
from portal.models import Business, User
from portal.reviews import summary
from portal.wording import terms_of
from syncs.models import FieldMapping, Link, Run, Sync, Version
from tests import factories
from tests.conftest import person, signed_in

pytestmark = pytest.mark.django_db
RECIPE = "clients-to-customers"


def get(user: User, business: Business, path: str) -> str:
    response = signed_in(user).get(f"/b/{business.pk}/syncs/{path}")
    assert response.status_code == 200
    return str(response.content.decode())


def post(user: User, business: Business, path: str, **data: Any) -> str:
    """The page one comes to."""
    response = signed_in(user).post(f"/b/{business.pk}/syncs/{path}", data, follow=True)
    assert response.status_code == 200
    return str(response.content.decode())


@pytest.fixture
def sync(acme: Business) -> Sync:
    """In preview, reviewed: two to create, one matched, one to look at, one left out."""
    with scope(business=acme):
        made = factories.sync(acme, "preview")
        found = [factories.client(acme, made.source, name=f"Client {n}") for n in range(5)]
        changes = [["name", "", "Client 0"], ["address.city", "Carlton", "Geelong"]]
        factories.planned(made, found[0], plan={"changes": changes, "reason": "There is no such customer yet."})
        factories.planned(made, found[1])
        other = factories.customer(acme, made.target, name="Client the Third")
        warnings = ["Name is 5,000 characters long and was shortened to 256."]
        factories.planned(made, found[2], "link", plan={"target_id": other.external_id, "warnings": warnings})
        held = {"cause_code": "ambiguous", "cause": "It is also the email of Bert."}
        factories.link(made, found[3], state="held", **held)
        factories.link(made, found[4], state="skipped", cause_code="lead", cause="A lead is left out.")
        factories.run(made)
    return made


# Choosing


def test_the_missing_side_is_named(acme: Business, alice: User) -> None:
    with scope(business=acme):
        factories.connection(acme, "jobber")
    html = get(alice, acme, "new/")
    assert "Stripe is not connected yet." in html
    assert "Choose this" not in html
    assert "Connect Stripe first." in post(alice, acme, "new/", recipe=RECIPE)
    with scope(business=acme):
        assert not Sync.objects.exists()


def test_choosing_starts_the_review_with_the_ticked_options(acme: Business, alice: User) -> None:
    with scope(business=acme):
        factories.connection(acme, "jobber")
        factories.connection(acme, "stripe")
    assert "Also leads" in get(alice, acme, "new/")
    html = post(alice, acme, "new/", recipe=RECIPE, options=["include_leads"])
    assert "Reading customers in Stripe" in html
    with scope(business=acme):
        made = Sync.objects.get()
        assert made.mode == "preview"
        assert made.options == {
            "include_leads": True, "include_archived": False, "two_way": False, "create_back": False,
        }  # fmt: skip
        assert made.version is not None
        assert made.version.content["options"] == made.options
        assert Run.objects.get().state == "running"


def test_choosing_twice_gives_one_sync(acme: Business, alice: User) -> None:
    with scope(business=acme):
        factories.connection(acme, "jobber")
        factories.connection(acme, "stripe")
    post(alice, acme, "new/", recipe=RECIPE)
    assert "It is chosen already." in post(alice, acme, "new/", recipe=RECIPE)
    with scope(business=acme):
        assert Sync.objects.count() == Version.objects.count() == 1


def test_a_recipe_there_is_not_is_not_found(acme: Business, alice: User) -> None:
    assert signed_in(alice).post(f"/b/{acme.pk}/syncs/new/", {"recipe": "gold-to-lead"}).status_code == 404


# The review


def test_a_running_review_is_polled_until_it_is_done(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        run = factories.run(sync, state="running", side="source", total=200, counts={"seen": 100})
    client, path = signed_in(alice), f"/b/{acme.pk}/syncs/{sync.pk}/progress/"
    response = client.get(path, headers={"HX-Request": "true"})
    assert response.status_code == 200
    assert "Reading clients in Jobber: 100 of 200" in response.content.decode()
    assert 'hx-trigger="every 1s"' in response.content.decode()
    assert "Go live" not in response.content.decode()
    with scope(business=acme):
        Run.objects.filter(pk=run.pk).update(state="done")
    response = client.get(path, headers={"HX-Request": "true"})
    assert response.status_code == 286
    assert "Go live" in response.content.decode()
    assert "hx-trigger" not in response.content.decode()


def test_the_badge_at_the_top_follows_the_mode(acme: Business, alice: User, sync: Sync) -> None:
    for mode, words in (("live", "Live"), ("approve", "Every write waits for approval"), ("off", "Paused")):
        with scope(business=acme):
            Sync.objects.filter(pk=sync.pk).update(mode=mode)
        polled = signed_in(alice).get(f"/b/{acme.pk}/syncs/{sync.pk}/progress/").content.decode()
        badge = polled.partition('<span id="mode" hx-swap-oob="true">')[2].partition("</span>")[0]
        assert badge.endswith(f">{words}")
    whole = get(alice, acme, f"{sync.pk}/")
    assert whole.count('id="mode"') == 1
    assert "hx-swap-oob" not in whole


def test_the_plan_says_exactly_what_going_live_will_write(acme: Business, alice: User, sync: Sync) -> None:
    html = get(alice, acme, f"{sync.pk}/")
    for words in (
        "2 customers will be created in Stripe.",
        "1 client will be linked to customers you already have.",
        "1 client needs a look: nothing is written for it until you decide.",
        "1 client is left out.",
        "Nothing is deleted, and nothing is changed in Jobber.",
    ):
        assert words in html
    assert "disabled" not in html.split('id="go-live"')[1].split(">")[0]


def test_every_record_is_in_one_group_with_its_reason(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        counts = figures.plan_counts(sync)
        listed = {group: figures.in_group(sync, group).count() for group in Group}
    assert counts == listed
    assert sum(counts.values()) == 5
    assert "It is also the email of Bert." in get(alice, acme, f"{sync.pk}/")
    assert "A lead is left out." in get(alice, acme, f"{sync.pk}/?group=out")
    matched = get(alice, acme, f"{sync.pk}/?group=update")
    assert "Will be matched" in matched
    assert "with Client the Third" in matched


def test_the_fields_to_be_written_are_shown_before_and_after(acme: Business, alice: User, sync: Sync) -> None:
    html = get(alice, acme, f"{sync.pk}/?group=create")
    row = html.split("City or suburb")[1].split("</tr>")[0]
    assert "<del>Carlton</del>" in row
    assert "<ins>Geelong</ins>" in row


def test_warnings_are_summed_up_and_lead_to_their_records(acme: Business, alice: User, sync: Sync) -> None:
    html = get(alice, acme, f"{sync.pk}/?group=warned")
    assert "Worth knowing (1)" in html
    assert "Name is 5,000 characters long and was shortened to 256." in html
    assert "Client 2" in html
    assert "Client 0" not in html


def test_alike_warnings_are_counted_once() -> None:
    told = [f"Name is {n},000 characters long and was shortened to 256." for n in (5, 6, 7)]
    told.append("Email “nope” is not an email address, so it was not sent.")
    assert [count for count, _ in summary(told)] == [3, 1]


def test_many_records_come_in_pages(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        for n in range(60):
            factories.planned(sync, factories.client(acme, sync.source, name=f"Extra {n}"))
    first, second = get(alice, acme, f"{sync.pk}/?group=create"), get(alice, acme, f"{sync.pk}/?group=create&page=2")
    assert "1–50 of 62" in first
    assert "51–62 of 62" in second
    assert "group=create" in first.split('rel="next"')[0].rsplit("href", 1)[1]
    assert get(alice, acme, f"{sync.pk}/?group=nonsense&page=nonsense")


# Going live


def test_going_live_reads_everything_once_and_then_writes(acme: Business, alice: User, sync: Sync) -> None:
    assert "It is live." in post(alice, acme, f"{sync.pk}/live/")
    with scope(business=acme):
        sync.refresh_from_db()
        assert sync.mode == "live"
        assert Run.objects.get(state="running").kind == "backfill"
    assert "It is live already." in post(alice, acme, f"{sync.pk}/live/")
    with scope(business=acme):
        assert Run.objects.filter(kind="backfill").count() == 1


@pytest.mark.parametrize("why", ["running", "waiting", "unreviewed", "disconnected"])
def test_it_does_not_go_live_too_early(acme: Business, alice: User, sync: Sync, why: str) -> None:
    with scope(business=acme):
        if why == "running":
            factories.run(sync, state="running")
        elif why == "waiting":
            Link.objects.filter(state="held").update(noticed=2)
        elif why == "unreviewed":
            Run.objects.all().delete()
        else:
            type(sync.target).objects.filter(pk=sync.target_id).update(status="off")
    html = get(alice, acme, f"{sync.pk}/")
    assert 'id="go-live"' not in html or " disabled" in html.split('id="go-live"')[1].split(">")[0]
    assert "It cannot go live yet." in post(alice, acme, f"{sync.pk}/live/")
    with scope(business=acme):
        sync.refresh_from_db()
        assert sync.mode == "preview"


def test_a_sync_that_waits_says_why(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        type(sync.lane).objects.filter(pk=sync.lane_id).update(parked="Stripe does not accept our access any more.")
    assert "Stripe does not accept our access any more." in get(alice, acme, f"{sync.pk}/")


# Live


def test_the_live_page_shows_where_every_record_stands(acme: Business, alice: User) -> None:
    with scope(business=acme):
        sync = factories.sync(acme)
        states = {"in_step": 3, "skipped": 1, "held": 1, "parked": 1, "retrying": 1}
        for state, count in states.items():
            for n in range(count):
                factories.link(
                    sync,
                    factories.client(acme, sync.source),
                    state=state,
                    written_at=timezone.now() if n == 0 else None,
                )
    html = get(alice, acme, f"{sync.pk}/")
    assert "Of 7 clients seen: 1 written, 2 unchanged, 1 left out, 1 to be looked at, 1 failed, 1 waiting." in html


def test_sync_now_starts_one_run(acme: Business, bob: User) -> None:
    with scope(business=acme):
        sync = factories.sync(acme)
    assert "Started." in post(bob, acme, f"{sync.pk}/now/")
    assert "It is running already." in post(bob, acme, f"{sync.pk}/now/")
    with scope(business=acme):
        assert Run.objects.count() == 1


def test_pausing_stops_everything_and_resuming_reads_all_again(acme: Business, alice: User) -> None:
    with scope(business=acme):
        sync = factories.sync(acme)
        factories.run(sync, "poll", "running")
    assert "Paused: nothing is read or written." in post(alice, acme, f"{sync.pk}/pause/")
    with scope(business=acme):
        assert Run.objects.get().state == "stopped"
    assert "It is paused." in post(alice, acme, f"{sync.pk}/now/")
    assert "Resumed." in post(alice, acme, f"{sync.pk}/resume/")
    with scope(business=acme):
        sync.refresh_from_db()
        assert sync.mode == "live"
        assert Run.objects.get(state="running").kind == "backfill"


def test_resuming_what_was_never_live_writes_nothing(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        Sync.objects.update(mode="off")
    post(alice, acme, f"{sync.pk}/resume/")
    with scope(business=acme):
        sync.refresh_from_db()
        assert sync.mode == "preview"
        assert Run.objects.get(state="running").kind == "review"


def test_changed_options_become_a_version_with_a_note(acme: Business, alice: User, sync: Sync) -> None:
    html = post(alice, acme, f"{sync.pk}/options/", options=["include_leads", "include_archived"])
    assert "Saved as version 2." in html
    assert "Also leads (people who have asked, but are no clients yet): yes" in html
    assert "Nothing was changed." in post(
        alice, acme, f"{sync.pk}/options/", options=["include_leads", "include_archived"]
    )
    with scope(business=acme):
        assert Version.objects.filter(sync=sync).count() == 2
        assert Link.objects.filter(noticed=2).count() == 5


def test_changed_options_leave_a_draft_a_draft(acme: Business, alice: User, sync: Sync) -> None:
    """Also one that cannot be published as it is."""
    with scope(business=acme):
        row = FieldMapping.objects.get(sync=sync, target_path="name")
        row.transforms, row.examples = [{"name": "there is no such thing"}], [["a", "B"]]
        row.save()
        Sync.objects.update(options={**sync.options, "include_archived": False})
    html = get(alice, acme, f"{sync.pk}/")
    assert 'value="include_archived" checked' in " ".join(html.split())
    html = post(alice, acme, f"{sync.pk}/options/", options=["include_leads", "include_archived"])
    assert "Saved as version 2." in html
    with scope(business=acme):
        first, second = Version.objects.filter(sync=sync).order_by("number")
        assert second.content["mappings"] == first.content["mappings"]
        assert second.content["options"] == {**first.content["options"], "include_leads": True}
        sync.refresh_from_db()
        assert (sync.options["include_leads"], sync.options["include_archived"]) == (True, False)
        row.refresh_from_db()
        assert row.examples == [["a", "B"]]


def test_how_items_sync_is_told_from_the_live_version(acme: Business, alice: User, sync: Sync) -> None:
    html = get(alice, acme, f"{sync.pk}/")
    email = html.split('<th scope="row">Email</th>')[1].split("</tr>")[0]
    assert "Checked, left out when it is no email address" in email
    assert "Custom fields" in html


# Who may


CHANGING = ("live/", "pause/", "resume/", "options/")


@pytest.mark.parametrize(
    ("role", "run", "configure"),
    [("owner", 302, 302), ("staff", 302, 302), ("office", 302, 403), ("support", 302, 403), ("read_only", 403, 403)],
)
def test_each_role_may_do_its_own(acme: Business, sync: Sync, role: str, run: int, configure: int) -> None:
    client = signed_in(person(acme, "Rolf", role))

    def sent(path: str) -> HttpResponse:
        return client.post(f"/b/{acme.pk}/syncs/{path}", {"recipe": RECIPE})

    assert client.get(f"/b/{acme.pk}/syncs/{sync.pk}/").status_code == 200
    assert client.get(f"/b/{acme.pk}/syncs/new/").status_code == 200
    assert sent(f"{sync.pk}/now/").status_code == run
    assert {sent(f"{sync.pk}/{path}").status_code for path in CHANGING} == {configure}
    assert sent("new/").status_code == configure


def test_another_business_has_no_such_sync(acme: Business, mallory: User, rival: Business, sync: Sync) -> None:
    client = signed_in(mallory)
    for business in (acme, rival):
        base = f"/b/{business.pk}/syncs/{sync.pk}/"
        assert {client.get(base + path).status_code for path in ("", "progress/")} == {404}
        assert {client.post(base + path).status_code for path in (*CHANGING, "now/")} == {404}
    with scope(business=acme):
        sync.refresh_from_db()
        assert sync.mode == "preview"


def test_a_changing_address_takes_only_posts(acme: Business, alice: User, sync: Sync) -> None:
    client = signed_in(alice)
    for path in (*CHANGING, "now/"):
        assert client.get(f"/b/{acme.pk}/syncs/{sync.pk}/{path}").status_code == 405


def test_names_from_outside_stay_text(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        evil = factories.client(acme, sync.source, name="<script>alert(1)</script>")
        factories.planned(sync, evil, plan={"changes": [["name", "<b>x</b>", "<script>alert(1)</script>"]]})
    html = get(alice, acme, f"{sync.pk}/?group=create")
    assert "<script>alert(1)" not in html
    assert "<b>x</b>" not in html


@pytest.mark.parametrize("mode", ["preview", "live"])
def test_many_records_cost_no_more_queries(
    acme: Business, alice: User, sync: Sync, mode: str, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    with scope(business=acme):
        for _ in range(60):
            warned = {"warnings": ["Name is 5,000 characters long and was shortened to 256."], "target_id": "cus_1"}
            factories.planned(sync, factories.client(acme, sync.source), plan=warned)
        Sync.objects.update(mode=mode)
    client, path = signed_in(alice), f"/b/{acme.pk}/syncs/{sync.pk}/?group=create"
    client.get(path)
    with django_assert_max_num_queries(14):
        assert client.get(path).status_code == 200


def test_words_for_one_and_for_many(acme: Business, sync: Sync) -> None:
    names = terms_of(sync)
    assert (names.count(1), names.count_there(2000)) == ("1 client", "2,000 customers")
    nothing = dict.fromkeys(Group, 0)
    assert figures.consequences(nothing, names)[0] == "Nothing is new to Stripe."
    told = figures.consequences({**nothing, Group.UPDATE: 25, Group.SAME: 3}, names)
    assert "28 clients will be linked to customers you already have." in told
    assert "25 of them get the details that differ; what is only in Stripe stays." in told
