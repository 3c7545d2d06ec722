"""Payments that the payer's bank disputes, for who has to answer: until each is won, lost or closed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from portal import statements
from portal.receivables import Books
from portal.statements import PaymentLine
from syncs.models import Payment, Snapshot
from syncs.money import epoch

#: States in which the bank waits for an answer; none at all is what a payment says before its dispute was read.
_ASKED = {"", "needs_response", "warning_needs_response"}


@dataclass(frozen=True, slots=True)
class Dispute:
    """`due`: until when the bank takes an answer, None where nobody has said; `page`: where it is answered."""

    line: PaymentLine
    due: datetime | None
    page: str

    @property
    def asked(self) -> bool:
        return self.line.payment.dispute in _ASKED

    @property
    def late(self) -> bool:
        return self.due is not None and self.due < timezone.now()

    @property
    def title(self) -> str:
        whose = f" by {self.line.client.name[:80]}" if self.line.client.name else ""
        return f"The payment of {self.line.amount}{whose} is disputed."


def waiting(kept: Books, home: str, most: int) -> list[Dispute]:
    """Those that are to be answered first, first. Seven queries, one where there is none."""
    rows = list(Payment.objects.filter(status=Payment.Status.DISPUTED).order_by("-made_at", "-pk")[:most])
    if not rows:
        return []
    said = _said(rows)
    lines = statements.payment_lines(kept, rows, home)
    found = [_dispute(line, said.get(line.payment.external_id)) for line in lines]
    return sorted(found, key=lambda d: (not d.asked, d.due is None, d.due.timestamp() if d.due else 0))


def _said(rows: Sequence[Payment]) -> Mapping[str, Snapshot]:
    held = Snapshot.objects.filter(
        connection__in={row.connection_id for row in rows}, resource="payments",
        external_id__in=[row.external_id for row in rows],
    )  # fmt: skip
    return {row.external_id: row for row in held}


def _dispute(line: PaymentLine, held: Snapshot | None) -> Dispute:
    data: dict[str, Any] = held.data if held else {}
    pages = [str(data.get("dispute_url") or ""), held.url if held else ""]
    page = next((address for address in pages if address.startswith("https://")), "")
    return Dispute(line, epoch(data.get("dispute_due_at")), page)
