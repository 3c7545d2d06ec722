"""Who is told when something needs a person, where, and what came of it. Each sending is a row before it is made."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django_scopes import ScopedManager

from portal.crypto import EncryptedTextField
from portal.models.businesses import Business


class AlertSettings(models.Model):
    """When a business is told. Times of day are in its own time zone."""

    business = models.OneToOneField(Business, models.CASCADE, related_name="+")
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    critical_passes = models.BooleanField("what is urgent is told at once, also in quiet hours", default=True)
    digest_at = models.TimeField("daily summary at", null=True, blank=True)
    #: The day, there, of the last summary.
    digest_on = models.DateField(null=True, blank=True, editable=False)

    objects: ClassVar["models.Manager[AlertSettings]"] = ScopedManager(business="business")

    class Meta:
        verbose_name_plural = "alert settings"

    def __str__(self) -> str:
        return f"Alerts of {self.business}"


#: Places at which the last sending did not arrive.
FAILING = Q(active=True, last_failed_at__isnull=False) & (Q(last_ok_at=None) | Q(last_ok_at__lt=F("last_failed_at")))


class AlertDestination(models.Model):
    class Kind(models.TextChoices):
        PEOPLE = "people", "Mail to the owners and the office"
        EMAIL = "email", "Mail to an address"
        SLACK = "slack", "Slack, or what takes the same messages"
        WEBHOOK = "webhook", "Signed webhook"

    class Minimum(models.TextChoices):
        ALL = "all", "Everything"
        CRITICAL = "critical", "Only what is urgent"

    business = models.ForeignKey(Business, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=80, blank=True)
    #: An email address, or that of a webhook: whoever knows it can write there.
    address = EncryptedTextField(blank=True, editable=False)
    #: What may be shown of it: the mail address, or the name of the server.
    shown = models.CharField("where", max_length=254, blank=True)
    #: What a webhook is signed with.
    secret = EncryptedTextField(blank=True, editable=False)
    minimum = models.CharField(max_length=10, choices=Minimum.choices, default=Minimum.ALL)
    #: Topics it is told of (portal.alerts.sorting); empty for all.
    topics = models.JSONField(default=list, blank=True)
    active = models.BooleanField(default=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_ok_at = models.DateTimeField(null=True, blank=True)
    last_failed_at = models.DateTimeField(null=True, blank=True)
    last_failure = models.CharField(max_length=300, blank=True)

    objects: ClassVar["models.Manager[AlertDestination]"] = ScopedManager(business="business")

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=["business"], condition=models.Q(kind="people"), name="one_mail_to_people_per_business"
            ),
        )

    def __str__(self) -> str:
        return self.name or self.shown or self.get_kind_display()

    @property
    def failing(self) -> bool:
        """The last sending did not arrive: as FAILING, of a row at hand."""
        failed, ok = self.last_failed_at, self.last_ok_at
        return self.active and failed is not None and (ok is None or ok < failed)


class Alert(models.Model):
    """What is to be told, once."""

    class Kind(models.TextChoices):
        NEWS = "news", "Something began or is over"
        BUNDLE = "bundle", "What came in during quiet hours"
        DIGEST = "digest", "Daily summary"
        TEST = "test", "Test"

    business = models.ForeignKey(Business, models.CASCADE, related_name="+")
    #: Says what it is about, so that nothing is told twice: "opened:12:…", "digest:2026-11-28".
    key = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    title = models.CharField(max_length=250)
    #: [{"what", "incident", "title", "next_step", "severity", "topic", "cause", "records", "at"}].
    items = models.JSONField(default=list, blank=True)
    #: Of a summary: its numbers.
    numbers = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(default=timezone.now)

    objects: ClassVar["models.Manager[Alert]"] = ScopedManager(business="business")

    class Meta:
        ordering = ("-id",)
        constraints = (models.UniqueConstraint(fields=["business", "key"], name="one_alert_per_key"),)

    def __str__(self) -> str:
        return self.title


class Delivery(models.Model):
    """One alert to one place."""

    class State(models.TextChoices):
        WAITING = "waiting", "To be sent"
        SENT = "sent", "Sent"
        FAILED = "failed", "Given up"

    business = models.ForeignKey(Business, models.CASCADE, related_name="+")
    alert = models.ForeignKey(Alert, models.CASCADE, related_name="deliveries")
    destination = models.ForeignKey(AlertDestination, models.CASCADE, related_name="deliveries")
    #: The mail address, of a mail to people.
    recipient = models.CharField(max_length=254, blank=True)
    #: Those of the alert's items that this destination is told of.
    items = models.JSONField(default=list, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try = models.DateTimeField(default=timezone.now)
    #: A task for it is in the queue since then.
    asked_at = models.DateTimeField(null=True, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(max_length=300, blank=True)

    objects: ClassVar["models.Manager[Delivery]"] = ScopedManager(business="business")

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "deliveries"
        constraints = (
            models.UniqueConstraint(fields=["alert", "destination", "recipient"], name="one_delivery_per_place"),
        )
        indexes = (models.Index(fields=["next_try"], condition=models.Q(state="waiting"), name="delivery_waiting"),)

    def __str__(self) -> str:
        return f"{self.alert} → {self.recipient or self.destination}"
