"""What is kept of an answer: its beginning, and nothing that opens an account or pays."""

import json

import pytest

from connectors.hearing import MOST, hearing, kept, note

SECRETS = (
    "sk_live_51Habc", "rk_test_abc", "whsec_abc", "eyJhbGciOiJIUzI1NiJ9.eyJhY2NvdW50IjoxfQ", "hunter2", "4242", "9911",
    "Xt5EWL", "4242 4242 4242 4242", "pi_1_secret_2", "test_YWNjdF8xTWdkSUNMa2RJd0h1N2l4",
)  # fmt: skip


def test_no_secret_and_no_card_is_kept() -> None:
    said = {
        "error": {"message": "Bad key sk_live_51Habc or rk_test_abc, whsec_abc", "code": "email_invalid"},
        "access_token": "eyJhbGciOiJIUzI1NiJ9.eyJhY2NvdW50IjoxfQ", "refreshToken": "hunter2",
        "card": {"last4": "4242", "exp_year": 9911, "fingerprint": "Xt5EWL", "brand": "visa"},
        "note": "She gave 4242 4242 4242 4242", "client_secret": "pi_1_secret_2",
        "url": "https://invoice.stripe.com/i/acct_1/test_YWNjdF8xTWdkSUNMa2RJd0h1N2l4?s=ap",
    }  # fmt: skip
    for spelt in (json.dumps(said), json.dumps(said, indent=2), json.dumps(said, separators=(",", ":"))):
        shown = kept(spelt.encode())
        assert [secret for secret in SECRETS if secret in shown] == []
        assert "email_invalid" in shown
        assert json.loads(shown)["card"]["brand"] == "visa"


def test_ids_names_and_amounts_stay() -> None:
    said = {
        "id": "in_1MtHbELkdIwHu7ixl4OzzPMv", "payment_method_configuration_details": None, "created": 1680893993,
        "clientId": "Z2lkOi8vSm9iYmVyL0NsaWVudC8xMjM0NTY3ODkw", "isReceivingAutomatedCommunications": True,
        "email": "jenny@example.com", "phone": "+61 412 345 678", "amount": 125050,
    }  # fmt: skip
    assert json.loads(kept(json.dumps(said).encode())) == said


def test_what_is_long_is_cut_and_says_so() -> None:
    for length in range(MOST - 60, MOST + 60):
        body = b'{"a": "' + b"a " * (length // 2) + b'", "access_token": "hunter2hunter2", "b": "' + b"b " * 5000
        shown = kept(body)
        assert "hunter" not in shown
        assert len(shown) < MOST + 80
        assert f"cut here: it came with {len(body):,} bytes" in shown


@pytest.mark.parametrize("body", [b"", b"\xff\x00{", b"<html>\n<p>Bad gateway</p>", b"[" * 5000])
def test_whatever_comes_can_be_kept(body: bytes) -> None:
    assert "\0" not in kept(body)


def test_the_last_call_that_writes_is_heard_and_of_reads_only_a_refusal() -> None:
    note(200, b"nobody listens", writes=True)
    with hearing() as heard:
        assert heard.said == ""
        note(200, b"read", writes=False)
        assert heard.said == ""
        note(404, b"gone", writes=False)
        assert heard.said == "HTTP 404\ngone"
        note(429, b"later", writes=True)
        note(200, b"done", writes=True)
        note(200, b"read again", writes=False)
    note(200, b"afterwards", writes=True)
    assert heard.said == "HTTP 200\ndone"
