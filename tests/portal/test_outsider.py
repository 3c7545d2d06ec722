"""Every address of the portal, asked in every way by everybody, with their own ids, another business's, and none.

What must be answered stands in TABLE. An address that is not in it fails the test: say there who may do what.
"""

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.core.cache import cache
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django_q.models import OrmQ
from django_scopes import scope, scopes_disabled

from connectors.base import Check
from connectors.jobber import Jobber
from connectors.stripe import Stripe
from portal import accountwatch
from portal.alerts import sending
from portal.alerts import tasks as alert_tasks
from portal.models import Business, Delivery, User
from portal.pages import connections as connection_pages
from syncs import slices, tasks
from syncs.models import Incident, Lane, Link
from tests.portal import outsiders
from tests.portal.outsiders import METHODS, NOT_THERE, Address, Asker, Side

pytestmark = pytest.mark.django_db

#: Taken and shown, or taken and led on.
OK = {200, 302}
ALL, RUN, CONFIGURE, OWNER = "owner reader support staff", "owner support staff", "owner staff", "owner"


@dataclass(frozen=True)
class Page:
    """Of a business. A method it takes -> who of the business may, and what they are answered."""

    methods: Mapping[str, tuple[str, set[int]]]

    def expected(self, who: str, method: str, case: str) -> set[int]:
        if who == "nobody":
            return {302}
        if who == "boss" or case == "other":
            return {404}
        if method not in self.methods:
            return {405}
        allowed, answer = self.methods[method]
        if who not in allowed.split():
            return {403}
        return answer if case == "own" else {404}


@dataclass(frozen=True)
class Admin(Page):
    """Of the admin: as a page, for those who may come in at all. A superuser sees what is of either business."""

    #: The row belongs to no business, or to a person's sign-in: nobody else knows that it exists.
    hidden: bool = False
    leads_on: bool = False

    def expected(self, who: str, method: str, case: str) -> set[int]:
        if who in {"nobody", "owner", "reader"}:
            return {302}
        if method not in self.methods:
            return {405}
        allowed, answer = self.methods[method]
        unseen = case == "missing" or (who != "boss" and (case == "other" or self.hidden))
        if unseen and not self.leads_on:
            return {404}
        return answer if who in allowed.split() else {403}


@dataclass(frozen=True)
class Own:
    """About the person alone: what is answered without being signed in, and signed in, in the order of METHODS."""

    nobody: str
    signed_in: str
    #: Others than most, by name.
    others: Mapping[str, str] = field(default_factory=dict)

    def expected(self, who: str, method: str, case: str) -> set[int]:
        statuses = self.nobody if who == "nobody" else self.others.get(f"{who} {case}", self.signed_in)
        return {int(statuses.split()[METHODS.index(method)])}


def seen(who: str = ALL) -> Page:
    return Page(dict.fromkeys(("GET", "HEAD"), (who, {200})))


def form(who: str, answer: set[int] = OK, see: str = "") -> Page:
    return Page({"GET": (see or who, {200}), "HEAD": (see or who, {200}), "POST": (who, answer)})


def press(who: str, answer: set[int] = OK) -> Page:
    return Page({"POST": (who, answer)})


def only_get(answer: int = 200) -> Page:
    return Page({"GET": (ALL, {answer})})


SIGN_IN = "302 302 302 302 302 302"
LOOKED_AT = Own("200 200 405 405 405 405", "200 200 405 405 405 405")
#: allauth takes PUT for POST.
NEEDS_SIGN_IN = Own(SIGN_IN, "200 200 200 200 405 405")
PAGES: dict[str, Page | Own] = {
    "home": Own(SIGN_IN, "302 302 405 405 405 405"),
    "you": Own(SIGN_IN, "200 200 302 405 405 405"),
    "businesses": Own(SIGN_IN, "200 200 405 405 405 405"),
    "business_new": Own(SIGN_IN, "200 200 200 405 405 405"),
    "business_settings": form(OWNER),
    "people": seen(),
    "people_invite": form(OWNER),
    "people_leave": press(ALL),
    "people_member": form(OWNER),
    "people_remove": press(OWNER),
    "invitation_resend": press(OWNER),
    "invitation_withdraw": press(OWNER),
    "invitation_join": Own(SIGN_IN, "405 405 404 405 405 405"),  # none of them was invited
    "invitation": Own("410 410 410 405 405 405", "410 410 410 405 405 405"),
    "overview": seen(),
    "overview_live": seen(),
    "numbers": seen(),
    "connections": only_get(),
    "connection": only_get(),
    "disconnect": press(OWNER),
    "connect_start": press(OWNER),
    "connect_key": Page(dict.fromkeys(("GET", "HEAD", "POST"), (OWNER, {404}))),  # Jobber takes no key
    "connect_callback": Own(SIGN_IN, "400 405 405 405 405 405"),
    "sync_new": form(CONFIGURE, see=ALL),
    "sync": seen(),
    "explained": seen(),
    "sync_progress": seen(),
    "sync_live": press(CONFIGURE),
    "sync_now": press(RUN),
    "sync_pause": press(CONFIGURE),
    "sync_resume": press(CONFIGURE),
    "sync_options": press(CONFIGURE),
    "sync_approvals": press(CONFIGURE),
    "records": seen(),
    "record": seen(),
    "client_story": seen(),
    "search": seen(),
    "search_all": Own(SIGN_IN, "200 200 405 405 405 405"),
    "record_again": press(RUN),
    "record_decide": press(CONFIGURE),  # the office may too; it is not among the askers
    "record_sides": press(CONFIGURE),
    "invoices": seen(),
    "invoice": seen(),
    "payments": seen(),
    "attention": seen(),
    "approvals": seen(),
    "approvals_approve": press(CONFIGURE),
    "attention_again": press(RUN),
    "attention_sides": press(CONFIGURE),
    "attention_export": press(ALL, {404}),  # an incident of the other is asked for
    "incident": seen(),
    "incident_handle": press(RUN),
    "incident_try": form(RUN),
    "record_replay": form(RUN, see=ALL),
    "alerts": form(OWNER),
    "alert_add": press(OWNER),
    "alert_change": press(OWNER),
    "alert_test": press(OWNER),
    "audit": Page(dict.fromkeys(("GET", "HEAD"), (OWNER, {200}))),
    "audit_check": press(OWNER),
    "audit_file": press(OWNER, {200}),
    "privacy": Page(dict.fromkeys(("GET", "HEAD"), (OWNER, {200}))),
    "privacy_copy": press(OWNER),
    "privacy_delete": Page(dict.fromkeys(("GET", "HEAD", "POST"), (OWNER, OK | {422}))),  # no name is typed
    "client_privacy": Page(dict.fromkeys(("GET", "HEAD"), (OWNER, {200}))),
    "client_copy": press(OWNER),
    "client_erase": press(OWNER),
    "reconciliation": seen(),
    "reconciliation_live": seen(),
    "reconciliation_start": press(RUN),
    "reconciliation_settings": press(CONFIGURE, {404}),  # nothing is chosen
    "report": seen(),
    "report_file": press(ALL, {200}),
    "report_together": Page({"GET": (ALL, {404}), "HEAD": (ALL, {404}), "POST": (CONFIGURE, {404})}),  # as above
    "mismatch": form(CONFIGURE, see=ALL),
    "mismatch_undo": press(CONFIGURE),
    "webhook": Own("405 405 415 405 405 405", "405 405 415 405 405 405"),
    "health": LOOKED_AT,
    "healthz": LOOKED_AT,
    "metrics": LOOKED_AT,  # from this machine
}  # fmt: skip
ACCOUNTS: dict[str, Page | Own] = {
    "account_login": Own("200 200 200 200 405 405", SIGN_IN),
    "account_logout": Own("302 302 302 405 405 405", "200 200 302 405 405 405"),
    "account_inactive": LOOKED_AT,
    "account_signup": Own("200 200 200 200 405 405", SIGN_IN),
    "account_reauthenticate": NEEDS_SIGN_IN,
    "account_email": Own(SIGN_IN, "200 200 302 302 405 405"),
    "account_email_verification_sent": LOOKED_AT,
    "account_change_password": NEEDS_SIGN_IN,
    "account_set_password": Own(SIGN_IN, SIGN_IN),
    "account_reset_password": Own("200 200 302 200 405 405", "200 200 302 200 405 405"),
    "account_confirm_login_code": Own(SIGN_IN, SIGN_IN),
    "account_confirm_email": Own("200 200 404 405 405 405", "200 200 404 405 405 405"),
    "account_reset_password_from_key_done": LOOKED_AT,
    "account_reset_password_from_key": Own("200 200 200 200 200 200", "200 200 200 200 200 200"),
    "account_reset_password_done": LOOKED_AT,
    "mfa_index": Own(SIGN_IN, "200 200 405 405 405 405"),
    "mfa_authenticate": Own(SIGN_IN, SIGN_IN),
    # Mallory has an authenticator app, nobody else has.
    "mfa_reauthenticate": Own(SIGN_IN, SIGN_IN, {"owner own": "200 200 200 200 405 405"}),
    "mfa_activate_totp": Own(SIGN_IN, "200 200 200 200 405 405", {"owner own": SIGN_IN}),
    "mfa_deactivate_totp": Own(SIGN_IN, "404 404 404 404 404 404", {"owner own": "200 200 302 302 405 405"}),
    "mfa_view_recovery_codes": Own(SIGN_IN, "404 404 405 405 405 405"),
    "mfa_generate_recovery_codes": Own(SIGN_IN, "200 200 200 200 405 405", {"owner own": "200 200 302 302 405 405"}),
    "mfa_download_recovery_codes": Own(SIGN_IN, "404 404 404 404 404 404"),
    "mfa_list_webauthn": Own(SIGN_IN, "200 200 405 405 405 405"),
    "mfa_add_webauthn": NEEDS_SIGN_IN,
    "mfa_reauthenticate_webauthn": Own(SIGN_IN, SIGN_IN),
    "mfa_remove_webauthn": Own(SIGN_IN, "404 404 404 405 405 404"),
    "mfa_edit_webauthn": Own(SIGN_IN, "404 404 404 404 405 405"),
    "mfa_login_webauthn": Own("302 302 302 302 405 405", SIGN_IN),
    "usersessions_list": Own(SIGN_IN, "200 200 302 302 405 405"),
}  # fmt: skip

INSIDE, STAFF, BOSS, NONE = "support staff boss", "staff boss", "boss", ""


def inside(get: str = INSIDE, post: str = NONE, *, status: int = 200, **more: bool) -> Admin:
    """Who may open it, and who may send a form; to the others it says that they may not."""
    read = dict.fromkeys(("GET", "HEAD"), (get, {status}))
    return Admin({**read, "POST": (post, OK)}, **more)


def model(
    view: str = INSIDE, add: str = NONE, change: str = NONE, delete: str = NONE, *, hidden: bool = False
) -> dict[str, Admin]:
    """The addresses the admin has for each model. Nobody sees a form they may not send, but the page they may."""
    return {
        "changelist": inside(view, view),
        "add": inside(add, add),
        "history": inside(view, view, hidden=hidden),
        "delete": inside(delete, delete, hidden=hidden),
        "change": inside(view, change, hidden=hidden),
        "short": inside(INSIDE, INSIDE, status=302, leads_on=True),
    }


MODELS = {
    "account_emailaddress": model(change=BOSS),
    "mfa_authenticator": model(BOSS, delete=BOSS, hidden=True),
    "usersessions_usersession": model(BOSS, delete=BOSS, hidden=True),
    "portal_business": model(add=BOSS, change=BOSS),  # and owners who are let into the admin
    "portal_membership": model(add=BOSS, change=BOSS),  # nobody deletes that of the only owner
    "portal_invitation": model(delete=BOSS),
    "portal_user": model(change=BOSS),
    "syncs_sync": model(change=STAFF),
    "syncs_auditentry": model(),
    "syncs_erased": model(delete=BOSS),
    **{f"portal_{name}": model() for name in ("alert", "alertdestination", "alertsettings", "delivery")},
    **{name: model() for name in (
        "portal_connection", "portal_connectstart", "portal_workerbeat", "portal_refuseddelivery", "syncs_event",
        "syncs_snapshot", "syncs_snapshothistory", "syncs_link", "syncs_attempt", "syncs_write", "syncs_fieldmapping",
        "syncs_rule", "syncs_version", "syncs_run", "syncs_lane", "syncs_incident", "syncs_invoice", "syncs_payment",
        "syncs_approval", "syncs_auditentry", "syncs_whatif", "syncs_whatifrecord", "syncs_report", "syncs_mismatch",
    )},
    **{f"django_q_{name}": model(BOSS, hidden=True) for name in ("ormq", "failure", "success", "schedule")},
}  # fmt: skip
ADMIN: dict[str, Page | Own] = {
    "admin:index": inside(post=INSIDE),
    "admin:search": inside(post=INSIDE),
    "admin:app_list": inside(post=INSIDE),
    "admin:login": Own(
        SIGN_IN, "302 200 200 200 405 405", dict.fromkeys(("owner own", "reader own"), "403 403 403 403 403 403")
    ),
    "admin:logout": Admin({"POST": (INSIDE, OK)}),
    "admin:password_change": inside(post=INSIDE, status=302),
    "admin:password_change_done": Admin(dict.fromkeys(("GET", "HEAD"), (INSIDE, {200}))),
    "admin:jsi18n": Admin(dict.fromkeys(("GET", "HEAD"), (INSIDE, {200}))),
    "admin:autocomplete": Admin(dict.fromkeys(("GET", "HEAD"), (NONE, {200}))),  # without saying for which field
    "admin:rest": Admin(dict.fromkeys(("GET", "HEAD", "POST"), (INSIDE, {404}))),
    "admin:syncs_link_sync_this_record": inside(INSIDE, INSIDE),
    "admin:syncs_attempt_replay": inside(INSIDE, INSIDE),
    "admin:syncs_sync_publish_draft": inside(STAFF, STAFF),
    "admin:syncs_sync_preview": inside(STAFF, STAFF),
    "admin:syncs_sync_what_if": inside(STAFF, STAFF),
    "admin:syncs_whatif_progress": inside(post=INSIDE),
    "admin:syncs_whatif_cancel": Admin({"POST": (STAFF, OK)}),
    "admin:syncs_whatif_download": Admin({"POST": (STAFF, OK)}),
    "admin:syncs_sync_sync_now": inside(INSIDE, INSIDE),
    "admin:syncs_sync_review_again": inside(INSIDE, INSIDE),
    "admin:syncs_sync_pause": inside(STAFF, STAFF),
    "admin:syncs_sync_resume": inside(STAFF, STAFF),
    **{f"admin:syncs_incident_{name}": inside(INSIDE, INSIDE) for name in (
        "try_all", "assign", "put_note", "snooze", "ignore_one", "reopen_one",
    )},
    "admin:syncs_sync_ask_first": inside(STAFF, STAFF),
    "admin:syncs_sync_write_at_once": inside(STAFF, STAFF),
    "admin:syncs_sync_step_back": inside(STAFF, STAFF),
    "admin:syncs_sync_try": Admin({"POST": (STAFF, {200})}),
    "admin:syncs_sync_compare": Admin(dict.fromkeys(("GET", "HEAD"), (INSIDE, {200}))),
    "admin:syncs_sync_export": Admin({"POST": (STAFF, {200})}),
    "admin:syncs_sync_import": Admin(dict.fromkeys(("GET", "HEAD", "POST"), (STAFF, {200}))),
    "admin:syncs_version_roll_back": inside(STAFF, STAFF),
}  # fmt: skip
TABLE: dict[str, Page | Own] = {
    **PAGES, **ACCOUNTS, **ADMIN,
    **{f"admin:{name}_{view}": found for name, views in MODELS.items() for view, found in views.items()},
}  # fmt: skip


# The two businesses


@pytest.fixture
def acme_side(db: None) -> Side:
    return outsiders.side("Acme Plumbing", "Alice")


@pytest.fixture
def rival_side(db: None) -> Side:
    return outsiders.side("Rival Electrics", "Mallory")


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Without the outside services, and without a line of log for each of many refusals."""
    monkeypatch.setattr(connection_pages, "_asked", lambda row: [Check("Account", True, row.account_name)])
    for connector in (Jobber, Stripe):
        monkeypatch.setattr(connector, "disconnect", lambda self, credentials: None)
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def stolen(ids: Mapping[str, str]) -> dict[str, Any]:
    """A form that names rows of another business wherever a form of the portal names a row."""
    named = {label.rpartition(".")[2]: value for label, value in ids.items() if "." in label}
    named |= {k: v for k, v in ids.items() if "." not in k}
    of = {"source": "connection", "target": "connection", "membership": "membership", "user": "user"}
    named |= {f: named[row] for f, row in of.items()}
    outside = {"target_id": ids["customer"], "choice": "same", "recipe": "clients-to-customers", "cause": "rejected",
               "side": "source", "do": "ignore", "act": "off", "kind": "slack", "version": "draft",
               "address": "https://hooks.example.com/x"}  # fmt: skip
    person = {"email": "somebody@example.com", "role": "read_only", "name": "Somebody"}
    dialog = {"_form_submitted": "True", "note": "mine", "post": "yes"}
    return {**named, **outside, **person, **dialog}


def owned(side: Side) -> list[str]:
    """Every row of a business and of its owner, as the database holds it."""
    found = []
    with connection.cursor() as cursor:
        for model in apps.get_models():
            columns = {f.column for f in model._meta.concrete_fields}
            where = next((c for c in ("business_id", "user_id") if c in columns), "")
            if model in (Business, User):
                where = "id"
            if where and model is not UserSession:
                whose = side.owner.pk if where == "user_id" or model is User else side.business.pk
                cursor.execute(f"SELECT * FROM {model._meta.db_table} WHERE {where} = %s ORDER BY 1", [whose])
                found += [repr(row) for row in cursor.fetchall()]
    return found


@contextmanager
def writes() -> Iterator[list[str]]:
    """The statements that change something other than a session."""
    found: list[str] = []

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("INSERT", "UPDATE", "DELETE")) and "session" not in sql.split("WHERE")[0]:
            found.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield found


# The walk


def cases(address: Address, home: Side, other: Side, system: dict[str, str]) -> Iterator[tuple[str, str]]:
    """(case, path): one's own ids; another's row under one's own business; another's business; nobody's."""
    mine, theirs = home.ids["business_id"], other.ids["business_id"]
    yield "own", address.filled(mine, home.ids | system)
    if address.about_rows():
        yield ("other" if address.model else "mixed"), address.filled(mine, other.ids | system)
        yield "missing", address.filled(mine, {})
    if "business_id" in address.arguments:
        yield "other", address.filled(theirs, other.ids)
        yield "other", address.filled(NOT_THERE, home.ids)


def ask(client: Client, cookies: Mapping[str, str], method: str, path: str, sent: Mapping[str, Any]) -> HttpResponse:
    client.cookies.clear()
    client.cookies.load(dict(cookies))
    cache.clear()  # rate limits are not what is asked about here
    if method == "POST":
        return client.post(path, sent)
    return client.generic(method, path)


def told(answer: HttpResponse, words: list[str]) -> list[str]:
    """Whole words only: a random token holds any four letters now and then."""
    shown = (answer.getvalue().decode(errors="replace") + answer.headers.get("Location", "")).lower()
    return [word for word in words if re.search(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])", shown)]


@pytest.mark.parametrize("who", ["nobody", "owner", "reader", "support", "staff", "boss"])
def test_every_address_answers_everybody_as_the_table_says(
    who: str, acme_side: Side, rival_side: Side, quiet: None
) -> None:
    system = outsiders.system_rows()
    asker = next(a for a in outsiders.askers(acme_side, rival_side) if a.name == who)
    home = asker.home or acme_side
    other = rival_side if home is acme_side else acme_side
    found = walk(asker, home, other, system)
    assert found == [], f"{len(found)} answers are not as TABLE in {__name__} says:\n" + "\n".join(found[:40])


def walk(asker: Asker, home: Side, other: Side, system: dict[str, str]) -> list[str]:
    cookies = {name: morsel.value for name, morsel in asker.client.cookies.items()}
    sent, before, wrong = stolen(other.ids), owned(other), []
    for address in outsiders.addresses():
        rule = TABLE.get(address.name)
        if rule is None:
            wrong.append(f"{address.name} ({address.route}) is not in TABLE: add who may do what there.")
            continue
        for case, path in cases(address, home, other, system):
            for method in METHODS:
                with transaction.atomic(), writes() as written:
                    answer = ask(asker.client, cookies, method, path, sent)
                    expected = rule.expected(asker.name, method, _seen_by(asker, address, case))
                    what = f"{asker.name}: {method} {path} ({address.name}, {case})"
                    if answer.status_code not in expected:
                        wrong.append(f"{what} is {answer.status_code}, not {expected}")
                    if asker.name != "boss" or not address.route.startswith(BOSS_EVERYWHERE):
                        wrong += [f"{what} tells of {word}" for word in told(answer, other.canaries)]
                        if written and owned(other) != before:
                            wrong.append(f"{what} changes rows of the other: {written[-1][:90]}")
                    transaction.set_rollback(True)
    return wrong


#: Rows of the installation, which are the same for both businesses.
SYSTEM = ("portal.workerbeat", "portal.refuseddelivery", "django_q.")


#: A superuser sees all in the admin, and comes and goes in the trail of every business.
BOSS_EVERYWHERE = ("admin/", "accounts/logout/")


def _seen_by(asker: Asker, address: Address, case: str) -> str:
    return "own" if case == "other" and address.model and address.model.startswith(SYSTEM) else case


def test_the_table_names_no_address_that_is_gone() -> None:
    assert set(TABLE) - {address.name for address in outsiders.addresses()} == set()


# Nothing but a form that was sent changes anything


def stored() -> dict[str, str]:
    """{table: digest of its rows}, but for sessions and the cache."""
    kept: dict[str, str] = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table not in {"django_session", "usersessions_usersession", "cache"}:
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
                rows = sorted(repr(row) for row in cursor.fetchall())
                kept[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return kept


def test_looking_changes_nothing(acme_side: Side, rival_side: Side, quiet: None) -> None:
    system = outsiders.system_rows()
    everybody = outsiders.askers(acme_side, rival_side)
    before = stored()
    for asker in [a for a in everybody if a.name in {"nobody", "owner", "support", "boss"}]:
        home = asker.home or acme_side
        cookies = {name: morsel.value for name, morsel in asker.client.cookies.items()}
        for address in outsiders.addresses():
            ask(asker.client, cookies, "GET", address.filled(home.ids["business_id"], home.ids | system), {})
    changed = {table for table, digest in stored().items() if before[table] != digest}
    assert changed == set()


def test_only_webhooks_need_no_proof_that_the_form_was_ours(acme_side: Side) -> None:
    """Signed in or not, a form sent from elsewhere is refused before anything is looked up."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(acme_side.owner)
    logging.disable()
    taken = set()
    for address in outsiders.addresses():
        path = address.filled(acme_side.ids["business_id"], acme_side.ids)
        if client.post(path, {}).status_code not in {403, 404, 405} and not address.route.startswith("admin/"):
            taken.add(address.name)
    logging.disable(logging.NOTSET)
    assert taken == {"webhook"}


# Tasks


def test_a_task_runs_in_the_scope_of_its_own_business_alone(
    acme_side: Side, rival_side: Side, monkeypatch: pytest.MonkeyPatch, mailoutbox: list[Any]
) -> None:
    """Whoever queued it: the id says whose it is, and from there on no other business can be seen."""
    shown: list[set[str]] = []
    monkeypatch.setattr(slices, "work", lambda pk: shown.append({x.label.split()[0] for x in Link.objects.all()}))
    with scope(business=acme_side.business):
        tasks.work_lane(int(rival_side.ids["syncs.lane"]))
    tasks.work_lane(int(acme_side.ids["syncs.lane"]))
    assert shown == [{"Rival"}, {"Acme"}]
    monkeypatch.setattr(accountwatch, "look", lambda row: shown.append({str(x) for x in lanes()}))
    with scope(business=acme_side.business):
        accountwatch.work(int(rival_side.ids["portal.connection"]))
    assert all("Rival" in words for words in shown.pop())

    theirs = int(rival_side.ids["portal.delivery"])
    with scopes_disabled():  # a test looks at both businesses
        Delivery.objects.filter(pk=theirs).update(state="waiting")
    sent = sending.send
    monkeypatch.setattr(sending, "send", lambda pk: (shown.append({str(x) for x in lanes()}), sent(pk)))
    with scope(business=acme_side.business):
        alert_tasks.send(theirs)
    assert all("Rival" in words for words in shown[-1])
    assert len(mailoutbox) == 1
    assert "acme" not in (mailoutbox[0].subject + mailoutbox[0].body).lower()


def lanes() -> list[Any]:
    return [lane.business for lane in Lane.objects.all()] + [i.business for i in Incident.objects.all()]


def test_tasks_of_rows_that_are_gone_do_nothing(acme_side: Side) -> None:
    before = stored()
    tasks.work_lane(int(NOT_THERE))
    alert_tasks.send(int(NOT_THERE))
    accountwatch.work(int(NOT_THERE))
    assert stored() == before
    assert Business.objects.count() == 1
    assert OrmQ.objects.count() == 0
