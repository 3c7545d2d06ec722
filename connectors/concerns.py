"""What a service says about an account itself, whatever is synced."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Concern:
    """Something about the account itself that its owner has to know, whatever is synced: payouts are off, a payment is
    disputed. `code` is the service's own word for the kind; `about` tells several of one kind apart, '' where there is
    one at most. {amount} in `title` stands for `amount`, in minor units of `currency`. `over`: it has ended, as the
    title says."""

    code: str
    title: str
    next_step: str
    about: str = ""
    due: datetime | None = None
    url: str = ""
    amount: int = 0
    currency: str = ""
    over: bool = False


@dataclass(frozen=True, slots=True)
class Concerns:
    """All there is now. `unread`: codes that the access given does not let us ask for."""

    found: Sequence[Concern] = ()
    unread: frozenset[str] = frozenset()
