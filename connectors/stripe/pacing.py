"""Going as fast as Stripe lets an account go, and no faster: the limit is learnt from its 429 answers.

Documented (late 2026): 25 requests/s per endpoint; 100/s in all for a live account, 25/s in test mode. Nothing is
paced before Stripe says that a limit was met. Then calls leave evenly, a little below that figure, or below what
went through in the last second where that is clearly another figure; now and then a faster pace is tried. What was
learnt is kept with the connection, since the next calls may be another process's.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

ENDPOINT_RATE, LIVE_RATE, TEST_RATE = 25.0, 100.0, 25.0
#: What the pace of all calls together is called among those of the endpoints.
ALL = "all calls"
#: Of a limit, so that calls that bunch up on their way still keep within each second.
SHARE = 0.98
#: So many refusals in a second are chance, or a fault of theirs; more are a limit. Also a share of what went through.
CHANCE, CHANCE_SHARE = 2, 0.05
#: What went through cannot be a limit's allowance for one burst and one second.
CLEARLY_MORE = 2.2
#: Seconds without a change before a faster pace is tried; doubled each time that it was too fast.
PATIENCE, LONGEST_PATIENCE = 5.0, 60.0
#: A try adds this share; while tries succeed they follow each second and double.
TRY, SUCCEEDING_SECONDS, LARGEST_TRY = 0.1, 1.0, 1.0
SLOWEST, FASTEST = 1.0, 2000.0
#: Seconds a refused call waits where no pace is known; doubled each time that hardly anything went through.
SHORT_PAUSE, STRIKES = 0.2, 3


@dataclass(slots=True)
class Pace:
    """Of one endpoint, or of all calls together. `rate` 0: no limit is known. `begins`: when the first call at this
    rate leaves, after all those that were let go before it was set."""

    documented: float
    rate: float = 0.0
    next_at: float = 0.0
    changed: float = 0.0
    begins: float = 0.0
    calm: float = PATIENCE
    patience: float = PATIENCE
    step: float = TRY
    strikes: int = 0
    went: deque[float] = field(default_factory=lambda: deque(maxlen=int(FASTEST)))
    refusals: deque[float] = field(default_factory=lambda: deque(maxlen=int(FASTEST)))

    def wait(self, now: float) -> float:
        """Takes the next place and returns the seconds until it comes."""
        if not self.rate:
            return max(0.0, self.next_at - now)
        self._try_faster(now)
        at = max(self.next_at, now - self.gap)
        self.next_at = at + self.gap
        return max(0.0, at - now)

    @property
    def gap(self) -> float:
        return 1.0 / self.rate if self.rate else 0.0

    def give_back(self) -> None:
        self.next_at -= self.gap

    def passed(self, now: float) -> None:
        self.went.append(now)
        if self.strikes and now - self.changed > LONGEST_PATIENCE:
            self.strikes = 0

    def refused(self, now: float, sent: float) -> None:
        """A call sent at `sent` was too fast."""
        self.refusals.append(now)
        if sent < self.begins:
            return  # it was let go before the pace was set
        refusals, went = _last_second(self.refusals, now), _last_second(self.went, now)
        if refusals <= max(CHANCE, CHANCE_SHARE * went):
            return
        if not self.rate and went < self.documented / 2 and self.strikes < STRIKES:
            self._hold_off(now)
        else:
            self._slow_down(now, went)

    def _slow_down(self, now: float, went: int) -> None:
        self.patience = min(LONGEST_PATIENCE, self.patience * 2) if self.rate else PATIENCE
        self.rate = self._learnt(went)
        self.next_at = self.begins = max(self.next_at, now + self.gap, self._room(now))
        self.changed, self.calm, self.step = now, self.patience, TRY

    def _hold_off(self, now: float) -> None:
        """Fewer went through than the limit allows: a fault of theirs, or others who use the same limit."""
        self.strikes += 1
        self.next_at, self.changed, self.begins = now + SHORT_PAUSE * 2**self.strikes, now, now
        self.refusals.clear()

    def _learnt(self, went: int) -> float:
        if not self.rate:
            return SHARE * (went if went > CLEARLY_MORE * self.documented else self.documented)
        return min(self.rate, max(SLOWEST, SHARE * went, self.rate / 2))

    def recall(self, now: float, rate: float) -> None:
        """Begin with what was learnt elsewhere, where that is another rate than ours."""
        if rate != self.rate:
            self.rate, self.changed, self.begins = rate, now, now
            self.next_at = max(self.next_at, now + self.gap)

    def _room(self, now: float) -> float:
        """When a second with as many calls as the pace allows has passed since the earliest of them."""
        most = max(1, int(self.rate))
        return self.went[-most] + 1.0 if len(self.went) >= most else now

    def _try_faster(self, now: float) -> None:
        if now - self.changed < self.calm:
            return
        self.rate *= 1 + self.step
        self.changed, self.calm, self.step = now, SUCCEEDING_SECONDS, min(LARGEST_TRY, self.step * 2)
        if self.rate > FASTEST:
            self.rate = 0.0


def _last_second(moments: deque[float], now: float) -> int:
    while moments and now - moments[0] > 1.0:
        moments.popleft()
    return len(moments)


class Crowd:
    """How many calls may run at once, once Stripe has said that there are too many."""

    def __init__(self) -> None:
        self._most = 0
        self._running = 0
        self._changed = 0.0
        self._freed = threading.Condition()

    def enter(self, now: float, patience: float) -> None:
        """Waits for room at most so many seconds; better a refusal then than never."""
        with self._freed:
            if self._most and now - self._changed > PATIENCE:
                self._most, self._changed = self._most + 1, now
            if self._most and self._running >= self._most:
                self._freed.wait_for(lambda: self._running < self._most, patience)
            self._running += 1

    def leave(self) -> None:
        with self._freed:
            self._running -= 1
            self._freed.notify()

    def refused(self, now: float, sent: float) -> None:
        with self._freed:
            if sent >= self._changed:
                self._most, self._changed = max(1, self._running // 2), now


class Pacer:
    """All calls for one account. Threads ask `permit`, and wait as long as it says."""

    def __init__(self, *, livemode: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.crowd = Crowd()
        self._lock = threading.Lock()
        self._whole = Pace(LIVE_RATE if livemode else TEST_RATE)
        self._endpoints: dict[str, Pace] = {}

    def permit(self, endpoint: str, deadline: float) -> float | None:
        """Seconds to wait before sending; None when it would be after the deadline (a clock() moment)."""
        with self._lock:
            now = self.clock()
            paces = self._of(endpoint)
            wait = max(p.wait(now) for p in paces)
            if now + wait < deadline:
                return wait
            for pace in paces:
                pace.give_back()
            return None

    def passed(self, endpoint: str) -> None:
        """The call was not too fast, whatever else its answer says."""
        with self._lock:
            now = self.clock()
            for pace in self._of(endpoint):
                pace.passed(now)

    def refused(self, endpoint: str, reason: str, sent: float) -> float:
        """Learn from the 429 of a call sent at `sent`; returns the seconds to wait before asking for a new permit."""
        now = self.clock()
        if reason.endswith("concurrency"):
            self.crowd.refused(now, sent)
            return SHORT_PAUSE
        if not reason.endswith("rate"):
            return SHORT_PAUSE  # one busy object: the others may go on as they do
        with self._lock:
            whole, one = self._of(endpoint)
            pace = whole if reason == "global-rate" else one
            pace.refused(now, sent)
            return 0.0 if pace.rate else SHORT_PAUSE

    def _of(self, endpoint: str) -> tuple[Pace, Pace]:
        if endpoint not in self._endpoints:
            self._endpoints[endpoint] = Pace(ENDPOINT_RATE)
        return self._whole, self._endpoints[endpoint]

    def recall(self, rates: Mapping[str, float]) -> None:
        """`rates`: as `rates()` gave them, perhaps in another process."""
        with self._lock:
            now = self.clock()
            for name, rate in rates.items():
                pace = self._whole if name == ALL else self._of(name)[1]
                pace.recall(now, rate)

    def rates(self) -> dict[str, float]:
        with self._lock:
            named = {ALL: self._whole, **self._endpoints}
            return {name: p.rate for name, p in named.items() if p.rate}


_pacers: dict[str, Pacer] = {}
_guard = threading.Lock()


def pacer(account: str, *, livemode: bool) -> Pacer:
    """The process's one pacer of an account."""
    with _guard:
        if account not in _pacers:
            _pacers[account] = Pacer(livemode=livemode)
        return _pacers[account]
