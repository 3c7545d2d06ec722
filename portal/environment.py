"""The environment, read once and checked as a whole: every wrong variable is named in one message."""

import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from connectors import registry
from connectors.base import Setting

ROOT = Path(__file__).resolve().parent.parent
TRUTHS = {"1", "true", "yes", "on"}
#: A mail server that does not answer must not hold a worker.
MAIL_SECONDS = 20
#: For how many days what is kept unless the installation says otherwise (portal.retention).
KEEP_DAYS = {
    "webhook_bodies": 30, "webhooks": 400, "states": 400, "looks": 730, "incidents": 730, "reports": 730,
    "alerts": 180, "sent": 730, "audit": 2557,
}  # fmt: skip
MOST = 100_000
FALSEHOODS = {"0", "false", "no", "off", ""}


@dataclass(frozen=True)
class Environment:
    """Its repr, which an error report shows, holds no secret."""

    debug: bool
    secret_key: str = field(repr=False)
    encryption_keys: tuple[str, ...] = field(repr=False)
    base_url: str
    allowed_hosts: tuple[str, ...]
    database: dict[str, Any] = field(repr=False)
    email: dict[str, Any] = field(repr=False)
    from_email: str
    time_zone: str
    trusted_proxy: bool
    admin_mfa: bool
    lane_threads: int
    metrics_token: str = field(repr=False)
    #: What is kept how long, in days; 0 for ever.
    keep_days: dict[str, int]


def read(environment: Mapping[str, str]) -> Environment:
    """Raises ImproperlyConfigured that lists every problem, one a line."""
    problems: list[str] = []
    debug = _flag(environment, "DEBUG", problems)
    result = Environment(
        debug=debug,
        secret_key=_secret_key(environment, problems),
        encryption_keys=_encryption_keys(environment, problems),
        base_url=_base_url(environment, debug, problems),
        allowed_hosts=tuple(h.strip() for h in environment.get("ALLOWED_HOSTS", "").split(",") if h.strip()),
        database=_database(environment, problems),
        email=_email(environment, problems),
        from_email=environment.get("DEFAULT_FROM_EMAIL", "Fieldbridge <fieldbridge@localhost>"),
        time_zone=_time_zone(environment, problems),
        trusted_proxy=_flag(environment, "BEHIND_PROXY", problems),
        admin_mfa=_flag(environment, "ADMIN_MFA", problems, default=not debug),
        lane_threads=_number(environment, "LANE_THREADS", 64, problems),
        metrics_token=_metrics_token(environment, problems),
        keep_days={
            name: _number(environment, f"KEEP_{name.upper()}_DAYS", days, problems, least=0)
            for name, days in KEEP_DAYS.items()
        },
    )
    for slug in registry.CONNECTORS:
        for setting in registry.connector_class(slug).settings:
            problems += _connector_problems(setting, environment, debug)
    if problems:
        lines = "\n".join(f"  - {p}" for p in problems)
        raise ImproperlyConfigured(f"These environment variables need attention (see .env.example):\n{lines}")
    return result


def _flag(environment: Mapping[str, str], name: str, problems: list[str], *, default: bool = False) -> bool:
    value = environment.get(name, "").strip().lower() or str(default).lower()
    if value not in TRUTHS | FALSEHOODS:
        problems.append(f"{name} is {value!r}: write true or false.")
    return value in TRUTHS


def _number(
    environment: Mapping[str, str], name: str, default: int, problems: list[str], *, least: int = 1
) -> int:  # fmt: skip
    value = environment.get(name, "").strip()
    if not value:
        return default
    if not value.isdecimal() or not least <= int(value) <= MOST:
        problems.append(f"{name} is {value!r}: write a whole number from {least}.")
        return default
    return int(value)


def _secret_key(environment: Mapping[str, str], problems: list[str]) -> str:
    value = environment.get("SECRET_KEY", "")
    if len(value) < 50:
        problems.append("SECRET_KEY is missing or shorter than 50 characters: set a long random text.")
    return value


def _metrics_token(environment: Mapping[str, str], problems: list[str]) -> str:
    value = environment.get("METRICS_TOKEN", "").strip()
    if value and (len(value) < 20 or not value.isascii() or not value.isprintable() or " " in value):
        problems.append("METRICS_TOKEN is shorter than 20 letters and digits: set a long random text, or leave it out.")
    return value


def _encryption_keys(environment: Mapping[str, str], problems: list[str]) -> tuple[str, ...]:
    keys = tuple(k.strip() for k in environment.get("ENCRYPTION_KEYS", "").split(",") if k.strip())
    if not keys:
        problems.append("ENCRYPTION_KEYS is missing: make one with `python manage.py generate_key`.")
    for position, key in enumerate(keys, start=1):
        try:
            Fernet(key)
        except ValueError:
            problems.append(f"ENCRYPTION_KEYS: key {position} is not a Fernet key (32 url-safe base64 bytes).")
    return keys


def _base_url(environment: Mapping[str, str], debug: bool, problems: list[str]) -> str:
    value = environment.get("BASE_URL", "").rstrip("/")
    if not value and debug:
        return "http://localhost:8000"
    if not value:
        problems.append("BASE_URL is missing: the address people use, such as https://portal.example.com.")
    elif not _is_url(value, debug) or urlsplit(value).path:
        problems.append(f"BASE_URL is {value!r}: write an address that begins with https:// and ends with the name.")
    return value


def _time_zone(environment: Mapping[str, str], problems: list[str]) -> str:
    value = environment.get("TIME_ZONE") or "Australia/Sydney"
    if value not in available_timezones():
        problems.append(f"TIME_ZONE is {value!r}: write a name such as Australia/Sydney.")
    return value


def _is_url(value: str, plain_allowed: bool) -> bool:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    loopback = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    return bool(parts.netloc) and (parts.scheme == "https" or (parts.scheme == "http" and (plain_allowed or loopback)))


def is_ip(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _database(environment: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    url = environment.get("DATABASE_URL") or f"sqlite:///{_own_folder() / 'fieldbridge.sqlite3'}"
    config = _parsed(environ.Env.db_url_config, url)
    if config.get("ENGINE") not in {"django.db.backends.sqlite3", "django.db.backends.postgresql"}:
        problems.append("DATABASE_URL is not a sqlite:/// or postgres:// address.")
        return {}
    return config


def _parsed(parse: Callable[[str], dict[str, Any]], url: str) -> dict[str, Any]:
    """{} for an address that cannot be read. django-environ raises many kinds, and warns with the password in it."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return dict(parse(url))
    except Exception:
        return {}


def _own_folder() -> Path:
    """Where the database is unless DATABASE_URL says otherwise; made at first use."""
    folder = ROOT / "var"
    with suppress(OSError):
        folder.mkdir(exist_ok=True)
    return folder


def _email(environment: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    """A mailer as Django's MAILERS holds it."""
    found = _parsed(environ.Env.email_url_config, environment.get("EMAIL_URL") or "consolemail://")
    if not found:
        problems.append("EMAIL_URL is not an address such as smtp://user:password@mail.example.com:587.")
        return {}
    names = {"host": "HOST", "port": "PORT", "username": "HOST_USER", "password": "HOST_PASSWORD"}
    names |= {"use_tls": "USE_TLS", "use_ssl": "USE_SSL"}
    options = {option: found[f"EMAIL_{name}"] for option, name in names.items() if found.get(f"EMAIL_{name}")}
    if found["EMAIL_BACKEND"].endswith(".smtp.EmailBackend"):
        options["timeout"] = MAIL_SECONDS
    if found["EMAIL_BACKEND"].endswith(".filebased.EmailBackend"):
        options["file_path"] = "/" + found["EMAIL_FILE_PATH"].lstrip("/")
    return {"BACKEND": found["EMAIL_BACKEND"], "OPTIONS": options}


def _connector_problems(setting: Setting, environment: Mapping[str, str], debug: bool) -> list[str]:
    value = environment.get(setting.name) or setting.default
    if not value:
        return [f"{setting.name} is missing: {setting.help}"] if setting.required else []
    if setting.kind == "url" and not _is_url(value, debug):
        return [f"{setting.name} is {value!r}: write a whole address that begins with https://."]
    if setting.kind == "date" and not _is_date(value):
        return [f"{setting.name} is {value!r}: write a date such as {setting.default}."]
    return []


def _is_date(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True
