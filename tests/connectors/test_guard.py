"""What may be called of what people enter: the open internet over TLS, and nothing that is near this machine."""

import socket
from collections.abc import Callable
from typing import Any

import httpcore
import pytest

from connectors import guard, http
from connectors.errors import ContractError, TransientError
from connectors.guard import Forbidden
from tests.connectors.letterbox import letterbox

PRIVATE = [
    "127.0.0.1", "127.255.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0",
    "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2002:c0a8:101::", "2001:db8::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_nothing_private_is_public(address: str) -> None:
    assert not guard.is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_the_open_internet_is(address: str) -> None:
    assert guard.is_public(address)


@pytest.mark.parametrize("url", [
    "https://hooks.slack.com/services/T/B/x", "https://hooks.example.com:8443/a?b=c", "https://[2606:4700::1111]/",
    "https://hooks.example.com:443", "HTTPS://HOOKS.EXAMPLE.COM/x",
])  # fmt: skip
def test_an_ordinary_address_may_be_called(url: str) -> None:
    guard.check(url)


@pytest.mark.parametrize("url", [
    "", "http://hooks.example.com/", "ftp://hooks.example.com/", "file:///etc/passwd", "gopher://hooks.example.com/",
    "//hooks.example.com/", "https://", "https:///x", "https://localhost/", "https://portal/", "https://127.0.0.1/",
    "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data/", "https://[::1]/", "https://[::ffff:127.0.0.1]/",
    "https://[fd00:ec2::254]/", "https://user:pass@hooks.example.com/", "https://hooks.example.com@127.0.0.1/",
    "https://hooks.example.com:22/", "https://hooks.example.com:6379/", "https://hooks.example.com:99999/",
    "https://hooks.example.com:x/", "https://hooks.example.com/ a", "https://hooks.example.com/\r\nHost: x",
    "https://hooks.example.com\\@127.0.0.1/", "https://hooks.ex\u00e4mple.com/", "https://127.0.0.1\u3002com/",
    f"https://hooks.example.com/{'a' * 2000}", "https://[::1", "javascript:alert(1)",
])  # fmt: skip
def test_any_other_is_refused_in_words(url: str) -> None:
    with pytest.raises(Forbidden) as refused:
        guard.check(url)
    assert str(refused.value).endswith(".")


def answering(*answers: list[str]) -> Callable[..., Any]:
    """A resolver that says something else each time."""
    left = list(answers)

    def resolve(host: str, port: int, **_: Any) -> Any:
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    return resolve


@pytest.mark.parametrize("found", [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["::1"], ["169.254.169.254"]])
def test_a_name_that_leads_inside_is_refused_whatever_else_it_has(
    found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answering(found))
    with pytest.raises(Forbidden, match="private network"):
        guard.resolve("hooks.example.com", 443)


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1"])
def test_a_number_in_disguise_is_judged_by_what_it_leads_to(host: str) -> None:
    """The system's resolver takes these for 127.0.0.1, or knows no such name."""
    with pytest.raises((Forbidden, TransientError)):
        guard.resolve(host, 443)


def test_a_name_that_changes_its_answer_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is resolved once: what was judged is what is connected to."""
    monkeypatch.setattr(socket, "getaddrinfo", answering(["93.184.216.34"], ["127.0.0.1"]))
    asked: list[str] = []

    def connect(self: object, host: str, *_: Any, **__: Any) -> Any:
        asked.append(host)
        raise httpcore.ConnectError("Nobody there.")

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    with pytest.raises(httpcore.ConnectError):
        guard.Guarded(anywhere=False).connect_tcp("hooks.example.com", 443)
    assert asked == ["93.184.216.34"]


def test_nothing_on_this_machine_is_reached_through_the_client() -> None:
    with letterbox() as box:
        port = box.url.rpartition(":")[2]
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(Forbidden):
                call(f"http://{host}:{port}/", anywhere=False)
        assert box.letters == []
        assert call(box.url, anywhere=True).status == 200
        assert len(box.letters) == 1


def test_no_redirect_is_followed() -> None:
    with letterbox() as box:
        box.answers.append(302)
        with pytest.raises(ContractError, match="sends us to another address"):
            call(box.url, anywhere=True)
        assert len(box.letters) == 1


def call(url: str, *, anywhere: bool) -> http.Response:
    return http.entered_by_people(anywhere=anywhere).post(url, headers={}, writes=False, content=b"{}")
