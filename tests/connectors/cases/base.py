"""What the contract suite needs to know of a connector, and to do at the service's side."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from connectors import registry
from connectors.base import Connector, Credentials, Resource, Secret
from connectors.sandbox.running import Running

type Data = dict[str, Any]
#: Part of every token that must not be shown.
WRONG = "canary"


class Case(ABC):
    """One connector before a running sandbox with two accounts: the first is seeded, the second is smaller.

    `portal` is where the sandbox's SANDBOX_PORTAL_URL says that the portal is, if it does.
    """

    slug: ClassVar[str]
    #: The way to connect whose tokens expire and are renewed.
    renewed_by: ClassVar[str]
    #: Whether its answers to writes name the request.
    names_requests: ClassVar[bool] = True
    #: How many records of each resource the first account has in the seed "demo".
    seeded: ClassVar[Mapping[str, int]]
    #: Ids that the service has not, well-formed and not.
    unknown_ids: ClassVar[Mapping[str, tuple[str, ...]]]
    #: What the sandbox calls the calls of a page, for faults.
    reading: ClassVar[Mapping[str, str]]
    #: What it calls the calls that create, for each resource of which we make records.
    creating: ClassVar[Mapping[str, str]] = {}
    #: Whether a record's data holds every edit's time, so that `updated_since` finds old records that were edited.
    knows_edits: ClassVar[bool]
    #: Values to write again, for each resource that takes writes.
    rewritten: ClassVar[Mapping[str, Data]] = {}
    #: Paths that are sent and that the service never tells again.
    untold: ClassVar[Mapping[str, frozenset[str]]] = {}
    #: Paths that change when others are written.
    following: ClassVar[frozenset[str]] = frozenset()
    #: A path and a value for it that the service refuses.
    refused: ClassVar[Mapping[str, tuple[str, str]]] = {}
    #: The path by which what this suite writes is known again, and the value that it gets.
    marks: ClassVar[Mapping[str, tuple[str, str]]] = {}
    #: What a record's cross reference is called, where it carries one, and the path it is written by.
    references: ClassVar[Mapping[str, tuple[str, str]]] = {}
    #: Resources whose records have no email, are not found by it, can never be removed, or never be changed.
    without_email: ClassVar[frozenset[str]] = frozenset()
    unsearched: ClassVar[frozenset[str]] = frozenset()
    lasting: ClassVar[frozenset[str]] = frozenset()
    unchanging: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, running: Running, portal: str = "http://portal.example.com") -> None:
        self.running = running
        self.address = f"{portal}/connect/{self.slug}/callback/"
        #: Records that this suite has made and cannot remove again.
        self.left: Counter[str] = Counter()

    @property
    def written(self) -> Mapping[str, Data]:
        """Values to write, for each resource of which we make records."""
        return {}

    def there_are(self, resource: str) -> int:
        """How many records the first account has now."""
        return self.seeded[resource] + self.left[resource]

    @abstractmethod
    def connector(self) -> Connector:
        """Set to speak with the sandbox."""

    @abstractmethod
    def connect(self, account: int = 1, method: str = "") -> Credentials:
        """As a person who allows access in the browser."""

    @abstractmethod
    def code(self, account: int = 1) -> tuple[str, str]:
        """(method, a fresh code), sent to `self.address`."""

    def wrong(self) -> Credentials:
        """Of the right shape, but never given out."""
        return replace(self.connect(), access_token=Secret(f"{WRONG}-never-given-out"))

    def expire(self) -> None:
        """Let so much time pass that every access token is over."""
        self.running.sandbox.frame.clock.advance(3 * 3600)

    @abstractmethod
    def add(self, resource: str, name: str, email: str) -> str:
        """As the tradesperson, in the first account. The new record's id."""

    @abstractmethod
    def edit(self, resource: str, record_id: str, name: str) -> None: ...

    @abstractmethod
    def remove(self, resource: str, record_id: str) -> None:
        """One of the lasting stays, and is counted in `left`."""

    @abstractmethod
    def let_go(self) -> None:
        """The tradesperson disconnects our app at the service."""

    @abstractmethod
    def in_a_hurry(self, patch: pytest.MonkeyPatch) -> None:
        """Wait a fraction of a second where the connector would wait half a minute."""

    @property
    def resources(self) -> Mapping[str, Resource]:
        return registry.connector_class(self.slug).resources

    def fault(self, kind: str, operation: str, **settings: Any) -> None:
        self.running.sandbox.frame.faults.add(kind, service=self.slug, operation=operation, **settings)

    def calls(self, operation: str = "") -> int:
        """How many calls the sandbox has had whose name has this in it."""
        counts = self.running.sandbox.frame.counts
        return sum(n for name, n in counts.items() if name.startswith(self.slug) and operation in name)
