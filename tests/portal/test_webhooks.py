"""Webhook deliveries as the services send them: what is answered, stored, marked, counted."""

import base64
import hashlib
import hmac
import io
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ
from django_scopes import scope, scopes_disabled

from portal import receiving, tokens
from portal.models import Business, Connection, RefusedDelivery
from portal.pages.webhooks import MOST_BYTES
from syncs import choosing, notice, recipes
from syncs.models import Event, Incident, Lane, Link, Run, Snapshot, Sync, Write

pytestmark = pytest.mark.django_db


def jobber_body(topic: str = "CLIENT_UPDATE", account: str = "A1", item: str = "C7", when: str = "") -> bytes:
    event = {"topic": topic, "appId": "app", "accountId": account, "itemId": item}
    event["occurredAt"] = when or timezone.now().isoformat()
    return json.dumps({"data": {"webHookEvent": event}}).encode()


def jobber(body: bytes, secret: str = "sandbox-jobber-secret", **extra: Any) -> HttpResponse:
    signed = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    headers = {"X-Jobber-Hmac-SHA256": signed}
    kind = extra.pop("content_type", "application/json")
    return Client(enforce_csrf_checks=True).post("/webhooks/jobber/", body, kind, headers=headers, **extra)


def stripe_body(kind: str = "customer.updated", account: str = "acct_1", **changes: Any) -> bytes:
    about = {"id": "cus_1", "object": "customer", "name": "Ann", "email": "ann@example.com", "metadata": {}}
    event = {"id": "evt_1", "object": "event", "type": kind, "account": account, "created": int(time.time())}
    return json.dumps({**event, "livemode": False, "data": {"object": about}, **changes}).encode()


def stripe(body: bytes, age: int = 0) -> HttpResponse:
    stamp = int(time.time()) - age
    signed = hmac.new(b"whsec_sandbox", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={stamp},v1={signed}"}
    return Client(enforce_csrf_checks=True).post("/webhooks/stripe/", body, "application/json", headers=headers)


def test_a_delivery_is_answered_before_all_that_is_for_people() -> None:
    for answer in (jobber(jobber_body()), jobber(jobber_body(), secret="another")):
        assert answer.status_code in {200, 401}
        assert not hasattr(answer.wsgi_request, "session")
        assert answer.headers["Content-Length"] == "0"
        assert "Content-Security-Policy" in answer.headers


def test_nothing_else_is_answered_there() -> None:
    answer = Client().get("/webhooks/")
    assert answer.status_code == 404
    assert hasattr(answer.wsgi_request, "session")


@pytest.fixture
def sync(acme: Business) -> Sync:
    """Clients to customers, live, every record in step."""
    with scope(business=acme):
        rows = [
            Connection.objects.create(business=acme, connector=c, method="oauth", account_id=a, livemode=c == "jobber")
            for c, a in (("jobber", "A1"), ("stripe", "acct_1"))
        ]
        sync = choosing.choose(acme, recipes.get("clients-to-customers"), *rows, by=None)
        Run.objects.all().delete()
        Sync.objects.filter(pk=sync.pk).update(mode=Sync.Mode.LIVE)
        Lane.objects.update(woken_at=None)
        Link.objects.create(
            business=acme,
            sync=sync,
            source_id="C7",
            target_id="cus_1",
            label="Ann",
            state="in_step",
            noticed=3,
            handled=3,
        )
    OrmQ.objects.all().delete()
    return sync


def events() -> list[Event]:
    with scopes_disabled():
        return list(Event.objects.order_by("id"))


def links() -> dict[str, Link]:
    with scopes_disabled():
        return {link.source_id: link for link in Link.objects.all()}


def refused() -> dict[str, int]:
    return {row.reason: row.count for row in RefusedDelivery.objects.all()}


def test_a_change_is_stored_and_marked_and_a_worker_woken(sync: Sync) -> None:
    answer = jobber(jobber_body())
    assert (answer.status_code, answer.content, answer.cookies) == (200, b"", {})
    (event,) = events()
    assert (event.verdict, event.business_id, event.record_id) == ("marked", sync.business_id, "C7")
    assert event.answered_ms is not None
    assert 0 < event.answered_ms < 5000
    assert (links()["C7"].noticed, links()["C7"].noticed_by) == (4, "webhook CLIENT_UPDATE")
    assert OrmQ.objects.get().task["args"] == (sync.lane_id,)


def test_a_new_client_gets_its_link(sync: Sync) -> None:
    assert jobber(jobber_body("CLIENT_CREATE", item="C8")).status_code == 200
    assert links()["C8"].noticed > links()["C8"].handled


def test_the_common_path_asks_the_database_little(sync: Sync) -> None:
    jobber(jobber_body(item="C0"))  # whatever a process asks only once
    with scopes_disabled():
        Lane.objects.update(woken_at=None)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        jobber(jobber_body())
    words = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    assert len([q for q in asked if not q["sql"].startswith(words)]) <= 8


def test_a_replay_is_counted_and_marks_again(sync: Sync) -> None:
    body = jobber_body()
    for _ in range(3):
        assert jobber(body).status_code == 200
    (event,) = events()
    assert event.deliveries == 3
    assert links()["C7"].noticed == 6
    assert OrmQ.objects.count() == 1


@pytest.mark.parametrize("wrong", ["secret", "body", "header"])
def test_a_forged_delivery_leaves_only_a_count(wrong: str, sync: Sync) -> None:
    body = jobber_body()
    if wrong == "secret":
        answer = jobber(body, secret="guessed")
    else:
        signed = base64.b64encode(hmac.new(b"sandbox-jobber-secret", body, hashlib.sha256).digest()).decode()
        headers = {"X-Jobber-Hmac-SHA256": signed} if wrong == "body" else {}
        answer = Client().post("/webhooks/jobber/", body + b" ", "application/json", headers=headers)
    assert answer.status_code == 401
    assert (events(), refused(), links()["C7"].noticed) == ([], {"signature": 1}, 3)
    jobber(body, secret="again")
    assert refused() == {"signature": 2}


def test_an_old_stripe_event_is_refused_and_a_fresh_one_taken(sync: Sync) -> None:
    assert stripe(stripe_body(), age=600).status_code == 401
    assert stripe(stripe_body(), age=60).status_code == 200


def test_a_large_body_is_refused_before_its_signature_is_looked_at(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.jobber.webhooks.verify", None)
    assert jobber(b"x" * (MOST_BYTES + 1)).status_code == 413
    assert refused() == {"too_large": 1}


def test_a_body_of_unsaid_length_is_read_no_further_than_the_limit(sync: Sync) -> None:
    sent = io.BytesIO(b"x" * (3 * MOST_BYTES))
    environ = {"wsgi.input": sent, "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_TYPE": "application/json"}
    assert Client().generic("POST", "/webhooks/jobber/", **environ).status_code == 413
    assert sent.tell() <= MOST_BYTES + 1


def test_a_chunked_body_within_the_limit_is_taken(sync: Sync) -> None:
    body = jobber_body()
    signed = base64.b64encode(hmac.new(b"sandbox-jobber-secret", body, hashlib.sha256).digest()).decode()
    environ = {"wsgi.input": io.BytesIO(body), "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_TYPE": "application/json"}
    headers = {"X-Jobber-Hmac-SHA256": signed}
    assert Client().generic("POST", "/webhooks/jobber/", headers=headers, **environ).status_code == 200
    assert events()[0].verdict == "marked"


def test_a_lying_length_does_not_help(sync: Sync) -> None:
    assert jobber(jobber_body(), CONTENT_LENGTH="50").status_code == 401
    assert jobber(jobber_body(), CONTENT_LENGTH=str(50 * MOST_BYTES)).status_code == 413


def test_what_is_not_json_is_refused(sync: Sync) -> None:
    assert jobber(jobber_body(), content_type="text/plain").status_code == 415
    assert refused() == {"content_type": 1}


@pytest.mark.parametrize(
    "body",
    [
        b"{not json",
        b"[]",
        b'{"data": {}}',
        b"[" * 200_000,
        b"\xff\xfe",
        jobber_body(item="C7\0"),
        jobber_body(item="C" * 300),
        jobber_body(account="\ud800"),
    ],
    ids=["broken", "a list", "empty", "deep", "no text", "nul", "long id", "half a character"],
)
def test_garbled_but_signed_is_kept_for_a_person(body: bytes, sync: Sync) -> None:
    assert jobber(body).status_code == 200
    (event,) = events()
    assert (event.verdict, event.business_id, event.connector) == ("unreadable", None, "jobber")
    assert refused() == {"unreadable": 1}


def test_an_unknown_account_is_taken_stored_without_a_business_and_counted(sync: Sync) -> None:
    assert jobber(jobber_body(account="nobody")).status_code == 200
    (event,) = events()
    assert (event.verdict, event.business_id, event.account_id) == ("unknown_account", None, "nobody")
    assert refused() == {"unknown_account": 1}
    assert OrmQ.objects.count() == 0


def test_one_business_never_hears_of_anothers_account(sync: Sync, rival: Business) -> None:
    with scope(business=rival):
        Connection.objects.create(business=rival, connector="jobber", method="oauth", account_id="B2")
    jobber(jobber_body(account="B2"))
    assert events()[0].business_id == rival.pk
    assert links()["C7"].noticed == 3


def test_test_data_does_not_reach_a_live_connection(sync: Sync) -> None:
    with scopes_disabled():
        Connection.objects.filter(connector="stripe").update(livemode=True)
    assert stripe(stripe_body()).status_code == 200
    assert (events()[0].verdict, refused()) == ("unused", {"other_mode": 1})
    assert links()["C7"].noticed == 3


def test_a_disconnected_account_is_heard_but_not_worked_for(sync: Sync) -> None:
    with scopes_disabled():
        Connection.objects.filter(connector="jobber").update(status="off")
    assert jobber(jobber_body()).status_code == 200
    assert (events()[0].verdict, events()[0].business_id) == ("unused", sync.business_id)
    assert (links()["C7"].noticed, OrmQ.objects.count()) == (3, 0)


def test_an_account_that_needs_reconnecting_is_worked_for_afterwards(sync: Sync) -> None:
    with scopes_disabled():
        row = Connection.objects.get(connector="jobber")
    tokens._needs_person(row, "", "auth", "No longer taken.")
    assert jobber(jobber_body()).status_code == 200
    assert links()["C7"].noticed == 4
    with scopes_disabled():
        assert Lane.objects.get().parked == "No longer taken."
        Lane.objects.update(woken_at=None)
    tokens._revive(row)
    assert OrmQ.objects.count() >= 1


def test_the_connection_in_use_is_meant_not_the_one_that_was(sync: Sync, rival: Business) -> None:
    with scope(business=rival):
        Connection.objects.create(business=rival, connector="jobber", method="oauth", account_id="A1", status="off")
    jobber(jobber_body())
    assert events()[0].business_id == sync.business_id


def test_a_goodbye_forgets_the_tokens_stops_the_work_and_tells_people(sync: Sync) -> None:
    with scopes_disabled():
        Connection.objects.filter(connector="jobber").update(connected_at=timezone.now() - timedelta(days=3))
    assert jobber(jobber_body("APP_DISCONNECT")).status_code == 200
    with scopes_disabled():
        row = Connection.objects.get(connector="jobber")
        assert (row.status, row.status_reason[:22]) == ("off", "Disconnected in Jobber")
        assert Lane.objects.get().parked.startswith("Disconnected in Jobber")
        assert Incident.objects.get().cause_code == "disconnected"
    assert events()[0].verdict == "account"


def test_a_late_goodbye_does_not_end_a_newer_connection(sync: Sync) -> None:
    jobber(jobber_body("APP_DISCONNECT", when="2020-01-01T00:00:00Z"))
    with scopes_disabled():
        assert Connection.objects.get(connector="jobber").status == "active"
        assert not Incident.objects.exists()


def test_news_of_the_account_is_kept(sync: Sync) -> None:
    assert stripe(stripe_body("account.updated")).status_code == 200
    assert events()[0].verdict == "account"


def test_our_own_write_coming_back_wakes_nobody(sync: Sync) -> None:
    with scope(business=sync.business_id):
        Write.objects.create(
            business_id=sync.business_id, link=Link.objects.get(), connection_id=sync.target_id, verb="update",
            resource="customers", key="key-1", params={},
        )  # fmt: skip
    stripe(stripe_body(request={"id": "req_1", "idempotency_key": "key-1"}))
    assert events()[0].verdict == "echo"
    assert (links()["C7"].noticed, OrmQ.objects.count()) == (3, 0)


def test_an_edit_at_the_target_marks_its_link_and_its_snapshot(sync: Sync) -> None:
    stripe(stripe_body())
    assert events()[0].verdict == "marked"
    assert links()["C7"].noticed == 4
    with scopes_disabled():
        assert Snapshot.objects.get(external_id="cus_1").noticed_at is not None


@pytest.mark.parametrize("path", ["/webhooks/nobody/", "/webhooks/xero/"])
def test_there_is_no_other_endpoint(path: str, db: None) -> None:
    assert Client().post(path, b"{}", "application/json").status_code == 404


@pytest.mark.parametrize("method", ["get", "put", "delete", "head", "options"])
def test_only_post_is_taken(method: str, db: None) -> None:
    assert getattr(Client(), method)("/webhooks/jobber/").status_code == 405


def test_without_a_database_the_service_is_asked_to_try_again(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(receiving, "_connection", away)
    answer = jobber(jobber_body())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")


def test_a_transaction_that_met_another_crosswise_is_repeated(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    left, receive = [1, 1], notice.receive

    def crossed(*given: Any, **named: Any) -> None:
        if left:
            left.pop()
            cause = Exception("deadlock detected")
            cause.sqlstate = "40P01"  # type: ignore[attr-defined]
            raise OperationalError("deadlock detected") from cause
        receive(*given, **named)

    monkeypatch.setattr(notice, "receive", crossed)
    assert jobber(jobber_body()).status_code == 200
    assert links()["C7"].noticed == 4


def test_a_failure_on_the_way_leaves_nothing_half_done(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OperationalError("disk full")

    monkeypatch.setattr(notice, "store", fail)
    assert jobber(jobber_body()).status_code == 503
    assert (links()["C7"].noticed, OrmQ.objects.count(), events()) == (3, 0, [])
