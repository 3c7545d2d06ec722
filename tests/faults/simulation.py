"""One run: the same seed gives the same story, to the letter."""

import hashlib
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from django_scopes import scope

from syncs import watching
from syncs.models import Sync
from tests.faults import checks, seams, weather
from tests.faults.loop import Loop
from tests.faults.office import Office
from tests.faults.outside import Ground
from tests.faults.people import People
from tests.faults.seams import Clock
from tests.faults.sessions import JobberStandIn, StripeStandIn
from tests.faults.world import World

#: The faults go on for so long after the beginning.
ACTIVE_SECONDS = 1200.0
#: Afterwards everything must be in step within this time.
DRAIN_SECONDS = 4 * 3600.0
SILENCE_SECONDS = 90 * 60.0
EDITS = 24


@dataclass
class Result:
    seed: int
    wrong: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def digest(self) -> str:
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()

    @property
    def replay(self) -> str:
        return f".venv/bin/python -m tests.faults --replay {self.seed}"

    def __str__(self) -> str:
        lines = "\n".join(f"  {words}" for words in self.wrong[:20])
        return f"Seed {self.seed}:\n{lines}\nReplay it, with its trace: {self.replay}"


def run(seed: int) -> Result:
    result, rng = Result(seed), random.Random(f"world {seed}")
    with Clock() as clock:
        loop = Loop(rng, clock.moved)
        with _world(seed, loop, clock, result) as (world, people):
            _story(world, people, result)
    return result


@contextmanager
def _world(seed: int, loop: Loop, clock: Clock, result: Result) -> Iterator[tuple[World, People]]:
    sky, jobber, stripe = weather.drawn(seed), JobberStandIn(), StripeStandIn()

    def trace(words: str) -> None:
        result.trace.append(f"{loop.now - 1000:9.2f} {words}")

    ground = Ground(loop, sky, trace, lambda *_: None, clock.outside)
    for service in (jobber, stripe):
        service.stand_on(ground)
    with seams.installed(loop, {"jobber": jobber, "stripe": stripe}, seed):
        world = World(loop, loop.rng, sky, ground, jobber, stripe, clock)
        people = People(world, random.Random(f"people {seed}"))
        world.found()
        for tenant in world.tenants:
            people.furnish(tenant)
        people.office.set_up()
        ground.deliver = world.post
        loop.fate, loop.freeze_seconds = sky.fate, lambda: loop.rng.uniform(30, 400)
        try:
            world.open_for_work()
            yield world, people
        finally:
            world.close()


def _story(world: World, people: People, result: Result) -> None:
    loop, begun = world.loop, world.loop.now
    _plan(world, people)
    loop.run(begun + ACTIVE_SECONDS)
    world.weather.calm = True
    world.ground.trace("calm")
    _drain(world, people)
    if world.weather.sweep:
        world.ground.trace("a day later")
        loop.run(loop.now + 60)
        world.clock.moved(25 * 3600.0)
        _drain(world, people)
    _watch(world)
    writes = _writes(world)
    world.tick_seconds = 60.0
    loop.run(loop.now + SILENCE_SECONDS)
    result.counts = world.ground.counts + world.weather.seen
    result.counts["edits"] = people.edits
    result.counts["calls"] = sum(n for name, n in world.ground.counts.items() if name.endswith(("read", "write")))
    result.wrong = [
        *checks.all_of(world, people),
        *checks.frugal(result.counts, (loop.now - begun) / 3600, len(world.tenants[0].syncs)),
    ]
    if _writes(world) != writes:
        result.wrong.append(f"{_writes(world) - writes} writes in a time of silence")


def _watch(world: World) -> None:
    """As every two minutes, as far as it speaks of records."""
    for tenant in world.tenants:
        with scope(business=tenant.business):
            for sync in Sync.objects.all():
                watching.say_again(sync)


def _writes(world: World) -> int:
    return world.ground.counts["jobber write"] + world.ground.counts["stripe write"]


def _plan(world: World, people: People) -> None:
    """When people do what."""
    loop, rng = world.loop, people.rng
    for tenant in world.tenants:
        for sync in tenant.syncs:
            loop.at(
                rng.uniform(20, 90),
                partial(world.somebody, partial(world.go_live, tenant, sync, people.office.mode(tenant))),
            )
    for moment in _moments(world, rng):
        loop.at(moment, people.act)
    for moment in range(60, int(ACTIVE_SECONDS), 120):
        loop.at(moment, lambda: world.somebody(world.look_after))
        if world.weather.papers:
            loop.at(moment + 50, lambda: world.somebody(people.billing.decide))
    _plan_office(world, people.office)
    if world.weather.jump:
        loop.at(rng.uniform(100, 900), lambda: world.clock.jump(world.weather.jump))
    if world.weather.revoked:
        account = rng.choice([a for t in world.tenants for a in (t.jobber, t.stripe)])
        loop.at(rng.uniform(100, 900), account.revoke)


def _plan_office(world: World, office: Office) -> None:
    """Those who approve look at what waits now and then; some sync is paused four times."""
    if world.weather.approves:
        for moment in range(80, int(ACTIVE_SECONDS), 60):
            world.loop.at(moment, lambda: world.somebody(office.look))
    if world.weather.pauses:
        for _ in range(4):
            tenant = office.rng.choice(world.tenants)
            pause = partial(office.pause, tenant, office.rng.choice(tenant.syncs))
            world.loop.at(office.rng.uniform(100, ACTIVE_SECONDS - 60), partial(world.somebody, pause))


def _moments(world: World, rng: random.Random) -> list[float]:
    """When people do something: at any time, or much at once with a page opened beside it."""
    if not world.weather.bursts:
        return [rng.uniform(30, ACTIVE_SECONDS - 30) for _ in range(EDITS)]
    found: list[float] = []
    while len(found) < EDITS:
        begin = rng.uniform(30, ACTIVE_SECONDS - 30)
        found += [begin + rng.uniform(0, 3) for _ in range(6)]
        for _ in range(2):
            world.loop.at(begin + rng.uniform(0, 1), lambda: world.somebody(world.visit))
    return found


def _drain(world: World, people: People) -> None:
    """Until nothing is left to do, or the time is up."""
    loop, until = world.loop, world.loop.now + DRAIN_SECONDS
    world.tick_seconds = 10.0
    outages = max((a + d + 1000 for _, a, d in world.weather.outages), default=0.0)
    while loop.now < max(until, outages + DRAIN_SECONDS):
        if loop.now < outages:
            world.tick_seconds = 600.0
            loop.run(outages)
            world.tick_seconds = 10.0
        loop.run(loop.now + 60)
        world.somebody(world.look_after)
        world.somebody(people.office.look)
        loop.run(loop.now + 5)
        if not checks.waiting(world):
            return
