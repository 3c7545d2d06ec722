"""How calls to Stripe end that get no answer: what may have arrived is never taken for unsent."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import stripe

from connectors import http
from connectors.errors import TransientError, UnknownOutcome
from connectors.stripe.failures import translated
from connectors.stripe.transport import Transport

ANSWER = b"HTTP/1.1 200 OK\r\nRequest-Id: req_1\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """Takes one connection and answers as many requests on it as it is told; then it closes everything."""

    def __init__(self, answers: int, answer: bytes = ANSWER) -> None:
        self.taken: list[bytes] = []
        self._answers, self._answer, self._door = answers, answer, socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}/v1/customers"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        there, _ = self._door.accept()
        self._door.close()
        with there:
            for _ in range(self._answers):
                self.taken.append(there.recv(65536))
                there.sendall(self._answer)
            self.taken.append(there.recv(65536))

    def ended(self) -> None:
        self._thread.join(timeout=10)


@contextmanager
def serving(answers: int, answer: bytes = ANSWER) -> Iterator[Server]:
    server = Server(answers, answer)
    yield server
    server.ended()


def test_an_answer_is_shown_with_its_headers_in_any_case() -> None:
    with serving(1) as server:
        transport = Transport()
        body, status, headers = transport.request("post", server.url, {"Idempotency-Key": "k"}, "name=Ann")
        assert (body, status, headers["request-id"]) == (b"{}", 200, "req_1")
        transport.close()
    assert b"\r\nIdempotency-Key: k\r\n" in server.taken[0]
    assert server.taken[0].startswith(b"POST /v1/customers HTTP/1.1\r\n")
    assert server.taken[0].endswith(b"\r\n\r\nname=Ann")


def test_a_call_that_breaks_off_may_have_arrived() -> None:
    with serving(0) as server, pytest.raises(UnknownOutcome):
        Transport().request("post", server.url, {}, "name=Ann")
    assert server.taken[0].endswith(b"name=Ann")


def test_a_call_that_breaks_off_on_a_kept_connection_may_have_arrived_although_nobody_is_there_any_more() -> None:
    with serving(1) as server:
        transport = Transport()
        transport.request("post", server.url, {}, "name=Ann")
        with pytest.raises(UnknownOutcome):
            transport.request("post", server.url, {}, "name=Bob")
    assert server.taken[1].endswith(b"name=Bob")


def test_a_call_to_nobody_had_no_effect() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        url = f"http://127.0.0.1:{door.getsockname()[1]}/"
    with pytest.raises(TransientError) as lost:
        Transport().request("post", url, {}, "name=Ann")
    assert not isinstance(lost.value, UnknownOutcome)


def test_the_whole_call_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "DEADLINE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(UnknownOutcome):
        Transport().request("post", f"http://127.0.0.1:{silent.getsockname()[1]}/", {}, "name=Ann")


def test_no_value_begins_a_header_of_its_own() -> None:
    with pytest.raises(ValueError, match="line break"):
        Transport().request("get", "http://127.0.0.1:9/", {"Stripe-Account": "acct_1\r\nX-More: 1"})


@pytest.mark.parametrize(
    ("status", "body", "spent"),
    [
        (b"500 Internal Server Error", b'{"error": {"message": "x"}}', True),
        (b"502 Bad Gateway", b"<html>Bad gateway</html>", False),
        (b"504 Gateway Time-out", b"", False),
        (b"503 Service Unavailable", b'["busy"]', False),
    ],
)
def test_only_stripes_own_word_spends_the_key(status: bytes, body: bytes, spent: bool) -> None:
    """What stands between may give up on a call that Stripe still carries out."""
    answer = b"HTTP/1.1 %s\r\nRequest-Id: req_1\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)
    with serving(1, answer) as server:
        transport = Transport()
        address = server.url.removesuffix("/v1/customers")
        client = stripe.StripeClient("sk_test_1", base_addresses={"api": address}, http_client=transport)
        with pytest.raises(stripe.StripeError) as refused:
            client.raw_request("post", "/v1/customers", name="Ann")
        transport.close()
    lost = translated(refused.value, writes=True)
    assert isinstance(lost, UnknownOutcome)
    assert lost.spent == spent
