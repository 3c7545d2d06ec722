"""Open sessions of one slice of work: opened once, renewed once when the service refuses the credentials. And those of
work that goes by what is stored, which ask nobody."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar, NoReturn

from django.utils import timezone

from connectors.base import Session
from connectors.errors import AuthError, ContractError, ScopeError

if TYPE_CHECKING:
    from portal.models import Connection

log = logging.getLogger(__name__)


class NotAsked(Exception):
    """Somebody outside would have to be asked, and nobody may be: it is not known yet."""


@contextmanager
def understood(connection: "Connection") -> Iterator[None]:
    """An answer that a connector stumbles over is not as we know it, which may pass: no fault of the worker's."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        log.exception("connection %s: an answer is not as we know it", connection.pk)
        words = f"{connection.service.name}'s answer is not as we know it ({type(error).__name__})."
        raise ContractError(words, code="contract") from error


class Sessions:
    #: Whether what is not known may be found out.
    asks: ClassVar[bool] = True

    def __init__(self) -> None:
        self._open: dict[int, Session] = {}
        self._of: dict[int, Connection] = {}
        #: The connection spoke to last: whose error it is when one comes out.
        self.last: Connection | None = None
        #: Those that have answered.
        self.answering: dict[int, Connection] = {}

    def of(self, connection: "Connection") -> Session:
        """AuthError when the connection needs a person."""
        self.last = self._of[connection.pk] = connection
        if connection.pk not in self._open:
            self._open[connection.pk] = connection.open()
        return self._open[connection.pk]

    def renew(self, connection: "Connection") -> Session:
        """After a refusal: AuthError when the connection needs a person. One that an earlier refusal has closed is
        only opened."""
        refused = self._open.pop(connection.pk, None)
        if refused is None:
            return self.of(connection)
        self._open[connection.pk] = connection.reopen(refused.credentials)
        return self._open[connection.pk]

    def call[T](self, connection: "Connection", ask: Callable[[Session], T]) -> T:
        session = self.of(connection)  # its AuthError is final: a person must sign in again
        with understood(connection):
            try:
                found = ask(session)
            except ScopeError:
                raise
            except AuthError:
                found = ask(self.renew(connection))
        self.answered(connection)
        return found

    def answered(self, connection: "Connection") -> None:
        self.answering[connection.pk] = connection

    def keep_budgets(self) -> None:
        """What the services allow us, as they said last, and when they last answered: shown to people."""
        for key, session in self._open.items():
            budgets = [asdict(b) for b in session.budgets()]
            heard = {"last_ok_at": timezone.now()} if key in self.answering else {}
            type(self._of[key]).objects.filter(pk=key).update(budgets=budgets, **heard)


class NoSessions(Sessions):
    """For what goes by what is stored: whoever asks is told that it is not known yet."""

    asks: ClassVar[bool] = False

    def of(self, connection: "Connection") -> NoReturn:
        raise NotAsked(f"{connection} is not asked.")

    def renew(self, connection: "Connection") -> NoReturn:
        raise NotAsked(f"{connection} is not asked.")
