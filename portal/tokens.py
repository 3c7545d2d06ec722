"""The credentials of connections: the one place that stores, opens and refreshes them.

However many workers ask, one refresh leaves: a lease on the row, taken by compare-and-set, says whose it is.
The new pair is saved where the pair that was sent is still the stored one, never on condition of the lease, so that
a late answer is not thrown away and a refusal of an old pair disconnects nothing.
"""

import hashlib
import json
import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NoReturn

from django.db import transaction
from django.utils import timezone
from django_scopes import scope

from connectors.base import Credentials, Secret
from connectors.errors import AuthError, ConnectorError, ScopeError, TransientError
from portal.crypto import KeyMissing, Sealed, encrypt
from portal.models import Connection
from syncs.failpoints import failpoint

Status = Connection.Status

EARLY = timedelta(minutes=5)
#: Longer than any answer takes; a worker that died holding it delays the next refresh by this much.
LEASE = timedelta(seconds=60)
#: Nothing is sent later than this into a lease: however slow the answer, it is here before another may ask.
SEND_SECONDS = 25.0
POLL_SECONDS = 0.25
POLLS = 120
KEY_MISSING = "No key in ENCRYPTION_KEYS opens these credentials. Put the old key back behind the new one."
FOREIGN = "The stored credentials were made for another connection. Reconnect to replace them."

#: How a worker waits while another refreshes; tests put their own here.
pause: Callable[[float], None] = time.sleep


def current(connection: Connection) -> Credentials:
    """Credentials that are valid now, refreshed when they expire within five minutes.

    AuthError when a person must reconnect; TransientError when no valid token can be had just now.
    """
    return _lasting(connection, load(connection))


def renewed(connection: Connection, refused: Credentials) -> Credentials:
    """After a 401: what somebody else has stored meanwhile, where that still lasts, else the fruit of one refresh.
    Raises as `current`."""
    stored = load(connection)
    if stored.access_token != refused.access_token:
        return _lasting(connection, stored)
    return _renew(connection, stored)


def _lasting(connection: Connection, stored: Credentials) -> Credentials:
    if not stored.expires_at or stored.expires_at - timezone.now() > EARLY:
        return stored
    try:
        return _renew(connection, stored)
    except AuthError:
        raise
    except ConnectorError:
        if stored.expires_at > timezone.now():
            return stored
        raise


def load(connection: Connection) -> Credentials:
    """The stored credentials, as they are. AuthError when the connection needs a person."""
    _reload(connection)
    if connection.status != Status.ACTIVE and connection.status_reason != KEY_MISSING:
        raise AuthError(connection.status_reason or "This account is not connected.")
    try:
        found = unpack(connection)
    except KeyMissing:
        _needs_person(connection, connection.credentials_digest, "key_missing", KEY_MISSING)
        raise AuthError(KEY_MISSING) from None
    if found is None:
        _needs_person(connection, connection.credentials_digest, "auth", FOREIGN)
        raise AuthError(FOREIGN)
    if connection.status != Status.ACTIVE:
        _revive(connection)
    return found


# Storing


def digest(credentials: Credentials) -> str:
    """SHA-256 of what a refresh sends, hex."""
    handle = credentials.refresh_token or credentials.access_token
    return hashlib.sha256(handle.reveal().encode()).hexdigest()


def columns(connection: Connection, credentials: Credentials) -> dict[str, Any]:
    """The values of the Connection columns that hold credentials. `connection.account_id` must be known."""
    return {
        "credentials": _pack(connection, credentials),
        "credentials_digest": digest(credentials),
        "scopes": list(credentials.scopes),
        "expires_at": credentials.expires_at,
    }


def wiped() -> dict[str, Any]:
    """The same columns with nothing left in them; an answer still under way finds nothing to replace."""
    return {
        "credentials": Sealed(""),
        "credentials_digest": "",
        "scopes": [],
        "expires_at": None,
        "refresh_lease": "",
        "refresh_lease_until": None,
    }


def unpack(connection: Connection) -> Credentials | None:
    """The credentials in this row; None where they were made for another one. KeyMissing."""
    held = connection.credentials
    stored = json.loads(held.open() if isinstance(held, Sealed) and held else "{}", object_hook=_secrets)
    if stored.get("owner") != _owner(connection):
        return None
    return Credentials(
        method=stored["method"],
        access_token=stored["access_token"],
        refresh_token=stored["refresh_token"],
        expires_at=datetime.fromisoformat(stored["expires_at"]) if stored["expires_at"] else None,
        scopes=tuple(stored["scopes"]),
        account_id=stored["account_id"],
        livemode=stored["livemode"],
    )


def _secrets(stored: dict[str, Any]) -> dict[str, Any]:
    """Tokens wrapped at once, so that no traceback shows them."""
    return {name: Secret(value) if name.endswith("_token") else value for name, value in stored.items()}


def _pack(connection: Connection, credentials: Credentials) -> Sealed:
    """Encrypted here already, so that no row in memory and no UPDATE under way holds the plain text."""
    expires = credentials.expires_at
    return Sealed(
        encrypt(
            json.dumps(
                {
                    "owner": _owner(connection),
                    "method": credentials.method,
                    "access_token": credentials.access_token.reveal(),
                    "refresh_token": credentials.refresh_token.reveal(),
                    "expires_at": expires.isoformat() if expires else None,
                    "scopes": list(credentials.scopes),
                    "account_id": credentials.account_id,
                    "livemode": credentials.livemode,
                }
            )
        )
    )


def _owner(connection: Connection) -> str:
    """Who the ciphertext is for, so that one copied into another tenant's row opens nothing."""
    return f"{connection.business_id}|{connection.connector}|{connection.account_id}"


# Refreshing


def _renew(connection: Connection, stored: Credentials) -> Credentials:
    if not stored.refresh_token:
        _asked_again(connection, stored)
    deadline, lease = time.monotonic() + SEND_SECONDS, _take_lease(connection)
    if lease is None:
        return _after_the_other(connection, stored)
    try:
        again = load(connection)
        if again.access_token != stored.access_token:
            return again
        return _refresh(connection, stored, deadline)
    finally:
        _rows(connection, refresh_lease=lease).update(refresh_lease="", refresh_lease_until=None)


def _asked_again(connection: Connection, stored: Credentials) -> NoReturn:
    """A key cannot be renewed, and a service may refuse one call by mistake: only where it refuses who we are too does
    the connection need a person at once. Always raises."""
    words = f"{connection.service.name} no longer takes the key it gave us. Connect again."
    try:
        connection.service.open(stored).account()
    except ScopeError:
        raise AuthError(words) from None
    except AuthError:
        _refused(connection, stored, AuthError(words))
    raise AuthError(words)


def _refresh(connection: Connection, sent: Credentials, deadline: float) -> Credentials:
    failpoint("refresh.before")
    try:
        new = connection.service.refresh(sent, deadline=deadline)
    except AuthError as refusal:
        return _refused(connection, sent, refusal)
    except ConnectorError:
        _rows(connection, credentials_digest=digest(sent)).update(refresh_failed_at=timezone.now())
        raise
    failpoint("refresh.answered")
    _save(connection, sent, new)
    failpoint("refresh.saved")
    return load(connection)


def _save(connection: Connection, sent: Credentials, new: Credentials) -> None:
    """Store the new pair where the one sent is still there, before anything else happens."""
    values = columns(connection, new) | {"refreshed_at": timezone.now(), "refresh_failed_at": None}
    rows = _rows(connection, credentials_digest=digest(sent))
    with transaction.atomic(durable=True):
        rows.update(**values)
    _reload(connection)
    if connection.status == Status.NEEDS_RECONNECT and connection.credentials_digest == digest(new):
        # Another worker was refused with the pair that this late answer has just replaced.
        _revive(connection)


def _refused(connection: Connection, sent: Credentials, refusal: AuthError) -> Credentials:
    """Ask for a person, unless somebody stored another pair meanwhile: then that pair. Raises AuthError."""
    if _needs_person(connection, digest(sent), refusal.code, f"{refusal}"):
        raise refusal
    return load(connection)


def _take_lease(connection: Connection) -> str | None:
    lease, now = secrets.token_hex(16), timezone.now()
    values = {"refresh_lease": lease, "refresh_lease_until": now + LEASE}
    free = _rows(connection, refresh_lease_until__isnull=True).update(**values)
    taken = free or _rows(connection, refresh_lease_until__lt=now).update(**values)
    return lease if taken else None


def _after_the_other(connection: Connection, stored: Credentials) -> Credentials:
    """What the worker that holds the lease stores. TransientError when it takes too long or had no luck."""
    for _ in range(POLLS):
        pause(POLL_SECONDS)
        found = load(connection)
        if found.access_token != stored.access_token:
            return found
        until = connection.refresh_lease_until
        if until is None or until < timezone.now():
            break
    raise TransientError("Another worker is refreshing this connection; its new token is not here yet.")


# The row


def _rows(connection: Connection, **conditions: Any) -> Any:
    """This row where the conditions hold, for one UPDATE; the caller's tenant scope does not matter."""
    with scope(business=connection.business_id):
        return Connection.objects.filter(pk=connection.pk, **conditions)


def _reload(connection: Connection) -> None:
    """The row as it is now, in the caller's object too."""
    connection.refresh_from_db(fields=[*wiped(), "status", "status_reason", "refreshed_at", "refresh_failed_at"])


def _needs_person(connection: Connection, sent_digest: str, code: str, words: str) -> bool:
    """Mark the connection and park its lanes, only if the pair that was refused is still the stored one. Then the
    caller's object goes on holding that pair, whatever a person stores right after."""
    now = timezone.now()
    values = {"status": Status.NEEDS_RECONNECT, "status_reason": words[:300], "status_since": now}
    with transaction.atomic():
        mine = _rows(connection, credentials_digest=sent_digest).exclude(status=Status.OFF)
        if not mine.update(**values):
            return False
        park(connection, code, words)
        _told(connection, "connection.refused", f"{connection} does not let Fieldbridge in any more: {words}")
        _ask_to_reconnect(connection, code, words)
        _reload(connection)
    return True


def _ask_to_reconnect(connection: Connection, code: str, words: str) -> None:
    """Whoever found out, also where no work was under way that could say so."""
    from syncs import incidents

    with scope(business=connection.business_id):
        incidents.connection_refused(connection, code, words)


def _revive(connection: Connection) -> None:
    with transaction.atomic():
        _rows(connection, status=Status.NEEDS_RECONNECT).update(
            status=Status.ACTIVE, status_reason="", status_since=timezone.now()
        )
        unpark(connection)
        _told(connection, "connection.accepted", f"{connection} lets Fieldbridge in again")
    _reload(connection)


def _told(connection: Connection, action: str, words: str) -> None:
    from syncs import audit

    with scope(business=connection.business_id):
        audit.record(connection.business_id, None, action, connection, words)


def park(connection: Connection, code: str, words: str) -> None:
    from syncs import lanes

    with scope(business=connection.business_id):
        lanes.park(connection, code, words)


def unpark(connection: Connection) -> None:
    from syncs import lanes

    with scope(business=connection.business_id):
        lanes.unpark(connection)
