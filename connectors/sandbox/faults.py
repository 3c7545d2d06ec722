"""Switches that make a stand-in fail the way the real service can.

A fault: {"service": "stripe", "operation": "POST /v1/customers", "kind": "500_after", "skip": 0, "times": 1,
"probability": 1.0, "seconds": 0.0}. An empty service or operation matches all; `operation` matches as a part.
"""

import random
from dataclasses import asdict, dataclass, field
from typing import Any

#: What each kind does, for the page of switches.
WORDS = {
    "429": "Too fast: answer 429, do nothing",
    "500": "Answer 500, do nothing",
    "503": "Answer 503, do nothing",
    "timeout": "Do nothing and never answer",
    "reset": "Do nothing and break the connection",
    "slow": "Wait, then do it and answer",
    "late": "Never answer, and do it later",
    "throttled": "The budget is used up: say so in the service's own way, do nothing",
    "401": "The access is not taken: do nothing",
    "403": "The access does not reach so far: do nothing",
    "cursor": "The place in the list is not known any more: do nothing",
    "500_after": "Do it, then answer 500",
    "timeout_after": "Do it, then never answer",
    "reset_after": "Do it, then break the connection in the middle of the answer",
    "truncate": "Do it, then answer with half of the JSON",
    "html": "Do it, then answer with a web page",
    "partial": "Do it, then answer with the data and an error beside it",
    "drip": "Do it, then answer a letter at a time",
    "huge": "Do it, then answer with more than anybody reads",
    "stale": "Answer as the same question was first answered since this was switched on",
    "drop": "Webhook: never send it",
    "double": "Webhook: send it twice",
    "delay": "Webhook: send it late",
    "garble": "Webhook: sign it wrongly",
}
#: What a service says in its own words.
OWN = {"throttled", "401", "403", "cursor"}
BEFORE = {"429", "500", "503", "timeout", "reset", "slow", "late"} | OWN
AFTER = {"500_after", "timeout_after", "reset_after", "truncate", "html", "partial", "drip", "huge", "stale"}
WEBHOOK = {"drop", "double", "delay", "garble"}
KINDS = BEFORE | AFTER | WEBHOOK


@dataclass(slots=True, eq=False)
class Fault:
    """`skip` calls pass first, then `times` are hit, each with `probability`."""

    kind: str
    service: str = ""
    operation: str = ""
    skip: int = 0
    times: int = 1
    probability: float = 1.0
    seconds: float = 0.0
    hits: int = 0
    #: Of a "stale" one: the answers it repeats, by what was asked.
    kept: dict[bytes, bytes] = field(default_factory=dict, repr=False)

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
        shown = [{k: v for k, v in asdict(f).items() if k != "kept"} for f in self.active]
        return {"latency_ms": self.latency_ms, "faults": shown}
