"""OAuth 2: what is asked for, how long a token lives, and what a refusal means."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from hypothesis import given

from connectors import oauth
from connectors.errors import (
    AuthError,
    ConnectorError,
    ContractError,
    RateLimited,
    RejectedError,
    TransientError,
    UnknownOutcome,
)
from connectors.http import Http
from tests.connectors.loopback import answer, reset, serving
from tests.strategies import texts, values

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
REFRESH = "canary-refresh-0123456789abcdef0123"
DEFAULT = timedelta(minutes=60)


def test_the_challenge_is_that_of_rfc_7636() -> None:
    """Appendix B."""
    assert (
        oauth.challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


def test_states_and_verifiers_are_long_plain_and_never_the_same() -> None:
    unreserved = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    states, verifiers = {oauth.new_state() for _ in range(50)}, {oauth.new_verifier() for _ in range(50)}
    assert len(states) == len(verifiers) == 50
    assert all(len(s) >= 43 and set(s) <= unreserved for s in states)
    assert all(43 <= len(v) <= 128 and set(v) <= unreserved for v in verifiers)


def test_an_address_carries_what_was_asked() -> None:
    url = oauth.authorize_url(
        "https://there.example/authorize", state="a b&c", redirect_uri="https://us.example/back/?x=1"
    )
    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "https://there.example/authorize"
    assert parse_qs(parts.query) == {
        "response_type": ["code"], "state": ["a b&c"], "redirect_uri": ["https://us.example/back/?x=1"],
    }  # fmt: skip


# How long a token lives


@pytest.mark.parametrize(
    ("answer", "said", "expected"),
    [
        ({}, {"exp": NOW.timestamp() + 90}, NOW + timedelta(seconds=90)),
        ({"expires_in": 30}, {"exp": NOW.timestamp() + 90}, NOW + timedelta(seconds=90)),
        ({"expires_in": 30}, {}, NOW + timedelta(seconds=30)),
        ({"expires_in": "30"}, {}, NOW + timedelta(seconds=30)),
        ({"expires_in": 30, "expires_at": "2030-01-01 00:00:00 UTC"}, {}, NOW + timedelta(seconds=30)),
        ({"expires_at": "2026-11-24 21:04:31 UTC"}, {}, datetime(2026, 11, 24, 21, 4, 31, tzinfo=UTC)),
        ({"expires_at": "2026-11-24T21:04:31+10:00"}, {}, datetime(2026, 11, 24, 11, 4, 31, tzinfo=UTC)),
        ({"expires_at": "2026-11-24 21:04:31"}, {}, datetime(2026, 11, 24, 21, 4, 31, tzinfo=UTC)),
        ({"expires_at": NOW.timestamp() + 5}, {}, NOW + timedelta(seconds=5)),
        ({}, {}, NOW + DEFAULT),
        ({"expires_in": None, "expires_at": None}, {"exp": None}, NOW + DEFAULT),
        ({"expires_in": True, "expires_at": "soon"}, {"exp": "never"}, NOW + DEFAULT),
        ({"expires_in": 1e300}, {"exp": 1e300}, NOW + DEFAULT),
    ],
)
def test_expiry(answer: dict[str, Any], said: dict[str, Any], expected: datetime) -> None:
    with time_machine.travel(NOW, tick=False):
        assert oauth.expiry(answer, said, DEFAULT) == expected


@given(values, values, values)
def test_any_answer_has_an_expiry(expires_in: Any, expires_at: Any, exp: Any) -> None:
    found = oauth.expiry({"expires_in": expires_in, "expires_at": expires_at}, {"exp": exp}, DEFAULT)
    assert found.tzinfo is UTC


def jwt(said: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{body}.signature"


def test_what_a_token_says_is_read() -> None:
    said = {"exp": 1_800_000_000, "scope": "read_clients read_users", "account_id": 7}
    assert oauth.claims(jwt(said)) == said


@pytest.mark.parametrize("token", ["", "opaque", "a.b", "a.b.c", "a.!!!.c", "a..c", jwt([1]), jwt("x"), "a.b.c.d"])
def test_what_is_no_token_says_nothing(token: str) -> None:
    assert oauth.claims(token) == {}


@given(texts)
def test_no_token_is_too_odd_to_be_looked_at(token: str) -> None:
    assert isinstance(oauth.claims(f"a.{token}.b"), dict)


# The token endpoint


def asked(status: str, body: bytes, *headers: str) -> dict[str, Any]:
    with serving(answer(status, body, *headers)) as server:
        form = {"grant_type": "refresh_token", "refresh_token": REFRESH, "client_secret": "s3cret"}
        found = oauth.token(Http("Jobber"), server.url, form)
        (request,) = server.requests
        assert request.lower().count(b"content-type: application/x-www-form-urlencoded") == 1
        assert request.endswith(f"refresh_token={REFRESH}&client_secret=s3cret".encode())
        return found


def test_the_answer_is_given_as_it_came() -> None:
    assert asked("200 OK", b'{"access_token": "a", "refresh_token": "r", "extra": 1}')["refresh_token"] == "r"


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        ("400 Bad Request", b'{"error":"invalid_grant","error_description":"It was used."}', AuthError, "It was used."),
        ("401 Unauthorized", b'{"message":"Token not recognized"}', AuthError, "Token not recognized"),
        ("401 Unauthorized", b"The provided refresh token is not valid.", AuthError, "refresh token is not valid."),
        ("401 Unauthorized", b"", AuthError, "no reason given"),
        ("403 Forbidden", b'{"error":"access_denied"}', AuthError, "access_denied"),
        ("400 Bad Request", f'{{"error":"invalid_grant","message":"No {REFRESH}"}}'.encode(), AuthError, "No …"),
        ("401 Unauthorized", b'{"error":"invalid_client"}', RejectedError, "invalid_client"),
        ("400 Bad Request", b'{"error":"unsupported_grant_type"}', RejectedError, "unsupported_grant_type"),
        ("403 Forbidden", b"<html>Just a moment</html>", TransientError, "status 403"),
        ("400 Bad Request", b"<html>nginx</html>", TransientError, "status 400"),
        ("404 Not Found", b"not here", TransientError, "status 404"),
        ("429 Too Many Requests", b"", RateLimited, "slow down"),
        ("302 Found", b"", ContractError, "another address"),
        ("503 Service Unavailable", b"{}", UnknownOutcome, "problem of its own"),
        ("200 OK", b"<html>Just a moment</html>", UnknownOutcome, "cannot be read"),
        ("200 OK", b"", UnknownOutcome, "cannot be read"),
        ("200 OK", b"[]", ContractError, "not as we know it"),
    ],
)  # fmt: skip
def test_what_a_refusal_means(status: str, body: bytes, kind: type[ConnectorError], words: str) -> None:
    with pytest.raises(ConnectorError, match=words) as caught:
        asked(status, body)
    assert type(caught.value) is kind
    assert REFRESH not in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_lost_answer_may_have_changed_the_token() -> None:
    with serving(reset) as server, pytest.raises(UnknownOutcome):
        oauth.token(Http("Jobber"), server.url, {"refresh_token": REFRESH})
