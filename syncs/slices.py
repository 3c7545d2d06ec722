"""One slice of a lane: due links and pages of runs, for a few seconds, by one worker.

While the calls of one batch are under way on threads, the next batch is read and planned on this thread.
"""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import NoReturn

from django.db.models import F, Q
from django.utils import timezone

from connectors.errors import (
    AuthError,
    ConnectorError,
    ContractError,
    RateLimited,
    RejectedError,
    ScopeError,
    TransientError,
)
from syncs import (
    applying,
    flights,
    incidents,
    lanes,
    looking,
    recipes,
    recovering,
    reports,
    routing,
    runs,
    settling,
    strangers,
)  # fmt: skip
from syncs.applying import Answer, Order
from syncs.failpoints import failpoint
from syncs.flights import Flight
from syncs.looking import Look
from syncs.models import Lane, Link, Run, Sync, Write
from syncs.pages import Pages
from syncs.planning import Plan
from syncs.retries import Next, backoff, decide, unreadable
from syncs.sessions import Sessions

log = logging.getLogger(__name__)
BATCH = 100
#: A record taken up this often without an end waits for a person.
MOST_CLAIMS = 5
#: Until a thing that another record is having made may be there.
SOON = timedelta(seconds=0.3)
#: How long others wait at most while one works; a slice that nobody waits for is longer.
TURN_SECONDS = 1.0
#: While something happens to other businesses, a first sync rests so long before each batch, which is so small.
GIVE_WAY_SECONDS, GLANCE_SECONDS, FEW = 0.4, 0.01, 10
#: While so many backfill links wait, no further page is read.
BACKLOG = 300


class Stop(Exception):
    """Nothing more of this lane now."""


def _beside(made: Plan) -> tuple[str, str]:
    """What a plan makes beside the counterpart."""
    return made.resource or made.action, json.dumps(made.data, sort_keys=True)


class Slice:
    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.refused_before = lane.refusals > 0
        self.sessions = Sessions()
        self.flights: deque[Flight] = deque()
        self.syncs = {s.pk: s for s in _syncs(lane)}
        self.recalls = {pk: threading.Event() for pk in self.syncs}
        self.pages = Pages(self.sessions, lambda *call: flights.pool().submit(*call))
        self.worked: set[int] = set()
        self.renewed = time.monotonic()

    def run(self, seconds: float) -> None:
        """Works until nothing is due, the time is up, or others have waited for a worker long enough. Everything begun
        is settled before it returns."""
        begun = time.monotonic()
        try:
            while time.monotonic() < begun + seconds and self._step():
                self._keep_lease()
                if time.monotonic() > begun + TURN_SECONDS and lanes.others_wait(self.lane):
                    break
            if self.pages.ahead:
                self._read_page(always=True)
            if self.refused_before:
                lanes.accepted(self.lane, self.sessions.answering.values())
        except (Stop, lanes.Stepped):
            pass
        finally:
            self._land_all()
            self._finish()

    def _land_all(self) -> None:
        """Every call under way is settled, also where the service has said already that nothing more may go out."""
        while self.flights:
            with suppress(Stop):
                self._land()

    def _step(self) -> bool:
        """One round: take off with a batch, land the one before, read a page. False when there was nothing."""
        links = self._due()
        if links:
            self._take_off(self._giving_way(links))
        elif not self.flights:
            self._refresh_strangers()
        landed = len(self.flights) > (1 if links else 0)
        if landed:
            self._land()
        paged = len(links) < BATCH and self._read_page()
        return bool(links) or landed or paged

    def _refresh_strangers(self) -> None:
        """Target records that changed without any link due: read them, so that they are known when they matter."""
        for sync in self.syncs.values():
            try:
                looking.refresh_targets(sync, self.sessions)
            except ConnectorError as error:
                self._stopped(error, sync)

    def _keep_lease(self) -> None:
        if time.monotonic() - self.renewed > 10:
            lanes.renew(self.lane)
            self.renewed = time.monotonic()

    def _deadline(self) -> float:
        """The time.monotonic() moment after which nothing is sent: well inside the lease."""
        assert self.lane.lease_until is not None  # noqa: S101  # a claimed lane has one
        left = (self.lane.lease_until - timezone.now()).total_seconds()
        return time.monotonic() + left - lanes.MARGIN_SECONDS

    def _due(self) -> list[Link]:
        """Links to work now, of one sync, live before backfill: one alone that may kill its worker, few as a probe."""
        probing = self.lane.failures > 0
        if probing and self.flights:
            return []
        flying = [o.look.link.pk for f in self.flights for o, _ in f.calls]
        now = timezone.now()
        due = Link.objects.filter(
            Q(next_try=None) | Q(next_try__lte=now), sync__in=self.syncs, noticed__gt=F("handled")
        ).exclude(pk__in=flying)  # fmt: skip
        for sync in self.syncs.values():
            strangers.hold_off(sync, due)
        found = list(due.filter(claims__lt=settling.ALONE).order_by("priority", "id")[: 3 if probing else BATCH])
        if not found:
            found = list(due.filter(claims__gte=settling.ALONE).order_by("claims", "id")[:1])
        return [link for link in found if link.sync_id == found[0].sync_id]

    def _giving_way(self, links: list[Link]) -> list[Link]:
        """Those to take now: few of what was always there where something keeps happening to others."""
        if links[0].priority != Link.Priority.BACKFILL:
            return links
        self._give_way()
        return links[:FEW] if lanes.others_were_served(self.lane) else links

    def _give_way(self) -> None:
        """What just happened to others goes first: the database is one, and on SQLite so is who writes to it."""
        until = time.monotonic() + GIVE_WAY_SECONDS
        while time.monotonic() < until and lanes.others_are_live(self.lane):
            time.sleep(GLANCE_SECONDS)

    def _take_off(self, links: list[Link]) -> None:
        sync = self.syncs[links[0].sync_id]
        self.worked.add(sync.pk)
        begun = recovering.sort_out(sync, self._claimed(sync, links))
        self._again(sync, begun.again)
        looks = self._looks(sync, begun.others, begun.anew) if begun.others else []
        recovering.planned_anew(self.lane, sync, looks, begun.anew)
        failpoint("read.after")
        routing.move(sync, looks)
        live = sync.writes
        writing = self._once([look for look in looks if live and look.plan.writes])
        quiet = [look for look in looks if not (live and look.plan.writes)]
        try:
            settling.settle_looks(self.lane, sync, quiet, preview=not live)
            orders = applying.intend(self.lane, sync, writing) if writing else []
        except lanes.Stepped:
            self._unclaim([look.link for look in looks])
            raise
        self._fly(sync, orders)

    def _once(self, looks: list[Look]) -> list[Look]:
        """What several records need beside themselves, such as a tax rate, is made once: the others look again when
        it is there."""
        if not any(look.plan.shared for look in looks):
            return looks
        flying = [o.look.plan for f in self.flights for o, _ in f.calls]
        making = {_beside(made) for made in flying if made.shared}
        found: list[Look] = []
        late: list[Look] = []
        for look in looks:
            thing = _beside(look.plan) if look.plan.shared else None
            (late if thing in making else found).append(look)
            if thing:
                making.add(thing)
        if late:
            again = Link.objects.filter(pk__in=[look.link.pk for look in late])
            again.update(claims=0, next_try=timezone.now() + SOON)
        return found

    def _looks(self, sync: Sync, links: list[Link], lost: Sequence[tuple[Link, Write]] = ()) -> list[Look]:
        """Plans for these links. A record that cannot be read spoils its batch, so each is then looked at alone."""
        try:
            failpoint("read.before")
            return looking.look(sync, links, self.sessions, lost)
        except (ContractError, RejectedError) as error:
            if len(links) == 1:
                settling.settle_unreadable(self.lane, sync, links[0], unreadable(error, links[0].attempts))
            else:
                spoilt = Link.objects.filter(pk__in=[link.pk for link in links])
                spoilt.filter(claims__lt=settling.ALONE).update(claims=settling.ALONE)
            return []
        except ConnectorError as error:
            self._unclaim(links)
            self._stopped(error, sync)

    def _again(self, sync: Sync, begun: list[tuple[Link, Write]]) -> None:
        """Unsettled calls: what they made is looked for, then the same call goes out with the same key."""
        if not begun:
            return
        try:
            self._fly(sync, recovering.orders(sync, begun, self.sessions, recipes.get(sync.recipe).names.reference))
        except ConnectorError as error:
            self._unclaim([link for link, _ in begun])
            self._stopped(error, sync)

    def _claimed(self, sync: Sync, links: list[Link]) -> list[Link]:
        """Count the claim before the work: a record that kills its worker is counted too."""
        Link.objects.filter(pk__in=[link.pk for link in links]).update(claims=F("claims") + 1)
        failpoint("claims.counted")
        deadly = [link for link in links if link.claims >= MOST_CLAIMS]
        if deadly:
            settling.set_aside(sync, deadly)
        return [link for link in links if link not in deadly]

    def _unclaim(self, links: Sequence[Link]) -> None:
        Link.objects.filter(pk__in=[link.pk for link in links]).update(claims=0)

    def _fly(self, sync: Sync, orders: list[Order]) -> None:
        if not orders:
            return
        try:
            sides = {c.pk: self.sessions.of(c) for c in {o.write.connection for o in orders}}
        except ConnectorError as error:
            self._unsent(sync, orders, error)
            self._stopped(error, sync)
        self.flights.append(flights.take_off(sync, orders, sides, self._deadline(), self.recalls[sync.pk]))

    def _unsent(self, sync: Sync, orders: list[Order], error: ConnectorError) -> None:
        settling.settle_answers(
            self.lane, sync, [Answer(o, error=error) for o in orders], timezone.now(), outage=True
        )  # fmt: skip

    def _land(self) -> None:
        """Wait for the oldest flight and store how its calls ended."""
        flight = self.flights.popleft()
        answers = flight.land()
        through = any(a.result or a.found for a in answers)
        for done in answers:
            if done.result or done.found:
                self.sessions.answered(done.order.write.connection)
        down = [a for a in answers if isinstance(a.error, TransientError)]
        outage = bool(down) and not through and not self._only_this_one(down)
        settling.settle_answers(self.lane, flight.sync, answers, flight.asked, outage=outage)
        if outage:
            self._down(down[0])
        if through:
            lanes.answered(self.lane)
        self._obey(flight.sync, answers)

    def _only_this_one(self, down: Sequence[Answer]) -> bool:
        """Whether the service is well but for one record: it answers something else. An outage is nobody's fault, and
        the record's own trouble keeps nobody else waiting."""
        if len(down) > 1 or self.flights:
            return False
        try:
            self.sessions.call(down[0].order.write.connection, lambda session: session.account())
        except ConnectorError:
            return False
        return True

    def _obey(self, sync: Sync, answers: Sequence[Answer]) -> None:
        """What the service said to all of us: slow down, or sign in again."""
        refused = next((a for a in answers if isinstance(a.error, AuthError)), None)
        if refused:
            self._sign_in_again(sync, refused)
        waits = [a.error.after for a in answers if isinstance(a.error, RateLimited)]
        if waits:
            lanes.wait(self.lane, max(0.05, min(waits)), failed=False)
            raise Stop

    def _sign_in_again(self, sync: Sync, refused: Answer) -> None:
        """At the side that refused: a sync that goes both ways writes to either."""
        side = refused.order.write.connection
        try:
            if isinstance(refused.error, ScopeError):
                raise refused.error
            self.sessions.renew(side)
        except ConnectorError as error:
            self.sessions.last = side
            self._stopped(error, sync)

    def _down(self, answer: Answer) -> None:
        assert answer.error is not None  # noqa: S101  # only failed answers come here
        side = answer.order.write.connection
        lanes.wait(self.lane, backoff(self.lane.failures + 1), failed=True, side=side)
        log.warning("lane %s: %s does not answer: %s", self.lane.pk, side.service.name, answer.error)
        raise Stop

    def _stopped(self, error: ConnectorError, sync: Sync) -> NoReturn:
        """A side cannot be read or opened: the lane waits. Always raises Stop."""
        decision = decide(error, self.lane.failures)
        side = self.sessions.last or sync.target
        refused = decision.next == Next.RECONNECT
        if refused and (side.status != "active" or self.lane.refusals >= lanes.MOST_REFUSALS):
            lanes.refused(self.lane, side, decision.code, decision.words)
        elif decision.next == Next.WAIT:
            lanes.wait(self.lane, decision.after, failed=False)
        else:
            lanes.wait(self.lane, backoff(self.lane.failures + 1), failed=True, refused=refused, side=side)
        log.warning("lane %s waits: %s", self.lane.pk, decision.words)
        raise Stop

    def _read_page(self, *, always: bool = False) -> bool:
        """The next page of a running run, unless enough links wait already. The one after it is asked for at once."""
        run = runs.next_due(self.syncs)
        if run is None or (run.side == Run.Side.SOURCE and not always and self._backlog(run)):
            return False
        sync = self.syncs[run.sync_id]
        self.worked.add(sync.pk)
        try:
            if run.side == Run.Side.COMPARE:
                reports.step(self.lane, run, sync, self.sessions)
                return True
            page, asked = self.pages.read(run, sync)
            failpoint("page.read")
            runs.take(self.lane, run, sync, page, asked)
            if run.side not in {Run.Side.WORK, Run.Side.COMPARE} and not always:
                self.pages.ask_ahead(run, sync)
        except RateLimited as error:
            runs.wait(run, error.after)
            return False
        except ConnectorError as error:
            self._stopped(error, sync)
        return True

    def _backlog(self, run: Run) -> bool:
        return Link.objects.filter(run=run, noticed__gt=F("handled"))[:BACKLOG].count() >= BACKLOG

    def _finish(self) -> None:
        for sync in self.syncs.values():
            runs.finish_if_done(sync)
            if sync.pk in self.worked:
                incidents.refresh(sync)
                reports.recheck(sync)
        self.sessions.keep_budgets()


def _syncs(lane: Lane) -> list[Sync]:
    return list(
        Sync.objects.filter(lane=lane, version__isnull=False, source__status="active", target__status="active")
        .exclude(mode=Sync.Mode.OFF)
        .select_related("business", "source", "target", "version")
    )


def work(lane_id: int, seconds: float = 5.0) -> None:
    """A worker's whole task: hold the lane, work a slice, let go, and come again if more is due."""
    lane = lanes.claim(lane_id)
    if lane is None:
        return
    try:
        Slice(lane).run(seconds)
    except lanes.LostLease:
        log.warning("lane %s: the lease was lost; who holds it repeats the work", lane_id)
        return
    except Exception as error:
        if not Lane.objects.filter(pk=lane_id).exists():
            log.warning("lane %s was deleted with its business while it was worked", lane_id)
            return
        lanes.broke_off(lane, error, backoff(lane.failures + 1))
        raise
    finally:
        lanes.release(lane)
    if lanes.with_work().filter(pk=lane_id).exists():
        lanes.wake(lane_id)
