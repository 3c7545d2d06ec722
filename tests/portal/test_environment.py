"""Environment variables that are wrong are all named at once, in words, and never shown where they are secrets."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal import environment

GOOD = {
    "BASE_URL": "https://portal.example.com",
    "SECRET_KEY": "s" * 60,
    "ENCRYPTION_KEYS": "YXQtbGVhc3QtdGhpcnR5LXR3by1ieXRlcy1oZXJlISE=",
    "DATABASE_URL": "postgres://portal:word@db.example.com:5432/portal",
    "EMAIL_URL": "smtp+tls://user:word@mail.example.com:587",
    "JOBBER_CLIENT_ID": "id",
    "JOBBER_CLIENT_SECRET": "secret",
    "STRIPE_SECRET_KEY": "sk_live_1",
    "STRIPE_CLIENT_ID": "ca_1",
    "STRIPE_WEBHOOK_SECRET": "whsec_1",
}


def problems(**changes: str) -> list[str]:
    """The lines that name a problem."""
    try:
        environment.read(GOOD | changes)
    except ImproperlyConfigured as refusal:
        return str(refusal).splitlines()[1:]
    return []


def test_what_is_right_is_read() -> None:
    found = environment.read(GOOD)
    assert found.base_url == "https://portal.example.com"
    assert (found.debug, found.trusted_proxy, found.time_zone) == (False, False, "Australia/Sydney")
    assert (found.database["ENGINE"], found.database["HOST"]) == ("django.db.backends.postgresql", "db.example.com")
    assert found.email["BACKEND"].endswith("smtp.EmailBackend")
    assert (found.email["OPTIONS"]["use_tls"], found.email["OPTIONS"]["timeout"]) == (True, 20)
    assert len(found.encryption_keys) == 1


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DEBUG", "perhaps", "true or false"),
        ("BEHIND_PROXY", "2", "true or false"),
        ("BASE_URL", "", "the address people use"),
        ("BASE_URL", "portal.example.com", "https://"),
        ("BASE_URL", "http://portal.example.com", "https://"),
        ("BASE_URL", "https://portal.example.com/fieldbridge", "ends with the name"),
        ("BASE_URL", "https://portal.example.com:port", "https://"),
        ("SECRET_KEY", "", "50 characters"),
        ("SECRET_KEY", "short", "50 characters"),
        ("ENCRYPTION_KEYS", "", "generate_key"),
        ("ENCRYPTION_KEYS", f"{GOOD['ENCRYPTION_KEYS']},nonsense", "key 2"),
        ("DATABASE_URL", "mysql://a:b@c/d", "postgres://"),
        ("DATABASE_URL", "postgres://a:b@c:port/d", "postgres://"),
        ("DATABASE_URL", "nonsense", "postgres://"),
        ("EMAIL_URL", "pigeon://loft", "smtp://"),
        ("TIME_ZONE", "Sydney", "Australia/Sydney"),
        ("LANE_THREADS", "0", "whole number"),
        ("LANE_THREADS", "many", "whole number"),
        ("JOBBER_CLIENT_ID", "", "client id"),
        ("JOBBER_API_URL", "api.getjobber.com", "https://"),
        ("JOBBER_API_URL", "http://api.getjobber.com", "https://"),
        ("JOBBER_API_VERSION", "newest", "2025-04-16"),
        ("STRIPE_WEBHOOK_SECRET", "", "signing secret"),
    ],
)
def test_a_wrong_variable_is_named_with_what_to_write(name: str, value: str, words: str) -> None:
    (line,) = problems(**{name: value})
    assert line.startswith(f"  - {name}")
    assert words in line


def test_all_of_them_are_named_at_once() -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        environment.read({"DEBUG": "perhaps", "DATABASE_URL": "nonsense"})
    required = (GOOD.keys() | {"DEBUG"}) - {"EMAIL_URL"}
    assert [name for name in required if f"- {name} " not in str(refusal.value)] == []
    assert ".env.example" in str(refusal.value)


def test_no_secret_is_repeated_in_the_words() -> None:
    secret = "canary-secret"
    names = [n for n in GOOD if n.endswith(("_URL", "KEY", "KEYS", "SECRET")) and n not in {"BASE_URL"}]
    wrong = {name: f"x://user:{secret}@[" if name.endswith("URL") else secret for name in names}
    said = "\n".join(problems(**wrong))
    assert "DATABASE_URL" in said
    assert "ENCRYPTION_KEYS" in said
    assert secret not in said


def test_plain_http_is_for_this_machine_and_for_developers() -> None:
    assert problems(BASE_URL="http://127.0.0.1:8000", JOBBER_API_URL="http://localhost:8001/jobber") == []
    assert problems(DEBUG="true", BASE_URL="http://portal.test") == []


def test_the_database_is_kept_beside_the_code_unless_said_otherwise(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    found = environment.read({**GOOD, "DATABASE_URL": ""})
    assert found.database["NAME"] == str(tmp_path / "var" / "fieldbridge.sqlite3")
    assert (tmp_path / "var").is_dir()
