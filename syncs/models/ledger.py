"""What was done and why: every look at a link, every call that writes outward."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django_scopes import ScopedManager


class Attempt(models.Model):
    """One look at a link: why, the plan, how it ended. Append only; the timeline is made of these."""

    business = models.ForeignKey("portal.Business", models.CASCADE, related_name="+")
    link = models.ForeignKey("syncs.Link", models.CASCADE, related_name="history")
    version = models.ForeignKey("syncs.Version", models.PROTECT, null=True, related_name="+")
    noticed_by = models.CharField("why", max_length=60, blank=True)
    noticed_at = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=12)
    #: syncs.planning.Plan as JSON: {"verdict", "code", "reason", "changes": [[path, before, after]], "warnings": [...]}
    plan = models.JSONField(default=dict)
    #: Empty when the plan was carried out, else what came between, in words.
    outcome = models.CharField(max_length=20)
    error_code = models.CharField(max_length=60, blank=True)
    error = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField(default=timezone.now)

    objects: ClassVar["models.Manager[Attempt]"] = ScopedManager(business="business")

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=["business", "at"]),)

    def __str__(self) -> str:
        return f"{self.verdict} {self.at:%Y-%m-%d %H:%M:%S}"


class Write(models.Model):
    """One outward call. Committed as intended before the first byte leaves; its outcome is filled in once."""

    class State(models.TextChoices):
        INTENDED = "intended", "Intended"
        CONFIRMED = "confirmed", "Confirmed"
        UNKNOWN = "unknown", "Outcome unknown"
        REJECTED = "rejected", "Refused"
        ABSENT = "absent", "Had no effect"
        UNLEARNT = "unlearnt", "Never learnt"

    business = models.ForeignKey("portal.Business", models.CASCADE, related_name="+")
    link = models.ForeignKey("syncs.Link", models.CASCADE, related_name="writes")
    connection = models.ForeignKey("portal.Connection", models.CASCADE, related_name="+")
    verb = models.CharField(max_length=40)
    resource = models.CharField(max_length=40)
    target_id = models.CharField(max_length=255, blank=True)
    key = models.CharField("idempotency key", max_length=80, unique=True)
    #: What was sent, by catalogue path.
    params = models.JSONField()
    #: Fingerprint of the record that is changed, as it was known when this was planned. '' where none was.
    planned_on = models.CharField(max_length=64, blank=True)
    #: Of a step that may go out again, until it is settled: what the link's base is once it is done.
    agreed = models.JSONField(null=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    intended_at = models.DateTimeField(default=timezone.now)

    state = models.CharField(max_length=10, choices=State.choices, default=State.INTENDED)
    spent = models.BooleanField("the key only repeats a failure", default=False)
    outside_id = models.CharField(max_length=255, blank=True)
    request_id = models.CharField(max_length=120, blank=True)
    replayed = models.BooleanField(default=False)
    duration_ms = models.FloatField(null=True)
    error = models.CharField(max_length=500, blank=True)
    #: What came back: status and body without secrets, cut where it is long (connectors.hearing). '' where nothing did.
    answer = models.TextField(blank=True)
    settled_at = models.DateTimeField(null=True)

    #: SHA-256 over `nonce` and `params`: it stays when what was sent is erased.
    #: Empty in older entries.
    seal = models.CharField(max_length=64, blank=True)
    nonce = models.CharField(max_length=32, blank=True)
    #: SHA-256 over the previous entry of the business and what this one intended.
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64, blank=True)

    objects: ClassVar["models.Manager[Write]"] = ScopedManager(business="business")

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(fields=["business", "settled_at"]),
            models.Index(fields=["link"], condition=models.Q(state__in=["intended", "unknown"]), name="write_open"),
        )

    def __str__(self) -> str:
        return f"{self.verb} {self.resource} {self.outside_id or self.target_id}"


class ChainHead(models.Model):
    """The last hash of a business's ledger and of its audit trail; locked while entries are added."""

    business = models.OneToOneField("portal.Business", models.CASCADE, related_name="+")
    hash = models.CharField(max_length=64, blank=True)
    audit_hash = models.CharField(max_length=64, blank=True)

    objects: ClassVar["models.Manager[ChainHead]"] = ScopedManager(business="business")
