"""A day of faults: what heals itself is told to nobody, what lasts is told once, and once when it is over."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core import mail

from portal import ticking
from portal.alerts import tasks
from portal.models import AlertSettings, Connection, Delivery, User
from syncs import deciding
from syncs.models import Incident, Lane, Link, Sync
from tests.syncs.world import World, connected

BEGIN = (datetime.now(ZoneInfo("Australia/Sydney")) + timedelta(days=1)).replace(
    hour=9, minute=0, second=0, microsecond=0
)
STEP = timedelta(minutes=30)
HEALING = ("429", "500", "503", "reset", "500_after", "reset_after", "truncate", "html")
chance = random.Random(23)  # a made-up day


@pytest.fixture
def day(world: World) -> Iterator[World]:
    with time_machine.travel(BEGIN):
        world.go_live()
        Connection.objects.filter(connector="jobber").update(method="key")  # no webhook comes, and none is missed
        yield world


def tick(world: World, now: datetime) -> None:
    """Half an hour of a worker, in two looks: due polls, due work, what is to be told."""
    for moment in (now, now + timedelta(minutes=2)):
        with time_machine.travel(moment):
            ticking.start_polls()
            world.work()
            ticking.watch()
            ticking.tell()
            for row in list(Delivery.objects.filter(state="waiting")):
                tasks.send(row.pk)


def spoil(world: World) -> None:
    faults = world.sandbox.sandbox.frame.faults
    faults.clear()
    if chance.random() < 0.6:
        service = chance.choice(["jobber", "stripe"])
        faults.add(chance.choice(HEALING), service=service, times=chance.randint(1, 6), probability=0.7)


def hours(begin: float, end: float) -> Iterator[datetime]:
    now = BEGIN + timedelta(hours=begin)
    while now < BEGIN + timedelta(hours=end):
        yield now
        now += STEP


def test_a_day_of_faults_that_heal_is_told_to_nobody(day: World) -> None:
    known = [day.jobber.add(f"Client{n}", "Smith", f"c{n}@example.com") for n in range(3)]
    for now in hours(0.25, 24):
        with time_machine.travel(now):
            day.sandbox.sandbox.frame.faults.clear()
            day.jobber.edit(chance.choice(known), lastName=f"Smith{chance.randint(1, 99)}")
            if chance.random() < 0.1:
                known.append(day.jobber.add(f"New{len(known)}", "Jones", f"n{len(known)}@example.com"))
        spoil(day)
        tick(day, now)
    day.sandbox.sandbox.frame.faults.clear()
    for now in hours(24, 26):
        tick(day, now)
    assert mail.outbox == []
    assert set(Link.objects.values_list("state", flat=True)) == {"in_step"}
    assert len(day.stripe.customers()) == len(known)


def test_what_lasts_is_told_once_each_and_the_night_is_quiet(day: World) -> None:
    AlertSettings.objects.create(business=day.business, quiet_from="20:00", quiet_until="07:00")
    subjects: dict[str, list[Any]] = {}

    def watch(begin: float, end: float, name: str) -> None:
        before = len(mail.outbox)
        for now in hours(begin, end):
            spoil(day)
            tick(day, now)
        subjects[name] = [m.subject for m in mail.outbox[before:]]

    def lasting(number: int) -> None:
        """Two customers could be this client: that takes a person."""
        day.sandbox.sandbox.frame.faults.clear()
        for _ in range(2):
            day.stripe.add(name=f"Twin{number} Smith", email=f"twin{number}@example.com")
        Sync.objects.update(target_read_at=None)
        day.jobber.add(f"Twin{number}", "Smith", f"twin{number}@example.com")

    with time_machine.travel(BEGIN + timedelta(minutes=10)):
        lasting(1)
    watch(0.25, 6, "day")
    with time_machine.travel(BEGIN + timedelta(hours=12)):
        Link.objects.filter(cause_code="ambiguous").update(decision={"choice": "leave", "by": 1, "who": "Alice"})
        Link.objects.filter(cause_code="ambiguous").update(noticed=99)
        from syncs import incidents

        incidents.connection_failed(day.sync.target, "quota", "Stripe needs a look", "Look at it.")
        Incident.objects.filter(cause_code="quota").update(subject="sync:0")  # nothing urgent
    watch(12, 22, "night")
    watch(22, 24, "morning")
    assert subjects["day"] == ["Acme Plumbing: 1 client may already exist in Stripe"]
    assert subjects["night"] == []
    assert subjects["morning"] == ["Acme Plumbing: 2 things came up in quiet hours"]
    assert "Over: 1 client may already exist in Stripe" in mail.outbox[-1].body


#: (what people are told, what it is, from which hour, to which).
LASTING = (
    ("1 client may already exist in Stripe", "twins", 1.0, 3.0),
    ("because Stripe has not answered for hours", "down", 4.0, 10.0),
    ("Harbour Plumbing needs attention", "refused", 12.0, 14.0),
    ("Jobber sends no webhooks", "silent", 15.0, 18.0),
)


def test_each_lasting_cause_of_a_day_is_told_once_and_once_when_it_is_over(day: World, alice: User) -> None:
    """Between them and beside them faults that heal, at any time of the day."""
    known = [day.jobber.add(f"Client{n}", "Smith", f"c{n}@example.com") for n in range(3)]
    frame = day.sandbox.sandbox.frame
    for now in hours(0.25, 24):
        hour = (now - BEGIN) / timedelta(hours=1)
        lasts = {what for _, what, begin, end in LASTING if begin <= hour < end}
        with time_machine.travel(now):
            frame.faults.clear()
            day.jobber.edit(chance.choice(known), lastName=f"Smith{chance.randint(1, 999)}")
            _people(day, alice, lasts)
            spoil(day)
            for status in (s for what, s in (("down", "503"), ("refused", "401")) if what in lasts):
                frame.faults.clear()
                frame.faults.add(status, service="stripe", times=100_000)
            tick(day, now)
    frame.faults.clear()
    for now in hours(24, 26):
        tick(day, now)
    told = [m.subject for m in mail.outbox]
    for words, *_ in LASTING:
        assert [("Over: " in s) for s in told if words in s] == [False, True], (words, told)
    assert len(told) == 2 * len(LASTING), told
    assert not Incident.objects.exclude(state="resolved").exists()
    assert set(Link.objects.values_list("state", flat=True)) <= {"in_step", "skipped"}


def _people(world: World, owner: User, lasts: set[str]) -> None:
    """What takes a person is there for its time, and done by one after it."""
    twins = Link.objects.filter(label__contains="Twin")
    if "twins" in lasts and not twins.exists():
        for _ in range(2):
            world.stripe.add(name="Twin Smith", email="twin@example.com")
        Sync.objects.update(target_read_at=None)
        world.jobber.add("Twin", "Smith", "twin@example.com")
    elif "twins" not in lasts and (held := twins.filter(state="held").first()):
        deciding.decide(held, deciding.Choice.LEAVE, "", owner)
    if "refused" not in lasts and Lane.objects.exclude(parked="").exists():
        connected(world.business, owner)
    Connection.objects.filter(connector="jobber").update(method="oauth" if "silent" in lasts else "key")
