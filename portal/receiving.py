"""What happens with a webhook delivery once it is known to be the service's own.

Whatever it says, the sender gets its 2xx: a service that meets refusals switches an endpoint off for every business.
"""

from collections.abc import Callable

from django.db import OperationalError, transaction
from django.utils import timezone
from django_scopes import scope, scopes_disabled

from connectors.base import Connector, Notice, NoticeKind
from connectors.errors import ContractError
from portal import accountwatch, connect
from portal.models import Connection, RefusedDelivery
from syncs import incidents, notice
from syncs.models import Event

Reason, Verdict, Status = RefusedDelivery.Reason, Event.Verdict, Connection.Status
#: What PostgreSQL says when two transactions met crosswise and ours was undone: deadlock, serialization.
_CROSSED = {"40P01", "40001"}
TRIES = 3
#: As text: a queryset takes four times as long, most of it to make the same text again.
_OF_ACCOUNT = """SELECT id, business_id, connector, account_id, account_name, livemode, status FROM portal_connection
    WHERE connector = %s AND account_id = %s ORDER BY id DESC"""


def take(connector: Connector, body: bytes, begun: float) -> None:
    """Store the delivery and mark what it is about, in one transaction. `begun`: time.monotonic() of its arrival."""
    said = _read(connector, body)
    if said is None:
        _store_without_business(connector, None, body, Verdict.UNREADABLE, Reason.UNREADABLE, begun)
        return
    connection = _connection(connector.slug, said.account_id)
    if connection is None:
        _store_without_business(connector, said, body, Verdict.UNKNOWN_ACCOUNT, Reason.UNKNOWN_ACCOUNT, begun)
        return
    with scope(business=connection.business_id):
        _until_through(lambda: _for(connection, said, body, begun))


def _read(connector: Connector, body: bytes) -> Notice | None:
    """None where the service signed what we cannot read or store."""
    try:
        said = connector.parse(body)
    except (ContractError, RecursionError):
        return None
    texts = (said.topic, said.account_id, said.record_id, said.event_id)
    return said if all(_storable(text) for text in texts) else None


def _storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return False
    return "\0" not in text and len(text) <= 255


def _connection(slug: str, account_id: str) -> Connection | None:
    """The connection of this outside account: the one in use, else the latest that was."""
    with scopes_disabled():  # the account names the business; everything after runs in its scope
        found = list(Connection.objects.raw(_OF_ACCOUNT, [slug, account_id]))
    return next((row for row in found if row.status != Status.OFF), next(iter(found), None))


def _store_without_business(
    connector: Connector, said: Notice | None, body: bytes, verdict: Event.Verdict, reason: RefusedDelivery.Reason,
    begun: float,
) -> None:  # fmt: skip
    with scopes_disabled(), transaction.atomic():  # no business is known; the row stays without one
        notice.store(None, said, body, verdict, connector=connector.slug, begun=begun)
        RefusedDelivery.note(connector.slug, reason)


def _until_through(work: Callable[[], None]) -> None:
    for _ in range(TRIES - 1):
        try:
            work()
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") not in _CROSSED:
                raise
        else:
            return
    work()


def _for(connection: Connection, said: Notice, body: bytes, begun: float) -> None:
    if said.livemode is not None and said.livemode != connection.livemode:
        with transaction.atomic():
            notice.store(connection, said, body, Verdict.UNUSED, begun=begun)
            RefusedDelivery.note(connection.connector, Reason.OTHER_MODE)
    elif said.kind == NoticeKind.DISCONNECTED:
        with transaction.atomic():
            notice.store(connection, said, body, Verdict.ACCOUNT, begun=begun)
            _goodbye(connection, said)
    elif said.kind == NoticeKind.ACCOUNT:
        notice.store(connection, said, body, Verdict.ACCOUNT, begun=begun)
    elif said.kind == NoticeKind.IGNORED or connection.status == Status.OFF:
        notice.store(connection, said, body, Verdict.UNUSED, begun=begun)
    else:
        # A connection that waits for a person is marked too: its lanes are parked, and go on from here afterwards.
        notice.receive(connection, said, body, begun=begun)
    if said.on_account and said.livemode in {None, connection.livemode}:
        accountwatch.ask(connection)


def _goodbye(connection: Connection, said: Notice) -> None:
    """The account was disconnected at the service: forget its tokens, stop its work, tell people."""
    was = connection.status
    name = connection.get_connector_display()
    words = f"Disconnected in {name} on {timezone.localdate(said.occurred_at):%-d %B %Y}."
    connect.disconnected_by_service(connection, words, occurred_at=said.occurred_at)
    if was != Status.OFF and connection.status == Status.OFF:
        title = f"{connection} was disconnected in {name}"
        step = "Open Connections and connect it again if that was not meant; nothing that was synced is lost."
        incidents.connection_failed(connection, "disconnected", title, step)
