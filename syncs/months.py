"""What invoices come to month by month on both sides, to the cent."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from connectors.base import Data
from syncs import recipes
from syncs.invoices.document import Impossible, cents, moment
from syncs.invoices.statuses import DRAFT, NONE, VOID, goal
from syncs.models import Link, Snapshot, Sync
from syncs.money import epoch

if TYPE_CHECKING:
    from portal.models import Connection

#: Of a record at the source that has no day, and so no month.
UNDATED = ""


@dataclass(slots=True)
class Sum:
    """Minor units. `net` is without tax."""

    count: int = 0
    net: int = 0
    tax: int = 0
    total: int = 0
    paid: int = 0

    def add(self, total: int, tax: int, paid: int) -> None:
        self.count += 1
        self.net += total - tax
        self.tax += tax
        self.total += total
        self.paid += paid


type Months = dict[tuple[str, str], Sum]


def totals(sync: Sync) -> list[dict[str, Any]]:
    """Newest month first; nothing for a sync that is not about invoices. What is not sent, is void, or is left out
    counts on neither side."""
    if recipes.get(sync.recipe).facts != "invoices":
        return []
    here, there = _here(sync), _there(sync)
    keys = sorted({*here, *there}, reverse=True)
    return [
        {"month": m, "currency": c, "here": asdict(here.get((m, c), Sum())), "there": asdict(there.get((m, c), Sum()))}
        for m, c in keys
    ]


def _rows(connection: "Connection", resource: str) -> Iterator[tuple[str, Data]]:
    rows = Snapshot.objects.filter(connection=connection, resource=resource, deleted_at=None).exclude(fingerprint="")
    yield from rows.values_list("external_id", "data").iterator(chunk_size=500)


def _here(sync: Sync) -> Months:
    found: Months = {}
    zone, currency, options = ZoneInfo(sync.business.time_zone), sync.business.currency, sync.live_options
    left_out = Link.objects.filter(sync=sync, state=Link.State.SKIPPED, target_id=None)
    out = set(left_out.values_list("source_id", flat=True))
    for key, data in _rows(sync.source, sync.source_resource):
        if key in out or goal(str(data.get("status") or ""), options) in {"", DRAFT, NONE, VOID}:
            continue
        try:
            total, tax, left = (cents(data.get(p), currency) for p in ("total", "tax", "balance"))
        except Impossible:
            continue
        _add(found, moment(data.get("issued_on")), zone, currency, total, tax, total - left)
    return found


def _there(sync: Sync) -> Months:
    found: Months = {}
    zone = ZoneInfo(sync.business.time_zone)
    for _, data in _rows(sync.target, sync.target_resource):
        if data.get("status") in {DRAFT, VOID}:
            continue
        total, left = int(data.get("total") or 0), int(data.get("amount_remaining") or 0)
        at = epoch(data.get("effective_at") or data.get("created"))
        currency = str(data.get("currency") or sync.business.currency)
        _add(found, at, zone, currency, total, int(data.get("tax") or 0), total - left)
    return found


def _add(found: Months, at: datetime | None, zone: ZoneInfo, currency: str, total: int, tax: int, paid: int) -> None:
    month = f"{at.astimezone(zone):%Y-%m}" if at else UNDATED
    found.setdefault((month, currency), Sum()).add(total, tax, paid)
