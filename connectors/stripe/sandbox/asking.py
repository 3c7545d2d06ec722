"""What a call of the API is given, as a value that every resource's calls share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connectors.stripe.sandbox.access import Caller
from connectors.stripe.sandbox.accounts import Account
from connectors.stripe.sandbox.events import Cause
from connectors.stripe.sandbox.forms import Form

#: A function of the API: the JSON body of its answer, or a Problem.
type Call = Callable[["Request"], Any]


@dataclass(slots=True)
class Request:
    """`record_id`: what stands for {id} in the path; two of them are joined by a slash."""

    account: Account
    caller: Caller
    form: Form
    record_id: str
    id: str
    key: str | None

    @property
    def cause(self) -> Cause:
        return Cause(self.id, self.key)
