"""How the installation does, in numbers for a monitor (docs/operating.md). Nothing in them names a business."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Min, Sum
from django.utils import timezone
from django_q.models import OrmQ
from django_scopes import scopes_disabled
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from portal import figures
from portal.alerts.sorting import severity, topic
from portal.models import AlertDestination, Connection, Delivery, RefusedDelivery, WorkerBeat
from syncs import handling
from syncs.models import Attempt, Event, Incident, Lane, Link, Write

WINDOW = timedelta(hours=1)
#: Seconds from noticing a change to its being written.
BUCKETS = (0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)
#: Of the latest changes within the window, so many are measured.
MOST = 5000


class Numbers(Collector):
    """Read anew from the database at every visit: whichever process answers says the same."""

    def collect(self) -> Iterator[Metric]:
        now = timezone.now()
        with scopes_disabled():  # sums over all businesses; none is named
            yield from (*_work(now), *_writes(now), *_trouble(now), *_outside(now), *_workers(now), _latency(now))


def page() -> bytes:
    """In Prometheus text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Numbers())
    return generate_latest(registry)


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"fieldbridge_{name}", words, value=value)


def _by(name: str, words: str, labels: list[str], rows: Mapping[Any, float]) -> GaugeMetricFamily:
    found = GaugeMetricFamily(f"fieldbridge_{name}", words, labels=labels)
    for values, number in sorted(rows.items()):  # a tuple of the labels' values: its number
        found.add_metric(list(values), number)
    return found


def _work(now: datetime) -> list[Metric]:
    due = Link.objects.filter(noticed__gt=F("handled")).exclude(sync__mode="off")
    names = {value: str(label).lower().replace(" ", "_") for value, label in Link.Priority.choices}
    counts = dict(due.values_list("priority").annotate(n=Count("pk")).order_by())
    oldest = due.aggregate(at=Min("noticed_at"))["at"]
    rows = {(name,): float(counts.get(value, 0)) for value, name in names.items()}
    retrying = Link.objects.filter(state=Link.State.RETRYING).count()
    return [
        _by("due_links", "Records that wait to be looked at.", ["priority"], rows),
        _gauge("due_oldest_seconds", "How long the oldest of them has waited.", _age(oldest, now)),
        _gauge("retrying_links", "Records that are tried again after an error.", retrying),
        _gauge("queue_tasks", "Wake-ups in the queue that no worker has taken.", OrmQ.objects.count()),
        _gauge("lanes_parked", "Lanes that wait for a person.", Lane.objects.exclude(parked="").count()),
    ]


def _age(at: datetime | None, now: datetime) -> float:
    return max(0.0, (now - at).total_seconds()) if at else 0.0


def _writes(now: datetime) -> list[Metric]:
    settled = Write.objects.filter(settled_at__gt=now - WINDOW)
    counts = {(str(state),): float(n) for state, n in settled.values_list("state").annotate(n=Count("pk")).order_by()}
    states = {(str(value),): counts.get((str(value),), 0.0) for value in Write.State.values}
    unsettled = Write.objects.filter(state__in=[Write.State.INTENDED, Write.State.UNKNOWN])
    return [
        _by("writes_last_hour", "Outward calls settled in the last hour.", ["outcome"], states),
        _gauge("writes_open", "Outward calls whose outcome is not known (yet).", unsettled.count()),
    ]


def _trouble(now: datetime) -> list[Metric]:
    rows: dict[tuple[str, ...], float] = {}
    for subject, code in Incident.objects.filter(handling.asking(now)).values_list("subject", "cause_code"):
        labels = (str(topic(subject, code)), str(severity(subject, code)))
        rows[labels] = rows.get(labels, 0) + 1
    waiting = dict(Delivery.objects.values_list("state").annotate(n=Count("pk")).order_by())
    failing = sum(place.failing for place in AlertDestination.objects.exclude(last_failed_at=None))
    sent = {(str(state),): float(waiting.get(state, 0)) for state in Delivery.State.values}
    return [
        _by("open_incidents", "Incidents that ask for a person.", ["topic", "severity"], rows),
        _by("alert_deliveries", "Alerts by what came of them.", ["state"], sent),
        _gauge("alert_places_failing", "Places where the last alert did not arrive.", failing),
    ]


def _outside(now: datetime) -> list[Metric]:
    states = Connection.objects.values_list("connector", "status").annotate(n=Count("pk")).order_by()
    verdicts = Event.objects.filter(received_at__gt=now - WINDOW).values_list("connector", "verdict")
    refused = RefusedDelivery.objects.filter(hour__gt=now - WINDOW).values_list("connector", "reason")
    heard, turned = verdicts.annotate(n=Count("pk")).order_by(), refused.annotate(n=Sum("count")).order_by()
    return [
        _by("connections", "Connections.", ["connector", "state"], {(c, s): n for c, s, n in states}),
        _by("webhooks_last_hour", "Webhooks taken.", ["connector", "verdict"], {(c, v): n for c, v, n in heard}),
        _by("webhooks_refused_last_hour", "Webhooks turned away.", ["connector", "reason"],
            {(c, r): n for c, r, n in turned}),
    ]  # fmt: skip


def _workers(now: datetime) -> list[Metric]:
    beats = list(WorkerBeat.objects.filter(stopped_at=None).values_list("beat_at", flat=True))
    last = max((at for at in beats if at), default=None)
    age = _age(last, now) if last else float("nan")
    return [
        _gauge("workers", "Workers that have not said goodbye.", len(beats)),
        _gauge("worker_heartbeat_age_seconds", "Since the last heartbeat of any worker; NaN without one.", age),
    ]


def _latency(now: datetime) -> Metric:
    waits = figures.waits(Attempt.objects.filter(at__gt=now - WINDOW), MOST)
    buckets = [(str(float(edge)), float(sum(w <= edge for w in waits))) for edge in BUCKETS]
    return GaugeHistogramMetricFamily(
        "fieldbridge_change_seconds", "From noticing a change to its being written, in the last hour.",
        buckets=[*buckets, ("+Inf", float(len(waits)))], gsum_value=sum(waits),
    )  # fmt: skip
