"""Sending what is noted. A try is counted before it is made, so two workers never make the same one."""

import logging
import smtplib
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from connectors import guard, http
from connectors.errors import ConnectorError
from portal.alerts import signing, writing
from portal.alerts.sorting import wait
from portal.crypto import KeyMissing
from portal.models import AlertDestination, Delivery

log = logging.getLogger(__name__)
#: Over half a day, with the pauses of `sorting.wait`.
MOST_TRIES = 10
#: A task that has not come by then is taken for lost.
ASKED = timedelta(minutes=2)
Kind, State = AlertDestination.Kind, Delivery.State


class Failed(Exception):
    """It did not arrive. The text says why."""


def waiting(now: datetime) -> QuerySet[Delivery]:
    """Those that are due and that no task in the queue is for."""
    unasked = Q(asked_at=None) | Q(asked_at__lt=now - ASKED)
    return Delivery.objects.filter(unasked, state=State.WAITING, next_try__lte=now).order_by("next_try", "pk")


def ask(ids: list[int], now: datetime) -> None:
    Delivery.objects.filter(pk__in=ids).update(asked_at=now)
    for pk in ids:
        async_task("portal.alerts.tasks.send", pk)


def send(pk: int) -> Delivery | None:
    """One try, if one is due; None when there was nothing to do. Never inside a transaction."""
    now = timezone.now()
    row = Delivery.objects.select_related("business", "alert", "destination").filter(pk=pk).first()
    if row is None or row.state != State.WAITING or row.next_try > now:
        return None
    tries = row.tries + 1
    mine = Delivery.objects.filter(pk=pk, state=State.WAITING, tries=row.tries)
    if not mine.update(tries=F("tries") + 1, next_try=now + wait(tries), asked_at=None):
        return None
    if not row.destination.active:
        return _end(row, State.FAILED, "It was switched off before this was sent.")
    try:
        answer = _out(row)
    except Failed as failure:
        return _failed(row, str(failure)[:300], tries)
    AlertDestination.objects.filter(pk=row.destination_id).update(last_ok_at=timezone.now())
    return _end(row, State.SENT, answer)


def _failed(row: Delivery, words: str, tries: int) -> Delivery:
    log.warning("alert %s could not be sent to a %s: %s", row.alert_id, row.destination.kind, words)
    AlertDestination.objects.filter(pk=row.destination_id).update(last_failed_at=timezone.now(), last_failure=words)
    return _end(row, State.FAILED if tries >= MOST_TRIES else State.WAITING, words)


def _end(row: Delivery, state: Delivery.State, answer: str) -> Delivery:
    sent = timezone.now() if state == State.SENT else None
    Delivery.objects.filter(pk=row.pk).update(state=state, answer=answer[:300], sent_at=sent)
    row.state, row.answer, row.sent_at = state, answer, sent
    return row


def _out(row: Delivery) -> str:
    """What the other side answered, in words. Failed."""
    destination = row.destination
    if destination.kind in {Kind.PEOPLE, Kind.EMAIL}:
        return _mail(row, row.recipient or _opened(destination))
    body = writing.slack(row) if destination.kind == Kind.SLACK else writing.webhook(row)
    signed = {}
    if destination.kind == Kind.WEBHOOK:
        signed = signing.headers(_opened(destination, "secret"), writing.identity(row), int(time.time()), body)
    return _post(_opened(destination), body, signed)


def _opened(destination: AlertDestination, column: str = "address") -> str:
    try:
        return str(getattr(destination, column).open())
    except KeyMissing as error:
        raise Failed(str(error)) from None


def _mail(row: Delivery, to: str) -> str:
    try:
        send_mail(writing.subject(row), writing.mail(row), None, [to])
    except (OSError, smtplib.SMTPException) as error:
        raise Failed(f"The mail server did not take it ({type(error).__name__}).") from None
    return "The mail server took it."


def _post(url: str, body: bytes, signed: dict[str, str]) -> str:
    server = http.entered_by_people(anywhere=settings.ALERTS_ANYWHERE)
    headers = {"Content-Type": "application/json", "User-Agent": "Fieldbridge", **signed}
    try:
        guard.check(url, anywhere=settings.ALERTS_ANYWHERE)
        answer = server.post(url, headers=headers, writes=False, content=body)
    except ConnectorError as error:
        raise Failed(str(error)) from None
    if not 200 <= answer.status < 300:
        raise Failed(f"The server refused it (status {answer.status}).")
    return f"The server took it (status {answer.status})."
