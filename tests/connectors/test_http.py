"""The HTTP client against a real server on loopback that behaves in every bad way."""

import socket
import threading
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest
import time_machine

from connectors import http
from connectors.errors import (
    AuthError,
    ConnectorError,
    ContractError,
    MissingError,
    RateLimited,
    RejectedError,
    ScopeError,
    TransientError,
    UnknownOutcome,
)
from connectors.http import Http, Response
from tests.connectors.loopback import Talk, answer, closed_port, reset, serving

TOKEN = "canary-token-0123456789abcdef"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def client() -> Http:
    return Http("Jobber")


def ask(client: Http, talk: Talk, *, writes: bool = False) -> Response:
    with serving(talk) as server:
        return client.post(server.url, headers=HEADERS, writes=writes, json={"q": 1})


def error_of(client: Http, talk: Talk, *, writes: bool = False) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        ask(client, talk, writes=writes)
    whole = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert TOKEN not in whole
    return caught.value


def test_a_good_answer_comes_whole_with_money_as_decimals(client: Http) -> None:
    with serving(answer("201 Created", b'{"total": 10.10}', "X-Request-Id: r1")) as server:
        found = client.post(server.url, headers=HEADERS, writes=True, json={"q": 1})
        assert (found.status, found.headers["x-request-id"], found.json()) == (201, "r1", {"total": Decimal("10.10")})
        (request,) = server.requests
    assert request.startswith(b"POST /there HTTP/1.1")
    assert TOKEN.encode() in request
    assert request.endswith(b'{"q":1}')


@pytest.mark.parametrize(
    ("status", "reading", "writing"),
    [
        ("429 Too Many Requests", RateLimited, RateLimited),
        ("408 Request Timeout", TransientError, TransientError),
        ("302 Found", ContractError, ContractError),
        ("500 Internal Server Error", TransientError, UnknownOutcome),
        ("502 Bad Gateway", TransientError, UnknownOutcome),
        ("503 Service Unavailable", TransientError, UnknownOutcome),
    ],
)
def test_statuses_that_mean_the_same_everywhere(
    client: Http, status: str, reading: type[ConnectorError], writing: type[ConnectorError]
) -> None:
    talk = answer(status, b"<h1>Sorry</h1>")
    assert type(error_of(client, talk)) is reading
    assert type(error_of(client, talk, writes=True)) is writing


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found"])
def test_refusals_are_left_to_who_knows_the_service(client: Http, status: str) -> None:
    assert ask(client, answer(status, b'{"error": "x"}')).status == int(status[:3])


def test_a_redirect_is_not_followed(client: Http) -> None:
    with serving(answer("200 OK")) as elsewhere:
        error_of(client, answer("307 Temporary Redirect", b"", f"Location: {elsewhere.url}"), writes=True)
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("", 5),
        ("²", 5),
        ("soon", 5),
        ("-3", 5),
        ("99999999", 3600),
        ("Tue, 24 Nov 2026 12:00:40 GMT", 40),
        ("Tue, 24 Nov 2026 12:00:40 -0000", 40),
        ("Tue, 24 Nov 2026 11:59:00 GMT", 1),
    ],
)
def test_a_limit_says_how_long_to_wait(value: str, seconds: float) -> None:
    headers = [(b"retry-after", value.encode("latin-1"))]
    client = Http("Jobber", httpx.MockTransport(lambda request: httpx.Response(429, headers=headers)))
    now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    with time_machine.travel(now, tick=False), pytest.raises(RateLimited) as caught:
        client.post("http://there.example/", headers={}, writes=True, json={})
    assert caught.value.after == seconds


# Answers that are none


def cut_short(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    connection.close()


def garbage(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
    connection.close()


@pytest.mark.parametrize("talk", [reset, socket.socket.close, cut_short, garbage], ids=lambda f: f.__name__)
def test_a_lost_answer_may_hide_an_effect_only_when_something_was_to_be_written(client: Http, talk: Talk) -> None:
    assert type(error_of(client, talk)) is TransientError
    assert type(error_of(client, talk, writes=True)) is UnknownOutcome


def test_nothing_was_sent_where_nobody_listens(client: Http) -> None:
    with pytest.raises(TransientError) as caught:
        client.post(f"http://127.0.0.1:{closed_port()}/", headers=HEADERS, writes=True, json={})
    assert type(caught.value) is TransientError
    assert str(caught.value) == "Jobber could not be reached."


UNREADABLE = (b'{"data": {"cli', b"<!doctype html><title>Just a moment</title>", b"", b"\xff\xfe", b"[" * 100_000)


@pytest.mark.parametrize("body", UNREADABLE, ids=["cut", "page", "empty", "bytes", "deep"])
def test_an_answer_that_cannot_be_read_is_none(client: Http, body: bytes) -> None:
    found = ask(client, answer("200 OK", body))
    with pytest.raises(TransientError) as caught:
        client.read_json(found, writes=False)
    assert type(caught.value) is TransientError
    with pytest.raises(UnknownOutcome):
        client.read_json(found, writes=True)


def flood(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
    for _ in range(1600):
        connection.sendall(b"x" * 65536)


def test_an_answer_larger_than_the_cap_is_not_read_to_its_end(client: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_BYTES", 200_000)
    assert type(error_of(client, flood)) is ContractError
    assert type(error_of(client, flood, writes=True)) is UnknownOutcome
    assert http.MOST_BYTES == 200_000


def drip(head: bytes, part: bytes) -> Talk:
    """Sends `head`, then a little now and then, for longer than anybody should wait."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(200):
            connection.sendall(part)
            threading.Event().wait(0.02)

    return talk


BODY = drip(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", b"x")
HEAD = drip(b"HTTP/1.1 200 OK\r\n", b"X-Slow: very\r\n")


@pytest.mark.parametrize("talk", [BODY, HEAD], ids=["body", "headers"])
def test_an_answer_that_drips_ends_at_the_deadline(client: Http, monkeypatch: pytest.MonkeyPatch, talk: Talk) -> None:
    monkeypatch.setattr(http, "DEADLINE_SECONDS", 0.3)
    started = time.monotonic()
    assert type(error_of(client, talk, writes=True)) is UnknownOutcome
    assert time.monotonic() - started < 2


def test_the_deadline_of_one_call_is_not_that_of_the_next(client: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answer(keep=True)) as server:
        with monkeypatch.context() as short:
            short.setattr(http, "DEADLINE_SECONDS", 0.1)
            client.post(server.url, headers=HEADERS, writes=False, json={})
        threading.Event().wait(0.11)
        assert client.post(server.url, headers=HEADERS, writes=False, json={}).status == 200


# What a client keeps


def test_a_connection_is_used_again(client: Http) -> None:
    seen: set[int] = set()

    def talk(connection: socket.socket) -> None:
        seen.add(connection.getpeername()[1])
        answer(keep=True)(connection)

    with serving(talk) as server:
        for _ in range(3):
            client.post(server.url, headers=HEADERS, writes=False, json={})
    assert len(seen) == 1


def test_no_cookie_of_one_account_is_sent_for_another(client: Http) -> None:
    with serving(answer("200 OK", b"{}", "Set-Cookie: session=alice; Path=/", keep=True)) as server:
        for _ in range(2):
            client.post(server.url, headers=HEADERS, writes=False, json={})
        assert not any(b"cookie" in r.lower() for r in server.requests)


def test_an_answers_repr_shows_no_token() -> None:
    assert repr(Response(200, {"set-cookie": TOKEN}, TOKEN.encode())) == "Response(status=200)"


# Hooks


@pytest.fixture
def told() -> Iterator[list[tuple[str, str, int]]]:
    found: list[tuple[str, str, int]] = []

    def tell(method: str, service: str, status: int, seconds: float) -> None:
        assert 0 <= seconds < 30
        found.append((method, service, status))

    http.after_request.append(tell)
    yield found
    http.after_request.remove(tell)


def test_each_call_is_told_of_also_when_it_fails(client: Http, told: list[tuple[str, str, int]]) -> None:
    ask(client, answer())
    error_of(client, answer("503 Service Unavailable"))
    error_of(client, reset)
    assert told == [("POST", "Jobber", 200), ("POST", "Jobber", 503), ("POST", "Jobber", 0)]


def test_a_hook_may_forbid_a_call(client: Http, told: list[tuple[str, str, int]]) -> None:
    def forbid() -> None:
        raise AssertionError("There is a transaction open.")

    http.before_request.append(forbid)
    try:
        with serving(answer()) as server, pytest.raises(AssertionError, match="transaction"):
            client.post(server.url, headers=HEADERS, writes=True, json={})
        assert server.requests == []
    finally:
        http.before_request.remove(forbid)
    assert told == []


# Words


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, RejectedError), (401, AuthError), (403, ScopeError), (404, MissingError), (422, RejectedError)],
)
def test_a_refusal_by_its_status(status: int, kind: type[ConnectorError]) -> None:
    error = http.refusal("Jobber", status, f"Token {TOKEN} not recognized")
    assert type(error) is kind
    assert error.status == status
    assert str(error).endswith("Token … not recognized")


def test_a_services_words_are_shown_without_credentials() -> None:
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r"
    assert http.redacted(f"The token\n {jwt} is not valid.") == "The token … is not valid."
    assert http.redacted("The provided refresh token is not valid.") == "The provided refresh token is not valid."
    assert len(http.redacted("word " * 100)) == 200
