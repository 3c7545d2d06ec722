"""What planning an invoice takes beside the two records. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connectors.base import Record


@dataclass(frozen=True, slots=True)
class Client:
    """The customer that the invoice's client has: `state` is "ready" with its `id`, "coming", "stopped" with the
    `cause`, or "unknown": no sync looks after clients."""

    state: str
    id: str = ""
    label: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """`recorded`: {id of a payment at the source: (id of its payment record at the target, its amount in minor units)}.
    `zone`: an IANA name."""

    client: Client
    currency: str
    zone: str
    country: str
    now: datetime
    tax_rates: Sequence[Record] = ()
    recorded: Mapping[str, tuple[str, int]] = field(default_factory=dict)
