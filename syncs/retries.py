"""What happens next after an error: the only place that decides. Pure."""

import random
from dataclasses import dataclass
from enum import StrEnum

from connectors.errors import (
    AuthError,
    ConnectorError,
    ContractError,
    MissingError,
    RateLimited,
    RejectedError,
    ScopeError,
    TransientError,
    UnknownOutcome,
)


class Next(StrEnum):
    AGAIN = "again"  # the same record, later
    LOOK = "look"  # find out what happened, then the same record
    HOLD = "hold"  # this record waits for a person or for other data
    WAIT = "wait"  # the whole lane waits: nothing is wrong with the record
    RECONNECT = "reconnect"  # the whole lane waits for a person


#: After so many tries in a row of one record, a person should look at it.
MOST_TRIES = 12
#: A record whose answer is not as we know it is read again this often, within ten minutes.
READ_AGAIN = 7
LONGEST_WAIT = 3600.0


@dataclass(frozen=True, slots=True)
class Decision:
    next: Next
    code: str
    words: str
    after: float = 0.0


def backoff(tries: int, chance: float | None = None) -> float:
    """Seconds to wait after `tries` failures before this one: doubling from one second, at most an hour, the latter
    half of it by chance (0 to 1)."""
    base = min(2.0 ** min(tries, 12), LONGEST_WAIT)
    return base * (0.5 + 0.5 * (random.random() if chance is None else chance))  # noqa: S311  # jitter, not a secret


def decide(error: ConnectorError, tries: int) -> Decision:
    words = str(error)
    match error:
        case RateLimited():
            return Decision(Next.WAIT, "rate_limited", words, max(0.05, error.after))
        case ScopeError():
            return Decision(Next.RECONNECT, "scope", words)
        case AuthError():
            return Decision(Next.RECONNECT, "auth", words)
        case UnknownOutcome():
            return _again(Next.LOOK, error, tries)
        case TransientError():
            return _again(Next.AGAIN, error, tries)
        case MissingError():
            return _again(Next.LOOK, error, tries, code="missing")
        case RejectedError():
            code = f"rejected:{error.field}" if error.field else "rejected"
            return Decision(Next.HOLD, code[:60], words)
        case ContractError():
            return Decision(Next.HOLD, "contract", words)
    return Decision(Next.HOLD, "unexpected", words)


def unreadable(error: ConnectorError, tries: int) -> Decision:
    """Of a record that cannot be read. An answer that is not as we know it may be better the next time."""
    decision = decide(error, tries)
    if isinstance(error, ContractError) and tries < READ_AGAIN:
        return Decision(Next.AGAIN, decision.code, decision.words, backoff(tries + 2))
    return decision


def _again(kind: Next, error: ConnectorError, tries: int, code: str = "") -> Decision:
    if tries + 1 >= MOST_TRIES:
        return Decision(Next.HOLD, "gave_up", f"{error} Tried {tries + 1} times.")
    return Decision(kind, (code or error.code)[:60], str(error), backoff(tries))
