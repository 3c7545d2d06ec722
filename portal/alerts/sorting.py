"""How urgent something is, what it is about, and whether it is quiet there now. Pure."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from syncs.invoices.totals import ROUNDS


class Severity(StrEnum):
    CRITICAL = "critical"
    NORMAL = "normal"


class Topic(StrEnum):
    ACCOUNTS = "accounts"  # connections that need somebody, and what a service asks of the account's owner
    WORK = "work"  # the sync itself: stuck work, silent webhooks, fields that are gone
    MONEY = "money"  # invoices and payments that do not agree
    RECORDS = "records"  # single records that wait for a decision

    @property
    def words(self) -> str:
        return {
            "accounts": "Accounts that need somebody", "work": "Work that is stuck",
            "money": "Invoices and payments that do not agree", "records": "Records that need a decision",
        }[self]  # fmt: skip


#: Causes of records that are about money.
_MONEY = {
    "total_differs", ROUNDS, "approve_void", "approve_replace", "void_there", "paid_there",
    "changed_after_paid", "part_paid", "paid_twice", "payment_changed", "too_small", "ambiguous_invoice", "dispute",
}  # fmt: skip
#: Causes of records that cannot wait for the morning.
_URGENT = {"contract", "kills_worker", "paid_twice", "dispute"}
#: Of accounts and of work: what can wait for the morning.
_CAN_WAIT = {"webhooks_silent", "fields_gone", "details_asked"}


def topic(subject: str, code: str) -> Topic:
    """`subject` as syncs.Incident has it."""
    if code in _MONEY:
        return Topic.MONEY
    if subject.startswith(("connection:", "account:")):
        return Topic.ACCOUNTS
    return Topic.WORK if subject.startswith("work:") else Topic.RECORDS


def severity(subject: str, code: str) -> Severity:
    urgent = topic(subject, code) in {Topic.ACCOUNTS, Topic.WORK} and code not in _CAN_WAIT
    return Severity.CRITICAL if urgent or code in _URGENT else Severity.NORMAL


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours in which nobody is told, by the clock of the place; `begin` after `end` goes over midnight."""

    begin: time | None = None
    end: time | None = None

    def holds(self, there: datetime) -> bool:
        """Whether it is quiet at this moment, given in the time zone of the place."""
        if self.begin is None or self.end is None or self.begin == self.end:
            return False
        now = there.time()
        if self.begin < self.end:
            return self.begin <= now < self.end
        return now >= self.begin or now < self.end


def wait(tries: int) -> timedelta:
    """After so many tries of one sending: one minute, doubling, at most four hours."""
    return min(timedelta(minutes=2 ** min(max(tries - 1, 0), 10)), timedelta(hours=4))
