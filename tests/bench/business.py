"""The business whose clients are synced, seen from inside the portal. Needs Django, which `setting` sets up."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.management import call_command
from django.db.models import F, Max, Min, Sum
from django.utils import timezone
from django_scopes import scope

from portal.demo import data, processes
from syncs import choosing
from syncs.models import Event, Link, Run, Snapshot, Sync, Write
from tests.bench.stage import Stage

QUIET_SECONDS = 1.0
#: What Stripe's stand-in calls its refusals among the calls that it counts.
TOO_FAST = "stripe 429"


@dataclass(frozen=True, slots=True)
class Pass:
    """One run from its start to the last write: `cpu` in the worker's seconds, `calls` that the stand-ins took."""

    seconds: float
    records: int
    written: int
    cpu: float
    calls: int


class Books:
    """Connected, the recipe chosen, its review done. Everything is asked inside the tenant scope."""

    def __init__(self, stage: Stage, sync: Sync) -> None:
        self.stage, self.sync = stage, sync
        self.review_began = sync.runs.get().started_at.timestamp()
        self.review = self._reviewed()

    def _reviewed(self) -> Pass:
        """What the review took, from the choice of the recipe; its calls hold those of connecting."""
        self.wait(lambda: not Run.objects.filter(sync=self.sync, state=Run.State.RUNNING).exists())
        took = time.time() - self.review_began
        records = Link.objects.filter(sync=self.sync).count()
        return Pass(took, records, 0, self.stage.cpu("worker") - self.stage.ready, self.calls())

    def go_live(self) -> Pass:
        """From the press of the button until every client is written."""
        return self._pass(lambda: choosing.go_live(self.sync, None))

    def sync_now(self, *, whole: bool = False) -> Pass:
        """The same again; `whole` reads both sides, as every night."""
        if whole:
            Sync.objects.filter(pk=self.sync.pk).update(target_read_at=None)
        self.sync.refresh_from_db()
        return self._pass(lambda: choosing.sync_now(self.sync))

    def _pass(self, press: Callable[[], Any]) -> Pass:
        cpu, calls, last = self.stage.cpu("worker"), self.calls(), self.last_write()
        began, moment = time.monotonic(), timezone.now()
        press()
        self.wait()
        took = time.monotonic() - began
        written = Write.objects.filter(pk__gt=last, state=Write.State.CONFIRMED)
        ended = written.order_by("-settled_at").values_list("settled_at", flat=True).first()
        return Pass(
            (ended - moment).total_seconds() if ended else took, Link.objects.filter(sync=self.sync).count(),
            written.count(), self.stage.cpu("worker") - cpu, self.calls() - calls,
        )  # fmt: skip

    def wait(self, rest: Callable[[], bool] | None = None) -> None:
        """Until nothing is due or under way."""
        self.stage.until("everything was in step", rest or self.at_rest)

    def at_rest(self) -> bool:
        busy = (
            Run.objects.filter(sync=self.sync, state=Run.State.RUNNING),
            Link.objects.filter(sync=self.sync, noticed__gt=F("handled")),
            Snapshot.objects.filter(noticed_at__gt=F("read_at")),
            Write.objects.filter(state__in=[Write.State.INTENDED, Write.State.UNKNOWN]),
        )
        return not any(rows.exists() for rows in busy)

    def rest(self) -> None:
        """Until that has been so for a second in which no webhook came either: those of our own writes come late."""
        seen, since = -1, time.monotonic()
        while time.monotonic() - since < QUIET_SECONDS:
            self.wait()
            found = Event.objects.aggregate(n=Sum("deliveries"))["n"] or 0
            if found != seen:
                seen, since = found, time.monotonic()
            time.sleep(0.05)

    def calls(self) -> int:
        """API calls the stand-ins have taken so far."""
        return sum(n for name, n in self._counts().items() if name != TOO_FAST)

    def refused(self) -> int:
        """Calls that Stripe's stand-in has answered with 429 so far."""
        return self._counts().get(TOO_FAST, 0)

    def _counts(self) -> dict[str, int]:
        return processes.answer(self.stage.place.sandbox_port, "/_control/stats") or {}

    def last_write(self) -> int:
        return Write.objects.order_by("-pk").values_list("pk", flat=True).first() or 0

    def writes_since(self, last: int) -> int:
        return Write.objects.filter(pk__gt=last, state=Write.State.CONFIRMED).count()

    def writing_seconds(self) -> float:
        """From the first write to the last."""
        found = Write.objects.aggregate(first=Min("intended_at"), last=Max("settled_at"))
        return float((found["last"] - found["first"]).total_seconds())

    def wanted(self) -> dict[str, str]:
        """{client: the name its customer should have}, without those that are left out or wait for a person."""
        links = Link.objects.filter(sync=self.sync).exclude(state__in=[Link.State.SKIPPED, Link.State.HELD])
        return {client: base.get("name", "") for client, base in links.values_list("source_id", "base")}

    def accounts(self) -> tuple[str, str]:
        """The outside ids of both accounts."""
        return self.sync.source.account_id, self.sync.target.account_id

    def forget_reading(self) -> None:
        """As an hour after the last whole reading: a counterpart is asked for before anything is created."""
        Sync.objects.filter(pk=self.sync.pk).update(target_read_at=timezone.now() - timedelta(hours=1))

    def written_after(self, sent: dict[str, float]) -> list[float]:
        """Seconds from each of these moments, by client id, until that client's last write was confirmed and stored.

        Clients that were not written since are not in it.
        """
        rows = Write.objects.filter(link__source_id__in=sent, state=Write.State.CONFIRMED, link__sync=self.sync)
        last: dict[str, float] = {}
        for client, moment in rows.order_by("settled_at").values_list("link__source_id", "settled_at"):
            last[client] = moment.timestamp() - sent[client]
        return [seconds for seconds in last.values() if seconds > 0]


def empty() -> None:
    """Nothing of an earlier stage is left in the database."""
    call_command("flush", interactive=False, verbosity=0)


@contextmanager
def opened(stage: Stage) -> Iterator[Books]:
    """Both accounts connected as the owner does it in the browser, the recipe chosen, the review waited for."""
    sync = data.choose()
    with scope(business=sync.business_id):
        yield Books(stage, Sync.objects.select_related("source", "target").get(pk=sync.pk))
