"""Jobber's two limits, each for one app on one account: points that come back, and requests in five minutes."""

from collections.abc import Callable

MAXIMUM = 10_000
RESTORE_PER_SECOND = 500
WINDOW_SECONDS = 300
REQUESTS = 2_500


class Throttle:
    """`clock` gives seconds. Switched off it counts nothing and is always full."""

    def __init__(self, clock: Callable[[], float], on: bool = True) -> None:
        self._clock, self._on = clock, on
        self._left: dict[str, tuple[float, float]] = {}
        self._asked: dict[str, tuple[int, int]] = {}

    def too_many(self, who: str) -> bool:
        """Counts one request; true when it is one too many. The window is fixed, as Rack::Attack has it."""
        if not self._on:
            return False
        window = int(self._clock() // WINDOW_SECONDS)
        known, count = self._asked.get(who, (window, 0))
        count = count + 1 if known == window else 1
        self._asked[who] = (window, count)
        return count > REQUESTS

    def available(self, who: str) -> float:
        left, at = self._left.get(who, (float(MAXIMUM), 0.0))
        return min(float(MAXIMUM), left + max(0.0, self._clock() - at) * RESTORE_PER_SECOND)

    def refuses(self, who: str, points: int) -> bool:
        return self._on and points > self.available(who)

    def spend(self, who: str, points: int) -> None:
        if self._on:
            self._left[who] = (self.available(who) - points, self._clock())
