"""Jobber's budget, shared by processes that do not know of each other."""

import heapq

import pytest

from connectors.errors import RateLimited
from connectors.jobber.bucket import SIZE, Bucket
from connectors.jobber.sandbox.throttle import RESTORE_PER_SECOND


class Jobber:
    """Its bucket. A question that does not fit takes nothing from it."""

    def __init__(self) -> None:
        self.now = self._at = 0.0
        self._points, self.spent, self.refused = SIZE, 0.0, 0

    def ask(self, cost: float) -> bool:
        self._points = min(SIZE, self._points + (self.now - self._at) * RESTORE_PER_SECOND)
        self._at = self.now
        fits = self._points >= cost
        self._points -= cost if fits else 0
        self.spent += cost if fits else 0
        self.refused += not fits
        return fits

    def left(self) -> float:
        return self._points


@pytest.mark.parametrize("cost", [120.0, 900.0, 4000.0])
@pytest.mark.parametrize("processes", [1, 2])
def test_each_learns_from_its_answers_and_all_that_jobber_allows_is_used(processes: int, cost: float) -> None:
    """Two workers at most read one account: one for each of a business's lanes."""
    jobber, answered = Jobber(), 0
    buckets = [Bucket(lambda: jobber.now) for _ in range(processes)]
    turns = [(0.001 * n, n) for n in range(processes)]
    while answered < 300:
        jobber.now, who = heapq.heappop(turns)
        wait = 0.05
        try:
            buckets[who].require(cost)
            if jobber.ask(cost):
                answered += 1
            else:
                wait = max(0.1, (cost - jobber.left()) / RESTORE_PER_SECOND)
            buckets[who].learn(SIZE, jobber.left(), RESTORE_PER_SECOND)
        except RateLimited as limited:
            wait = limited.after
        heapq.heappush(turns, (jobber.now + wait, who))
    assert jobber.spent >= 0.95 * (SIZE + jobber.now * RESTORE_PER_SECOND - cost)
    assert jobber.refused <= (processes - 1) * answered
