"""One refresh at a time, no pair lost, no connection ended by an old refusal."""

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from unittest.mock import MagicMock

import pytest
from cryptography.fernet import Fernet
from django.db import connections
from django.utils import timezone
from django_scopes import scope

from connectors.base import Budget
from connectors.errors import AuthError, TransientError, UnknownOutcome
from portal import tokens
from portal.models import Business, Connection
from syncs import incidents
from syncs.models import Incident
from tests.portal.conftest import connected
from tests.portal.fake_service import FakeService, refuse

pytestmark = pytest.mark.django_db


@pytest.fixture
def row(service: FakeService, parking: MagicMock, garden: Business) -> Connection:
    return connected(service, garden)


@pytest.mark.django_db(transaction=True)
def test_six_workers_at_once_send_one_refresh(
    service: FakeService, row: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads pass a baton at every point where a real worker would be away, so the interleaving is exact."""
    baton, waiting, stored = threading.Lock(), threading.Semaphore(0), threading.Event()
    answers: list[str] = []

    def away(until: Callable[[], object]) -> None:
        baton.release()
        until()
        baton.acquire()

    def answer_after_all_others_wait(_: object) -> None:
        away(lambda: [waiting.acquire(timeout=10) for _ in range(5)])

    def pause(_: float) -> None:
        waiting.release()
        away(lambda: stored.wait(10))

    def worker() -> None:
        with baton:
            answers.append(tokens.current(Connection._base_manager.get(pk=row.pk)).access_token.reveal())
            stored.set()
            connections.close_all()

    service.on_refresh = answer_after_all_others_wait
    monkeypatch.setattr(tokens, "pause", pause)
    threads = [threading.Thread(target=worker) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(service.refreshed) == 1
    assert answers == ["canary-token-access-2"] * 6


def test_a_token_with_time_left_is_used_as_it_is(service: FakeService, row: Connection) -> None:
    tokens.current(row)
    tokens.current(row)
    assert service.refreshed == ["canary-token-refresh-1"]


def test_a_session_begins_with_what_the_service_allowed_last(service: FakeService, row: Connection) -> None:
    said = Budget("Calls", 12.5, 25.0, 25.0)
    row.budgets = [asdict(said)]
    assert row.open().recalled == [said]  # type: ignore[attr-defined]  # the fake's own
    assert row.reopen(tokens.load(row)).recalled == [said]  # type: ignore[attr-defined]  # as above


def test_after_a_401_the_pair_somebody_else_stored_is_used(service: FakeService, row: Connection) -> None:
    refused = tokens.load(row)
    tokens.current(row)
    assert tokens.renewed(row, refused).access_token.reveal() == "canary-token-access-2"
    assert len(service.refreshed) == 1


def test_after_a_401_the_pair_somebody_else_stored_is_used_only_while_it_lasts(
    service: FakeService, row: Connection
) -> None:
    """A worker that was held up for long finds a pair that somebody has stored meanwhile, and that has run out too."""
    refused = tokens.load(row)
    stored = tokens.current(row)
    over = replace(stored, expires_at=timezone.now() - timedelta(minutes=1))
    Connection._base_manager.filter(pk=row.pk).update(**tokens.columns(row, over))
    assert tokens.renewed(row, refused).access_token.reveal() == "canary-token-access-3"
    assert len(service.refreshed) == 2


def test_after_a_401_of_the_stored_pair_one_refresh_leaves(service: FakeService, row: Connection) -> None:
    assert tokens.renewed(row, tokens.load(row)).access_token.reveal() == "canary-token-access-2"


def test_killed_between_answer_and_commit_ends_in_a_plain_request_to_reconnect(
    service: FakeService, row: Connection, parking: MagicMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(tokens, "_save", MagicMock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            tokens.current(row)
    service.on_refresh = refuse
    for _ in range(3):
        with pytest.raises(AuthError, match="not valid"):
            tokens.current(row)
    assert len(service.refreshed) == 2
    assert row.status == "needs_reconnect"
    parking.park.assert_called_once()


def test_a_lost_answer_keeps_the_old_token_while_it_lasts(service: FakeService, row: Connection) -> None:
    service.on_refresh = MagicMock(side_effect=UnknownOutcome("No answer."))
    assert tokens.current(row).access_token.reveal() == "canary-token-access-1"
    row.refresh_from_db()
    assert row.refresh_failed_at
    assert row.status == "active"
    service.on_refresh = lambda sent: None
    assert tokens.current(row).access_token.reveal() == "canary-token-access-3"


def test_an_expired_token_and_a_service_that_is_down_is_a_matter_of_waiting(
    service: FakeService, parking: MagicMock, garden: Business
) -> None:
    row = connected(service, garden)
    service.on_refresh = MagicMock(side_effect=TransientError("Down."))
    with pytest.raises(TransientError):
        tokens.renewed(row, tokens.load(row))
    parking.park.assert_not_called()


def test_a_worker_held_up_before_it_asks_does_not_ask_when_the_lease_may_be_over(
    service: FakeService, row: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, begun = tokens.load(row), time.monotonic()
    monkeypatch.setattr(tokens, "failpoint", lambda _: monkeypatch.setattr(time, "monotonic", lambda: begun + 61))
    with pytest.raises(TransientError):
        tokens.renewed(row, refused)
    assert service.refreshed == []


def test_a_late_answer_is_stored_though_the_lease_ran_out(service: FakeService, row: Connection) -> None:
    def slow(_: object) -> None:
        Connection._base_manager.update(refresh_lease="another", refresh_lease_until=timezone.now())

    service.on_refresh = slow
    assert tokens.current(row).access_token.reveal() == "canary-token-access-2"
    row.refresh_from_db()
    assert row.refresh_lease == "another"


def test_a_late_answer_brings_back_what_a_refusal_of_the_old_pair_ended(
    service: FakeService, row: Connection, parking: MagicMock
) -> None:
    def overtaken(_: object) -> None:
        """The lease runs out; a second worker sends the same pair and is refused."""
        Connection._base_manager.update(refresh_lease="", refresh_lease_until=None)
        service.on_refresh = refuse
        with pytest.raises(AuthError):
            tokens.current(Connection._base_manager.get())

    service.on_refresh = overtaken
    tokens.current(row)
    assert row.status == "active"
    parking.unpark.assert_called_once()


def test_a_person_is_asked_to_connect_again_once_whoever_found_out(service: FakeService, row: Connection) -> None:
    """Also where no record waits that could say so."""
    service.on_refresh = refuse
    for _ in range(2):
        with pytest.raises(AuthError):
            tokens.current(row)
    with scope(business=row.business_id):
        incident = Incident.objects.get()
    assert (incident.connection_id, incident.state, incident.next_step) == (row.pk, "open", incidents.RECONNECT)


def test_a_refusal_of_a_pair_no_longer_stored_disconnects_nothing(
    service: FakeService, row: Connection, parking: MagicMock
) -> None:
    def overtaken(sent: object) -> None:
        Connection._base_manager.update(**tokens.columns(row, service.pair(account_id="acc-1")))
        raise AuthError("The provided refresh token is not valid.")

    service.on_refresh = overtaken
    assert tokens.current(row).access_token.reveal() == "canary-token-access-3"
    assert row.status == "active"
    parking.park.assert_not_called()


def test_a_late_answer_does_not_replace_what_a_person_has_signed_in_with_since(
    service: FakeService, row: Connection
) -> None:
    signed_in = service.pair(account_id="acc-1")

    def overtaken(sent: object) -> None:
        Connection._base_manager.update(**tokens.columns(row, signed_in))

    service.on_refresh = overtaken
    assert tokens.current(row).access_token == signed_in.access_token
    assert tokens.load(Connection._base_manager.get()).refresh_token == signed_in.refresh_token


def test_waiting_for_another_worker_is_bounded(
    service: FakeService, row: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = MagicMock()
    monkeypatch.setattr(tokens, "pause", waits)
    Connection._base_manager.update(refresh_lease="x", refresh_lease_until=timezone.now() + timedelta(minutes=1))
    assert tokens.current(row).access_token.reveal() == "canary-token-access-1"
    assert waits.call_count == tokens.POLLS
    assert service.refreshed == []


def test_a_missing_key_is_named_and_nothing_overwritten(
    service: FakeService, row: Connection, parking: MagicMock, settings: object
) -> None:
    before = Connection._base_manager.values_list("credentials_digest", flat=True).get()
    old = settings.ENCRYPTION_KEYS  # type: ignore[attr-defined]
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]  # type: ignore[attr-defined]
    for _ in range(2):
        with pytest.raises(AuthError, match="ENCRYPTION_KEYS"):
            tokens.current(row)
    assert row.status == "needs_reconnect"
    assert service.refreshed == []
    settings.ENCRYPTION_KEYS = old  # type: ignore[attr-defined]
    assert tokens.load(row).access_token.reveal() == "canary-token-access-1"
    assert row.status == "active"
    assert row.credentials_digest == before


def test_credentials_copied_into_another_business_open_nothing(service: FakeService, row: Connection) -> None:
    other = Business.objects.create(name="Other")
    Connection._base_manager.update(business=other)
    with pytest.raises(AuthError, match="another connection"):
        tokens.current(Connection._base_manager.get())
