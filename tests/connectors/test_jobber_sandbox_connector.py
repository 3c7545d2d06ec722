"""Our own Jobber connector against the running stand-in, with Jobber's limits on and off."""

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from connectors.base import Credentials, Page, Secret, Session
from connectors.errors import AuthError, RateLimited, ScopeError
from connectors.http import Http
from connectors.jobber import bucket as buckets
from connectors.jobber import reading
from connectors.jobber.bucket import Bucket
from connectors.jobber.client import JobberSession
from connectors.jobber.reading import RESERVE
from connectors.jobber.sandbox.permissions import SCOPES
from connectors.sandbox.clock import Clock
from connectors.sandbox.running import Running, running
from tests.connectors.jobber_calls import CALLBACK, Calls

pytestmark = pytest.mark.sandbox
TAG = 'mutation($id: EncodedId!) { clientEdit(clientId: $id, input: { tagsToAdd: ["New"] }) { client { id } } }'


@pytest.fixture(scope="module")
def jobber() -> Iterator[Calls]:
    with running({"SANDBOX_LIMITS": "off"}) as found:
        yield Calls(found)


def opened(jobber: Calls, account: str = "1") -> Session:
    return jobber.connector().open(jobber.connected(account))


def every(session: Session) -> list[str]:
    ids: list[str] = []
    cursor: str | None = None
    while True:
        page = session.page("clients", cursor)
        ids += [r.id for r in page.records]
        cursor = page.next_cursor
        if cursor is None:
            return ids


def test_connecting_says_which_account_it_is(jobber: Calls) -> None:
    credentials = jobber.connected("2")
    account = jobber.connector().open(credentials).account()
    assert (account.name, account.country, account.id) == ("Coastline Electrical", "AU", credentials.account_id)
    assert credentials.scopes == tuple(SCOPES)
    left = credentials.expires_at - datetime.now(UTC) if credentials.expires_at else timedelta()
    assert timedelta(minutes=59) < left <= timedelta(minutes=60)


def test_a_used_code_is_refused(jobber: Calls) -> None:
    code = jobber.code()
    jobber.connector().exchange("oauth", code=code, redirect_uri=CALLBACK)
    with pytest.raises(AuthError):
        jobber.connector().exchange("oauth", code=code, redirect_uri=CALLBACK)


def test_the_doctor_finds_all_well(jobber: Calls) -> None:
    checks = opened(jobber).doctor()
    assert [c.ok for c in checks] == [True] * 5
    assert checks[0].detail.startswith("200 clients")
    assert checks[1].detail.startswith("60 invoices")


def test_the_doctor_names_the_scopes_that_are_missing(jobber: Calls) -> None:
    jobber.switch(read_invoices=False, write_clients=False)
    try:
        found = {c.label: c for c in opened(jobber).doctor()}
    finally:
        jobber.switch()
    wrong = {label: check for label, check in found.items() if check.ok is False}
    assert set(wrong) == {"May read invoices", "May change clients"}
    assert all("connect again" in check.next_step for check in wrong.values())


def test_the_doctor_tells_of_a_version_at_its_end(jobber: Calls) -> None:
    jobber.switch(version_ends=True)
    check = opened(jobber).doctor()[-1]
    assert check.ok is False
    assert "no longer supported" in check.detail
    jobber.switch()


def test_all_200_are_read_in_two_pages(jobber: Calls) -> None:
    session = opened(jobber)
    page = session.page("clients")
    assert (len(page.records), page.total) == (100, 200)
    ids = every(session)
    assert len(ids) == len(set(ids)) == 200


def test_a_record_has_what_the_catalogue_says(jobber: Calls) -> None:
    session = opened(jobber)
    records = session.page("clients").records
    known = {f.path for f in session.fields("clients")}
    assert "custom.gate_code" in known
    assert {path for r in records for path in r.data} <= known
    company = next(r for r in records if r.data["is_company"])
    assert company.label == company.data["company_name"]
    shared = [r for r in records if r.email == records[10].email]
    assert [r.id for r in shared] == [records[10].id, records[11].id]
    assert records[19].email == ""


def test_fifty_are_read_by_id_in_one_call(jobber: Calls) -> None:
    session = opened(jobber)
    records = {r.id: r for r in session.page("clients").records}
    ids = list(records)[:50]
    counts = jobber.running.sandbox.frame.counts
    counts.clear()
    found = session.fetch("clients", ids)
    assert counts.total() == 1
    assert {i: r and r.fingerprint for i, r in found.items()} == {i: records[i].fingerprint for i in ids}


def test_ids_that_are_none_or_of_another_account_are_nobody(jobber: Calls) -> None:
    session = opened(jobber)
    mine = [r.id for r in session.page("clients").records[:3]]
    foreign = opened(jobber, "2").page("clients").records[0].id
    counts = jobber.running.sandbox.frame.counts
    counts.clear()
    found = session.fetch("clients", [mine[0], "1", mine[1], foreign, "!!", mine[2]])
    assert [key for key, record in found.items() if record] == mine
    assert found["1"] is found["!!"] is found[foreign] is None
    assert counts.total() == 3, "one more call for each id that cannot be read"


def test_only_what_changed_since_is_read(jobber: Calls) -> None:
    clock = jobber.running.sandbox.frame.clock
    clock.advance(3600)
    since, session = clock.now().replace(microsecond=0), opened(jobber)
    ids = [r.id for r in session.page("clients").records[:3]]
    for key in ids:
        jobber.ask(TAG, id=key)
    page = opened(jobber).page("clients", updated_since=since)
    assert [r.id for r in page.records] == ids
    assert page.next_cursor is None
    clock.advance(60)
    assert opened(jobber).page("clients", updated_since=clock.now()).records == []


def test_the_refreshed_pair_works_and_the_old_one_does_not(jobber: Calls) -> None:
    connector, first = jobber.connector(), jobber.connected()
    second = connector.refresh(first, deadline=math.inf)
    assert second.account_id == first.account_id
    assert connector.open(second).account().name == "Harbour Plumbing"
    with pytest.raises(AuthError, match="refresh token is not valid"):
        connector.refresh(first, deadline=math.inf)


def test_an_expired_token_is_an_auth_error(jobber: Calls) -> None:
    credentials = jobber.connected()
    jobber.http.post(f"{jobber.url}/settings", data={"do": "expire"})
    with pytest.raises(AuthError, match="Token not recognized"):
        jobber.connector().open(credentials).account()


def test_a_missing_permission_is_a_scope_error(jobber: Calls) -> None:
    jobber.switch(read_clients=False)
    try:
        with pytest.raises(ScopeError):
            opened(jobber).page("clients")
    finally:
        jobber.switch()


def test_disconnecting_is_final_and_may_be_repeated(jobber: Calls) -> None:
    connector, credentials = jobber.connector(), jobber.connected("3")
    connector.disconnect(credentials)
    connector.disconnect(credentials)
    with pytest.raises(AuthError, match="disconnected this app"):
        connector.open(credentials).account()


# Under the limits


class Limited:
    """A stand-in with its limits on and a session whose bucket runs by the stand-in's clock. No real time passes."""

    def __init__(self, found: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls, self.clock = Calls(found), found.sandbox.frame.clock
        still = self.clock.time()
        monkeypatch.setattr(Clock, "time", lambda clock: still + clock.offset)
        credentials = self.calls.connected()
        url = f"{self.calls.url}/api/graphql"
        monkeypatch.setitem(buckets._buckets, f"{url} {credentials.account_id}", Bucket(self.clock.time))
        monkeypatch.setattr(reading, "pause", self.clock.advance)
        self.session = self.calls.connector().open(credentials)
        self.throttle = found.sandbox.services["jobber"].throttle

    def patiently(self, work: Any, most: int = 1000) -> Any:
        """Waits as long as it is told to, by setting the clock forward."""
        for _ in range(most):
            try:
                return work()
            except RateLimited as limited:
                self.clock.advance(limited.after)
        raise AssertionError(f"still refused after {most} tries")


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> Iterator[Limited]:
    with running(seed="1000") as found:
        yield Limited(found, monkeypatch)


def test_reading_everything_uses_what_jobber_allows(limited: Limited) -> None:
    counts = limited.calls.running.sandbox.frame.counts
    started, ids, cursor, spent = limited.clock.time(), [], None, 0.0
    counts.clear()

    def page() -> Page:
        nonlocal spent
        before = limited.throttle.available("1")
        found = limited.session.page("clients", cursor)
        spent += before - limited.throttle.available("1")
        return found

    while True:
        found = limited.patiently(page)
        ids += [r.id for r in found.records]
        cursor = found.next_cursor
        if cursor is None:
            break
    allowed = 10_000 * (1 - RESERVE) + 500 * (limited.clock.time() - started)
    assert len(ids) == len(set(ids)) == 1000
    assert 50_000 < spent < 53_000
    assert spent >= 0.95 * allowed
    assert counts.total() < 60


def test_the_last_page_waits_for_no_more_points_than_it_needs(limited: Limited) -> None:
    first = limited.session.page("clients")
    cursor = json.loads(first.next_cursor or "")
    assert (first.total, cursor["left"]) == (1000, 900)
    limited.throttle.spend("1", int(limited.throttle.available("1")) - 1_500 - 250)  # beside what live work is left
    limited.session.account()
    with pytest.raises(RateLimited):
        limited.session.page("clients", json.dumps(cursor))
    assert len(limited.session.page("clients", json.dumps(cursor | {"left": 3})).records) == 3


def test_a_hundred_by_id_are_read_however_little_is_there(limited: Limited) -> None:
    ids = [r.id for r in limited.session.page("clients").records]
    for left in (0, 3_000, 5_000, 6_500):
        limited.throttle.spend("1", int(limited.throttle.available("1")) - left)
        found = limited.patiently(lambda: limited.session.fetch("clients", ids), most=8)
        assert len(found) == 100
        assert all(found.values())


@pytest.mark.parametrize("left", [0, 1_000, 3_000, 6_000])
def test_long_invoices_are_read_however_little_is_there(limited: Limited, left: int) -> None:
    """What was read is not thrown away when there are no points for the rest of it: it waits for them."""
    whose, calls = limited.calls.create(lastName="Long"), limited.calls
    rows = [{"name": f"{n}", "quantity": 1.0, "unitPrice": 1.0} for n in range(150)]
    made = [calls.bill(whose, *rows) for _ in range(10)]
    limited.session.account()
    limited.throttle.spend("1", int(limited.throttle.available("1")) - left)
    read = limited.patiently(lambda: limited.session.fetch("invoices", made), most=3)
    assert [len(record.data["lines"]) for record in read.values()] == [150] * 10
    page = limited.patiently(lambda: limited.session.page("invoices"), most=3)
    assert {record.id for record in page.records} <= set(made)
    assert {len(record.data["lines"]) for record in page.records} == {150}


def test_a_drained_bucket_is_learnt_from_the_refusal(limited: Limited) -> None:
    limited.throttle.spend("1", 9_000)
    with pytest.raises(RateLimited) as refused:
        limited.session.page("clients")
    assert refused.value.after == pytest.approx((7_003 - 1_000) / 500, abs=0.1)
    page = limited.patiently(lambda: limited.session.page("clients"), most=3)
    assert len(page.records) >= 25


def test_pages_shrink_where_jobber_counts_more_than_we_do() -> None:
    """By a harder rule a full page could never be served: the answer says so, and smaller ones are asked for."""
    sizes = []

    def jobber(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)["variables"]["first"]
        sizes.append(asked)
        points = asked * 150
        fits = points <= 10_000
        status = {"maximumAvailable": 10_000, "currentlyAvailable": 10_000, "restoreRate": 500}
        cost = {"requestedQueryCost": points, "actualQueryCost": points if fits else 0, "throttleStatus": status}
        data = {"clients": {"nodes": [], "pageInfo": {"endCursor": None, "hasNextPage": False}}}
        body: dict[str, Any] = {"data": data} if fits else {"errors": [{"extensions": {"code": "THROTTLED"}}]}
        return httpx.Response(200, json=body | {"extensions": {"cost": cost}})

    http = Http("Jobber", httpx.MockTransport(jobber))
    credentials = Credentials("oauth", Secret("token"), account_id="harder-rule")
    session = JobberSession(credentials, http, url="http://jobber.example.com", version="2025-04-16")
    since = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(RateLimited):
        session.page("clients", updated_since=since)
    assert session.page("clients", updated_since=since).records == []
    assert sizes == [100, 56]


@pytest.mark.parametrize(
    "cost", [{"throttleStatus": {"maximumAvailable": None}}, {"requestedQueryCost": "much"}, "none"]
)
def test_odd_figures_of_the_budget_spoil_no_answer(cost: Any) -> None:
    data = {"clients": {"nodes": [], "pageInfo": {"endCursor": None, "hasNextPage": False}}}
    answer = httpx.Response(200, json={"data": data, "extensions": {"cost": cost}})
    http = Http("Jobber", httpx.MockTransport(lambda _: answer))
    credentials = Credentials("oauth", Secret("token"), account_id=f"odd {cost}")
    session = JobberSession(credentials, http, url="http://jobber.example.com", version="2025-04-16")
    assert session.page("clients").records == []
