"""What every connector must do, for every resource, against its stand-in over real HTTP.

A connector gets these tests by its line in the registry; without a case of its own they fail.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from connectors import http, registry
from connectors.base import Budget, Connector, Field, Record, Session, WriteResult
from connectors.errors import (
    AuthError,
    ConnectorError,
    ContractError,
    MissingError,
    RateLimited,
    RejectedError,
    TransientError,
    UnknownOutcome,
)
from connectors.sandbox.running import running
from tests.connectors.cases import CASES, case
from tests.connectors.cases.base import WRONG, Case

pytestmark = pytest.mark.sandbox
SLUGS = sorted(registry.CONNECTORS)
EVERY = [(slug, name) for slug in SLUGS for name in registry.connector_class(slug).resources]
WRITTEN = [(slug, name) for slug, name in EVERY if registry.connector_class(slug).resources[name].writable]
READ_ONLY = [pair for pair in EVERY if pair not in WRITTEN]
CHANGING = [(slug, name) for slug, name in WRITTEN if slug in CASES and name not in CASES[slug].unchanging]
MADE = [(slug, name) for slug, name in WRITTEN if slug in CASES and name in CASES[slug].creating]
KEYED = [(slug, name) for slug, name in MADE if registry.connector_class(slug).idempotent_writes]
FOUND = [(slug, name) for slug, name in MADE if name not in CASES[slug].without_email | CASES[slug].unsearched]
REFERRING = [(slug, name) for slug, name in MADE if name in CASES[slug].references]
REFUSING = [(slug, name) for slug, name in MADE if name in CASES[slug].refused]
ANN = "ann.contract@example.com"


def test_every_connector_has_a_case() -> None:
    assert set(CASES) == set(registry.CONNECTORS), "Each connector of the registry needs a case, and no case is stale."


def test_a_connector_without_a_case_fails_with_a_clear_message() -> None:
    with pytest.raises(AssertionError, match="“myspace” has no case in the contract suite"):
        case("myspace", None)  # type: ignore[arg-type]  # it does not come so far


@pytest.fixture(scope="module")
def shared_cases() -> Iterator[dict[str, Case]]:
    """One seeded sandbox, for tests that leave it in order."""
    with running({"SANDBOX_LIMITS": "off"}) as found:
        yield {slug: case(slug, found) for slug in SLUGS}


@pytest.fixture
def there(shared_cases: dict[str, Case], slug: str) -> Iterator[Case]:
    yield shared_cases[slug]
    shared_cases[slug].running.sandbox.frame.faults.clear()


@pytest.fixture
def apart(slug: str) -> Iterator[Case]:
    """A sandbox of its own, for tests that cut connections or set the clock."""
    with running({"SANDBOX_LIMITS": "off"}, seed="empty") as found:
        yield case(slug, found)


@pytest.fixture
def session(there: Case) -> Session:
    return opened(there)


def opened(there: Case, account: int = 1) -> Session:
    return there.connector().open(there.connect(account))


def every(session: Session, resource: str, **asked: Any) -> list[Record]:
    found: list[Record] = []
    cursor: str | None = None
    while True:
        page = session.page(resource, cursor, **(asked if cursor is None else {}))
        found += page.records
        cursor = page.next_cursor
        if cursor is None:
            return found


def soon() -> float:
    return time.monotonic() + 10


def key() -> str:
    return f"fb-{uuid4().hex}"


# Who it speaks for


@pytest.mark.parametrize("slug", SLUGS)
def test_it_names_the_account_it_speaks_for(there: Case) -> None:
    one, other = there.connect(1), there.connect(2)
    first, second = (there.connector().open(c).account() for c in (one, other))
    assert (first.id, second.id) == (one.account_id, other.account_id)
    assert first.id != second.id
    assert first.name
    assert first.country in {"", "AU"}
    assert there.connector().open(one).account() == first


@pytest.mark.parametrize("slug", SLUGS)
def test_the_doctor_finds_a_healthy_account_well(session: Session) -> None:
    checks = session.doctor()
    assert checks
    assert all(c.label and c.detail for c in checks)
    assert [c.label for c in checks if c.ok is False] == []


@pytest.mark.parametrize("slug", SLUGS)
def test_budgets_are_what_the_service_has_said(session: Session) -> None:
    session.account()
    for budget in session.budgets():
        assert isinstance(budget, Budget)
        assert budget.label
        assert budget.maximum > 0
        assert budget.restore_per_second > 0


# Reading


@pytest.mark.parametrize(("slug", "resource"), EVERY)
def test_every_record_comes_exactly_once(there: Case, session: Session, resource: str) -> None:
    ids = [r.id for r in every(session, resource)]
    assert len(ids) == len(set(ids)) == there.there_are(resource)


@pytest.mark.parametrize(("slug", "resource"), EVERY)
def test_a_cursor_goes_on_in_another_session(
    there: Case, session: Session, resource: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = there.there_are(resource)
    ids = {there.add(resource, f"Paged {n}", f"paged{n}@example.com") for n in range(120)}
    try:
        found: list[str] = []
        cursor: str | None = None
        pages = 0
        while pages == 0 or cursor:
            page = opened(there).page(resource, cursor)
            found += [r.id for r in page.records]
            cursor, pages = page.next_cursor, pages + 1
            assert cursor is None or json.dumps(cursor)
        assert pages > 1
        assert len(found) == len(set(found)) == before + 120
        assert ids <= set(found)
    finally:
        for record_id in ids:
            there.remove(resource, record_id)


@pytest.mark.parametrize(("slug", "resource"), EVERY)
def test_a_record_is_whole_and_plain(session: Session, resource: str) -> None:
    for record in every(session, resource):
        assert record.id
        assert record.label
        assert not record.deleted
        assert json.loads(json.dumps(record.data)) == record.data
        assert record.email == record.email.strip().lower()
        assert record.created_at is None or record.created_at.tzinfo is not None
        assert record.updated_at is None or record.updated_at.tzinfo is not None
        assert record.url.startswith("https://") or record.url == ""


@pytest.mark.parametrize(("slug", "resource"), EVERY)
def test_the_catalogue_has_every_path_of_every_record(there: Case, session: Session, resource: str) -> None:
    fields = session.fields(resource)
    assert {f.path for f in there.connector().catalogue(resource)} <= {f.path for f in fields}
    for record in every(session, resource):
        assert [p for p in record.data if not described(p, fields)] == []


def described(path: str, fields: list[Field]) -> Field | None:
    return next((f for f in fields if f.path in {path, f"{path.split('.')[0]}.*"}), None)


@pytest.mark.parametrize(("slug", "resource"), EVERY)
def test_reading_by_id_gives_what_a_page_gives(there: Case, session: Session, resource: str) -> None:
    listed = {r.id: r for r in every(session, resource)[:60]}
    unknown = there.unknown_ids[resource]
    found = session.fetch(resource, [*listed, *unknown])
    assert set(found) == {*listed, *unknown}
    assert [i for i in unknown if found[i] is not None] == []
    for record_id, record in listed.items():
        read = found[record_id]
        assert read is not None
        assert (read.fingerprint, read.updated_at, read.email) == (record.fingerprint, record.updated_at, record.email)
    assert session.fetch(resource, []) == {}


@pytest.mark.parametrize(("slug", "resource"), EVERY)
def test_what_was_added_edited_and_removed_is_seen(there: Case, session: Session, resource: str) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    made = there.add(resource, "Fresh", ANN)
    first = session.fetch(resource, [made])[made]
    assert first is not None
    assert first.email == ("" if resource in there.without_email else ANN)
    assert made in {r.id for r in every(session, resource, updated_since=before)}
    if resource not in there.unchanging:
        there.edit(resource, made, "Renamed")
        second = session.fetch(resource, [made])[made]
        assert second is not None
        assert second.fingerprint != first.fingerprint
        assert "Renamed" in second.label
    there.remove(resource, made)
    if resource not in there.lasting:
        assert session.fetch(resource, [made]) == {made: None}
        assert made not in {r.id for r in every(session, resource)}


@pytest.mark.parametrize(("slug", "resource"), EVERY)
def test_a_name_that_no_database_keeps_is_read_without_the_letters_in_the_way(
    there: Case, session: Session, resource: str
) -> None:
    made = there.add(resource, "Nul\x00 Name", ANN)
    record = session.fetch(resource, [made])[made]
    there.remove(resource, made)
    assert record is not None
    assert "\\u0000" not in json.dumps([record.label, record.data])
    assert "Nul Name" in record.label


@pytest.mark.parametrize(("slug", "resource"), EVERY)
def test_only_what_changed_since_then_is_read(there: Case, session: Session, resource: str) -> None:
    since = datetime.now(UTC) + timedelta(days=1)
    assert every(session, resource, updated_since=since) == []
    if not there.knows_edits:
        return
    old = every(session, resource)[-1]
    frame = there.running.sandbox.frame
    frame.clock.advance(60)
    since = frame.clock.now() - timedelta(seconds=5)
    there.edit(resource, old.id, "Edited")
    assert [r.id for r in every(session, resource, updated_since=since)] == [old.id]


@pytest.mark.parametrize(("slug", "resource"), EVERY)
def test_one_session_serves_many_threads(session: Session, resource: str) -> None:
    ids = [r.id for r in session.page(resource).records[:30]]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda part: session.fetch(resource, part), [ids[n::8] for n in range(8)]))
    assert {i for answer in answers for i, record in answer.items() if record} == set(ids)


# Writing


@pytest.mark.parametrize(("slug", "resource"), READ_ONLY)
def test_what_is_only_read_refuses_writes_without_a_call(there: Case, session: Session, resource: str) -> None:
    calls = there.calls()
    refused: list[Callable[[], object]] = [
        lambda: session.create(resource, {}, key=key(), deadline=soon()),
        lambda: session.update(resource, "x", {}, key=key(), deadline=soon()),
    ]
    for call in refused:
        with pytest.raises(RejectedError):
            call()
    with contextlib.suppress(RejectedError):
        assert session.find_by_email(resource, ANN) == []
    assert there.calls() == calls


@pytest.mark.parametrize(("slug", "resource"), EVERY)
def test_what_cannot_be_done_to_a_record_is_refused_without_a_call(
    there: Case, session: Session, resource: str
) -> None:
    calls = there.calls()
    with pytest.raises(RejectedError, match="explode"):
        session.act(resource, there.unknown_ids[resource][0], "explode", {}, key=key(), deadline=soon())
    assert there.calls() == calls


@pytest.fixture
def made(there: Case, session: Session, resource: str) -> Iterator[WriteResult]:
    """By us, where we make such records."""
    if resource in there.creating:
        found = session.create(resource, there.written[resource], key=key(), deadline=soon())
    else:
        added = there.add(resource, "Theirs", ANN)
        found = WriteResult(session.fetch(resource, [added])[added])  # type: ignore[arg-type]  # it is there
    yield found
    there.remove(resource, found.record.id)


@pytest.mark.parametrize(("slug", "resource"), WRITTEN)
def test_only_writable_fields_are_written_in_this_suite(there: Case, session: Session, resource: str) -> None:
    fields = session.fields(resource)
    for path in {**there.written.get(resource, {}), **there.rewritten.get(resource, {})}:
        field = described(path, fields)
        assert field is not None
        assert field.writable


@pytest.mark.parametrize(("slug", "resource"), MADE)
def test_a_created_record_is_as_it_was_sent(there: Case, session: Session, resource: str, made: WriteResult) -> None:
    read = session.fetch(resource, [made.record.id])[made.record.id]
    assert read is not None
    assert read.fingerprint == made.record.fingerprint
    told = {p: v for p, v in there.written[resource].items() if p not in there.untold.get(resource, ())}
    assert {p: read.data.get(p) for p in told} == told
    assert bool(made.request_id) == there.names_requests
    assert not made.replayed


@pytest.mark.parametrize(("slug", "resource"), MADE)
def test_what_was_made_since_then_is_listed(there: Case, session: Session, resource: str) -> None:
    """That is how a create without an answer is looked for."""
    before, data = there.running.sandbox.frame.clock.now() - timedelta(seconds=2), there.written[resource]
    made = session.create(resource, data, key=key(), deadline=soon())
    found = [r.id for r in session.written_since(resource, before, [data])]
    there.remove(resource, made.record.id)
    assert found.count(made.record.id) == 1


@pytest.mark.parametrize(("slug", "resource"), KEYED)
def test_the_same_key_makes_one_record(there: Case, session: Session, resource: str) -> None:
    before, one = len(every(session, resource)), key()
    first = session.create(resource, there.written[resource], key=one, deadline=soon())
    again = session.create(resource, there.written[resource], key=one, deadline=soon())
    assert (again.record.id, again.replayed) == (first.record.id, True)
    assert len(every(session, resource)) == before + 1
    other = session.create(resource, there.written[resource], key=key(), deadline=soon())
    assert other.record.id != first.record.id
    for record_id in (first.record.id, other.record.id):
        there.remove(resource, record_id)


@pytest.mark.parametrize(("slug", "resource"), CHANGING)
def test_an_update_changes_the_given_paths_and_clears_empty_ones(
    there: Case, session: Session, resource: str, made: WriteResult
) -> None:
    changes = there.rewritten[resource]
    done = session.update(resource, made.record.id, changes, key=key(), deadline=soon())
    expected = {p: v for p, v in {**made.record.data, **changes}.items() if v not in ("", None)}
    held = {p: v for p, v in done.record.data.items() if v != ""}
    assert {p for p in held.keys() | expected.keys() if held.get(p) != expected.get(p)} <= there.following
    assert session.fetch(resource, [made.record.id])[made.record.id].data == done.record.data  # type: ignore[union-attr]


@pytest.mark.parametrize(("slug", "resource"), CHANGING)
def test_an_update_of_what_is_not_there_says_so(there: Case, session: Session, resource: str) -> None:
    with pytest.raises(MissingError):
        session.update(
            resource, there.unknown_ids[resource][0], there.rewritten[resource], key=key(), deadline=soon()
        )  # fmt: skip


@pytest.mark.parametrize(("slug", "resource"), REFUSING)
def test_a_refused_value_is_named_by_its_path(there: Case, session: Session, resource: str) -> None:
    path, value = there.refused[resource]
    before = len(every(session, resource))
    with pytest.raises(RejectedError) as caught:
        session.create(resource, {**there.written[resource], path: value}, key=key(), deadline=soon())
    assert caught.value.field == path
    assert len(every(session, resource)) == before


@pytest.mark.parametrize(("slug", "resource"), WRITTEN)
def test_a_field_that_is_only_read_is_refused(there: Case, session: Session, resource: str, made: WriteResult) -> None:
    only_read = [f.path for f in session.fields(resource) if not f.writable and f.path in made.record.data]
    assert only_read
    for path in only_read:
        changes = {path: made.record.data[path]}
        with pytest.raises(RejectedError):
            session.update(resource, made.record.id, changes, key=key(), deadline=soon())
    assert session.fetch(resource, [made.record.id])[made.record.id] == made.record


@pytest.mark.parametrize(("slug", "resource"), MADE)
def test_nothing_is_sent_after_the_deadline(there: Case, session: Session, resource: str) -> None:
    calls = there.calls()
    with pytest.raises(ConnectorError) as caught:
        session.create(resource, there.written[resource], key=key(), deadline=time.monotonic() - 1)
    assert not isinstance(caught.value, UnknownOutcome)
    assert there.calls() == calls


@pytest.mark.parametrize(("slug", "resource"), FOUND)
def test_a_record_is_found_by_email_as_it_was_written(
    there: Case, session: Session, resource: str, made: WriteResult
) -> None:
    email = made.record.email
    assert email == there.written[resource]["email"].lower()
    assert made.record.id in {r.id for r in session.find_by_email(resource, there.written[resource]["email"])}
    assert session.find_by_email(resource, "nobody.at.all@example.com") == []


@pytest.mark.parametrize(("slug", "resource"), REFERRING)
def test_a_record_carries_its_cross_reference(there: Case, session: Session, resource: str, made: WriteResult) -> None:
    name, path = there.references[resource]
    value = there.written[resource][path]
    assert made.record.references[name] == value
    found = [r.id for r in every(session, resource) if r.references.get(name) == value]
    assert found.count(made.record.id) == 1


# Signing in


@pytest.mark.parametrize("slug", SLUGS)
def test_a_code_is_good_once(apart: Case) -> None:
    connector = apart.connector()
    method, code = apart.code()
    assert connector.exchange(method, code=code, redirect_uri=apart.address).account_id
    for spent in (code, "never-given-out"):
        with pytest.raises(AuthError):
            connector.exchange(method, code=spent, redirect_uri=apart.address)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_sign_in_page_gets_what_it_needs(there: Case) -> None:
    connector = there.connector()
    for method in (m for m in connector.auth_methods if m.kind == "oauth"):
        url = connector.authorize_url(
            method.slug, redirect_uri="https://us.example/back/", state="s/1 2", challenge="c"
        )
        assert "state=s%2F1+2" in url
        assert "redirect_uri=https%3A%2F%2Fus.example%2Fback%2F" in url
        assert "response_type=code" in url


def attempts(there: Case, session: Session) -> Iterator[Callable[[], object]]:
    """Every call that speaks for the account."""
    yield session.account
    yield session.doctor
    for name, resource in there.resources.items():
        yield lambda name=name: session.page(name)  # type: ignore[misc]
        yield lambda name=name: session.fetch(name, [there.unknown_ids[name][0]])  # type: ignore[misc]
        if name in there.creating:
            data = there.written[name]
            yield lambda name=name, data=data: session.create(name, data, key=key(), deadline=soon())  # type: ignore[misc]
        if resource.writable and name not in there.without_email | there.unsearched:
            yield lambda name=name: session.find_by_email(name, ANN)  # type: ignore[misc]
        if name in there.rewritten and name not in there.unchanging:
            data, one = there.rewritten[name], there.unknown_ids[name][0]
            yield lambda name=name, data=data, one=one: session.update(name, one, data, key=key(), deadline=soon())  # type: ignore[misc]


@pytest.mark.parametrize("slug", SLUGS)
def test_wrong_credentials_are_refused_and_not_repeated_in_words(there: Case) -> None:
    session = there.connector().open(there.wrong())
    for attempt in attempts(there, session):
        with pytest.raises(AuthError) as caught:
            attempt()
        assert WRONG not in str(caught.value)


@pytest.mark.parametrize("slug", SLUGS)
def test_expired_access_is_refused_and_renewed(apart: Case) -> None:
    connector, held = apart.connector(), apart.connect(method=apart.renewed_by)
    assert held.expires_at is not None
    apart.expire()
    for attempt in attempts(apart, connector.open(held)):
        with pytest.raises(AuthError):
            attempt()
    new = connector.refresh(held, deadline=soon())
    assert new.access_token != held.access_token
    assert new.account_id == held.account_id
    assert connector.open(new).account().id == held.account_id


@pytest.mark.parametrize("slug", SLUGS)
def test_a_renewed_token_is_good_once(apart: Case) -> None:
    connector, held = apart.connector(), apart.connect(method=apart.renewed_by)
    new = connector.refresh(held, deadline=soon())
    assert new.refresh_token != held.refresh_token
    with pytest.raises(AuthError) as caught:
        connector.refresh(held, deadline=soon())
    assert held.refresh_token.reveal() not in str(caught.value)
    assert connector.refresh(new, deadline=soon()).access_token != new.access_token


@pytest.mark.parametrize("slug", SLUGS)
def test_nothing_is_renewed_after_the_deadline(apart: Case) -> None:
    connector, held = apart.connector(), apart.connect(method=apart.renewed_by)
    calls = apart.calls("token")
    with pytest.raises(TransientError):
        connector.refresh(held, deadline=time.monotonic() - 0.001)
    assert apart.calls("token") == calls
    assert connector.refresh(held, deadline=soon()).access_token != held.access_token


@pytest.mark.parametrize("slug", SLUGS)
def test_what_cannot_be_renewed_says_so_without_a_call(there: Case) -> None:
    bare = replace(there.connect(), refresh_token=type(there.connect().refresh_token)(""))
    calls = there.calls("token")
    with pytest.raises(AuthError):
        there.connector().refresh(bare, deadline=soon())
    assert there.calls("token") == calls


@pytest.mark.parametrize("slug", SLUGS)
def test_letting_go_ends_the_access_and_may_be_repeated(apart: Case) -> None:
    connector, held = apart.connector(), apart.connect()
    assert connector.open(held).account().id == held.account_id
    connector.disconnect(held)
    with pytest.raises(AuthError):
        connector.open(held).account()
    connector.disconnect(held)
    again = apart.connect()
    assert connector.open(again).account().id == held.account_id


@pytest.mark.parametrize("slug", SLUGS)
def test_a_business_that_lets_us_go_ends_the_access(apart: Case) -> None:
    connector, held = apart.connector(), apart.connect()
    apart.let_go()
    with pytest.raises(AuthError):
        connector.open(held).account()
    connector.disconnect(held)


@pytest.mark.parametrize("slug", SLUGS)
def test_pasted_keys_are_taken_or_refused_in_words(there: Case) -> None:
    connector = there.connector()
    takes_keys = any(m.kind == "key" for m in connector.auth_methods)
    with pytest.raises(RejectedError) as caught:
        connector.from_key("key", f"nonsense {WRONG}")
    assert WRONG not in str(caught.value)
    if takes_keys:
        assert (
            connector.from_key("key", " rk_test_0123456789abcdef\n").access_token.reveal() == "rk_test_0123456789abcdef"
        )


# Faults

READS: dict[str, type[ConnectorError] | None] = {
    "500": TransientError, "503": TransientError, "timeout": TransientError, "reset": TransientError, "slow": None,
    "500_after": TransientError, "timeout_after": TransientError, "reset_after": TransientError,
    "truncate": TransientError, "html": TransientError, "drip": TransientError, "huge": ContractError,
}  # fmt: skip
BEFORE = ("500", "503", "timeout", "reset")
AFTER = ("timeout_after", "reset_after", "truncate", "html", "drip", "huge")


@pytest.mark.parametrize("kind", READS)
@pytest.mark.parametrize(("slug", "resource"), EVERY)
def test_a_read_that_fails(
    there: Case, session: Session, resource: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there.in_a_hurry(monkeypatch)
    session = opened(there)
    there.fault(kind, there.reading[resource], seconds=0.1 if kind == "slow" else 2.0)
    expected = READS[kind]
    if expected is None:
        session.page(resource)
        return
    with pytest.raises(ConnectorError) as caught:
        session.page(resource)
    assert type(caught.value) is expected
    there.running.sandbox.frame.faults.clear()
    session.page(resource)


def marked(there: Case, resource: str) -> dict[str, Any]:
    """Values to write that are known again."""
    path, value = there.marks[resource]
    return {**there.written[resource], path: value}


def of_ours(there: Case, session: Session, resource: str) -> int:
    """How many records there are that came of those values."""
    path, value = there.marks[resource]
    return sum(r.data.get(path) == value for r in every(session, resource))


@pytest.mark.parametrize("kind", [*BEFORE, *AFTER])
@pytest.mark.parametrize(("slug", "resource"), MADE)
def test_a_create_whose_answer_is_lost_is_found_if_it_was_made(
    apart: Case, resource: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where keys are kept, the same call again makes no second one."""
    apart.in_a_hurry(monkeypatch)
    session, before = opened(apart), apart.running.sandbox.frame.clock.now() - timedelta(seconds=2)
    (data, one), (path, value) = (marked(apart, resource), key()), apart.marks[resource]
    apart.fault(kind, apart.creating[resource], seconds=2.0)
    with pytest.raises(UnknownOutcome) as caught:
        session.create(resource, data, key=one, deadline=soon())
    assert type(caught.value) is UnknownOutcome
    apart.running.sandbox.frame.faults.clear()
    found = [r for r in session.written_since(resource, before, [data]) if r.data.get(path) == value]
    assert len(found) == of_ours(apart, session, resource) == (1 if kind in AFTER else 0)
    if apart.connector().idempotent_writes:
        done = session.create(resource, data, key=one, deadline=soon())
        assert done.replayed == (kind in AFTER)
        assert of_ours(apart, session, resource) == 1


@pytest.mark.parametrize(("slug", "resource"), KEYED)
def test_a_failure_saved_under_a_key_says_so(apart: Case, resource: str) -> None:
    session = opened(apart)
    data, one = marked(apart, resource), key()
    apart.fault("500_after", apart.creating[resource])
    for _ in range(2):
        with pytest.raises(UnknownOutcome) as caught:
            session.create(resource, data, key=one, deadline=soon())
        assert caught.value.spent
    assert of_ours(apart, session, resource) == 1


@pytest.mark.parametrize(("slug", "resource"), EVERY)
def test_too_fast_a_read_says_how_long_to_wait(apart: Case, resource: str, monkeypatch: pytest.MonkeyPatch) -> None:
    apart.in_a_hurry(monkeypatch)
    session = opened(apart)
    apart.fault("429", apart.reading[resource], times=10_000)
    with pytest.raises(RateLimited) as caught:
        session.page(resource)
    assert 0 < caught.value.after <= 60


@pytest.mark.parametrize(("slug", "resource"), MADE)
def test_too_fast_a_write_had_no_effect(apart: Case, resource: str) -> None:
    session = opened(apart)
    apart.fault("429", apart.creating[resource], times=10_000)
    with pytest.raises(RateLimited) as caught:
        session.create(resource, marked(apart, resource), key=key(), deadline=time.monotonic() + 0.3)
    assert 0 < caught.value.after <= 60
    apart.running.sandbox.frame.faults.clear()
    assert of_ours(apart, session, resource) == 0


@pytest.mark.parametrize("slug", SLUGS)
def test_real_limits_end_in_answers_or_a_wait_and_in_nothing_else(slug: str) -> None:
    """Within the service's limits everything is read; beyond them the connector says when to come again."""
    with running({}, seed="400") as found:
        there = case(slug, found)
        session = opened(there)
        waits = [error.after for resource in there.resources for error in limits_met(session, resource)]
        assert all(0 < after <= 60 for after in waits)
        assert there.calls() < 400


def limits_met(session: Session, resource: str) -> Iterator[RateLimited]:
    for _ in range(12):
        try:
            every(session, resource)
        except RateLimited as error:
            yield error


@pytest.mark.parametrize("kind", ["500", "503", "timeout", "reset", "500_after", "reset_after", "truncate", "html"])
@pytest.mark.parametrize("slug", SLUGS)
def test_a_renewal_whose_answer_is_lost_is_no_refusal(apart: Case, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    apart.in_a_hurry(monkeypatch)
    held = apart.connect(method=apart.renewed_by)
    apart.fault(kind, "token", seconds=2.0)
    with pytest.raises(UnknownOutcome):
        apart.connector().refresh(held, deadline=soon())


@pytest.mark.parametrize("slug", SLUGS)
def test_too_fast_a_renewal_waits(apart: Case) -> None:
    held = apart.connect(method=apart.renewed_by)
    apart.fault("429", "token")
    with pytest.raises(RateLimited):
        apart.connector().refresh(held, deadline=soon())
    assert apart.connector().refresh(held, deadline=soon()).access_token != held.access_token


def nobody_there(there: Case) -> Connector:
    """The same connector, with every address on a port that nobody listens on."""
    found = there.connector()
    urls = {s.name for s in found.settings if s.kind == "url"}
    closed = {
        n: v.replace(there.running.url, "http://127.0.0.1:9") if n in urls else v for n, v in found.config.items()
    }
    return type(found)(closed)


@pytest.mark.parametrize("slug", SLUGS)
def test_where_nobody_listens_nothing_was_sent(there: Case) -> None:
    held = there.connect(method=there.renewed_by)
    connector = nobody_there(there)
    calls: list[Callable[[], object]] = [
        lambda: connector.refresh(held, deadline=soon()),
        connector.open(held).account,
    ]
    for name in there.creating:
        data, session = there.written[name], connector.open(held)
        calls.append(lambda n=name, d=data, s=session: s.create(n, d, key=key(), deadline=soon()))  # type: ignore[misc]
    for call in calls:
        with pytest.raises(TransientError) as caught:
            call()
        assert type(caught.value) is TransientError


@pytest.mark.parametrize("slug", SLUGS)
def test_every_call_asks_the_hook_first(there: Case, session: Session) -> None:
    """That is how a call inside a database transaction is refused."""
    held = there.connect(method=there.renewed_by)

    def forbid() -> None:
        raise ZeroDivisionError

    http.before_request.append(forbid)
    try:
        calls = there.calls()
        connector = there.connector()
        forbidden = [
            *attempts(there, session),
            lambda: connector.refresh(held, deadline=soon()),
            lambda: connector.disconnect(held),
        ]
        for call in forbidden:
            with pytest.raises(ZeroDivisionError):
                call()
        assert there.calls() == calls
    finally:
        http.before_request.remove(forbid)
