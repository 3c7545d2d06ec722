"""What a draft would do to the records there are, beside what the live version does: asked once, kept for a while."""

from typing import ClassVar

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django_scopes import ScopedManager


class WhatIf(models.Model):
    """One question. The draft is that of the moment it was asked; it is worked record by record from `cursor` on."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"

    class Scope(models.TextChoices):
        ALL = "all", "All records"
        RECENT = "recent", "Those that changed at the source in the last 30 days"

    business = models.ForeignKey("portal.Business", models.CASCADE, related_name="+")
    sync = models.ForeignKey("syncs.Sync", models.CASCADE, related_name="what_ifs")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    #: The draft, as a version would hold it, and its SHA-256.
    content = models.JSONField()
    digest = models.CharField(max_length=64, db_index=True, editable=False)
    #: What was live then; None where nothing was.
    version = models.ForeignKey("syncs.Version", models.PROTECT, null=True, related_name="+")
    scope = models.CharField("records", max_length=10, choices=Scope.choices, default=Scope.ALL)
    since = models.DateTimeField("changed since", null=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    cause = models.CharField("why", max_length=300, blank=True)
    #: The last link that is counted.
    cursor = models.PositiveBigIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    #: As syncs.tallying counts them.
    counts = models.JSONField(default=dict)
    fields = models.JSONField("fields that change", default=dict, encoder=DjangoJSONEncoder)
    sums = models.JSONField(default=dict)
    estimates = models.JSONField(default=dict)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    #: When a worker last had it, or was asked to take it.
    woken_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar["models.Manager[WhatIf]"] = ScopedManager(business="business")

    class Meta:
        ordering = ("-id",)
        verbose_name, verbose_name_plural = "what-if", "what-ifs"
        constraints = (
            models.UniqueConstraint(
                fields=["sync"], condition=models.Q(state="running"), name="one_running_what_if_per_sync"
            ),
        )

    def __str__(self) -> str:
        return f"What-if of {date_format(timezone.localtime(self.started_at), 'j M Y, g:i a')}"

    @property
    def percent(self) -> int:
        return min(100, 100 * self.done // self.total) if self.total else 100


class WhatIfRecord(models.Model):
    """What comes of one record with either version. The plans are kept where they differ."""

    business = models.ForeignKey("portal.Business", models.CASCADE, related_name="+", db_index=False)
    what_if = models.ForeignKey(WhatIf, models.CASCADE, related_name="records", db_index=False)
    link = models.ForeignKey("syncs.Link", models.CASCADE, related_name="+")
    label = models.CharField(max_length=300, blank=True)
    differs = models.BooleanField(default=False)
    #: syncs.trying.Outcome, '' where nothing was live.
    live_outcome = models.CharField("with the live version", max_length=10, blank=True)
    live_reason = models.CharField(max_length=500, blank=True)
    draft_outcome = models.CharField("with the draft", max_length=10)
    draft_reason = models.CharField(max_length=500, blank=True)
    live = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    draft = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    objects: ClassVar["models.Manager[WhatIfRecord]"] = ScopedManager(business="business")

    class Meta:
        ordering = ("id",)
        verbose_name, verbose_name_plural = "record of a what-if", "records of what-ifs"
        indexes = (models.Index(fields=["what_if", "differs", "id"], name="what_if_differing"),)

    def __str__(self) -> str:
        return self.label
