"""What is to be told now, as rows: once for each incident that lasts, once when it is over, a summary a day."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from portal import figures, wording
from portal.alerts.sorting import Quiet, Severity, severity, topic
from portal.models import Alert, AlertDestination, AlertSettings, Business, Delivery
from syncs import handling
from syncs.models import Incident, Sync

#: What heals itself sooner is not told, and what comes back sooner was not over.
GRACE = timedelta(minutes=1)
#: What is over for longer than this is no news any more.
STALE = timedelta(days=3)
#: Things in one alert; the others are on the page.
MOST_ITEMS = 50
OPENED, OVER = "opened", "over"
type Item = dict[str, Any]


def settings_of(business: Business) -> AlertSettings:
    return AlertSettings.objects.filter(business=business).first() or AlertSettings(business=business)


def to_people(business: Business) -> AlertDestination:
    """Mail to the owners and the office: there for every business, until somebody switches it off."""
    found, _ = AlertDestination.objects.get_or_create(business=business, kind=AlertDestination.Kind.PEOPLE)
    return found


def note(business: Business, now: datetime | None = None) -> None:
    """Make the rows for what is to be told in this business by now."""
    now = now or timezone.now()
    _go_on(now)
    times, there = settings_of(business), (now.astimezone(wording.zone(business)))
    quiet = Quiet(times.quiet_from, times.quiet_until)
    news = _news(now)
    if quiet.holds(there):
        news = [(row, what) for row, what in news if times.critical_passes and _urgent(row)]
        waited = False
    else:
        waited = any(quiet.holds(_since(row, what).astimezone(there.tzinfo)) for row, what in news)
    if waited and len(news) > 1:
        _tell(business, news, now, bundle=True)
    else:
        for one in news:
            _tell(business, [one], now)
    if times.digest_at and there.time() >= times.digest_at and times.digest_on != there.date():
        _digest(business, times, there)


type News = Sequence[tuple[Incident, str]]


def _news(now: datetime) -> News:
    return [*((row, OPENED) for row in began(now)), *((row, OVER) for row in over(now))]


def began(now: datetime) -> QuerySet[Incident]:
    return Incident.objects.filter(handling.asking(now), told_at=None, opened_at__lte=now - GRACE).order_by("pk")


def over(now: datetime) -> QuerySet[Incident]:
    """What was told and is over, unless the same has begun again since."""
    again = Incident.objects.filter(
        business=OuterRef("business"), subject=OuterRef("subject"), cause_code=OuterRef("cause_code")
    ).exclude(state=Incident.State.RESOLVED)
    ended = Incident.objects.filter(
        state=Incident.State.RESOLVED, told_at__isnull=False, recovery_told_at=None, resolved_at__lte=now - GRACE,
        resolved_at__gt=now - STALE,
    )  # fmt: skip
    return ended.exclude(Exists(again)).order_by("pk")


def _go_on(now: datetime) -> None:
    """What came back before anybody was told that it was over has never been over: nobody is told twice of it."""
    ended = Incident.objects.filter(state=Incident.State.RESOLVED, told_at__isnull=False, recovery_told_at=None)
    for row in began(now):
        before = ended.filter(subject=row.subject, cause_code=row.cause_code)
        with transaction.atomic():
            if before.update(recovery_told_at=now):
                Incident.objects.filter(pk=row.pk, told_at=None).update(told_at=now)


def _urgent(row: Incident) -> bool:
    return severity(row.subject, row.cause_code) == Severity.CRITICAL


def _since(row: Incident, what: str) -> datetime:
    return (row.resolved_at if what == OVER else None) or row.opened_at


def _tell(business: Business, news: News, now: datetime, *, bundle: bool = False) -> None:
    """Marked and noted together, or not at all; who comes second finds nothing to mark."""
    with transaction.atomic():
        mine = [(row, what) for row, what in news if _mark(row, what, now)]
        if not mine:
            return
        row, what = mine[0]
        key = f"{what}:{row.pk}:{_since(row, what).timestamp():.0f}"
        title = f"{len(mine)} things came up in quiet hours" if bundle else _title(row, what)
        alert = Alert.objects.create(
            business=business, key=f"bundle:{key}" if bundle else key, title=title[:250],
            kind=Alert.Kind.BUNDLE if bundle else Alert.Kind.NEWS, at=now,
            items=[item(row, what) for row, what in mine[:MOST_ITEMS]],
        )  # fmt: skip
        address(alert, _active(business))


def _mark(row: Incident, what: str, now: datetime) -> bool:
    mine = Incident.objects.filter(pk=row.pk)
    if what == OPENED:
        return bool(mine.filter(told_at=None, state=Incident.State.OPEN).update(told_at=now, recovery_told_at=None))
    return bool(mine.filter(recovery_told_at=None, state=Incident.State.RESOLVED).update(recovery_told_at=now))


def _title(row: Incident, what: str) -> str:
    return f"Over: {row.title}" if what == OVER else row.title


def item(row: Incident, what: str) -> Item:
    return {
        "what": what, "incident": row.pk, "title": row.title, "next_step": row.next_step if what == OPENED else "",
        "severity": severity(row.subject, row.cause_code), "topic": topic(row.subject, row.cause_code),
        "cause": row.cause_code, "records": row.records, "at": _since(row, what).isoformat(timespec="seconds"),
    }  # fmt: skip


def _active(business: Business) -> list[AlertDestination]:
    to_people(business)
    return list(AlertDestination.objects.filter(active=True))


def address(alert: Alert, destinations: Iterable[AlertDestination]) -> list[Delivery]:
    """A delivery for each place that is told of some of it."""
    made = []
    for destination in destinations:
        items = [i for i in alert.items if _wanted(destination, i)]
        if items or alert.kind in {Alert.Kind.DIGEST, Alert.Kind.TEST}:
            made += [
                Delivery(business_id=alert.business_id, alert=alert, destination=destination, recipient=to,
                         items=items, next_try=alert.at)
                for to in recipients(destination)
            ]  # fmt: skip
    return Delivery.objects.bulk_create(made)


def _wanted(destination: AlertDestination, told: Item) -> bool:
    urgent = destination.minimum == AlertDestination.Minimum.ALL or told["severity"] == Severity.CRITICAL
    return urgent and (not destination.topics or told["topic"] in destination.topics)


def recipients(destination: AlertDestination) -> list[str]:
    if destination.kind != AlertDestination.Kind.PEOPLE:
        return [""]
    people = destination.business.memberships.filter(role__in=["owner", "office"], user__is_active=True)
    return sorted(set(people.values_list("user__email", flat=True)))


# Once a day


def _digest(business: Business, times: AlertSettings, there: datetime) -> None:
    """How the last day went, so that silence never means that nobody looks."""
    today = there.date()
    with transaction.atomic():
        mine = AlertSettings.objects.filter(pk=times.pk, digest_on=times.digest_on)
        if not mine.update(digest_on=today):
            return
        numbers = _numbers(there)
        waiting = numbers["waiting"]
        title = "All is well" if not waiting else f"{waiting} {'thing needs' if waiting == 1 else 'things need'} you"
        alert = Alert.objects.create(
            business=business, key=f"digest:{today}", kind=Alert.Kind.DIGEST, title=f"Daily summary: {title}",
            numbers=numbers, at=there, items=[item(row, OPENED) for row in _standing(there)[:MOST_ITEMS]],
        )  # fmt: skip
        address(alert, _active(business))


def _standing(now: datetime) -> QuerySet[Incident]:
    return Incident.objects.filter(handling.asking(now)).order_by("pk")


def _numbers(now: datetime) -> dict[str, int]:
    hours = figures.by_hour(now)
    day = {kind: figures.total(hours, kind) for kind in (figures.WRITTEN, figures.UNCHANGED, figures.FAILED)}
    closed = Incident.objects.filter(resolved_at__gt=now - figures.DAY).count()
    running = Sync.objects.exclude(mode=Sync.Mode.OFF).count()
    return {**day, "waiting": _standing(now).count(), "closed": closed, "syncs": running}
