"""What planning an invoice takes beside the two records. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connectors.base import Record
from syncs.planning import Parent

#: The cause of what waits for a payment that is on its way.
ON_ITS_WAY = "on_its_way"


@dataclass(frozen=True, slots=True)
class Facts:
    """`client`: the customer that the invoice's client has. `zone`: an IANA name. `recorded`: {id of a payment at the
    source: (id of its payment record at the target, its amount in minor units)}. `under_way`: {invoice at the target:
    minor units that its payer's bank has been asked for, and has neither paid nor refused}."""

    client: Parent
    currency: str
    zone: str
    country: str
    now: datetime
    tax_rates: Sequence[Record] = ()
    recorded: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    under_way: Mapping[str, int] = field(default_factory=dict)
