"""Calls to a running Stripe stand-in, as an outside script would make them. Every answer is held to the contract."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from connectors import registry
from connectors.base import Connector, Credentials, Secret, Session
from connectors.sandbox.running import Running
from tests import shared

OPERATOR, EMPTY = "sk_test_operator", "sk_test_operator_3"
PLATFORM = "sk_test_sandbox_platform"
CALLBACK = "http://portal.example.com/connect/stripe/callback/"
#: Not in the part of Stripe's contract that is beside the project.
OUTSIDE = ("payment_records",)
HARBOUR, COASTLINE, EMPTY_CO = "acct_1SandboxHarbour1", "acct_1SandboxCoastln2", "acct_1SandboxEmptyCo3"


@cache
def contract() -> ModuleType | None:
    """Stripe's published types as a checker; None where the outside truth is absent."""
    folder = shared.folder()
    path = folder / "tools" / "stripe_contract.py" if folder else None
    if path is None or not path.exists():
        return None
    spec = importlib.util.spec_from_file_location("stripe_contract", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def needed_contract() -> ModuleType:
    found = contract()
    if found is None:
        pytest.skip("There is no folder 'shared' beside the project with Stripe's contract in it.")
    return found


@dataclass
class Calls:
    running: Running
    key: str = OPERATOR
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.http = httpx.Client(timeout=10)

    def as_(self, key: str, **headers: str) -> "Calls":
        return Calls(self.running, key, headers)

    @property
    def url(self) -> str:
        return f"{self.running.url}/stripe"

    def send(self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        sent = {"Authorization": f"Bearer {self.key}", **self.headers, **(headers or {})}
        answer = self.http.request(method, f"{self.url}/v1/{path}", headers=sent, **more)
        assert answer.headers["request-id"].startswith("req_")
        held = contract()
        if held and answer.status_code == 200 and not path.startswith(OUTSIDE):
            problems = held.check_response(method, f"/v1/{path}", answer.json())
            assert not problems, problems
        return answer

    def get(self, path: str, **params: Any) -> Any:
        answer = self.send("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, key: str = "", **form: Any) -> httpx.Response:
        """`form` as Stripe writes it: {"metadata[a]": "1"}."""
        return self.send("POST", path, {"Idempotency-Key": key} if key else None, data=form)

    def create(self, key: str = "", **form: Any) -> dict[str, Any]:
        answer = self.post("customers", key, **form)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def made(self, path: str, key: str = "", **form: Any) -> str:
        """The id of what a POST has made or changed."""
        answer = self.post(path, key, **form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def refusal(self, path: str = "customers", **form: Any) -> tuple[int, dict[str, Any]]:
        answer = self.post(path, **form)
        return answer.status_code, answer.json()["error"]

    def everything(self, **params: Any) -> list[str]:
        """The ids of all customers, page by page as a cursor gives them."""
        found: list[str] = []
        while True:
            page = self.get("customers", **params)
            found += [row["id"] for row in page["data"]]
            if not page["has_more"]:
                return found
            params["starting_after"] = found[-1]

    def count(self, operation: str) -> int:
        return self.running.sandbox.frame.counts[f"stripe {operation}"]

    def forward(self, seconds: float) -> None:
        self.running.sandbox.frame.clock.advance(seconds)

    def consent(self, way: str = "connect", **changes: str) -> httpx.Response:
        """What a person's browser posts from the consent page. `way`: 'connect' or 'app'."""
        place = "connect/oauth/authorize" if way == "connect" else "marketplace/oauth/v2/authorize"
        asked = {"response_type": "code", "client_id": "ca_sandbox", "redirect_uri": CALLBACK, "state": "s-1"}
        asked |= {"scope": "read_write"} if way == "connect" else {}
        form = {"account": changes.pop("account", HARBOUR), "decision": changes.pop("decision", "allow")}
        return self.http.post(f"{self.url}/{place}", params=asked | changes, data=form)

    def code(self, way: str = "connect", **changes: str) -> str:
        return arguments(self.consent(way, **changes))["code"]

    def token(self, way: str = "connect", key: str = PLATFORM, **form: str) -> httpx.Response:
        place = "connect/oauth/token" if way == "connect" else "v1/oauth/token"
        return self.http.post(f"{self.url}/{place}", data=form, headers={"Authorization": f"Bearer {key}"})

    def connect(self, way: str = "connect", **changes: str) -> dict[str, Any]:
        answer = self.token(way, grant_type="authorization_code", code=self.code(way, **changes))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def let_go(self, account: str = HARBOUR) -> httpx.Response:
        form = {"client_id": "ca_sandbox", "stripe_user_id": account}
        auth = {"Authorization": f"Bearer {PLATFORM}"}
        return self.http.post(f"{self.url}/connect/oauth/deauthorize", data=form, headers=auth)

    def connector(self) -> Connector:
        return registry.configured("stripe", environ(self.running.url))

    def session(self, key: str = OPERATOR) -> Session:
        return self.connector().open(Credentials("key", Secret(key), livemode=False))


def environ(url: str) -> dict[str, str]:
    return {
        "STRIPE_API_URL": f"{url}/stripe",
        "STRIPE_CONNECT_URL": f"{url}/stripe/connect",
        "STRIPE_APPS_URL": f"{url}/stripe/marketplace",
        "STRIPE_SECRET_KEY": PLATFORM,
        "STRIPE_CLIENT_ID": "ca_sandbox",
        "STRIPE_WEBHOOK_SECRET": "whsec_sandbox",
    }


def arguments(answer: httpx.Response) -> dict[str, str]:
    """What a redirect carries."""
    assert answer.status_code == 303, answer.text
    return {k: v[0] for k, v in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def eventually(ready: Callable[[], Any]) -> Any:
    """The first true answer, for what happens on another thread."""
    import time

    end = time.monotonic() + 10
    while time.monotonic() < end:
        found = ready()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("It did not happen within 10 seconds.")
