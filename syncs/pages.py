"""Pages of runs, the one after the one just read asked for ahead."""

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from connectors.base import Page
from connectors.errors import AuthError
from syncs import runs
from syncs.models import Run, Sync
from syncs.sessions import Sessions, understood


@dataclass(frozen=True, slots=True)
class Ahead:
    """A page already asked for, at `asked`. `place`: run, side and cursor."""

    place: tuple[int, str, str]
    page: Future[Page]
    asked: datetime


class Pages:
    """`submit` runs a call on a thread."""

    def __init__(self, sessions: Sessions, submit: Callable[..., Future[Page]]) -> None:
        self._sessions, self._submit = sessions, submit
        self.ahead: Ahead | None = None

    def read(self, run: Run, sync: Sync) -> tuple[Page, datetime]:
        """The page at the run's cursor, and when it was asked for. Raises connector errors."""
        ahead, self.ahead = self.ahead, None
        if ahead and ahead.place == (run.pk, run.side, run.cursor):
            side = runs.side_of(run, sync)
            with suppress(AuthError), understood(side):  # asked again below, with renewed credentials
                page = ahead.page.result()
                self._sessions.answered(side)
                return page, ahead.asked
        asked = timezone.now()
        return self._sessions.call(runs.side_of(run, sync), lambda s: runs.ask(s, run, sync)), asked

    def ask_ahead(self, run: Run, sync: Sync) -> None:
        session, asked = self._sessions.of(runs.side_of(run, sync)), timezone.now()
        page = self._submit(runs.ask, session, run, sync)
        self.ahead = Ahead((run.pk, run.side, run.cursor), page, asked)
