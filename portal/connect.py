"""Connecting outside accounts and letting them go: what happens behind the connection pages."""

import base64
import hashlib
import secrets
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django_scopes import scope, scopes_disabled

from connectors import registry
from connectors.base import Account, AuthMethod, Connector, Credentials
from connectors.errors import AuthError, ConnectorError, RejectedError, ScopeError, TransientError
from portal import access, accountwatch, tokens
from portal.crypto import KeyMissing, Sealed, encrypt
from portal.models import Business, Connection, ConnectStart, User
from syncs import audit, runs
from syncs.models import Sync

START_LIFETIME = timedelta(minutes=10)
Status = Connection.Status


@dataclass(eq=False)
class Problem(Exception):
    """Why an account was not connected, in words for the person, and the HTTP status of the page that says so."""

    title: str
    words: str
    status: int = 400
    business_id: int | None = None
    retry: bool = True


def redirect_uri(slug: str) -> str:
    """One fixed address per service; never built from the request."""
    return f"{settings.BASE_URL}/connect/{slug}/callback/"


def auth_method(connector: Connector, slug: str, kind: str) -> AuthMethod | None:
    """The method of that name, or the first of its kind where no name is given."""
    fitting = [m for m in connector.auth_methods if m.kind == kind and slug in ("", m.slug)]
    return fitting[0] if fitting else None


def consent_origin(slug: str) -> str:
    """Scheme and host of the service's consent page, which the browser must be allowed to go on to; '' if none."""
    connector = registry.get(slug)
    method = auth_method(connector, "", "oauth")
    if method is None:
        return ""
    parts = urlsplit(connector.authorize_url(method.slug, redirect_uri=redirect_uri(slug), state="", challenge=""))
    return f"{parts.scheme}://{parts.netloc}"


# Going out


@sensitive_variables("state", "verifier")
def begin(business: Business, user: User, session_key: str, slug: str, method: AuthMethod) -> str:
    """Remember this press of Connect and return the address of the service's consent page."""
    state = secrets.token_urlsafe(32)
    verifier = secrets.token_urlsafe(64) if method.pkce else ""
    with scope(business=business):
        ConnectStart.objects.create(
            business=business,
            user=user,
            connector=slug,
            method=method.slug,
            state_digest=_sha256(state),
            session_digest=_sha256(session_key),
            verifier=Sealed(encrypt(verifier)) if verifier else Sealed(""),
            reconnects=_standing(business, slug),
        )
    return registry.get(slug).authorize_url(
        method.slug, redirect_uri=redirect_uri(slug), state=state, challenge=_challenge(verifier)
    )


def _challenge(verifier: str) -> str:
    """S256 of RFC 7636; '' without a verifier."""
    if not verifier:
        return ""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# Coming back


def open_start(user: User, session_key: str, slug: str) -> ConnectStart | None:
    """The person's own latest start for this service that still waits for its answer."""
    with _own(user):
        return _waiting(user, session_key, slug).select_related("business").order_by("-created_at").first()


def claim(user: User, session_key: str, slug: str, state: str) -> ConnectStart:
    """The start this state belongs to, used up by this very call. Problem unless it is this person's, here and now."""
    with _own(user):
        mine = _waiting(user, session_key, slug).filter(state_digest=_sha256(state))
        if not mine.update(used_at=timezone.now()):
            raise Problem(
                "This link is no longer good",
                "The answer does not belong to a connection you began in this browser in the last ten minutes. "
                "Nothing was connected. Go to Connections and press Connect again.",
            )
        return ConnectStart.objects.select_related("business", "reconnects").get(state_digest=_sha256(state))


def _own(user: User) -> AbstractContextManager[object]:
    opened: AbstractContextManager[object] = scope(business=[b.pk for b in access.businesses(user)])
    return opened


def _waiting(user: User, session_key: str, slug: str) -> QuerySet[ConnectStart]:
    return ConnectStart.objects.filter(
        user=user,
        connector=slug,
        session_digest=_sha256(session_key),
        used_at=None,
        created_at__gt=timezone.now() - START_LIFETIME,
    )


@sensitive_variables("code", "verifier")
def finish(start: ConnectStart, code: str) -> Connection:
    """Trade the code and keep the account. Problem with plain words otherwise."""
    connector = registry.get(start.connector)
    verifier = start.verifier.open() if start.verifier else ""
    try:
        credentials = connector.exchange(
            start.method, code=code, redirect_uri=redirect_uri(start.connector), verifier=verifier
        )
    except AuthError:
        raise Problem(
            f"{connector.name} did not take the code",
            "The code it sent us was used already or is too old. Nothing was connected. Press Connect to try again.",
            business_id=start.business_id,
        ) from None
    except ConnectorError as error:
        raise _no_answer(connector, error, start.business_id) from None
    return keep(start.business, start.user, start.connector, credentials)


@sensitive_variables("key")
def keep_key(business: Business, user: User, slug: str, method: AuthMethod, key: str) -> Connection:
    """Connect with a pasted key. Problem with what to paste instead."""
    connector = registry.get(slug)
    try:
        credentials = connector.from_key(method.slug, key.strip())
    except RejectedError as error:
        raise Problem("That key does not look right", f"{error}", business_id=business.pk) from None
    return keep(business, user, slug, credentials)


def keep(business: Business, user: User, slug: str, credentials: Credentials) -> Connection:
    """Ask whose account it is and store it for the business. Problem where it may not be connected here."""
    connector = registry.get(slug)
    try:
        account = connector.open(credentials).account()
    except ScopeError as error:
        raise Problem("A permission is missing", f"{error}", business_id=business.pk) from None
    except AuthError as error:
        if auth_method(connector, credentials.method, "key"):
            words = f"Copy the key again in {connector.name}, all of it, and paste it here. Nothing was connected."
            raise Problem(f"{connector.name} does not accept this key", words, business_id=business.pk) from None
        raise Problem(f"{connector.name} refused", f"{error}", business_id=business.pk) from None
    except ConnectorError as error:
        raise _no_answer(connector, error, business.pk) from None
    credentials = replace(credentials, account_id=account.id, livemode=account.livemode)
    _refuse_elsewhere(business, connector, account)
    _refuse_other_account(business, connector, account, credentials)
    try:
        return _store(business, user, connector, credentials, account)
    except IntegrityError:
        raise Problem("Somebody was quicker", "This account was just connected from another window.") from None


def _no_answer(connector: Connector, error: ConnectorError, business_id: int) -> Problem:
    status = 503 if isinstance(error, TransientError) else 502
    words = f"{error} Nothing was connected. Please try again in a few minutes."
    return Problem(f"{connector.name} did not answer as expected", words, status=status, business_id=business_id)


def _refuse_elsewhere(business: Business, connector: Connector, account: Account) -> None:
    # Across tenants on purpose: one outside account must not feed two businesses. Only the yes or no leaves here.
    with scopes_disabled():
        taken = Connection.objects.filter(connector=connector.slug, account_id=account.id).exclude(status=Status.OFF)
        elsewhere = taken.exclude(business=business).exists()
    if elsewhere:
        # The fresh credentials are only forgotten: revoking them at the service would cut the other business off too.
        raise Problem(
            f"{account.name} is connected to another business here",
            f"One {connector.name} account can keep only one business in step. If it should move here, "
            "disconnect it in the other business first, then connect it again.",
            status=409,
            business_id=business.pk,
        )


def _refuse_other_account(business: Business, connector: Connector, account: Account, credentials: Credentials) -> None:
    standing = _standing(business, connector.slug) or _waited_for(business, connector.slug, account)
    if standing is None or standing.account_id == account.id:
        return
    _let_go(connector, credentials)
    old = standing.account_name or standing.account_id
    if standing.status == Status.OFF:
        title = "That is a different account"
        words = (
            f"What this business keeps in step belongs to {old}, but you signed in to {account.name}. Nothing was "
            f"changed. Sign in to {old}, or switch off what is kept in step with it first if the business has moved."
        )
    elif standing.status == Status.NEEDS_RECONNECT:
        title = "That is a different account"
        words = (
            f"This business was connected to {old}, but you signed in to {account.name}. Nothing was changed. "
            f"Sign in to {old} and connect again, or disconnect it first if the business has moved."
        )
    else:
        title = f"{old} is still connected"
        words = f"You signed in to {account.name}. Disconnect {old} first if you want to use {account.name} instead."
    raise Problem(title, words, status=409, business_id=business.pk)


def _let_go(connector: Connector, credentials: Credentials) -> str:
    """Tell the service; the plain reason when it could not be told, else ''."""
    try:
        connector.disconnect(credentials)
    except AuthError:
        return ""  # it had let go of us before
    except ConnectorError as error:
        return f"{error}"
    return ""


def _standing(business: Business, slug: str) -> Connection | None:
    """The business's connection to this service that is not off: at most one."""
    with scope(business=business):
        return Connection.objects.filter(connector=slug).exclude(status=Status.OFF).first()


def _waited_for(business: Business, slug: str, account: Account) -> Connection | None:
    """One to another account that was let go of, while there is still something to be kept in step with it."""
    with scope(business=business):
        waiting = Sync.objects.exclude(mode=Sync.Mode.OFF)
        either = Q(pk__in=waiting.values("source")) | Q(pk__in=waiting.values("target"))
        return Connection.objects.filter(either, connector=slug).exclude(account_id=account.id).first()


@transaction.atomic
def _store(
    business: Business, user: User, connector: Connector, credentials: Credentials, account: Account
) -> Connection:
    """The row of this account, new or as it was, so that its syncs and links go on."""
    with scope(business=business):
        row = Connection.objects.filter(connector=connector.slug, account_id=account.id).order_by("-pk").first()
        again = row is not None
        row = row or Connection(business=business, connector=connector.slug, account_id=account.id)
        now = timezone.now()
        identity = {
            "method": credentials.method,
            "account_name": account.name[:200],
            "country": account.country,
            "currency": account.currency,
            "livemode": account.livemode,
            "account_url": account.url,
            "status": Status.ACTIVE,
            "status_reason": "",
            "status_since": now,
            "connected_by": user,
            "connected_at": now,
            "last_ok_at": now,
            "refresh_failed_at": None,
            "refreshed_at": None,
            "watched_at": None,
            "watch_asked_at": None,
        }
        for name, value in (identity | tokens.wiped() | tokens.columns(row, credentials)).items():
            setattr(row, name, value)
        row.save()
        tokens.unpark(row)
        runs.catch_up_on(row)
        words = f"Connected {row}{' again' if again else ''}"
        audit.record(
            business.pk,
            user,
            "connection.reconnected" if again else "connection.connected",
            row,
            words,
            account=account.id,
            method=credentials.method,
        )
    return row


# Letting go


def disconnect(connection: Connection, by: User) -> str:
    """Let go of the account, whatever the service answers. Returns why it could not be told, '' when it was."""
    untold = ""
    try:
        untold = _let_go(connection.service, tokens.current(connection))
    except AuthError:
        untold = _tell_with_what_is_left(connection)
    except ConnectorError as error:
        untold = f"{error}"
    _switch_off(connection, "Disconnected here.", by)
    return untold


def _tell_with_what_is_left(connection: Connection) -> str:
    """The access token of a connection that needs a person may still be good enough for a goodbye."""
    try:
        left = tokens.unpack(connection)
    except KeyMissing:
        return tokens.KEY_MISSING
    return _let_go(connection.service, left) if left else ""


def disconnected_by_service(connection: Connection, words: str, occurred_at: datetime | None = None) -> None:
    """The service says that the account was disconnected there.

    `occurred_at` is when, as it says: a late notice of an earlier goodbye must not end a newer connection.
    """
    connection.refresh_from_db(fields=["connected_at", "status"])
    if occurred_at and occurred_at < connection.connected_at.replace(microsecond=0):
        return
    if connection.status != Status.OFF:
        _switch_off(connection, words, None)


def _switch_off(connection: Connection, words: str, by: User | None) -> None:
    """Forget the credentials, keep the row and its history, park what depends on it."""
    values = {"status": Status.OFF, "status_reason": words[:300], "status_since": timezone.now(), **tokens.wiped()}
    with transaction.atomic(), scope(business=connection.business_id):
        for name, value in values.items():
            setattr(connection, name, value)
        connection.save(update_fields=list(values))
        tokens.park(connection, "disconnected", words)
        told = f"Disconnected {connection}" if by else f"{connection}: {words}"
        audit.record(connection.business_id, by, "connection.disconnected", connection, told)
        accountwatch.forget(connection)
