"""The connector's pace: nearly all that a limit allows, whatever its kind, and no waiting where there is none."""

import heapq
import itertools
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.base import Budget
from connectors.sandbox.running import running
from connectors.stripe import pacing
from connectors.stripe.pacing import ALL, PATIENCE, Crowd, Pacer
from tests.connectors.stripe_calls import EMPTY, Calls

pytestmark = pytest.mark.sandbox
THREADS, RATE = 16, 25


class Bucket:
    """Tokens that refill evenly, up to `size`."""

    def __init__(self, size: float = RATE, rate: float = RATE) -> None:
        self.size, self.rate, self.tokens, self.at = size, rate, size, 0.0

    def __call__(self, now: float) -> bool:
        self.tokens, self.at = min(self.size, self.tokens + (now - self.at) * self.rate), now
        taken = self.tokens >= 1
        self.tokens -= taken
        return taken


class Sliding:
    """So many in any second."""

    def __init__(self) -> None:
        self.taken: deque[float] = deque()

    def __call__(self, now: float) -> bool:
        while self.taken and now - self.taken[0] >= 1:
            self.taken.popleft()
        if len(self.taken) >= RATE:
            return False
        self.taken.append(now)
        return True


class Windows:
    """So many in each second of the clock."""

    window, taken = -1, 0

    def __call__(self, now: float) -> bool:
        if int(now) != self.window:
            self.window, self.taken = int(now), 0
        self.taken += 1
        return self.taken <= RATE


class Chance:
    """No limit; the first few calls, or some of all, are refused for no reason of ours."""

    def __init__(self, first: int = 0, share: float = 0.0) -> None:
        self.first, self.share, self.dice = first, share, random.Random(1)

    def __call__(self, now: float) -> bool:
        self.first -= 1
        return self.first < 0 and self.dice.random() >= self.share


@dataclass
class Race:
    """Simulated threads of so many processes that send `calls` through their pacers to a service with that limit."""

    allows: Callable[[float], bool]
    calls: int = 500
    there_and_back: float = 0.003
    now: float = 0.0
    refused: int = 0
    done: list[float] = field(default_factory=list)
    #: What another process has learnt.
    rates: dict[str, float] = field(default_factory=dict)
    processes: int = 1

    def run(self) -> "Race":
        pacers = [Pacer(livemode=True, clock=lambda: self.now) for _ in range(self.processes)]
        for pacer in pacers:
            pacer.recall(self.rates)
        ticket = itertools.count()
        dice, left = random.Random(2), self.calls - THREADS
        queue = [(self.now, next(ticket), pacers[n % self.processes], "ask", 0.0) for n in range(THREADS)]
        while queue:
            self.now, _, pacer, step, sent = heapq.heappop(queue)
            after = 0.0
            if step == "ask":
                after, step = pacer.permit("e", self.now + 1e9) or 0.0, "send"
            elif step == "send":
                after, step, sent = self.there_and_back * (0.5 + dice.random() / 3), "arrive", self.now
            elif step == "arrive":
                after, step = self.there_and_back / 2, "taken" if self.allows(self.now) else "refused"
            elif step == "refused":
                self.refused += 1
                after, step = pacer.refused("e", "endpoint-rate", sent), "ask"
            else:
                pacer.passed("e")
                self.done.append(self.now)
                left -= 1
                if left < 0:
                    continue
                step = "ask"
            heapq.heappush(queue, (self.now + after, next(ticket), pacer, step, sent))
        self.rates = pacers[0].rates()
        return self

    @property
    def rate(self) -> float:
        return len(self.done) / self.done[-1]


@pytest.mark.parametrize("limit", [Bucket, Sliding, Windows], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("there_and_back", [0.003, 0.08])
def test_95_percent_of_a_limit_is_used_whatever_its_kind(limit: Callable[[], Any], there_and_back: float) -> None:
    race = Race(limit(), 500, there_and_back).run()
    assert len(race.done) == 500
    assert race.rate >= 0.95 * RATE
    assert race.refused <= 50


@pytest.mark.parametrize("limit", [Bucket, Sliding, Windows], ids=lambda kind: kind.__name__)
def test_the_pace_holds_for_ten_minutes(limit: Callable[[], Any]) -> None:
    race = Race(limit(), 15_000).run()
    assert race.rate >= 0.95 * RATE
    assert race.refused <= 0.03 * 15_000


@pytest.mark.parametrize("limit", [Bucket, Sliding, Windows], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("processes", [2, 3])
def test_several_processes_share_a_limit_that_none_of_them_knows_the_others_part_of(
    limit: Callable[[], Any], processes: int
) -> None:
    """A refusal costs nothing but the call: each learns from its own, and together they keep to the limit."""
    for known in ({}, {"e": 0.98 * RATE}):
        race = Race(limit(), 3000, processes=processes, rates=dict(known)).run()
        assert race.rate >= 0.9 * RATE
        assert race.refused <= 0.1 * 3000


def test_a_limit_other_than_the_documented_one_is_found() -> None:
    assert Race(Bucket(100, 100), 3000).run().rate >= 95
    assert Race(Bucket(10, 10), 300).run().rate >= 9.5


@pytest.mark.parametrize("limit", [Bucket, Sliding, Windows], ids=lambda kind: kind.__name__)
def test_another_process_goes_on_at_the_pace_that_one_has_learnt(limit: Callable[[], Any]) -> None:
    service = limit()
    one = Race(service, 120).run()
    other = Race(service, 60, now=one.now, rates=one.rates).run()
    assert len(other.done) / (other.done[-1] - one.now) >= 0.95 * RATE
    assert other.refused == 0


def test_calls_let_go_before_the_pace_was_set_teach_nothing() -> None:
    clock = [100.0]
    pacer = Pacer(livemode=True, clock=lambda: clock[0])
    pacer.recall({"e": 25.0})
    for _ in range(20):
        pacer.permit("e", 1e9)  # the last of them leaves in 0.8 seconds
    for _ in range(5):
        pacer.refused("e", "endpoint-rate", clock[0])
    learnt = pacer.rates()["e"]
    clock[0] += 0.5
    for _ in range(10):
        pacer.refused("e", "endpoint-rate", clock[0])
    assert pacer.rates()["e"] == learnt


def test_a_refusal_never_makes_it_faster() -> None:
    clock = [100.0]
    pacer = Pacer(livemode=True, clock=lambda: clock[0])
    pacer.recall({"e": 20.0})
    for _ in range(RATE):
        pacer.passed("e")  # a burst that the service had saved up for
    for _ in range(5):
        pacer.refused("e", "endpoint-rate", clock[0])
    assert pacer.rates()["e"] <= 20.0


def test_what_is_recalled_of_ones_own_changes_nothing() -> None:
    clock = [100.0]
    pacer = Pacer(livemode=True, clock=lambda: clock[0])
    pacer.recall({"e": 10.0, ALL: 50.0})
    assert pacer.rates() == {"e": 10.0, ALL: 50.0}
    clock[0] += PATIENCE - 1
    pacer.recall(pacer.rates())
    clock[0] += 1
    pacer.permit("e", 1e9)
    assert pacer.rates()["e"] > 10


def test_without_a_limit_nothing_waits() -> None:
    free = Race(Chance(), 2000).run()
    assert free.done[-1] == pytest.approx(2000 / THREADS * free.there_and_back, rel=0.3)


@pytest.mark.parametrize("chance", [Chance(first=5), Chance(first=50), Chance(share=0.01)], ids=["5", "50", "1%"])
def test_refusals_by_chance_do_not_slow_a_service_without_a_limit(chance: Chance) -> None:
    assert Race(chance, 2000).run().done[-1] < 6


def test_one_busy_object_and_too_many_at_once_are_no_rate() -> None:
    pacer = Pacer(livemode=False)
    for _ in range(50):
        assert pacer.refused("e", "lock_timeout", pacer.clock()) > 0
        assert pacer.refused("e", "resource-specific", pacer.clock()) > 0
    assert pacer.rates() == {}


def test_a_global_limit_slows_every_endpoint() -> None:
    clock = [100.0]
    pacer = Pacer(livemode=False, clock=lambda: clock[0])
    for _ in range(25):
        pacer.permit("a", 1e9)
        pacer.passed("a")
    for _ in range(5):
        pacer.refused("a", "global-rate", clock[0])
    assert pacer.rates().keys() == {"all calls"}
    assert (pacer.permit("b", 1e9) or 0) > 0.5


def test_no_permit_is_given_past_the_deadline_and_the_place_goes_back() -> None:
    clock = [100.0]
    pacer = Pacer(livemode=True, clock=lambda: clock[0])
    for _ in range(25):
        pacer.passed("e")
    for _ in range(5):
        pacer.refused("e", "endpoint-rate", clock[0])
    first = pacer.permit("e", 1e9)
    assert first is not None
    assert first > 0.5
    assert all(pacer.permit("e", clock[0] + 0.1) is None for _ in range(100))
    second = pacer.permit("e", 1e9)
    assert second is not None
    assert second - first < 0.1


def test_fewer_run_at_once_after_a_concurrency_refusal() -> None:
    crowd, entered = Crowd(), threading.Event()
    for _ in range(8):
        crowd.enter(10.0, 0.0)
    for _ in range(8):
        crowd.refused(10.5, 10.0)  # all of one crowd: halved once
    for _ in range(4):
        crowd.leave()

    def one_more() -> None:
        crowd.enter(11.0, 60.0)
        entered.set()

    threading.Thread(target=one_more, daemon=True).start()
    assert not entered.wait(0.1)
    crowd.leave()
    assert entered.wait(10)


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    monkeypatch.setattr(pacing, "_pacers", {})
    with running(seed="empty") as found:
        yield Calls(found, EMPTY)


def test_a_session_recalls_its_own_budgets(limited: Calls) -> None:
    said = [Budget("Stripe, all calls", 40.0, 40.0, 40.0), Budget("Stripe, POST customers", 24.5, 24.5, 24.5)]
    limited.session(EMPTY).recall(said)
    assert limited.session(EMPTY).budgets() == said


def test_a_limited_stand_in_gets_every_record_once_at_its_own_pace(limited: Calls) -> None:
    session, count = limited.session(EMPTY), 90

    def create(n: int) -> str:
        deadline = time.monotonic() + 60
        return session.create("customers", {"name": f"N{n}"}, key=f"k{n}", deadline=deadline).record.id

    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        made = list(pool.map(create, range(count)))
    took = time.monotonic() - began
    assert len(set(made)) == count
    assert (count - RATE) / RATE <= took + 0.1
    assert limited.running.sandbox.frame.counts["stripe 429"] <= 40
    assert set(limited.everything(limit=100)) == set(made)
