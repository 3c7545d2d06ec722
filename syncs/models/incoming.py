"""What the outside told us: webhook deliveries, records as last seen, and runs that read many."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django_scopes import ScopedManager

from connectors.base import Record

#: So long a service may go on showing a record as it was before a write that it has answered.
SETTLING = timedelta(seconds=30)


class Event(models.Model):
    """One webhook delivery. Stored, and its links marked, in one transaction before the answer."""

    class Verdict(models.TextChoices):
        MARKED = "marked", "Led to a look"
        ECHO = "echo", "Our own write, come back"
        KNOWN = "known", "Tells nothing new"
        UNUSED = "unused", "No sync uses this"
        ACCOUNT = "account", "About the account"
        UNKNOWN_ACCOUNT = "unknown_account", "No connection for this account"
        UNREADABLE = "unreadable", "Signed, but not readable"

    business = models.ForeignKey("portal.Business", models.CASCADE, null=True, related_name="+")
    connection = models.ForeignKey("portal.Connection", models.CASCADE, null=True, related_name="events")
    connector = models.CharField(max_length=20)
    #: The service's event id, or the SHA-256 of the body where it has none.
    event_id = models.CharField(max_length=120)
    topic = models.CharField(max_length=80, blank=True)
    account_id = models.CharField(max_length=120, blank=True)
    resource = models.CharField(max_length=40, blank=True)
    record_id = models.CharField(max_length=255, blank=True)
    verdict = models.CharField(max_length=20, choices=Verdict.choices)
    body = models.TextField(blank=True)
    deliveries = models.PositiveIntegerField(default=1)
    occurred_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField(default=timezone.now)
    answered_ms = models.FloatField("answered in (ms)", null=True)

    objects: ClassVar["models.Manager[Event]"] = ScopedManager(business="business")

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=["connector", "account_id", "event_id"], name="one_row_per_event"),
        )
        indexes = (
            models.Index(fields=["connection", "resource", "record_id"]),
            models.Index(fields=["business", "received_at"]),
        )

    def __str__(self) -> str:
        return f"{self.topic} {self.record_id}"


class SnapshotBase(models.Model):
    data = models.JSONField(encoder=DjangoJSONEncoder)
    fingerprint = models.CharField(max_length=64)
    updated_at = models.DateTimeField("changed there", null=True)
    deleted_at = models.DateTimeField("gone there since", null=True)
    read_at = models.DateTimeField()

    class Meta:
        abstract = True


class Snapshot(SnapshotBase):
    """The latest known state of one outside record. An older state never overwrites a newer one."""

    business = models.ForeignKey("portal.Business", models.CASCADE, related_name="+", db_index=False)
    connection = models.ForeignKey("portal.Connection", models.CASCADE, related_name="snapshots")
    resource = models.CharField(max_length=40)
    external_id = models.CharField(max_length=255)
    label = models.CharField(max_length=300)
    email = models.CharField(max_length=512, blank=True)
    #: What records that are alike have in common beside the email (connectors.likeness).
    phone = models.CharField(max_length=20, blank=True, editable=False)
    namesake = models.CharField(max_length=420, blank=True, editable=False)
    #: What people find it by (syncs.finding).
    words = models.CharField(max_length=600, blank=True, default="", editable=False)
    references = models.JSONField(default=dict)
    #: The first of them that a recipe writes, as "name=value", to be found by.
    reference = models.CharField(max_length=320, blank=True)
    url = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField("made there", null=True)
    #: A webhook said to look at it then: stale while this is later than `read_at`. It lies ahead where a reading was in
    #: doubt.
    noticed_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar["models.Manager[Snapshot]"] = ScopedManager(business="business")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["connection", "resource", "external_id"], name="one_snapshot_per_record"),
        )
        indexes = (
            models.Index(fields=["connection", "resource", "email"]),
            models.Index(fields=["connection", "resource", "phone"]),
            models.Index(fields=["connection", "resource", "namesake"]),
            models.Index(fields=["connection", "resource", "reference"]),
            models.Index(
                fields=["connection", "resource"],
                condition=Q(noticed_at__gt=F("read_at")),
                name="snapshot_stale",
            ),
        )

    def __str__(self) -> str:
        return self.label

    @staticmethod
    def stale(now: datetime) -> Q:
        """Which are to be read again now. What lies too far ahead was noted by a clock that was set back since."""
        due = Q(noticed_at__lte=now) | Q(noticed_at__gt=now + SETTLING)
        return due & Q(noticed_at__gt=F("read_at"))

    def as_record(self) -> Record:
        return Record(
            id=self.external_id, data=self.data, label=self.label, updated_at=self.updated_at,
            created_at=self.created_at, deleted=self.deleted_at is not None, email=self.email,
            phone=self.phone, namesake=self.namesake, references=self.references, url=self.url,
        )  # fmt: skip


class SnapshotHistory(SnapshotBase):
    """A state that a newer one has replaced."""

    business = models.ForeignKey("portal.Business", models.CASCADE, related_name="+", db_index=False)
    snapshot = models.ForeignKey(Snapshot, models.CASCADE, related_name="history")
    replaced_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar["models.Manager[SnapshotHistory]"] = ScopedManager(business="business")

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "snapshot history"


class Run(models.Model):
    """Reading many records: the first-sync review, a backfill, a poll, a reconciliation. Resumable from its cursor."""

    class Kind(models.TextChoices):
        REVIEW = "review", "First-sync review"
        BACKFILL = "backfill", "Everything, once"
        POLL = "poll", "Changes since the last look"
        RECONCILE = "reconcile", "Reconciliation"

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        STOPPED = "stopped", "Stopped"

    class Side(models.TextChoices):
        TARGET = "target", "Reading the target"
        SOURCE = "source", "Reading the source"
        WORK = "work", "Working through the records"
        COMPARE = "compare", "Comparing both sides"

    business = models.ForeignKey("portal.Business", models.CASCADE, related_name="+")
    sync = models.ForeignKey("syncs.Sync", models.CASCADE, related_name="runs")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    side = models.CharField("step", max_length=10, choices=Side.choices, default=Side.TARGET)
    cursor = models.TextField(blank=True)
    since = models.DateTimeField(null=True, blank=True)
    #: {"seen", "marked", "unchanged", "target_seen", "found"}: what the pages held; "found": what nobody had told of.
    #: Of a reconciliation also "changed", links that are owed a look, and "claimed", counterparts that plans speak of.
    counts = models.JSONField(default=dict)
    total = models.PositiveIntegerField(null=True)
    next_try = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    cause = models.CharField(max_length=400, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    #: When its last page was taken.
    moved_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True)

    objects: ClassVar["models.Manager[Run]"] = ScopedManager(business="business")

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=["sync"], condition=models.Q(state="running"), name="one_running_run_per_sync"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.started_at:%Y-%m-%d %H:%M}"
