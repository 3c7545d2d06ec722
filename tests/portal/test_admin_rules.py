"""The draft of the rules: rows or an expression, checked in plain words, live only once published."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from django_scopes import scope

from portal.admin.drafts import differences, rule_words
from portal.models import Business, User
from syncs.models import Rule, Sync, Version
from tests import factories
from tests.conftest import person, signed_in
from tests.portal import rows
from tests.portal.rows import World, everything
from tests.portal.test_admin_mapping import NO_RULES, draft_of, live, sent
from tests.portal.test_admin_pages import page_address

LEADS = {
    "name": "Leads", "joined": "all", "outcome": "skip", "reason": "Leads stay in Jobber.",
    "rows": [("is_lead", "yes", "")],
}  # fmt: skip


def form(sync: Sync, *given: Mapping[str, Any]) -> QueryDict:
    """The sync's page as a browser sends it, with these rules."""
    filled = sent(sync, draft_of(sync), **{**NO_RULES, "rules-TOTAL_FORMS": str(len(given))})
    filled["rules-INITIAL_FORMS"] = str(len([one for one in given if one.get("id")]))
    for number, one in enumerate(given):
        plain = {"role": "owner", "position": number, "sync": sync.pk, "id": "", **one}
        for n, row in enumerate(plain.pop("rows", ())):
            for part, value in zip(("field", "operator", "value"), row, strict=True):
                filled[f"rules-{number}-conditions-{n}-{part}"] = value
        filled.update({f"rules-{number}-{name}": str(value) for name, value in plain.items()})
    return filled


def save(client: Client, sync: Sync, *given: Mapping[str, Any]) -> Any:
    encoded = form(sync, *given).urlencode()
    return client.post(page_address(sync), encoded, content_type="application/x-www-form-urlencoded")


def problems(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200, "it was saved"
    formset = answer.context["inline_admin_formsets"][1].formset
    found: dict[str, list[str]] = {"": list(formset.non_form_errors())}
    for errors in formset.errors:
        found |= {name: list(words) for name, words in errors.items()}
    return found


def test_a_rule_of_rows_is_kept_shown_and_published(staff: Client, here: World) -> None:
    big = {"name": "Owing", "joined": "any", "outcome": "hold", "role": "office",
           "rows": [("balance", "gt", "$5,000"), ("", "is", "left over"), ("tags", "any_of", "vip, slow")]}  # fmt: skip
    assert save(staff, here.sync, LEADS, big).status_code == 302
    first, second = everything(Rule)
    assert first.condition == {"all": [{"field": "is_lead", "operator": "yes", "value": ""}]}
    assert [row["field"] for row in second.condition["any"]] == ["balance", "tags"]
    assert (first.business, first.position < second.position) == (here.business, True)

    page = staff.get(page_address(here.sync))
    found = {d.what: d.draft for d in page.context["differences"]}
    assert {what: words for what, words in found.items() if what.startswith("Rule")} == {
        "Rule “Leads”": "is lead: yes → leave it out: Leads stay in Jobber.",
        "Rule “Owing”": "balance > $5,000 or tags contains any of vip, slow → hold it for the office or an owner",
    }
    shown = page.content.decode()
    assert "(balance != null &amp;&amp; balance &gt; 5000.0) || (&quot;vip&quot; in lower(tags)" in shown
    assert "custom.gate_code · Gate code" in shown
    assert "rules" not in live(here.sync)

    address = page_address(here.sync).replace("change/", "publish/")
    staff.post(address, {"_form_submitted": "True", "note": "Rules"})
    kept = live(here.sync)["rules"]
    assert [(r["name"], r["kinds"]) for r in kept] == [
        ("Leads", {"is_lead": "yes or no"}), ("Owing", {"balance": "amount", "tags": "list"}),
    ]  # fmt: skip
    assert staff.get(page_address(here.sync)).context["differences"] == []
    told = staff.get(page_address(everything(Version)[0])).content.decode()
    assert "Rule “Leads”" in told
    assert "leave it out: Leads stay in Jobber." in told


def test_a_rule_can_be_written_as_an_expression_and_taken_out(staff: Client, here: World) -> None:
    written = {**LEADS, "rows": [], "expression": "is_lead && tags.exists(t, lower(t) == 'cold')"}
    assert save(staff, here.sync, written).status_code == 302
    [kept] = everything(Rule)
    assert (kept.condition, kept.expression) == ({}, written["expression"])
    assert save(staff, here.sync, {**written, "id": kept.pk, "DELETE": "on"}).status_code == 302
    assert everything(Rule) == []


def test_groups_in_groups_are_shown_as_an_expression(staff: Client, here: World) -> None:
    inner = {"any": [{"field": "email", "operator": "empty"}, {"field": "phone", "operator": "empty"}]}
    with scope(business=here.business):
        Rule.objects.create(
            business=here.business, sync=here.sync, name="Deep", outcome="skip", reason="so",
            condition={"not": [inner, {"field": "is_lead", "operator": "no"}]},
        )  # fmt: skip
    page = staff.get(page_address(here.sync)).content.decode()
    assert "!((email == &quot;&quot; || phone == &quot;&quot;) || is_lead == false)" in page


@pytest.mark.parametrize(
    ("wrong", "at", "words"),
    [
        ({"rows": []}, "conditions", "A rule needs at least one condition."),
        ({"rows": [("shoe_size", "is", "9")]}, "conditions", "There is no field “shoe_size” to ask about."),
        (
            {"rows": [("is_lead", "gt", "9")]},
            "conditions",
            "of the kind “yes or no”, so one can ask “is yes”, “is no”.",
        ),
        ({"rows": [("balance", "gt", "lots")]}, "conditions", "balance: “lots” is not a number."),
        ({"expression": "is_lead"}, "expression", "Use the rows or the expression, not both."),
        ({"rows": [], "expression": "is_leed"}, "expression", "There is no field “is_leed” to ask about."),
        ({"rows": [], "expression": "balance"}, "expression", "has to come to yes or no"),
        ({"reason": " "}, "reason", "Say why these are left out"),
        ({"outcome": "incident", "reason": ""}, "reason", "Say what is to be done about these"),
        ({"outcome": "route"}, "sends_to", "No other sync reads the same records of the same account"),
        ({"outcome": "set"}, "target_path", "Say which field it sets."),
        ({"outcome": "set", "target_path": "name"}, "value", "Say what to set “Name” to."),
        ({"outcome": "set", "target_path": "id", "value": "1"}, "target_path", "“id” is no field that a rule can set."),
        ({"outcome": "explode"}, "outcome", "Select a valid choice."),
        ({"name": ""}, "name", "This field is required."),
    ],
)
def test_what_cannot_work_is_said_where_it_stands(
    wrong: dict[str, Any], at: str, words: str, staff: Client, here: World
) -> None:
    found = problems(save(staff, here.sync, {**LEADS, **wrong}))
    assert any(words in one for one in found.get(at, [])), found
    assert everything(Rule) == []


def test_a_rule_that_sends_elsewhere_offers_the_syncs_of_the_same_records(staff: Client, here: World) -> None:
    with scope(business=here.business):
        west = factories.connection(here.business, "stripe", status="off", account_name="West")
        other = factories.sync(here.business, source=here.source, target=west, name="West side")
        factories.sync(here.business, recipe="invoices-to-stripe", source=here.source, target=west, name="Bills")
    page = staff.get(page_address(here.sync)).content.decode()
    assert f'<option value="{other.pk}">West side, to Stripe · West</option>' in page
    assert "Bills, to" not in page
    sending = {**LEADS, "outcome": "route", "reason": ""}
    assert "Say which sync it sends these to." in problems(save(staff, here.sync, sending))["sends_to"]
    assert save(staff, here.sync, {**sending, "sends_to": other.pk}).status_code == 302
    [kept] = everything(Rule)
    assert kept.route_to == {"recipe": "clients-to-customers", "connector": "stripe", "name": "West side"}
    page = staff.get(page_address(here.sync))
    told = {d.what: d.draft for d in page.context["differences"]}
    assert told["Rule “Leads”"] == "is lead: yes → send it to “West side” instead"
    assert f'<option value="{other.pk}" selected>' in page.content.decode()
    publish = page_address(here.sync).replace("change/", "publish/")
    staff.post(publish, {"_form_submitted": "True", "note": "Rules"})
    assert live(here.sync)["rules"][0]["sync"] == other.pk
    assert "Take only what a rule of another sync sends here" in staff.get(page_address(other)).content.decode()
    assert "Take only what a rule" not in staff.get(page_address(here.sync)).content.decode()


def test_two_rules_have_two_names(staff: Client, here: World) -> None:
    found = problems(save(staff, here.sync, LEADS, LEADS))
    assert "Two rules have the same name. Give one of them another." in found[""]


def test_what_is_refused_is_still_on_the_page(staff: Client, here: World) -> None:
    page = save(staff, here.sync, {**LEADS, "rows": [("balance", "gt", "lots of it")]}).content.decode()
    assert 'value="lots of it"' in page


def test_only_who_may_configure_edits_rules(acme: Business, here: World) -> None:
    support = signed_in(person(acme, "Sam", "support", is_staff=True))
    with scope(business=acme):
        made = Rule.objects.create(
            business=acme, sync=here.sync, name="Leads", outcome="skip", reason="so", expression="is_lead"
        )
    page = support.get(page_address(here.sync)).content.decode()
    assert "is_lead → leave it out: so" in page
    assert 'name="rules-0-name"' not in page
    save(support, here.sync, {**LEADS, "id": made.pk, "reason": "changed"})
    assert everything(Rule)[0].reason == "so"


def test_a_rule_of_another_business_cannot_be_taken_over(
    staff: Client, here: World, rival: Business, mallory: User
) -> None:
    other = rows.world(rival)
    [theirs] = [r for r in everything(Rule) if r.sync_id == other.sync.pk]
    save(staff, here.sync, {**LEADS, "id": theirs.pk, "reason": "mine"})
    kept = next(r for r in everything(Rule) if r.pk == theirs.pk)
    assert (kept.sync_id, kept.reason) == (theirs.sync_id, theirs.reason)
    save(staff, here.sync, {**LEADS, "sync": other.sync.pk})
    assert [r.pk for r in everything(Rule) if r.sync_id == other.sync.pk] == [theirs.pk]


def test_differences_name_rules_and_their_order() -> None:
    one = {"name": "A", "condition": {"cel": "is_lead"}, "outcome": "set", "target": "name", "value": True}
    two = {"name": "B", "condition": {"not": [{"field": "due_on", "operator": "last_days", "value": "3"}]},
           "outcome": "hold", "role": "owner", "reason": "Late"}  # fmt: skip
    assert rule_words(one) == "is_lead → set name to “yes”"
    assert rule_words(two) == "not (due on is in the last 3 days) → hold it for an owner: Late"
    before, after = {"rules": [one, two]}, {"rules": [two, one]}
    assert [d.what for d in differences(before, after)] == ["Order of the rules"]
    assert [(d.what, bool(d.draft)) for d in differences(before, {"rules": [one]})] == [("Rule “B”", False)]
    assert json.dumps([d.live for d in differences({}, before)]) == '["", ""]'
