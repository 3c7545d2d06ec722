"""What goes wrong in one run. Each seed draws its own few kinds of trouble and how often they come."""

import random
from collections import Counter
from dataclasses import dataclass, field

from tests.faults.loop import Process

#: Of a call to a service, in its own words.
CALLS = (
    "429", "429_bare", "throttled", "500_before", "500_after", "500_saved", "timeout_before", "timeout_after", "late",
    "unreachable",
)  # fmt: skip
RATES = (0.0, 0.02, 0.1, 0.3)
_AROUND_CALLS = frozenset({"call", "refresh", "refreshed"})
OFTEN = 20
#: However many kinds there are, so many calls get through.
MOST = 0.45


@dataclass
class Weather:
    """`sweep`: whether the polls run at all; without them nothing hides a lost mark, and no webhook is lost for good.
    `hot`: all edits hit two records of each business."""

    seed: int
    rng: random.Random
    sweep: bool = True
    hot: bool = False
    calm: bool = False
    calls: dict[str, float] = field(default_factory=dict)
    crash: float = 0.0
    freeze: float = 0.0
    lost_webhook: float = 0.0
    doubled_webhook: float = 0.0
    late_webhook: float = 0.0
    lost_task: float = 0.0
    doubled_task: float = 0.0
    stale: float = 0.0
    lost_refresh: float = 0.0
    revoked: bool = False
    goodbye: bool = False
    poison: bool = False
    deadly: bool = False
    jump: float = 0.0
    #: People do several things within seconds, and open pages that ask the services. In the first hundred seeds not.
    bursts: bool = False
    #: Who freezes does so most often right before a call leaves or after it was answered. In seeds above 200.
    slow_calls: bool = False
    #: Businesses also have invoices and payments: three syncs each, on two lanes. In seeds above 300.
    papers: bool = False
    #: Writes wait for a person, by their mode or by a rule; people pause syncs. In some seeds above 3000.
    approves: bool = False
    pauses: bool = False
    #: The page to pay by goes onto Jobber's invoices. In some seeds above 3000.
    pages: bool = False
    #: (service, from, for so many seconds)
    outages: list[tuple[str, float, float]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    def fate(self, process: Process, place: str) -> str:
        """What becomes of a process at a switch point."""
        if self.calm:
            return ""
        drawn = self.rng.random()
        if drawn < self.crash:
            self.seen["killed"] += 1
            return "kill"
        freeze = self.freeze * (OFTEN if self.slow_calls and place in _AROUND_CALLS else 1)
        if place != "commit" and drawn < self.crash + freeze:
            self.seen["frozen"] += 1
            return "freeze"
        return ""

    def of_call(self, service: str, writes: bool) -> str:
        """The fault that this call meets, '' for none."""
        if self.calm:
            return ""
        drawn = self.rng.random()
        for kind, rate in self.calls.items():
            if drawn < rate:
                return self._fitting(kind, service, writes)
            drawn -= rate
        return ""

    def _fitting(self, kind: str, service: str, writes: bool) -> str:
        if (kind == "throttled" and service != "jobber") or (kind == "500_saved" and service != "stripe"):
            return ""
        if not writes and kind in {"500_after", "500_saved", "timeout_after", "late"}:
            if self.seed > 200:  # where reads get through, writes have more to suffer
                return ""
            kind = "timeout_before"
        self.seen[kind] += 1
        return kind

    def happens(self, what: str) -> bool:
        rate = float(getattr(self, what))
        if self.calm or not rate or self.rng.random() >= rate:
            return False
        self.seen[what] += 1
        return True


def drawn(seed: int) -> Weather:
    rng = random.Random(f"weather {seed}")
    found = Weather(seed, rng, sweep=seed % 2 == 0, hot=rng.random() < 0.5)
    kinds = [kind for kind in CALLS if rng.random() < 0.35]
    rates = {kind: rng.choice(RATES) for kind in kinds}
    total = sum(rates.values())
    found.calls = {k: r * min(1.0, MOST / total) for k, r in rates.items() if r}
    found.crash = rng.choice((0.0, 0.002, 0.005, 0.02)) if rng.random() < 0.6 else 0.0
    found.freeze = rng.choice((0.001, 0.003)) if rng.random() < 0.5 else 0.0
    found.lost_webhook = rng.choice(RATES) if found.sweep else 0.0
    for name in ("doubled_webhook", "late_webhook", "lost_task", "doubled_task", "stale"):
        setattr(found, name, rng.choice(RATES) if rng.random() < 0.5 else 0.0)
    found.lost_refresh = rng.choice((0.1, 0.3)) if rng.random() < 0.2 else 0.0
    found.revoked, found.goodbye = rng.random() < 0.2, rng.random() < 0.15
    found.poison, found.deadly = rng.random() < 0.25, rng.random() < 0.1
    found.jump = _jump(rng, found.sweep)
    found.outages = _outages(rng)
    found.bursts = seed > 100 and rng.random() < 0.6
    found.slow_calls, found.papers = seed > 200, seed > 300
    found.approves = seed > 3000 and rng.random() < 0.7
    found.pauses = seed > 3000 and rng.random() < 0.5
    found.pages = seed > 3000 and rng.random() < 0.6
    return found


def _jump(rng: random.Random, sweep: bool) -> float:
    """The wall clock is set forward, or, where a whole reading follows, backward."""
    if rng.random() < 0.7:
        return 0.0
    return rng.choice((5.0, 120.0, 600.0)) * (rng.choice((1, -1)) if sweep else 1)


def _outages(rng: random.Random) -> list[tuple[str, float, float]]:
    found = []
    if rng.random() < 0.3:
        found.append((rng.choice(("jobber", "stripe")), rng.uniform(60, 600), rng.uniform(20, 600)))
    if rng.random() < 0.12:
        found.append((rng.choice(("jobber", "stripe")), rng.uniform(200, 800), 25.5 * 3600))
    return found
