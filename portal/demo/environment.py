"""What the demo's children find in their environment, and where the demo keeps its things."""

import json
import os
import secrets
import shlex
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[2]
WORDS = (
    "copper", "harbour", "kettle", "ladder", "marble", "meadow", "orchard", "pebble", "ribbon", "saddle", "timber",
    "velvet", "walnut", "willow",
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Folder and ports of one demo."""

    folder: Path
    port: int
    sandbox_port: int

    @classmethod
    def of(cls, environ: Mapping[str, str], folder: Path) -> "Place":
        """ValueError with a clear word about PORT and SANDBOX_PORT."""
        port, sandbox = _port(environ, "PORT", 8000), _port(environ, "SANDBOX_PORT", 8001)
        if port == sandbox:
            raise ValueError(f"PORT and SANDBOX_PORT are both {port}: choose two different ones.")
        return cls(folder.resolve(), port, sandbox)

    @property
    def url(self) -> str:
        """By name: browsers make passkeys for names only."""
        return f"http://localhost:{self.port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def database(self) -> Path:
        return self.folder / "portal.sqlite3"

    @property
    def sandbox_data(self) -> Path:
        return self.folder / "sandbox.json"

    @property
    def mails(self) -> Path:
        return self.folder / "mails"

    @property
    def shell(self) -> Path:
        """The same environment, to be read by a shell."""
        return self.folder / "env"

    def shown(self, path: Path) -> str:
        return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "").strip() or str(default)
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise ValueError(f"{name} is {text!r}: write a port number such as {default}.")
    return int(text)


def prepare(place: Place, inherited: Mapping[str, str]) -> dict[str, str]:
    """Make the folder and its keys where there are none, and return the children's environment."""
    place.mails.mkdir(parents=True, exist_ok=True)
    ours = _ours(place, _keys(place.folder / "keys.json"))
    lines = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in ours.items())
    _write_private(place.shell, lines)
    return {**inherited, **ours, "PYTHONUNBUFFERED": "1"}


def _keys(path: Path) -> dict[str, str]:
    """Made once: with other keys the stored credentials could not be read any more."""
    if not path.exists():
        fresh = {
            "SECRET_KEY": secrets.token_urlsafe(60),
            "ENCRYPTION_KEYS": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "FIELDBRIDGE_DEMO_PASSWORD": "-".join([*(secrets.choice(WORDS) for _ in range(3)), secrets.token_hex(2)]),
        }
        _write_private(path, json.dumps(fresh))
    kept: dict[str, str] = json.loads(path.read_text())
    return kept


def _write_private(path: Path, text: str) -> None:
    """Whole or not at all, readable by its owner only."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


def _ours(place: Place, keys: dict[str, str]) -> dict[str, str]:
    """Every variable a portal reads is set, so that none comes from a .env file meant for something else."""
    sandbox = place.sandbox_url
    return keys | {
        "FIELDBRIDGE_DEMO": "1",
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "DEBUG": "false",
        "BASE_URL": place.url,
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "BEHIND_PROXY": "false",
        "ADMIN_MFA": "false",  # its staff should get in with the password on the screen
        "DATABASE_URL": f"sqlite:///{quote(str(place.database))}",
        "EMAIL_URL": f"filemail:///{quote(str(place.mails))}",
        "DEFAULT_FROM_EMAIL": "Fieldbridge <fieldbridge@demo.test>",
        "JOBBER_API_URL": f"{sandbox}/jobber/api/graphql",
        "JOBBER_OAUTH_URL": f"{sandbox}/jobber/api/oauth",
        "JOBBER_CLIENT_ID": "sandbox-jobber-client",
        "JOBBER_CLIENT_SECRET": "sandbox-jobber-secret",
        "JOBBER_CLIENT_SECRET_PREVIOUS": "",
        "JOBBER_API_VERSION": "",
        "STRIPE_API_URL": f"{sandbox}/stripe",
        "STRIPE_CONNECT_URL": f"{sandbox}/stripe/connect",
        "STRIPE_APPS_URL": f"{sandbox}/stripe/marketplace",
        "STRIPE_SECRET_KEY": "sk_test_sandbox_platform",
        "STRIPE_CLIENT_ID": "ca_sandbox",
        "STRIPE_WEBHOOK_SECRET": "whsec_sandbox",
        "STRIPE_API_VERSION": "",
        "SANDBOX_PORTAL_URL": place.url,
        "SANDBOX_PORT": str(place.sandbox_port),
    }
