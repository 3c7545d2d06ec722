"""What an outside service says about an account itself, such as payouts that are off: looked at the moment it tells of
a change, and every quarter of an hour in case it told nobody. Each cause is an incident until it is over."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django_q.tasks import async_task
from django_scopes import scope, scopes_disabled

from connectors import registry
from connectors.concerns import Concern, Concerns
from connectors.errors import ConnectorError
from portal import wording
from portal.models import Connection
from syncs import currencies, incidents
from syncs.sessions import Sessions

EVERY = timedelta(minutes=15)
#: A task that has not come by then is taken for lost.
LOST = timedelta(minutes=2)


def ask(connection: Connection) -> None:
    """Have a worker look as soon as it can."""
    with scope(business=connection.business_id):
        Connection.objects.filter(pk=connection.pk).update(watch_asked_at=timezone.now())
    transaction.on_commit(lambda: async_task("portal.accountwatch.work", connection.pk))


def due(now: datetime) -> QuerySet[Connection]:
    """Accounts that nobody has looked at for a while, or that are waiting to be looked at after a task was lost. Those
    that have waited longest come first."""
    watched = [slug for slug in registry.CONNECTORS if registry.connector_class(slug).watched]
    stale = Q(watched_at=None) | Q(watched_at__lte=now - EVERY) | Q(watch_asked_at__gt=F("watched_at"))
    quiet = Q(watch_asked_at=None) | Q(watch_asked_at__lte=now - LOST)
    rows = Connection.objects.filter(stale, quiet, connector__in=watched, status=Connection.Status.ACTIVE)
    return rows.order_by(F("watched_at").asc(nulls_first=True), "pk")


def work(connection_id: int) -> None:
    """What the queue asks for. A lost, doubled or late task changes nothing."""
    with scopes_disabled():  # the id names the business; everything after runs in its scope
        row = Connection.objects.select_related("business").filter(pk=connection_id).first()
    if row is not None:
        with scope(business=row.business):
            look(row)


def look(row: Connection) -> None:
    """Ask the service, unless somebody has since it was last wanted. What cannot be asked now is tried again later."""
    asked, seen = row.watch_asked_at, row.watched_at
    if row.status != Connection.Status.ACTIVE or (asked and seen and seen > asked):
        return
    began = timezone.now()
    try:
        told = Sessions().call(row, lambda session: session.concerns())
    except ConnectorError:
        return
    _keep(row, told, began)


def _keep(row: Connection, told: Concerns, began: datetime) -> None:
    """An earlier look that answers late changes nothing."""
    found = [each for each in told.found if not each.over]
    kept = [one for one in row.concerns if one["code"] in told.unread]
    earlier = Q(watched_at=None) | Q(watched_at__lt=began)
    with transaction.atomic():
        mine = Connection.objects.filter(earlier, pk=row.pk, status=Connection.Status.ACTIVE)
        if mine.update(watched_at=began, concerns=[*kept, *map(_stored, found)]):
            words = {(one.code, one.about): (_title(row, one), _step(row, one)) for one in found}
            over = {one.about: _title(row, one) for one in told.found if one.over}
            incidents.account_stands(row, words, over, told.unread)


def forget(row: Connection) -> None:
    """It is not connected any more: what the account's owner has to know is not known here."""
    Connection.objects.filter(pk=row.pk).update(concerns=[], watched_at=None)
    incidents.account_stands(row, {}, {}, frozenset())


def _stored(found: Concern) -> dict[str, Any]:
    return {**asdict(found), "due": found.due.isoformat() if found.due else None}


def _title(row: Connection, found: Concern) -> str:
    return found.title.replace("{amount}", currencies.shown(found.amount, found.currency, row.business.currency))


def _step(row: Connection, found: Concern) -> str:
    if not found.due:
        return found.next_step
    by = date_format(found.due.astimezone(wording.zone(row.business)), "j F Y, g:i a")
    return f"{found.next_step} {row.service.name} takes it until {by.rstrip('.')}."[:300]


@dataclass(frozen=True, slots=True)
class Told:
    """One concern in words, for the pages of the business. `url`: where to act, '' where not known."""

    title: str
    next_step: str
    url: str


def told(row: Connection) -> Sequence[Told]:
    """What is known of the account, as it was looked at last."""
    found = [Concern(**{**one, "due": parse_datetime(one["due"]) if one["due"] else None}) for one in row.concerns]
    return [Told(_title(row, one), _step(row, one), one.url) for one in found]
