"""`manage.py status`: the whole installation in one look."""

import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from django_scopes import scope

from portal.models import Business, Connection, WorkerBeat
from syncs import choosing, recipes, runs
from syncs.models import Incident, Lane, Link, Run, Sync

pytestmark = pytest.mark.django_db


def ask(*words: str) -> str:
    out = io.StringIO()
    call_command("status", *words, stdout=out)
    return out.getvalue()


def report() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ask("--json"))
    return found


@pytest.fixture
def sync(acme: Business) -> Sync:
    with scope(business=acme):
        rows = [
            Connection.objects.create(
                business=acme, connector=c, method="oauth", account_id=a, account_name=f"Acme {a}"
            )
            for c, a in (("jobber", "A1"), ("stripe", "acct_1"))
        ]
        sync = choosing.choose(acme, recipes.get("clients-to-customers"), *rows, by=None)
        runs.stop(sync)
    return sync


def link(sync: Sync, number: int, **fields: Any) -> None:
    with scope(business=sync.business):
        Link.objects.create(business=sync.business, sync=sync, source_id=f"C{number}", **fields)


def test_an_empty_installation(db: None) -> None:
    assert report() == {"worker": {"heartbeat_age": None}, "connections": [], "syncs": [], "incidents": []}
    assert "none is running" in ask()


def test_the_ledger_of_each_sync_adds_up(sync: Sync) -> None:
    link(sync, 1, state="in_step", written_at=timezone.now())
    link(sync, 2, state="in_step")
    link(sync, 3, state="skipped")
    link(sync, 4, state="held")
    link(sync, 5, state="conflict")
    link(sync, 6, state="parked")
    link(sync, 7, state="due", noticed=1)
    link(sync, 8, state="in_step", noticed=2, handled=1)
    (found,) = report()["syncs"]
    assert found["ledger"] == {
        "seen": 8, "written": 1, "unchanged": 1, "skipped": 1, "held": 2, "failed": 1, "waiting": 2,
    }  # fmt: skip
    assert found["ledger"]["seen"] == sum(n for place, n in found["ledger"].items() if place != "seen")
    assert "8 seen, 1 written, 1 unchanged, 1 skipped, 2 held, 1 failed, 2 waiting" in ask()


@pytest.mark.parametrize(
    ("links", "mode", "state"),
    [
        ([], "live", "in_step"),
        ([{"state": "held"}], "live", "needs_attention"),
        ([{"state": "held"}, {"state": "due", "noticed": 1}], "live", "working"),
        ([{"state": "due", "noticed": 1}], "off", "off"),
    ],
)
def test_a_sync_is_in_one_state(links: list[dict[str, Any]], mode: str, state: str, sync: Sync) -> None:
    for number, fields in enumerate(links):
        link(sync, number, **fields)
    with scope(business=sync.business):
        Sync.objects.update(mode=mode)
    assert (report()["syncs"][0]["mode"], report()["syncs"][0]["state"]) == (mode, state)


def test_connections_lanes_runs_and_incidents_are_told(sync: Sync) -> None:
    now = timezone.now()
    with scope(business=sync.business):
        Connection.objects.filter(connector="stripe").update(status="needs_reconnect", status_reason="Key revoked.")
        Connection.objects.filter(connector="jobber").update(last_ok_at=now)
        Lane.objects.update(parked="Key revoked.", parked_code="auth")
        run = runs.start(sync, Run.Kind.BACKFILL)
        Run.objects.filter(pk=run.pk).update(side="work", counts={"seen": 8}, total=8)
        Incident.objects.create(
            business=sync.business, sync=sync, subject="s", cause_code="auth", title="Stripe is off"
        )
    link(sync, 1, state="due", noticed=1, run=run)
    link(sync, 2, state="due", noticed=1, run=run)
    found = report()
    assert [(c["connector"], c["account"], c["status"]) for c in found["connections"]] == [
        ("jobber", "Acme A1", "active"),
        ("stripe", "Acme acct_1", "needs_reconnect"),
    ]
    assert found["connections"][0]["last_ok"] == now.isoformat(timespec="seconds")
    (told,) = found["syncs"]
    assert (told["state"], told["lane"]["state"], told["lane"]["reason"]) == ("parked", "parked", "Key revoked.")
    assert (told["run"]["step"], told["run"]["left"], told["run"]["percent"]) == ("work", 2, 75)
    assert [i["title"] for i in found["incidents"]] == ["Stripe is off"]
    words = ask()
    assert "needs_reconnect" in words
    assert "backfill: 8 of 8 read, 2 left" in words


def test_the_heartbeat_is_told(db: None) -> None:
    now = timezone.now()
    WorkerBeat.objects.create(supervisor="w", host="h", pid=1, started_at=now, beat_at=now)
    assert report()["worker"]["heartbeat_age"] < 5


def test_no_secret_is_in_it(sync: Sync) -> None:
    from portal.crypto import Sealed, encrypt

    with scope(business=sync.business):
        Connection.objects.update(credentials=Sealed(encrypt("canary-token")), credentials_digest="canary-digest")
    assert "canary" not in ask("--json") + ask()
