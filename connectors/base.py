"""What every connector offers, and the values it speaks in.

A `Connector` is one service, configured from the environment. A `Session` speaks for one connected account;
its methods may be called from several threads at once. Records are flat: `data` maps a catalogue path
("billing_address.city", "metadata.jobber_client_id", "custom.gate_code") to a JSON value.
"""

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, ClassVar

from connectors.concerns import Concerns
from connectors.errors import RejectedError

type Data = dict[str, Any]


class FieldType(StrEnum):
    TEXT = "text"
    EMAIL = "email"
    PHONE = "phone"
    COUNTRY = "country"
    NUMBER = "number"
    MONEY = "money"
    BOOLEAN = "yes/no"
    DATETIME = "date and time"
    CHOICE = "choice"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Field:
    """One entry of a resource's field catalogue. `max_length` counts code points."""

    path: str
    label: str
    type: FieldType = FieldType.TEXT
    writable: bool = False
    required: bool = False
    max_length: int | None = None
    choices: tuple[tuple[str, str], ...] = ()
    custom: bool = False
    help: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of thing the service holds. `label` is singular and lower case: 'client', 'customer'.

    `actions`: what can be done to one beside changing its fields, such as 'finalize'.
    """

    name: str
    label: str
    label_plural: str
    writable: bool = False
    notified: bool = True
    read_scopes: tuple[str, ...] = ()
    write_scopes: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()


_NO_DATABASE_KEEPS = re.compile("[\\x00\\ud800-\\udfff]")


def storable(found: Any) -> Any:
    """JSON as a service sent it, without what no database keeps as text: NUL, and halves of surrogate pairs."""
    whole = json.dumps(found, ensure_ascii=False, default=str)
    return _cleaned(found) if "\\u0000" in whole or _NO_DATABASE_KEEPS.search(whole) else found


def _cleaned(found: Any) -> Any:
    if isinstance(found, str):
        return _NO_DATABASE_KEEPS.sub("", found)
    if isinstance(found, Mapping):
        return {_cleaned(name): _cleaned(value) for name, value in found.items()}
    return [_cleaned(value) for value in found] if isinstance(found, list) else found


@dataclass(frozen=True)
class Record:
    """One record as the service holds it now.

    `email` is the address records are matched by, trimmed and lower-cased ('' when none is valid).
    `references` are the cross references found in it, as {"jobber_client_id": "..."}. `phone` and `namesake` are the
    keys of connectors.likeness, '' where it has none.
    """

    id: str
    data: Data
    label: str
    updated_at: datetime | None = None
    created_at: datetime | None = None
    deleted: bool = False
    email: str = ""
    phone: str = ""
    namesake: str = ""
    references: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    #: Paths that read differently each time and mean the same, such as a link with a fresh token in it.
    passing: frozenset[str] = frozenset()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the data that lasts: equal fingerprints mean nothing to look at."""
        lasting = {p: v for p, v in self.data.items() if p not in self.passing} if self.passing else self.data
        canonical = json.dumps(lasting, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Page:
    """`next_cursor` is opaque and None on the last page. `total` is the number of records where known.

    `unreadable`: ids of records on it that are not as we know them; they must not keep the others from being read.
    """

    records: Sequence[Record]
    next_cursor: str | None
    total: int | None = None
    unreadable: Sequence[str] = ()


class NoticeKind(StrEnum):
    CHANGED = "changed"
    DELETED = "deleted"
    DISCONNECTED = "disconnected"
    ACCOUNT = "account"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Notice:
    """What one webhook delivery says: look at this record. `event_id` is '' where the service has none.

    `write_key` is the idempotency key of the call that caused the change, where the service tells it.
    `hint` is the record as the body shows it: good for seeing that it tells nothing new, never used as data.
    `livemode` is False for test data and None where the service has no such thing.
    """

    topic: str
    account_id: str
    kind: NoticeKind
    resource: str = ""
    record_id: str = ""
    event_id: str = ""
    occurred_at: datetime | None = None
    write_key: str = ""
    hint: Record | None = None
    livemode: bool | None = None
    #: The account itself may stand differently now: see `Session.concerns`.
    on_account: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """The outside account a connection speaks for. `currency` is ISO 4217 upper case, '' where unknown."""

    id: str
    name: str
    country: str = ""
    currency: str = ""
    livemode: bool = True
    url: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's report. `ok` None means worth knowing, nothing to do."""

    label: str
    ok: bool | None
    detail: str
    next_step: str = ""


class Secret:
    """A credential that shows itself only when asked by `reveal()`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


NO_SECRET = Secret("")


class Hidden(dict[str, str]):
    """Headers or a form with a secret in them: an error report that shows variables shows only the names."""

    def __repr__(self) -> str:
        return f"Hidden({', '.join(self)})"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What speaks for an account. `method` is the AuthMethod's slug; `expires_at` is aware UTC or None."""

    method: str
    access_token: Secret
    refresh_token: Secret = NO_SECRET
    expires_at: datetime | None = None
    scopes: tuple[str, ...] = ()
    account_id: str = ""
    livemode: bool = True


@dataclass(frozen=True, slots=True)
class AuthMethod:
    """One way to connect. `kind` is 'oauth' (consent in the browser) or 'key' (pasted)."""

    slug: str
    label: str
    kind: str
    help: str = ""
    pkce: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable of a connector. `kind`: 'url', 'secret', 'text' or 'date'."""

    name: str
    help: str
    default: str = ""
    kind: str = "text"
    required: bool = False


@dataclass(frozen=True, slots=True)
class WriteResult:
    """`record` is the record as the service answered it; `replayed`: the service had done this key before."""

    record: Record
    request_id: str = ""
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """What the service lets us use, as it said last. `restore_per_second` is in the unit of `available`."""

    label: str
    available: float
    maximum: float
    restore_per_second: float


class Session(ABC):
    """Speaks for one account. Raises the errors of `connectors.errors` and no others."""

    credentials: Credentials

    @abstractmethod
    def account(self) -> Account: ...

    @abstractmethod
    def doctor(self) -> list[Check]: ...

    @abstractmethod
    def fields(self, resource: str) -> list[Field]:
        """The field catalogue, with the account's own custom fields."""

    @abstractmethod
    def page(self, resource: str, cursor: str | None = None, *, updated_since: datetime | None = None) -> Page:
        """One page of all records. With `updated_since` only those made at or after it and, where the service keeps
        that time, those changed since. The cursor carries the filter with it."""

    @abstractmethod
    def fetch(self, resource: str, ids: Sequence[str]) -> dict[str, Record | None]:
        """Records by id in as few calls as the service allows; None where it has no such record (any more)."""

    @abstractmethod
    def create(self, resource: str, data: Data, *, key: str, deadline: float) -> WriteResult:
        """Create with an idempotency key. `deadline` is a time.monotonic() moment after which nothing is sent."""

    @abstractmethod
    def update(self, resource: str, record_id: str, data: Data, *, key: str, deadline: float) -> WriteResult:
        """Change the given paths only; '' or None clears one."""

    def act(self, resource: str, record_id: str, action: str, data: Data, *, key: str, deadline: float) -> WriteResult:
        """Do one of the resource's `actions`. The result shows the record after it, or that it is deleted."""
        raise RejectedError(f"There is no “{action}” for {resource} here.")

    @abstractmethod
    def find_by_email(self, resource: str, email: str) -> list[Record]:
        """By a list call that sees the service's own last write, never by a lagging search. Nothing where records
        of this kind have no email."""

    def written_since(self, resource: str, since: datetime, sent: Sequence[Data]) -> list[Record]:
        """Records made since then, among them whatever came of creates with the data in `sent`: by list calls."""
        found: list[Record] = []
        cursor: str | None = None
        while True:
            page = self.page(resource, cursor, updated_since=since)
            found += page.records
            cursor = page.next_cursor
            if cursor is None:
                return found

    @abstractmethod
    def budgets(self) -> list[Budget]: ...

    def concerns(self) -> Concerns:
        """Override where the connector is `watched`."""
        return Concerns()

    def recall(self, budgets: Sequence[Budget]) -> None:  # noqa: B027  # nothing to do is a fair answer
        """Begin with what an earlier session's `budgets` said, perhaps in another process. Override where the service
        does not say it itself with every answer."""


class Connector(ABC):
    """One service. Built by `connectors.registry` with the values of its `settings`."""

    slug: ClassVar[str]
    name: ClassVar[str]
    settings: ClassVar[tuple[Setting, ...]]
    resources: ClassVar[Mapping[str, Resource]]
    auth_methods: ClassVar[tuple[AuthMethod, ...]]
    #: True where the same key gives the same result, however often it is sent.
    idempotent_writes: ClassVar[bool] = False
    #: Seconds a request may take effect after its answer was lost.
    late_effect_seconds: ClassVar[int] = 120
    #: Records that one `fetch` call reads at best.
    fetch_batch: ClassVar[int] = 1
    #: Whether the service can restrict an account: its sessions then tell `concerns`.
    watched: ClassVar[bool] = False

    def __init__(self, config: Mapping[str, str]) -> None:
        self.config = config

    @abstractmethod
    def catalogue(self, resource: str) -> Sequence[Field]:
        """The fields every account has, known without asking it; `Session.fields` adds the account's own."""

    @abstractmethod
    def authorize_url(self, method: str, *, redirect_uri: str, state: str, challenge: str = "") -> str: ...

    @abstractmethod
    def exchange(self, method: str, *, code: str, redirect_uri: str, verifier: str = "") -> Credentials:
        """Trade a code for credentials. AuthError when the code is expired, used or foreign."""

    @abstractmethod
    def from_key(self, method: str, key: str) -> Credentials:
        """Check the shape of a pasted key. RejectedError with what to paste instead."""

    @abstractmethod
    def refresh(self, credentials: Credentials, *, deadline: float) -> Credentials:
        """A new pair. AuthError: refused for good. UnknownOutcome: sent, no answer. TransientError: not sent.
        `deadline` is a time.monotonic() moment after which nothing is sent."""

    @abstractmethod
    def disconnect(self, credentials: Credentials) -> None:
        """Tell the service that we let go; what it no longer knows counts as done."""

    @abstractmethod
    def open(self, credentials: Credentials) -> Session: ...

    @abstractmethod
    def verify(self, body: bytes, headers: Mapping[str, str]) -> None:
        """SignatureError unless the body is the service's own. Header names come in any case."""

    @abstractmethod
    def parse(self, body: bytes) -> Notice:
        """ContractError where the body cannot be read."""

    def needed_scopes(self, reads: Sequence[str], writes: Sequence[str]) -> set[str]:
        """Scopes that reading and writing these resources takes."""
        needed: set[str] = set()
        for name in reads:
            needed.update(self.resources[name].read_scopes)
        for name in writes:
            needed.update(self.resources[name].write_scopes)
        return needed
