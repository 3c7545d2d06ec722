"""`make demo`: what it keeps, what it refuses, how its children live and die, and the whole of it once."""

import contextlib
import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psutil
import pytest
from allauth.account.models import EmailAddress

from portal.demo import children, data, environment
from portal.demo.children import DiedTooOften, Family
from portal.demo.environment import Place
from portal.demo.mails import Mails
from portal.demo.room import NoRoom, Room
from portal.models import Business, Membership, User


def until[T](found: Callable[[], T], seconds: float = 30.0) -> T:
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return value


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    port, sandbox = free_ports(2)
    return Place.of({"PORT": str(port), "SANDBOX_PORT": str(sandbox)}, tmp_path / "demo")


# What it keeps


def test_ports_come_from_the_environment_or_are_the_usual_ones(tmp_path: Path) -> None:
    usual = Place.of({}, tmp_path)
    assert (usual.port, usual.sandbox_port) == (8000, 8001)
    assert Place.of({"PORT": " 8010 "}, tmp_path).port == 8010


@pytest.mark.parametrize(
    ("environ", "word"),
    [
        ({"PORT": "abc"}, "PORT is 'abc'"),
        ({"SANDBOX_PORT": "70000"}, "SANDBOX_PORT is '70000'"),
        ({"PORT": "8001"}, "both 8001"),
    ],
)
def test_a_port_that_is_none_is_named(environ: dict[str, str], word: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=word):
        Place.of(environ, tmp_path)


def test_keys_are_made_once_and_only_their_owner_may_read_them(place: Place) -> None:
    first, second = environment.prepare(place, {}), environment.prepare(place, {})
    assert first == second
    for file in ("keys.json", "env"):
        assert stat.S_IMODE((place.folder / file).stat().st_mode) == 0o600
    assert first["SECRET_KEY"] in place.shell.read_text()


def test_no_setting_comes_from_another_portal(place: Place) -> None:
    meant_elsewhere = dict.fromkeys(environment.prepare(place, {}), "elsewhere") | {"PATH": "/bin"}
    found = environment.prepare(place, meant_elsewhere)
    assert [name for name, value in found.items() if value == "elsewhere"] == []
    assert found["PATH"] == "/bin"
    assert found["DEBUG"] == "false"


def test_a_folder_of_any_name_will_do(tmp_path: Path) -> None:
    from portal.environment import read

    place = Place.of({}, tmp_path / "a b+c #1 100%")
    found = read(environment.prepare(place, {}))
    assert found.database["NAME"] == str(place.database)
    assert found.email["OPTIONS"]["file_path"] == str(place.mails)


# What it refuses


def test_a_port_in_use_is_named_with_the_way_out(place: Place) -> None:
    with socket.create_server(("127.0.0.1", place.sandbox_port)), pytest.raises(NoRoom) as refusal, Room(place):
        pass
    assert f"Port {place.sandbox_port} is in use" in str(refusal.value)
    assert f"SANDBOX_PORT={place.sandbox_port + 10} make demo" in str(refusal.value)
    with Room(place):
        pass


def test_a_second_demo_is_told_of_the_first(place: Place) -> None:
    with Room(place), pytest.raises(NoRoom, match=f"on {place.url} .process {os.getpid()}"), Room(place):
        pass


def test_what_a_killed_demo_left_running_is_ended_and_nothing_else(place: Place) -> None:
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    left, innocent = subprocess.Popen(sleeper), subprocess.Popen(sleeper)
    try:
        place.folder.mkdir()
        born = [(left.pid, psutil.Process(left.pid).create_time()), (innocent.pid, 12345.0), (4194305, 1.0)]
        (place.folder / "running.json").write_text(json.dumps(born))
        with Room(place):
            assert not psutil.pid_exists(left.pid)
            assert innocent.poll() is None
    finally:
        left.kill()
        innocent.kill()
        left.wait()
        innocent.wait()


def test_starting_over_throws_everything_away_but_only_in_its_folder(place: Place) -> None:
    environment.prepare(place, {})
    outside = place.folder.parent / "mine"
    outside.write_text("stays")
    with Room(place) as room:
        room.empty()
        assert [path.name for path in place.folder.iterdir()] == ["lock"]
    assert outside.read_text() == "stays"


# Its children


@pytest.fixture
def family() -> Iterator[Family]:
    found = Family(on_start=lambda pid: None)
    yield found
    found.stop()


def python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", code]


def test_a_child_that_fails_is_named_with_its_last_words(family: Family, capsys: pytest.CaptureFixture[str]) -> None:
    family.start("web", python("import time; time.sleep(600)"), os.environ)
    family.start("sandbox", python("print('no such file'); raise SystemExit(3)"), os.environ)
    until(family.children[1].has_died)
    with pytest.raises(DiedTooOften, match=r"(?s)The sandbox ended with 3.*no such file"):
        family.look_after()
    family.stop()
    assert family.children[0].process.returncode == -signal.SIGTERM
    assert "[sandbox] no such file" in capsys.readouterr().out


def test_a_child_that_was_killed_is_named_and_started_again(family: Family, capsys: pytest.CaptureFixture[str]) -> None:
    family.start("worker", python("import time; print('hello'); time.sleep(600)"), os.environ)
    child = family.children[0]
    until(lambda: child.last)
    first = child.process.pid
    child.process.kill()
    until(child.has_died)
    family.look_after()
    assert child.process.pid != first
    assert not child.has_died()
    assert "The worker was killed by SIGKILL. Its last lines:\n    hello" in capsys.readouterr().out


def test_a_child_that_keeps_dying_is_given_up(family: Family) -> None:
    family.start("worker", python("import os; os.kill(os.getpid(), 9)"), os.environ)
    with pytest.raises(DiedTooOften):
        until(lambda: family.children[0].has_died() and family.look_after())


def test_a_child_that_will_not_stop_is_made_to(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "STOP_SECONDS", 0.2)
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(600)"
    family.start("web", python(stubborn), os.environ)
    until(lambda: family.children[0].last)
    family.stop()
    assert family.children[0].process.returncode == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a child's life to its parent's")
def test_children_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    parent = (
        "import os, time; from portal.demo.children import Family; family = Family(on_start=print);"
        "family.start('web', ['sleep', '600'], os.environ); time.sleep(600)"
    )
    process = subprocess.Popen(python(parent), cwd=environment.ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    child = psutil.Process(int(process.stdout.readline()))
    process.kill()
    process.wait()
    process.stdout.close()
    child.wait(10)


# Its mails


def test_mails_are_shown_once_decoded_and_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mails, file = Mails(tmp_path), tmp_path / "1.log"
    link = "http://localhost:8000/accounts/confirm-email/" + "x" * 120 + "/"
    message = EmailMessage()
    message["To"], message["Subject"] = "zoe@example.com", "Bestätige deine Adresse"
    message.set_content(f"Grüße!\n\n{link}\n")
    written = message.as_bytes() + b"\n" + b"-" * 79 + b"\n"
    file.write_bytes(written[:60])
    mails.show_new()
    assert capsys.readouterr().out == ""
    file.write_bytes(written)
    mails.show_new()
    said = capsys.readouterr().out
    for line in ("To: zoe@example.com", "Subject: Bestätige deine Adresse", "Grüße!", link):
        assert f"[mail] {line}\n" in said
    mails.show_new()
    assert capsys.readouterr().out == ""


# Its people


@pytest.fixture
def as_demo(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setenv("FIELDBRIDGE_DEMO", "1")
    monkeypatch.setenv("FIELDBRIDGE_DEMO_PASSWORD", "kettle-copper-ribbon-1d6d")
    settings.BASE_URL = "http://localhost:8000"


@pytest.mark.django_db
def test_its_people_can_sign_in_and_what_was_changed_stays(as_demo: None) -> None:
    business = data.make()
    roles = dict(Membership.objects.filter(business=business).values_list("user__email", "role"))
    assert roles == {"owner@demo.test": "owner", "staff@demo.test": "staff", "support@demo.test": "support"}
    people = {user.email: user for user in User.objects.all()}
    assert all(user.check_password("kettle-copper-ribbon-1d6d") for user in people.values())
    assert [e for e, user in people.items() if user.is_staff] == ["staff@demo.test", "support@demo.test"]
    assert not any(user.is_superuser for user in people.values())
    assert EmailAddress.objects.filter(verified=True, primary=True).count() == 3
    people["owner@demo.test"].set_password("my own long password")
    people["owner@demo.test"].save()
    Business.objects.update(name="Harbour & Daughters")
    Membership.objects.filter(role="support").delete()
    assert data.make() == business
    assert Membership.objects.count() == 2
    assert User.objects.get(email="owner@demo.test").check_password("my own long password")
    assert Business.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("base", ["https://portal.example.com", "http://localhost.example.com"])
def test_it_never_touches_a_real_portal(base: str, as_demo: None, settings: Any) -> None:
    settings.BASE_URL = base
    with pytest.raises(data.NotADemo):
        data.make()
    assert not User.objects.exists()


# The whole of it


def ask(port: int, path: str, body: object = None, **headers: str) -> Any:
    service = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    sent = json.dumps(body) if body else None
    service.request("POST" if body else "GET", path, sent, {"Content-Type": "application/json", **headers})
    answer = json.loads(service.getresponse().read())
    service.close()
    return answer


def customers(place: Place, email: str) -> list[dict[str, Any]]:
    found = ask(place.sandbox_port, f"/stripe/v1/customers?email={email}", Authorization="Bearer sk_test_operator")
    listed: list[dict[str, Any]] = found.get("data", [])  # asked too often, Stripe answers 429
    return listed


@pytest.mark.sandbox
def test_from_one_command_to_a_change_that_arrives_and_one_ctrl_c(place: Place, tmp_path: Path) -> None:
    ports = {"PORT": str(place.port), "SANDBOX_PORT": str(place.sandbox_port)}
    command = [sys.executable, "-m", "portal.demo", "--live", "--folder", str(place.folder)]
    said = (tmp_path / "said").open("w+")
    demo = subprocess.Popen(
        command, cwd=environment.ROOT, env={**os.environ, **ports}, stdout=said, stderr=said, start_new_session=True
    )
    try:
        until(lambda: "Ctrl-C stops everything" in Path(said.name).read_text() or demo.poll() is not None, 240)
        assert demo.poll() is None, Path(said.name).read_text()
        family = psutil.Process(demo.pid).children(recursive=True)
        until(lambda: standing(place)["state"] not in {"working"} and standing(place)["ledger"]["seen"] == 200, 60)
        ledger = standing(place)["ledger"]
        assert (ledger["waiting"], ledger["failed"]) == (0, 0)
        assert ledger["written"] > 150
        change_arrives(place)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(30) == 0
        _, alive = psutil.wait_procs(family, timeout=5)
        assert alive == []
    finally:
        with contextlib.suppress(ProcessLookupError):
            demo.kill()
        demo.wait()
        said.close()


def standing(place: Place) -> dict[str, Any]:
    ended = subprocess.run(
        [sys.executable, "manage.py", "status", "--json"], cwd=environment.ROOT, capture_output=True, check=True,
        env=environment.prepare(place, os.environ), text=True,
    )  # fmt: skip
    sync: dict[str, Any] = json.loads(ended.stdout)["syncs"][0]
    return sync


def change_arrives(place: Place) -> None:
    """A client changed at Jobber, by anybody, is seen at Stripe within the 3 seconds that were promised."""
    jobber = {"Authorization": "Bearer operator-jobber-token", "X-JOBBER-GRAPHQL-VERSION": "2025-04-16"}
    query = "{ clients(first: 1) { nodes { id name emails { address } } } }"
    client = ask(place.sandbox_port, "/jobber/api/graphql", {"query": query}, **jobber)["data"]["clients"]["nodes"][0]
    edit = """mutation ($id: EncodedId!) {
        clientEdit(clientId: $id, input: {companyName: "Renamed & Sons", isCompany: true}) { userErrors { message } }
    }"""
    begun = time.monotonic()
    answer = ask(
        place.sandbox_port, "/jobber/api/graphql", {"query": edit, "variables": {"id": client["id"]}}, **jobber
    )
    assert answer["data"]["clientEdit"]["userErrors"] == []
    email = client["emails"][0]["address"]
    until(lambda: [c for c in customers(place, email) if c["name"] == "Renamed & Sons"], 10)
    assert time.monotonic() - begun < 3
