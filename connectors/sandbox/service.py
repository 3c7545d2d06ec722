"""What a stand-in gives the frame, and what the frame gives it."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from starlette.routing import BaseRoute

from connectors.sandbox.clock import Clock
from connectors.sandbox.delivery import Delivery
from connectors.sandbox.faults import Faults


@dataclass
class Frame:
    """Shared by all stand-ins. `environ`: SANDBOX_* variables. `counts`: calls per 'service operation'."""

    environ: Mapping[str, str]
    clock: Clock = field(default_factory=Clock)
    faults: Faults = field(default_factory=Faults)
    counts: Counter[str] = field(default_factory=Counter)
    dirty: bool = False

    def __post_init__(self) -> None:
        self.delivery = Delivery(self.clock, self.faults)
        self.faults.latency_ms = float(self.environ.get("SANDBOX_LATENCY_MS") or 0)

    def changed(self) -> None:
        """The state must be saved soon."""
        self.dirty = True


class Service(ABC):
    """One stand-in, mounted at /<slug>. `state` is JSON and is all that survives a restart."""

    slug: ClassVar[str]
    name: ClassVar[str]
    #: One sentence for the index page.
    about: ClassVar[str] = ""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.state: dict[str, Any] = {}

    @abstractmethod
    def routes(self) -> list[BaseRoute]: ...

    @abstractmethod
    def seed(self, size: str) -> None:
        """Fill an empty state: 'demo' or 'empty'."""

    def loaded(self) -> None:  # noqa: B027  # nothing to do is a fair answer
        """Called after `state` was read back from disk."""

    def passing(self) -> None:  # noqa: B027  # nothing to do is a fair answer
        """Called a few times a second: what happens by itself as the clock goes on."""
