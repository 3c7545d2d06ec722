"""What each status of an invoice at the source means at the target. Pure.

The words are Jobber's: `sent_not_due` and `voided` are newer than its published schema, so they are rows like the
others, and a word that is in no row holds the invoice.
"""

from collections.abc import Mapping
from typing import Any

DRAFT, OPEN, PAID, UNCOLLECTIBLE, VOID, NONE = "draft", "open", "paid", "uncollectible", "void", "none"
#: {status at the source: what it is called there, what the invoice should be}.
STATUSES = {
    "draft": ("Draft", DRAFT),
    "sent_not_due": ("Sent, not due", OPEN),
    "awaiting_payment": ("Awaiting payment", OPEN),
    "past_due": ("Past due", OPEN),
    "paid": ("Paid", PAID),
    "bad_debt": ("Bad debt", UNCOLLECTIBLE),
    "voided": ("Voided", VOID),
}
GOALS = (
    (DRAFT, "Draft"), (OPEN, "Open, to be paid"), (PAID, "Paid"), (UNCOLLECTIBLE, "Uncollectible"), (VOID, "Void"),
    (NONE, "Not sent"),
)  # fmt: skip


def goal(status: str, options: Mapping[str, Any]) -> str:
    """What the invoice should be at the target; '' for a status that nobody has said anything about."""
    table = {name: meant for name, (_, meant) in STATUSES.items()} | dict(options.get("statuses") or {})
    found = str(table.get(status.lower(), ""))
    return NONE if found == DRAFT and options.get("draft_as", NONE) == NONE else found
