"""Switches that make a stand-in fail the way the real service can.

A fault: {"service": "stripe", "operation": "POST customers", "kind": "500_after", "skip": 0, "times": 1,
"probability": 1.0, "seconds": 0.0}. An empty service or operation matches all; `operation` matches as a part.
Kinds before the effect: 429, 500, 503, timeout, reset, slow. After it: 500_after, timeout_after, reset_after,
truncate, html. For webhooks (operation "webhook"): drop, double, delay, garble.
"""

import random
from dataclasses import asdict, dataclass, field
from typing import Any

BEFORE = {"429", "500", "503", "timeout", "reset", "slow"}
AFTER = {"500_after", "timeout_after", "reset_after", "truncate", "html"}
WEBHOOK = {"drop", "double", "delay", "garble"}
KINDS = BEFORE | AFTER | WEBHOOK


@dataclass(slots=True)
class Fault:
    kind: str
    service: str = ""
    operation: str = ""
    skip: int = 0
    times: int = 1
    probability: float = 1.0
    seconds: float = 0.0
    hits: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"There is no fault called {self.kind!r}: {', '.join(sorted(KINDS))}.")


@dataclass(slots=True)
class Faults:
    active: list[Fault] = field(default_factory=list)
    dice: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311  # no secret
    latency_ms: float = 0.0

    def add(self, kind: str, **settings: Any) -> Fault:
        fault = Fault(kind, **settings)
        self.active.append(fault)
        return fault

    def clear(self) -> None:
        self.active.clear()

    def take(self, service: str, operation: str, kinds: set[str]) -> Fault | None:
        """The first fault that hits this call; it is used up by one."""
        for fault in self.active:
            if fault.kind not in kinds or fault.service not in {"", service} or fault.operation not in operation:
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if self.dice.random() > fault.probability:
                continue
            fault.hits += 1
            fault.times -= 1
            if fault.times <= 0:
                self.active.remove(fault)
            return fault
        return None

    def as_json(self) -> dict[str, Any]:
        return {"latency_ms": self.latency_ms, "faults": [asdict(f) for f in self.active]}
