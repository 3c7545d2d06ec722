"""Incidents that rules raise, and records that they send elsewhere: where people see which records these are."""

from typing import Any

import pytest
from django.urls import reverse
from django_scopes import scope

from portal.admin.support import cause_words
from portal.models import Business, User
from syncs import incidents
from syncs.models import Incident, Link, Version
from syncs.rules.judging import raised
from tests import factories
from tests.conftest import person, signed_in
from tests.portal import rows
from tests.portal.rows import World, everything
from tests.portal.test_admin_pages import page_address

RULE = {
    "name": "Slow payers", "condition": {"cel": "true"}, "outcome": "incident", "reason": "Ring them first.",
    "kinds": {},
}  # fmt: skip
RULINGS = [["Slow payers", True, "raise an incident: Ring them first."], ["Leads", False, ""]]


@pytest.fixture
def here(acme: Business, alice: User) -> World:
    """Twelve records, of which a rule has flagged all but the last."""
    made = rows.world(acme, records=12)
    with scope(business=acme):
        made.sync.version = factories.version(
            made.sync,
            content={**made.sync.version.content, "rules": [RULE]},  # type: ignore[union-attr]  # it is live
        )
        made.sync.save()
        Link.objects.exclude(pk=made.links[-1].pk).update(flags="Slow payers")
        factories.attempt(made.links[0], "update", "written", plan={"rules": RULINGS})
        incidents.refresh(made.sync)
    return made


def incident() -> Any:
    return next(row for row in everything(Incident) if row.cause_code == raised("Slow payers"))


def test_the_attention_page_names_the_records_and_leads_to_all_of_them(
    here: World, alice: User, acme: Business
) -> None:
    owner, opened = signed_in(alice), incident()
    page = owner.get(reverse("attention", args=[acme.pk])).content.decode()
    assert "Rule “Slow payers” applies to 11 clients" in page
    assert "Ring them first." in page
    assert f'<a id="raised-{opened.pk}-{here.links[0].pk}"' in page
    assert f'href="{reverse("records", args=[acme.pk])}?incident={opened.pk}"' in page
    listed = owner.get(reverse("records", args=[acme.pk]), {"incident": opened.pk}).content.decode()
    assert "Only these: Rule “Slow payers” applies to 11 clients." in listed
    assert f"{here.links[3]}" in listed
    assert f"{here.links[-1]}<" not in listed
    assert "Rule “Slow payers” applies to 11 clients" in owner.get(reverse("overview", args=[acme.pk])).content.decode()


def test_an_incident_of_another_business_filters_nothing(here: World, rival: Business, mallory: User) -> None:
    rows.world(rival)
    other = signed_in(mallory)
    for asked in (incident().pk, "9" * 40, "x", "-1"):
        page = other.get(reverse("records", args=[rival.pk]), {"incident": asked}).content.decode()
        assert "Only these" not in page
        assert "Acme" not in page


def test_the_admin_names_them_too(here: World, acme: Business) -> None:
    staff, opened = signed_in(person(acme, "Stella", "staff", is_staff=True)), incident()
    page = staff.get(page_address(opened)).content.decode()
    assert f"{here.links[0]}" in page
    listed = staff.get(reverse("admin:syncs_link_changelist"), {"incident": opened.pk}).content.decode()
    assert f"{here.links[0]}" in listed
    assert f"{here.links[-1]}<" not in listed
    shown = staff.get(page_address(here.links[0])).content.decode()
    assert "“Slow payers”" in shown
    assert cause_words(opened.cause_code) == "Raised by a rule"


def test_somebody_elses_incident_is_no_filter_in_the_admin(here: World, rival: Business, mallory: User) -> None:
    mine = rows.world(rival)
    staff = signed_in(person(rival, "Rita", "staff", is_staff=True))
    listed = staff.get(reverse("admin:syncs_link_changelist"), {"incident": incident().pk}).content.decode()
    assert f"{mine.links[0]}" in listed
    assert "Acme" not in listed


def test_the_story_tells_every_rule_in_order(here: World, alice: User, acme: Business) -> None:
    page = signed_in(alice).get(reverse("record", args=[acme.pk, here.links[0].pk])).content.decode()
    story = page.split("2 rules, in their order")[1]
    first, second = story.split("</li>")[:2]
    assert "Slow payers" in first and "Applies<" in first and "Raise an incident: Ring them first." in first  # noqa: PT018
    assert "Leads" in second and "Does not apply" in second  # noqa: PT018


def test_it_closes_when_the_rule_is_gone(here: World, acme: Business) -> None:
    with scope(business=acme):
        Version.objects.filter(pk=here.sync.version_id).update(content={"mappings": [], "rules": []})
        here.sync.refresh_from_db()
        incidents.refresh(here.sync)
    assert incident().state == "resolved"
