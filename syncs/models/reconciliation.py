"""What reconciliation found: a report for each whole comparison of two sides, and its mismatches."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django_scopes import ScopedManager

from syncs.reconciling import LABELS


class Report(models.Model):
    """How both sides of a sync stood when they were read whole. Kept, so that the next can be compared with it."""

    business = models.ForeignKey("portal.Business", models.CASCADE, related_name="+")
    sync = models.ForeignKey("syncs.Sync", models.CASCADE, related_name="reports")
    run = models.OneToOneField("syncs.Run", models.CASCADE, related_name="report")
    #: None where it was its time.
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    #: {"compared", "being_written", "left_out", "new", "still", "settled"}, and "kinds": {kind: how many}.
    counts = models.JSONField(default=dict)
    #: Invoices by the month of issue: [{"month", "currency", "here": {...}, "there": {...}}], in minor units.
    totals = models.JSONField(default=list)

    objects: ClassVar["models.Manager[Report]"] = ScopedManager(business="business")

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=["sync", "finished_at"]),)

    def __str__(self) -> str:
        return f"{self.sync}, {self.started_at:%Y-%m-%d %H:%M}"


class Mismatch(models.Model):
    """One difference that a report found. What the next report finds again is a row of that one."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        SETTLED = "settled", "Settled"
        IGNORED = "ignored", "Meant to be so"

    business = models.ForeignKey("portal.Business", models.CASCADE, related_name="+", db_index=False)
    report = models.ForeignKey(Report, models.CASCADE, related_name="mismatches")
    sync = models.ForeignKey("syncs.Sync", models.CASCADE, related_name="mismatches", db_index=False)
    #: None for a record of the target that no link holds.
    link = models.ForeignKey("syncs.Link", models.SET_NULL, null=True, related_name="mismatches")
    kind = models.CharField(max_length=10, choices=tuple(LABELS.items()))
    #: The same difference has the same key in every report: its kind and the record it is about.
    key = models.CharField(max_length=300)
    label = models.CharField(max_length=300, blank=True)
    source_id = models.CharField(max_length=255, blank=True)
    target_id = models.CharField(max_length=255, blank=True)
    #: What is wrong, in a sentence.
    words = models.CharField(max_length=500)
    #: [[path, value at the source, value at the target], ...]; `back`: the paths are the source's.
    fields = models.JSONField(default=list)
    back = models.BooleanField(default=False)
    #: Where it is about money: minor units of `currency` on both sides.
    here_amount = models.BigIntegerField(null=True)
    there_amount = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3, blank=True)
    #: The proposed way to put it right (syncs.reconciling.Fix), '' where only a person at the service can.
    fix = models.CharField(max_length=10, blank=True)
    #: Of both records as they were read: while it is the same, neither side has changed.
    fingerprint = models.CharField(max_length=64, blank=True)
    #: The link's notices by then: when there are more, somebody has asked for another look.
    noticed = models.PositiveIntegerField(default=0)
    first_seen_at = models.DateTimeField(default=timezone.now)
    #: The report before had it too.
    still = models.BooleanField("seen before", default=False)

    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    #: Why it is settled or ignored, or why the last look at it has not settled it.
    why = models.CharField(max_length=500, blank=True)
    who = models.CharField(max_length=150, blank=True)
    #: The way chosen last to put it right.
    chosen = models.CharField(max_length=10, blank=True)
    moved_at = models.DateTimeField("in this state since", null=True)

    objects: ClassVar["models.Manager[Mismatch]"] = ScopedManager(business="business")

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "mismatches"
        constraints = (models.UniqueConstraint(fields=["report", "key"], name="one_mismatch_per_report_and_key"),)
        indexes = (
            models.Index(fields=["report", "state", "kind"]),
            models.Index(fields=["sync"], condition=models.Q(state="open"), name="mismatch_open"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.label or self.target_id or self.source_id}"
