"""How the installation itself runs: heartbeats of workers, and deliveries that were turned away.

Neither belongs to a business: a worker serves all of them, and who sent a refused delivery is not known.
"""

from django.db import models
from django.db.models import F
from django.utils import timezone


class WorkerBeat(models.Model):
    """The last sign of life of one supervised worker, written by a task that went the whole way of the queue."""

    supervisor = models.CharField(max_length=80, unique=True)
    host = models.CharField(max_length=120)
    pid = models.PositiveIntegerField("process")
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField("last heartbeat", null=True)
    restarts = models.PositiveIntegerField(default=0)
    last_restart = models.CharField("why it was restarted last", max_length=200, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-beat_at",)
        verbose_name = "worker"

    def __str__(self) -> str:
        return f"{self.host} · process {self.pid}"


class RefusedDelivery(models.Model):
    """How many webhook deliveries were refused or led nowhere, by reason and hour."""

    class Reason(models.TextChoices):
        SIGNATURE = "signature", "Not signed by the service"
        TOO_LARGE = "too_large", "Larger than any webhook"
        CONTENT_TYPE = "content_type", "Not JSON"
        UNREADABLE = "unreadable", "Signed, but not readable"
        UNKNOWN_ACCOUNT = "unknown_account", "No connection for this account"
        OTHER_MODE = "other_mode", "Test and live mixed up"

    connector = models.CharField(max_length=20)
    reason = models.CharField(max_length=20, choices=Reason.choices)
    hour = models.DateTimeField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("-hour",)
        verbose_name_plural = "refused deliveries"
        constraints = (models.UniqueConstraint(fields=["connector", "reason", "hour"], name="one_count_per_hour"),)

    def __str__(self) -> str:
        return f"{self.connector}: {self.get_reason_display()} ({self.count})"

    @staticmethod
    def note(connector: str, reason: "RefusedDelivery.Reason") -> None:
        """One more in this hour."""
        hour = timezone.now().replace(minute=0, second=0, microsecond=0)
        row = RefusedDelivery.objects.filter(connector=connector, reason=reason, hour=hour)
        if not row.update(count=F("count") + 1):
            fresh = RefusedDelivery(connector=connector, reason=reason, hour=hour)
            RefusedDelivery.objects.bulk_create([fresh], ignore_conflicts=True)
            row.update(count=F("count") + 1)
