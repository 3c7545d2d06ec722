"""Three businesses, their people, the post, the queue and its workers, all in one simulated world."""

import json
import random
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import Any

from django.apps import apps
from django.db import connection as database
from django_q.models import OrmQ
from django_q.signals import pre_enqueue
from django_q.signing import SignedPackage
from django_scopes import scope

from connectors.errors import ConnectorError
from portal import connect, receiving, ticking
from portal.broker import Polling
from portal.models import Business, Connection, User
from syncs import choosing, notice, recipes
from syncs.models import Link, Sync
from tests.faults import shelves
from tests.faults.loop import Box, Loop, Process
from tests.faults.outside import Account, Ground
from tests.faults.seams import Clock
from tests.faults.sessions import JobberStandIn, StripeStandIn
from tests.faults.shelves import Bills, Drawer, Notes
from tests.faults.weather import Weather

WORKERS = 3
BUSINESSES = 3
CLIENTS = 4
#: Deliveries that got no 2xx come again after so long, as often as it takes.
AGAIN_SECONDS = (5.0, 60.0, 600.0, 3600.0)


@dataclass
class Tenant:
    """`sync` is that of the clients; `papers` those of invoices and payments, where the business has any."""

    business: Business
    sync: Sync
    jobber: Account
    stripe: Account
    papers: list[Sync] = field(default_factory=list)
    live: bool = False

    @property
    def syncs(self) -> list[Sync]:
        return [self.sync, *self.papers]

    @property
    def invoices(self) -> Sync | None:
        return self.papers[0] if self.papers else None

    @property
    def bills(self) -> Bills:
        found: Bills = self.jobber.shelves["invoices"]
        return found

    @property
    def notes(self) -> Notes:
        found: Notes = self.jobber.shelves["notes"]
        return found

    @property
    def drawer(self) -> Drawer:
        found: Drawer = self.stripe.shelves["invoices"].drawer
        return found


@dataclass
class World:
    loop: Loop
    rng: random.Random
    weather: Weather
    ground: Ground
    jobber: JobberStandIn
    stripe: StripeStandIn
    clock: Clock
    tenants: list[Tenant] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    bell: Box | None = None
    waiting_post: int = 0
    #: (service, account, event id or '') of deliveries that were answered with 2xx
    taken: list[dict[str, Any]] = field(default_factory=list)
    workers: int = 0
    webs: int = 0
    tick_seconds: float = 10.0

    # The beginning

    def found(self) -> None:
        """Accounts with records in them, connected, and the recipe chosen both ways: the review begins."""
        _empty_tables()
        user = User.objects.create(email="owner@example.com", name="Owner")
        for number in range(BUSINESSES):
            tag = "abc"[number]
            business = Business.objects.create(name=f"Business {tag}", country="AU", time_zone="Australia/Sydney")
            jobber, stripe = Account(f"J{number}", tag), Account(f"S{number}", tag)
            self.jobber.accounts[jobber.id], self.stripe.accounts[stripe.id] = jobber, stripe
            with scope(business=business):
                here = connect.keep(business, user, "jobber", jobber.new_pair(self.ground.now()))
                there = connect.keep(business, user, "stripe", stripe.new_pair(self.ground.now(), expires=number != 0))
                if number == 0:
                    stripe.access = dict.fromkeys(stripe.access, self.ground.now() + timedelta(days=365))
                options = {"two_way": True, "create_back": number != 1}
                sync = choosing.choose(
                    business, recipes.get("clients-to-customers"), here, there, user, options
                )  # fmt: skip
                papers = self._papers(business, here, there, user) if self.weather.papers else []
            if papers:
                shelves.furnish((self.jobber, jobber), (self.stripe, stripe))
            self.tenants.append(Tenant(business, sync, jobber, stripe, papers))
        self.user = user

    def _papers(self, business: Business, here: Connection, there: Connection, user: User) -> list[Sync]:
        """Invoices go one way, on the lane of the clients, payments and pages to pay by the other, on a lane of
        theirs."""
        back = ["payments-to-jobber", *(["pay-links-to-jobber"] if self.weather.pages else [])]
        return [
            choosing.choose(business, recipes.get("invoices-to-stripe"), here, there, user),
            *(choosing.choose(business, recipes.get(slug), there, here, user) for slug in back),
        ]

    # The queue and its workers

    def open_for_work(self) -> None:
        pre_enqueue.connect(self._enqueued, weak=False, dispatch_uid="simulation")
        for _ in range(WORKERS):
            self._hire()
        ticker = Process("ticker")
        self.loop.spawn(ticker, self._tick)
        self._new_web()

    def close(self) -> None:
        pre_enqueue.disconnect(dispatch_uid="simulation")

    def _enqueued(self, **_: Any) -> None:
        self.loop.at(self.rng.choice((0.02, 0.06)), self._ring)

    def _ring(self) -> None:
        bell, self.bell = self.bell, Box(self.loop)
        if bell:
            bell.put()

    def _hire(self) -> None:
        self.workers += 1
        process = Process(f"w{self.workers}", mortal=True)
        process.on_death.append(self._replace)
        self.loop.spawn(process, self._work)

    def _replace(self, dead: Process) -> None:
        """Another takes its place. Whether anybody has seen it die, and so frees its leases at once, is chance."""
        self.ground.trace(f"{dead.name} died")
        if self.rng.random() < 0.5:
            self.loop.at(2.0, lambda: ticking.release(dead.name))
        self.loop.at(self.rng.choice((1.0, 20.0)), self._hire)

    def _work(self) -> None:
        broker = Polling("fieldbridge")
        while True:
            broker._empty_at = None
            taken = broker._take()
            if not taken:
                self.bell = self.bell or Box(self.loop)
                self.bell.wait()
                continue
            (row, payload), *_ = taken
            if self.weather.happens("lost_task"):
                OrmQ.objects.filter(pk=row).delete()
                continue
            task = SignedPackage.loads(payload)
            for _ in range(2 if self.weather.happens("doubled_task") else 1):
                self._carry_out(task)
            broker.acknowledge(row)

    def _carry_out(self, task: dict[str, Any]) -> None:
        module, _, name = task["func"].rpartition(".")
        process = self.loop.process
        self.ground.trace(f"{process.name if process else '-'} {name} {task['args']}")
        self.ground.counts["tasks"] += 1
        try:
            getattr(import_module(module), name)(*task["args"])
        except Exception:
            self.wrong.append(f"a task failed: {traceback.format_exc(limit=-6)}")

    def _tick(self) -> None:
        polled = 0.0
        while True:
            self.loop.sleep(self.tick_seconds)
            if _something_waits():
                ticking.wake()
            if self.weather.sweep and self.loop.now - polled >= 60:
                polled = self.loop.now
                ticking.start_polls()

    # The post

    def _new_web(self) -> None:
        self.webs += 1
        self.web = Process(f"web{self.webs}", mortal=True)
        self.web.on_death.append(lambda dead: self._new_web())

    def post(self, service: str, account: Account, said: dict[str, Any]) -> None:
        weather = self.weather
        if account.revoked and weather.sweep:  # without the sweep nobody would ever learn of it
            return
        if weather.happens("lost_webhook"):
            self.ground.trace(f"post lost {service} {said['topic']} {said['record']}")
            return
        delay = self.rng.choice((0.1, 0.5, 2.0))
        if weather.happens("late_webhook"):
            delay += self.rng.uniform(5, 300)
        body = json.dumps(said, sort_keys=True, default=str).encode()
        for extra in (0.0, self.rng.uniform(0, 60)) if weather.happens("doubled_webhook") else (0.0,):
            self.waiting_post += 1
            self.loop.at(delay + extra, partial(self._deliver, service, said, body, 0))

    def _deliver(self, service: str, said: dict[str, Any], body: bytes, times: int) -> None:
        process = self.web
        answered = Box(self.loop)

        def answer() -> None:
            connector = self.jobber if service == "jobber" else self.stripe
            try:
                receiving.take(connector, body, self.loop.now)
            except Exception:
                self.wrong.append(f"a webhook was refused: {traceback.format_exc(limit=-6)}")
            answered.put()

        def look() -> None:
            if answered.full:
                self.waiting_post -= 1
                self.taken.append(said)
                return
            self.loop.at(AGAIN_SECONDS[min(times, 3)], partial(self._deliver, service, said, body, times + 1))

        self.ground.trace(f"post {said['topic']} {said['record']}")
        self.loop.spawn(process, answer)
        self.loop.at(10.0, look)

    # The people of the portal

    def somebody(self, does: Callable[[], object]) -> None:
        self.loop.spawn(Process("somebody"), does)

    def go_live(self, tenant: Tenant, sync: Sync, mode: str) -> None:
        with scope(business=tenant.business):
            sync.refresh_from_db()
            choosing.go_live(sync, None, mode)
            tenant.live = tenant.live or sync is tenant.sync
        self.ground.trace(f"{tenant.business} goes live with {sync}")

    def look_after(self) -> None:
        """Somebody signs in again where the portal asks for it, and presses “try again” where a worker kept dying."""
        for tenant in self.tenants:
            with scope(business=tenant.business):
                for broken in Connection.objects.exclude(status="active"):
                    self._sign_in(tenant, broken)
                for link in Link.objects.filter(state="parked"):
                    notice.ask(link, "the office")

    def visit(self) -> None:
        """Somebody opens a page that asks both services whether all is well."""
        tenant = self.rng.choice(self.tenants)
        with scope(business=tenant.business):
            for connection in Connection.objects.filter(status="active"):
                with suppress(ConnectorError):
                    connection.open().account()

    def _sign_in(self, tenant: Tenant, broken: Connection) -> None:
        service = self.jobber if broken.connector == "jobber" else self.stripe
        account = service.accounts[broken.account_id]
        self.ground.trace(f"{account.id} is {broken.status}: {broken.status_reason[:40]}")
        if not service.justified(account):
            self.wrong.append(f"{account.id} was given up without a reason: {broken.status_reason}")
        account.lost = True  # until the new pair is kept, there is every reason
        pair = account.new_pair(self.ground.now())
        with suppress(connect.Problem):  # the service did not answer: they try again
            connect.keep(tenant.business, self.user, broken.connector, pair)
            account.asker, account.used, account.revoked, account.lost = None, True, False, False


#: Most of the time nothing does, and this is asked ten times faster than what the engine asks then.
_WAITS = """SELECT EXISTS (SELECT 1 FROM syncs_link WHERE noticed > handled)
    OR EXISTS (SELECT 1 FROM syncs_run WHERE state = 'running')
    OR EXISTS (SELECT 1 FROM syncs_snapshot WHERE noticed_at > read_at)"""


def _something_waits() -> bool:
    with database.cursor() as cursor:
        return bool(cursor.execute(_WAITS).fetchone()[0])


def _empty_tables() -> None:
    """As new: row numbers begin at one again. What migrations have put into other tables stays."""
    models = [m for name in ("portal", "syncs", "django_q") for m in apps.get_app_config(name).get_models(True)]
    with database.cursor() as cursor, database.constraint_checks_disabled():
        for model in models:
            cursor.execute(f'DELETE FROM "{model._meta.db_table}"')
        cursor.execute("DELETE FROM sqlite_sequence")
