"""The frame of the stand-ins: faults, deliveries, the clock, the state on disk, and its pages."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.sandbox import keeping
from connectors.sandbox.delivery import AT_ONCE
from connectors.sandbox.running import running
from tests.connectors.letterbox import Letterbox, letterbox
from tests.connectors.stripe_calls import OPERATOR, Calls, eventually

pytestmark = pytest.mark.sandbox
LIST = "/stripe/v1/customers"


@pytest.fixture
def box() -> Iterator[Letterbox]:
    with letterbox() as found:
        yield found


@pytest.fixture
def stripe(box: Letterbox) -> Iterator[Calls]:
    with running({"SANDBOX_LIMITS": "off", "SANDBOX_PORTAL_URL": box.url}, seed="empty") as found:
        yield Calls(found)


@pytest.fixture
def connected(stripe: Calls, box: Letterbox) -> Calls:
    stripe.connect(redirect_uri=f"{box.url}/connect/stripe/callback/")
    return stripe


def switch_on(stripe: Calls, **fault: Any) -> None:
    answer = httpx.post(f"{stripe.running.url}/_control/faults", json=fault)
    assert answer.status_code == 200, answer.text


def names(stripe: Calls) -> list[str]:
    return [row["name"] for row in stripe.get("customers")["data"]]


@pytest.mark.parametrize(("kind", "status"), [("429", 429), ("500", 500), ("503", 503)])
def test_a_failure_before_the_effect(stripe: Calls, kind: str, status: int) -> None:
    switch_on(stripe, kind=kind, service="stripe", operation="POST customers")
    assert stripe.post("customers", name="A").status_code == status
    assert names(stripe) == []
    assert stripe.post("customers", name="A").status_code == 200


@pytest.mark.parametrize(("kind", "status"), [("401", 401), ("403", 403), ("cursor", 400), ("throttled", 429)])
def test_what_a_service_refuses_in_its_own_words(stripe: Calls, kind: str, status: int) -> None:
    switch_on(stripe, kind=kind, service="stripe", operation="POST customers")
    answer = stripe.post("customers", name="A")
    assert (answer.status_code, names(stripe)) == (status, [])
    assert answer.json()["error"]["message"]


def test_a_429_may_say_when_to_come_again(stripe: Calls) -> None:
    switch_on(stripe, kind="429", service="stripe", seconds=7)
    assert stripe.send("GET", "customers").headers["retry-after"] == "7"


def test_a_late_call_is_done_after_its_caller_has_gone(stripe: Calls) -> None:
    switch_on(stripe, kind="late", service="stripe", operation="POST customers", seconds=0.6)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{stripe.running.url}{LIST}", data={"name": "A"}, auth=("sk_test_operator", ""), timeout=0.2)
    assert names(stripe) == []
    deadline = time.monotonic() + 5
    while not names(stripe):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert names(stripe) == ["A"]


def test_an_old_answer_comes_again_to_the_same_question_alone(stripe: Calls) -> None:
    stripe.post("customers", name="A")
    switch_on(stripe, kind="stale", service="stripe", operation="GET customers", times=3)
    assert names(stripe) == ["A"]
    stripe.post("customers", name="B")
    assert names(stripe) == ["A"]
    assert [c["name"] for c in stripe.get("customers", limit=2)["data"]] == ["B", "A"]
    assert names(stripe) == ["B", "A"]


@pytest.mark.parametrize("kind", ["drip", "huge"])
def test_an_answer_without_an_end_comes_after_the_effect(stripe: Calls, kind: str) -> None:
    switch_on(stripe, kind=kind, service="stripe", operation="POST customers")
    asked = {"data": {"name": "A"}, "auth": ("sk_test_operator", "")}
    with httpx.stream("POST", f"{stripe.running.url}{LIST}", **asked) as answer:
        read = 0
        for part in answer.iter_bytes():
            read += len(part)
            if read > (3 if kind == "drip" else 6_000_000):
                break
    assert names(stripe) == ["A"]


def test_a_429_is_the_services_own(stripe: Calls) -> None:
    switch_on(stripe, kind="429", service="stripe")
    assert stripe.send("GET", "customers").headers["stripe-rate-limited-reason"] == "endpoint-rate"


@pytest.mark.parametrize(
    ("kind", "made"),
    [("reset", []), ("reset_after", ["A"]), ("timeout", []), ("timeout_after", ["A"])],
)
def test_a_broken_connection_is_really_broken(stripe: Calls, kind: str, made: list[str]) -> None:
    switch_on(stripe, kind=kind, service="stripe", operation="POST", seconds=0.1)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        stripe.post("customers", name="A")
    assert names(stripe) == made


def test_reset_after_comes_in_the_middle_of_the_answer(stripe: Calls) -> None:
    switch_on(stripe, kind="reset_after", service="stripe")
    parts: list[bytes] = []
    auth = {"Authorization": f"Bearer {OPERATOR}"}
    broken = pytest.raises((httpx.ReadError, httpx.RemoteProtocolError))
    with broken, stripe.http.stream("GET", f"{stripe.running.url}{LIST}", headers=auth) as answer:
        assert answer.status_code == 200
        parts.extend(answer.iter_bytes())
    assert len(b"".join(parts)) < int(answer.headers["content-length"])


def test_a_timeout_is_held_until_the_caller_gives_up(stripe: Calls) -> None:
    switch_on(stripe, kind="timeout_after", service="stripe", operation="POST", seconds=30)
    impatient = httpx.Client(timeout=0.2)
    with pytest.raises(httpx.ReadTimeout):
        impatient.post(
            f"{stripe.running.url}{LIST}", data={"name": "A"}, headers={"Authorization": f"Bearer {OPERATOR}"}
        )
    assert names(stripe) == ["A"]


def test_a_slow_call_is_done_in_the_end(stripe: Calls) -> None:
    switch_on(stripe, kind="slow", service="stripe", operation="POST", seconds=0.3)
    began = time.monotonic()
    stripe.create(name="A")
    assert time.monotonic() - began >= 0.3


def test_unreadable_answers_hide_a_real_effect(stripe: Calls) -> None:
    switch_on(stripe, kind="truncate", service="stripe", operation="POST")
    switch_on(stripe, kind="html", service="stripe", operation="POST")
    url, auth = f"{stripe.running.url}{LIST}", {"Authorization": f"Bearer {OPERATOR}"}
    half = httpx.post(url, data={"name": "A"}, headers=auth)
    assert half.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        half.json()
    page = httpx.post(url, data={"name": "B"}, headers=auth)
    assert (page.status_code, page.headers["content-type"].split(";")[0]) == (200, "text/html")
    assert names(stripe) == ["B", "A"]


def test_a_fault_hits_what_it_names_as_often_as_it_says(stripe: Calls) -> None:
    switch_on(stripe, kind="500", service="stripe", operation="POST customers", skip=1, times=2)
    made = stripe.create(name="A")
    assert stripe.post(f"customers/{made['id']}", name="B").status_code == 200
    assert [stripe.post("customers", name="C").status_code for _ in range(3)] == [500, 500, 200]
    assert httpx.get(f"{stripe.running.url}/_control/faults").json()["faults"] == []
    switch_on(stripe, kind="500", service="jobber")
    assert stripe.send("GET", "customers").status_code == 200


def test_a_fault_with_a_chance_hits_some(stripe: Calls) -> None:
    switch_on(stripe, kind="500", service="stripe", times=1000, probability=0.5)
    answers = [stripe.send("GET", "customers").status_code for _ in range(40)]
    assert 5 < answers.count(500) < 35


def test_latency_is_added_to_every_call(stripe: Calls) -> None:
    switch_on(stripe, latency_ms=120)
    began = time.monotonic()
    stripe.get("customers")
    assert time.monotonic() - began >= 0.12


@pytest.mark.parametrize("asked", [{"kind": "earthquake"}, {"colour": "red"}, {"latency_ms": "much"}])
def test_a_fault_that_is_none_is_refused(stripe: Calls, asked: dict[str, str]) -> None:
    assert httpx.post(f"{stripe.running.url}/_control/faults", json=asked).status_code == 400


def test_calls_are_counted(stripe: Calls) -> None:
    stripe.create(name="A")
    stripe.get("customers")
    url = f"{stripe.running.url}/_control/stats"
    assert httpx.get(url).json() == {"stripe GET customers": 1, "stripe POST customers": 1}
    assert httpx.delete(url).json() == {}


def topics(box: Letterbox) -> list[str]:
    return [json.loads(body)["data"]["object"]["name"] for body in box.bodies]


def test_a_dropped_webhook_never_comes(connected: Calls, box: Letterbox) -> None:
    switch_on(connected, kind="drop", service="stripe", operation="webhook")
    connected.create(name="lost")
    connected.create(name="told")
    eventually(lambda: box.letters)
    connected.forward(3600)
    connected.create(name="last")
    eventually(lambda: "last" in topics(box))
    assert sorted(topics(box)) == ["last", "told"]


def test_a_doubled_webhook_comes_twice_with_the_same_id(connected: Calls, box: Letterbox) -> None:
    switch_on(connected, kind="double", service="stripe", operation="webhook customer.created")
    connected.create(name="A")
    eventually(lambda: len(box.letters) == 2)
    assert box.bodies[0] == box.bodies[1]


def test_a_delayed_webhook_waits_for_the_clock(connected: Calls, box: Letterbox) -> None:
    switch_on(connected, kind="delay", service="stripe", operation="webhook", seconds=600)
    connected.create(name="late")
    connected.create(name="early")
    eventually(lambda: box.letters)
    assert topics(box) == ["early"]
    connected.forward(601)
    eventually(lambda: len(box.letters) == 2)
    assert topics(box) == ["early", "late"]


def test_a_garbled_webhook_is_signed_wrongly(connected: Calls, box: Letterbox) -> None:
    from connectors.errors import SignatureError
    from connectors.stripe import webhooks

    switch_on(connected, kind="garble", service="stripe", operation="webhook")
    connected.create(name="A")
    eventually(lambda: box.letters)
    with pytest.raises(SignatureError):
        webhooks.verify(box.letters[0][1], box.letters[0][2], ["whsec_sandbox"])


def test_a_portal_that_is_away_is_tried_again_and_in_the_end_given_up(connected: Calls, box: Letterbox) -> None:
    box.answers += [503] * 20
    connected.create(name="A")
    parcel = connected.running.sandbox.frame.delivery.sent[-1]
    eventually(lambda: parcel.tries)
    for tries in range(2, 8):
        connected.forward(700)
        eventually(lambda tries=tries: parcel.tries >= tries)
    eventually(lambda: len(connected.running.sandbox.frame.delivery._tasks) == AT_ONCE)  # nobody waits to try again
    assert (parcel.tries, parcel.taken, len(parcel.log)) == (7, False, 7)


def test_a_burst_is_delivered_whole(connected: Calls, box: Letterbox) -> None:
    clients = [Calls(connected.running) for _ in range(4)]

    def some(calls: Calls) -> None:
        for n in range(50):
            calls.create(name=f"{id(calls)}-{n}")

    threads = [threading.Thread(target=some, args=(c,)) for c in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    eventually(lambda: len(box.letters) == 200)
    assert len(set(topics(box))) == 200


def test_what_was_sent_is_seen_and_sent_again(connected: Calls, box: Letterbox) -> None:
    connected.create(name="A <b>")
    eventually(lambda: box.letters)
    url = f"{connected.running.url}/webhooks"
    listed = eventually(lambda: _with(httpx.get(url).text, "200 after"))
    assert "customer.created" in listed
    number = connected.running.sandbox.frame.delivery.sent[-1].number
    shown = httpx.get(f"{url}/{number}").text
    assert "A &lt;b&gt;" in shown
    assert httpx.post(f"{url}/{number}").status_code == 303
    eventually(lambda: len(box.letters) == 2)
    assert httpx.get(f"{url}/999").status_code == 404


def _with(text: str, words: str) -> str:
    return text if words in text else ""


def test_the_clock_is_set_forward_on_its_page(stripe: Calls) -> None:
    url = f"{stripe.running.url}/clock"
    assert httpx.post(url, data={"seconds": "3600"}).status_code == 303
    assert "3,600 seconds" in httpx.get(url).text
    assert httpx.post(url, data={"seconds": "soon"}).status_code == 400
    told = httpx.post(f"{stripe.running.url}/_control/clock", json={"advance": 60}).json()
    assert told["offset"] == 3660
    assert httpx.post(f"{stripe.running.url}/_control/clock", json={}).status_code == 400
    assert stripe.create(name="A")["created"] >= int(time.time()) + 3659


def test_faults_are_switched_on_and_off_on_their_page(stripe: Calls) -> None:
    url = f"{stripe.running.url}/faults"
    stripe.get("customers")
    assert "GET customers" in httpx.get(url).text
    form = {"kind": "503", "service": "stripe", "operation": "", "times": "1", "skip": "0", "probability": "1"}
    assert httpx.post(url, data=form).status_code == 303
    assert stripe.send("GET", "customers").status_code == 503
    httpx.post(url, data=form)
    httpx.post(url, data={"do": "remove", "number": "0"})
    assert stripe.send("GET", "customers").status_code == 200
    httpx.post(url, data=form | {"times": "5"})
    httpx.post(url, data={"do": "clear"})
    assert stripe.send("GET", "customers").status_code == 200
    for wrong in ({"times": "0"}, {"times": "x"}, {"probability": "2"}, {"kind": "earthquake"}):
        assert httpx.post(url, data=form | wrong).status_code == 400
    httpx.post(url, data={"do": "latency", "latency_ms": "5"})
    assert stripe.running.sandbox.frame.faults.latency_ms == 5


def test_the_index_leads_everywhere(stripe: Calls) -> None:
    page = httpx.get(f"{stripe.running.url}/").text
    for link in ("/jobber/", "/stripe/", "/faults", "/clock", "/webhooks", "/static/sandbox.css"):
        assert f'href="{link}"' in page
        assert httpx.get(f"{stripe.running.url}{link}").status_code == 200
    assert "<script" not in page


def test_the_state_survives_a_restart(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "sandbox.json"
    with running(path=place) as found:
        first = Calls(found)
        first.forward(5000)
        made = first.create("k", name="Ünïcode", email="a@example.com")
        first.send("DELETE", f"customers/{first.everything(limit=100)[5]}")
        token = first.connect("app")
        ids = first.everything(limit=100)
    with running(path=place) as found:
        again = Calls(found)
        assert again.everything(limit=100) == ids
        assert again.create("k", name="Ünïcode", email="a@example.com") == made
        assert again.get("customers", email="a@example.com")["data"] == [made]
        assert again.as_(token["access_token"]).get("account")["id"] == "acct_1SandboxHarbour1"
        assert found.sandbox.frame.clock.offset == 5000
        assert again.token("app", grant_type="refresh_token", refresh_token=token["refresh_token"]).status_code == 200
        assert again.get("events")["data"][0]["type"] == "account.application.authorized"


def test_the_state_is_on_disk_soon_after_a_change(tmp_path: Path) -> None:
    place = tmp_path / "sandbox.json"
    with running(path=place, seed="empty") as found:
        Calls(found).create(name="kept")
        eventually(lambda: place.exists() and "kept" in place.read_text())
        json.loads(place.read_text())


def test_a_large_state_is_written_as_json_whatever_is_in_it(tmp_path: Path) -> None:
    import asyncio

    state = {"a": {str(n): {"deep": [{"x": [n, None, True, "ü\ud800"]}]} for n in range(20_000)}, "b": [], "c": {}}
    asyncio.run(keeping.write_gently(tmp_path / "kept.json", state))
    assert keeping.read(tmp_path / "kept.json") == state
    keeping.write(tmp_path / "whole.json", state)
    assert keeping.read(tmp_path / "whole.json") == state
    assert keeping.read(tmp_path / "none.json") == {}
