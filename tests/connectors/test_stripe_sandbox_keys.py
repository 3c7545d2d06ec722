"""The Stripe stand-in's idempotency keys and rate limits."""

import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from connectors.sandbox.running import running
from connectors.stripe.sandbox import limits
from tests.connectors.stripe_calls import COASTLINE, EMPTY, Calls

pytestmark = pytest.mark.sandbox
DAY = 24 * 3600


@pytest.fixture
def stripe() -> Iterator[Calls]:
    with running({"SANDBOX_LIMITS": "off"}, seed="empty") as found:
        yield Calls(found)


class Moment:
    """A clock for the limits that stands still."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Moment:
    monkeypatch.setattr(limits, "monotonic", found := Moment())
    return found


@pytest.fixture
def strict(moment: Moment) -> Iterator[Calls]:
    with running({"SANDBOX_STRIPE_GLOBAL_PER_SECOND": "40"}, seed="empty") as found:
        yield Calls(found)


def fault(stripe: Calls, kind: str, **settings: float | str) -> None:
    stripe.running.sandbox.frame.faults.add(kind, service="stripe", **settings)


def test_the_same_key_gives_the_same_answer_and_one_customer(stripe: Calls) -> None:
    first = stripe.post("customers", "k", name="A", **{"metadata[a]": "1"})
    again = stripe.post("customers", "k", **{"metadata[a]": "1"}, name="A")
    assert again.json() == first.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["original-request"] == first.headers["request-id"]
    assert again.headers["request-id"] != first.headers["request-id"]
    assert len(stripe.everything()) == 1


def test_an_update_is_kept_under_its_key_too(stripe: Calls) -> None:
    at = f"customers/{stripe.create(name='A')['id']}"
    stripe.post(at, "k", name="B")
    stripe.post(at, name="C")
    assert stripe.post(at, "k", name="B").json()["name"] == "B"
    assert stripe.get(at)["name"] == "C"


def test_the_answer_outlives_the_customer(stripe: Calls) -> None:
    first = stripe.create("k", name="A")
    stripe.send("DELETE", f"customers/{first['id']}")
    assert stripe.create("k", name="A") == first
    assert stripe.everything() == []


@pytest.mark.parametrize(
    "again",
    [
        lambda stripe, made: stripe.post("customers", "k", name="B"),
        lambda stripe, made: stripe.post("customers", "k", name="A", phone="1"),
        lambda stripe, made: stripe.post(f"customers/{made['id']}", "k", name="A"),
    ],
    ids=["other value", "more", "other endpoint"],
)
def test_one_key_with_two_requests_is_an_idempotency_error(
    stripe: Calls, again: Callable[[Calls, dict[str, str]], httpx.Response]
) -> None:
    answer = again(stripe, stripe.create("k", name="A"))
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "idempotency_error")
    assert not {"code", "param"} & error.keys()
    assert [stripe.get(f"customers/{i}")["name"] for i in stripe.everything()] == ["A"]


def test_refusals_are_not_kept(stripe: Calls) -> None:
    assert stripe.post("customers", "k", email="none").status_code == 400
    assert stripe.as_("sk_test_wrong").post("customers", "k", name="A").status_code == 401
    fault(stripe, "429")
    assert stripe.post("customers", "k", name="A").status_code == 429
    answer = stripe.post("customers", "k", name="A")
    assert answer.status_code == 200
    assert "idempotent-replayed" not in answer.headers


def test_a_failure_after_the_effect_is_kept_and_repeated(stripe: Calls) -> None:
    fault(stripe, "500_after", operation="POST customers")
    first = stripe.post("customers", "k", name="A")
    again = stripe.post("customers", "k", name="A")
    assert (first.status_code, again.status_code) == (500, 500)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    assert again.json()["error"]["type"] == "api_error"
    assert len(stripe.everything()) == 1
    assert stripe.post("customers", "fresh", name="A").status_code == 200
    assert len(stripe.everything()) == 2


def test_a_failure_before_the_effect_leaves_the_key_unused(stripe: Calls) -> None:
    fault(stripe, "500")
    assert stripe.post("customers", "k", name="A").status_code == 500
    assert stripe.post("customers", "k", name="A").status_code == 200


def test_a_key_at_work_is_a_409(stripe: Calls) -> None:
    fault(stripe, "slow", seconds=0.6)
    answers: list[int] = []
    slow = threading.Thread(target=lambda: answers.append(stripe.post("customers", "k", name="A").status_code))
    slow.start()
    busy = stripe.running.sandbox.services["stripe"].accounts["acct_1SandboxHarbour1"].keys.busy  # type: ignore[attr-defined]
    while not busy:
        time.sleep(0.005)
    answer = Calls(stripe.running).post("customers", "k", name="A")
    slow.join()
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_key_in_use")
    assert answers == [200]
    assert stripe.post("customers", "k", name="A").headers["idempotent-replayed"] == "true"
    assert len(stripe.everything()) == 1


def test_a_key_is_forgotten_after_a_day(stripe: Calls) -> None:
    stripe.create("k", name="A")
    stripe.forward(DAY - 5)
    assert stripe.post("customers", "k", name="A").headers["idempotent-replayed"] == "true"
    stripe.forward(10)
    assert "idempotent-replayed" not in stripe.post("customers", "k", name="A").headers
    assert len(stripe.everything()) == 2


def test_keys_are_for_posts_only_and_not_endless(stripe: Calls) -> None:
    made = stripe.create(name="A")
    at = f"customers/{made['id']}"
    assert stripe.send("DELETE", at, {"Idempotency-Key": "k"}).status_code == 200
    assert stripe.send("DELETE", at, {"Idempotency-Key": "k"}).status_code == 404
    assert stripe.post("customers", "k" * 255, name="A").status_code == 200
    assert stripe.post("customers", "k" * 256, name="A").status_code == 400


def allowed(stripe: Calls, calls: int, path: str = "customers") -> int:
    return [stripe.send("GET", path).status_code for _ in range(calls)].count(200)


def test_the_26th_call_of_an_endpoint_in_a_second_is_refused(strict: Calls, moment: Moment) -> None:
    assert allowed(strict, 27) == 25
    refused = strict.send("GET", "customers")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit")
    assert refused.json()["error"]["type"] == "invalid_request_error"
    assert refused.headers["stripe-rate-limited-reason"] == "endpoint-rate"
    assert "retry-after" not in refused.headers
    moment.now += 0.2
    assert allowed(strict, 10) == 5
    moment.now += 60
    assert allowed(strict, 27) == 25


def test_another_endpoint_and_another_account_have_limits_of_their_own(strict: Calls) -> None:
    assert allowed(strict, 26) == 25
    assert allowed(strict, 1, "account") == 1
    assert allowed(strict.as_(EMPTY), 26) == 25


def test_creates_and_updates_are_two_endpoints(strict: Calls) -> None:
    made = [strict.post("customers", name="A") for _ in range(26)]
    assert [a.status_code for a in made].count(200) == 25
    assert strict.post(f"customers/{made[0].json()['id']}", name="B").status_code == 200


def test_all_endpoints_together_have_a_limit_too(strict: Calls) -> None:
    assert allowed(strict, 24) == 24
    assert allowed(strict, 24, "account") == 16
    assert strict.send("GET", "events").headers["stripe-rate-limited-reason"] == "global-rate"


def test_a_connected_account_is_limited_as_itself(strict: Calls) -> None:
    strict.connect(account=COASTLINE)
    platform = strict.as_("sk_test_sandbox_platform", **{"Stripe-Account": COASTLINE})
    assert allowed(platform, 26) == 25
    assert allowed(strict.as_("sk_test_operator_2"), 1) == 0
    assert allowed(strict, 1) == 1


def test_limits_can_be_switched_off(stripe: Calls) -> None:
    assert allowed(stripe, 60) == 60


def test_each_step_of_an_invoice_has_a_limit_of_its_own(strict: Calls, moment: Moment) -> None:
    customer = strict.create(name="A")["id"]
    made = [strict.post("invoices", customer=customer) for _ in range(26)]
    assert [a.status_code for a in made].count(200) == 25
    assert made[-1].headers["stripe-rate-limited-reason"] == "endpoint-rate"
    at = f"invoices/{made[0].json()['id']}"
    assert strict.post(f"{at}/add_lines", **{"lines[0][amount]": "100"}).status_code == 200
    assert strict.post(f"{at}/finalize").status_code == 200
    moment.now += 60
    assert allowed(strict, 27, at) == 25
    assert allowed(strict, 1, f"{at}/lines") == 1
