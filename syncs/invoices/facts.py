"""What planning an invoice takes beside the two records. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connectors.base import Record
from syncs.planning import Parent


@dataclass(frozen=True, slots=True)
class Facts:
    """`client`: the customer that the invoice's client has. `zone`: an IANA name. `recorded`: {id of a payment at the
    source: (id of its payment record at the target, its amount in minor units)}."""

    client: Parent
    currency: str
    zone: str
    country: str
    now: datetime
    tax_rates: Sequence[Record] = ()
    recorded: Mapping[str, tuple[str, int]] = field(default_factory=dict)
